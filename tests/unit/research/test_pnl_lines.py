"""Lines of a file: what is understood, and what is said of what is not."""

import gzip
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from research.attribution.lines import LINES, FillLine, InstrumentLine, MidLine
from research.pnl.command import run_pnl
from research.pnl.json_lines import LINE_BYTES_MAX, read_lines
from runtime.errors import ConfigError

INSTRUMENT = {
    "kind": "instrument",
    "symbol": "X",
    "contract": "spot",
    "base_currency": "XBT",
    "quote_currency": "USD",
}
MID = {"kind": "mid", "time_ns": 1, "symbol": "X", "mid": "100"}
FILL = {"kind": "fill", "time_ns": 2, "symbol": "X", "side": "buy", "price": "99", "size": "1", "fee": "0"}


def written(folder: Path, *lines: str | dict[str, Any]) -> str:
    """A file of the lines; objects become JSON."""
    path = folder / "lines.jsonl"
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    path.write_text("\n".join(texts) + "\n")
    return str(path)


def refusal(folder: Path, *lines: str | dict[str, Any]) -> str:
    """What is said of a file that cannot be booked, without the name of the file."""
    file = written(folder, *lines)
    with pytest.raises(ConfigError) as caught:
        run_pnl(file)
    assert caught.value.exit_code == 2
    assert file in str(caught.value)
    return str(caught.value).replace(file, "FILE")


def test_numbers_keep_their_digits_whether_bare_or_in_quotes(tmp_path: Path) -> None:
    """0.1 + 0.2 style: as a float the first would be 0.1000000000000000055."""
    digits = "0.1234567890123456789012345"
    bare = json.dumps(MID).replace('"100"', digits)
    quoted = MID | {"mid": digits}
    mids = [line.mid for _, line in read_lines(written(tmp_path, bare, quoted)) if isinstance(line, MidLine)]
    assert mids == [Decimal(digits)] * 2
    assert [str(each) for each in mids] == [digits] * 2


def test_exponents_and_whole_numbers_are_numbers(tmp_path: Path) -> None:
    file = written(tmp_path, json.dumps(FILL).replace('"99"', "1e-7").replace('"1"', "3"))
    ((_, line),) = read_lines(file)
    assert isinstance(line, FillLine)
    assert (line.price, line.size) == (Decimal("0.0000001"), Decimal(3))


def test_blank_lines_are_passed_over_and_places_count_them(tmp_path: Path) -> None:
    file = written(tmp_path, "", INSTRUMENT, "  ", MID)
    assert [place for place, _ in read_lines(file)] == [f"{file} line 2", f"{file} line 4"]


def test_gzip_is_known_by_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "no-suffix"
    path.write_bytes(gzip.compress(json.dumps(INSTRUMENT).encode()))
    ((_, line),) = read_lines(str(path))
    assert isinstance(line, InstrumentLine)


def test_a_torn_gzip_is_named(tmp_path: Path) -> None:
    path = tmp_path / "torn.gz"
    path.write_bytes(gzip.compress(b"\n" * 100_000)[:-10])
    with pytest.raises(ConfigError, match=r"torn\.gz cannot be read: Compressed file ended"):
        run_pnl(str(path))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.jsonl cannot be read: No such file"):
        run_pnl(str(tmp_path / "none.jsonl"))
    with pytest.raises(ConfigError, match="holds no topic log"):
        run_pnl(str(tmp_path))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"sise": "1"}, "FILE line 3: sise: unknown key; did you mean 'size'? (it is '1')"),
        ({"price": "abc"}, "FILE line 3: price: write a decimal number (it is 'abc')"),
        ({"price": "1_000"}, "FILE line 3: price: write a decimal number (it is '1_000')"),
        ({"price": "NaN"}, "FILE line 3: price: write a decimal number (it is 'NaN')"),
        ({"price": True}, "FILE line 3: price: write a decimal number (it is True)"),
        ({"price": "0"}, "FILE line 3: price: Input should be greater than 0 (it is '0')"),
        ({"size": "-1"}, "FILE line 3: size: Input should be greater than 0 (it is '-1')"),
        ({"size": "1e18"}, "FILE line 3: size: Input should be less than 1000000000000000000 (it is '1e18')"),
        ({"side": "long"}, "FILE line 3: side: Input should be 'buy' or 'sell' (it is 'long')"),
        ({"time_ns": 1.5}, "FILE line 3: time_ns: Input should be a valid integer (it is 1.5)"),
        ({"time_ns": -1}, "FILE line 3: time_ns: Input should be greater than or equal to 0 (it is -1)"),
        (
            {"kind": "fil"},
            "kind: unknown kind of line; did you mean 'fill'? (it is 'fil')",
        ),
        ({"kind": ["fill"]}, "FILE line 3: kind: unknown kind of line"),
        ({"symbol": ""}, "FILE line 3: symbol: String should have at least 1 character (it is '')"),
        ({"symbol": "XX"}, "FILE line 3: symbol: no instrument line above: put one above"),
        ({"time_ns": 0}, "FILE line 3: time_ns: before 1 of a line above: sort by time_ns (it is 0)"),
        (
            {"fee_currency": "BNB"},
            "fee_rate: give it: USD for one BNB, at that time (it is None)",
        ),
        ({"fee_rate": "2"}, "FILE line 3: fee_rate: leave it out: the amount is in USD (it is '2')"),
        (
            {"fee_currency": "XBT", "fee_rate": "2"},
            "FILE line 3: fee_rate: leave it out: a fee in base is valued at the mid (it is '2')",
        ),
    ],
)
def test_what_a_bad_fill_is_told(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    assert said in refusal(tmp_path, INSTRUMENT, MID, FILL | change)


@pytest.mark.parametrize("missing", ["kind", "time_ns", "symbol", "side", "price", "size", "fee"])
def test_a_fill_lacks_nothing(tmp_path: Path, missing: str) -> None:
    lacking = {name: value for name, value in FILL.items() if name != missing}
    said = refusal(tmp_path, INSTRUMENT, MID, lacking)
    assert said.startswith(f"FILE line 3: {missing}: ")


def test_everything_wrong_with_a_line_is_said_at_once(tmp_path: Path) -> None:
    said = refusal(tmp_path, INSTRUMENT, MID, FILL | {"price": "x", "side": "y", "z": 1})
    assert [line.split(":")[1].strip() for line in said.splitlines()] == ["side", "price", "z"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "FILE line 1 is not a JSON object: Expecting property name"),
        ("[1]", "FILE line 1 is not a JSON object: it is [1]"),
        ("[" * 60_000, "FILE line 1 is not a JSON object: maximum recursion depth exceeded"),
        ('{"kind": NaN}', "NaN is not a number: leave the field out where there is none"),
        ('{"kind": "mid", "kind": "fill"}', "field 'kind' is repeated"),
        (" " * LINE_BYTES_MAX + "{}", f"FILE line 1 is longer than {LINE_BYTES_MAX} bytes"),
        ("9" * 5_000, "FILE line 1 is not a JSON object: Exceeds the limit"),
        (
            '{"kind": "mid", "time_ns": 1, "symbol": "X", "mid": 1e999999999}',
            "mid: Input should be less than",
        ),
        (
            '{"kind": "mid", "time_ns": 1, "symbol": "X", "mid": 1e-99}',
            "mid: Decimal input should have no more",
        ),
    ],
)
def test_what_is_no_object_or_no_number(tmp_path: Path, text: str, said: str) -> None:
    assert said in refusal(tmp_path, text)


def test_what_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "binary"
    path.write_bytes(b'{"kind": "\xff"}\n')
    with pytest.raises(ConfigError, match="binary line 1 is not a JSON object: 'utf-8' codec"):
        run_pnl(str(path))


def test_a_fill_before_any_mid_is_told_where_to_get_one(tmp_path: Path) -> None:
    said = refusal(tmp_path, INSTRUMENT, FILL)
    assert "FILE line 2: mid: no mid of the symbol before this fill" in said
    assert run_pnl(written(tmp_path, INSTRUMENT, FILL | {"mid": "100"})).report.symbols["X"].fills.fills == 1


def test_an_unknown_symbol_is_told_the_nearest(tmp_path: Path) -> None:
    named = INSTRUMENT | {"symbol": "BTC/USDT"}
    said = refusal(tmp_path, named, MID | {"symbol": "BTC/USD"})
    assert "did you mean 'BTC/USDT'?" in said


def test_an_instrument_may_come_again_but_not_change(tmp_path: Path) -> None:
    assert run_pnl(written(tmp_path, INSTRUMENT, INSTRUMENT)).report.symbols["X"].session_s == 0
    said = refusal(tmp_path, INSTRUMENT, INSTRUMENT | {"contract": "linear"})
    assert "FILE line 2: symbol: it had another instrument before" in said


def test_spot_has_no_multiplier(tmp_path: Path) -> None:
    said = refusal(tmp_path, INSTRUMENT | {"multiplier": 2})
    assert said == "FILE line 1: multiplier: spot is traded in base units, leave it out"


def test_funding_in_another_currency_needs_a_rate(tmp_path: Path) -> None:
    paid = {"kind": "funding", "time_ns": 1, "symbol": "X", "amount": "1", "currency": "EUR"}
    assert "FILE line 2: rate: give it: USD for one EUR" in refusal(tmp_path, INSTRUMENT, paid)


def test_a_file_without_an_instrument_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path, "") == "FILE holds no instrument: start with an instrument line for each symbol"


def test_the_module_says_every_field_of_every_kind() -> None:
    import research.attribution.lines as module

    text = " ".join((module.__doc__ or "").split())
    for kind, model in LINES.items():
        said = text[text.index(f"- {kind}: ") :].split(" - ")[0]
        for name, field in model.model_fields.items():
            if name != "kind":
                assert (f"{name}?" in said) == (not field.is_required()), f"{kind}.{name}"
                assert name in said, f"{kind}.{name}"


def test_an_open_fee_is_in_no_figure_until_a_line_says_what_it_came_to(tmp_path: Path) -> None:
    bought = FILL | {"fee": "0.0036", "fee_currency": "BNB", "fee_open": True}
    sold = bought | {"side": "sell", "fee": "0.0014"}
    report = run_pnl(written(tmp_path, INSTRUMENT, MID, bought, sold)).report
    told = report.symbols["X"]
    assert (told.attribution.fees, told.open_fees) == (Decimal(0), {"BNB": Decimal("0.005")})
    assert report.currencies["USD"].open_fees == {"BNB": Decimal("0.005")}
    paid = {"kind": "fee", "time_ns": 3, "symbol": "X", "currency": "BNB", "amount": "2.97"}
    told = run_pnl(written(tmp_path, INSTRUMENT, MID, bought, sold, paid)).report.symbols["X"]
    assert (told.attribution.fees, told.attribution.residual_max, told.open_fees) == (
        Decimal("2.97"),
        Decimal(0),
        {},
    )
    table = run_pnl(written(tmp_path, INSTRUMENT, MID, bought, sold)).as_text()
    assert sum(line.split() == ["open_fees_BNB", "0.005"] for line in table.splitlines()) == 2


@pytest.mark.parametrize(
    "change",
    [{}, {"fee_currency": "USD"}, {"fee_currency": "BNB", "fee_rate": "2"}],
)
def test_a_fee_whose_worth_is_known_is_not_open(tmp_path: Path, change: dict[str, Any]) -> None:
    said = refusal(tmp_path, INSTRUMENT, MID, FILL | {"fee_open": True} | change)
    assert "FILE line 3: fee_open: leave it out: the fee's value is known" in said


def test_a_fee_that_was_not_open_cannot_be_booked(tmp_path: Path) -> None:
    paid = {"kind": "fee", "time_ns": 3, "symbol": "X", "currency": "BNB", "amount": "2.97"}
    said = refusal(tmp_path, INSTRUMENT, MID, FILL, paid)
    assert "FILE line 4: currency: no fee is open in it: a fill with fee_open comes before" in said
