"""`maker pnl` as people and programs call it."""

import gzip
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from maker.cli.app import app
from research.attribution.lines import Line
from research.pnl.command import run_pnl
from runtime.errors import ConfigError
from tests.system.conftest import Done, run_maker
from tests.unit.research.streams import SYMBOL, instrument, pn1, quote, trade

Pnl = Callable[..., Done]


@pytest.fixture(scope="session")
def pnl() -> Pnl:
    """Runs `maker pnl`."""

    def run(*arguments: str | Path, stdin: str = "") -> Done:
        return run_maker("pnl", *arguments, stdin=stdin)

    return run


def text_of(*lines: Line) -> str:
    """JSON lines; decimals are bare numbers, with the digits that they have."""
    return "".join(_json(line) + "\n" for line in lines)


def _json(line: Line) -> str:
    values = {name: value for name, value in line.model_dump().items() if value is not None}
    cells = (f"{json.dumps(name)}: {_cell(value)}" for name, value in values.items())
    return "{" + ", ".join(cells) + "}"


def _cell(value: Any) -> str:
    return str(value) if isinstance(value, Decimal) else json.dumps(value)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """PN1 as a file."""
    path = tmp_path / "pn1.jsonl"
    path.write_text(text_of(*pn1()))
    return path


def test_json_for_programs(pnl: Pnl, file: Path) -> None:
    done = pnl(file, "--json", "--horizon-ms", "1000", "--equity", "USD=1000")
    assert (done.code, done.err) == (0, "")
    report = done.json
    symbol = report["symbols"][SYMBOL]
    assert symbol["attribution"] == {
        "capture": "0.13",
        "report_capture": "0.13",
        "balance": "0",
        "inventory": "0.02",
        "fees": "-0.0300045",
        "fees_paid": "0",
        "rebates": "0.0300045",
        "funding": "0",
        "equity_change": "0.1800045",
        "residual_max": "0",
    }
    assert report["currencies"]["USD"]["attribution"] == symbol["attribution"]
    assert report["currencies"]["USD"]["equity"]["max_drawdown_share"] > 0
    assert (
        symbol["costs"]["fifo"]
        == symbol["costs"]["average"]
        == {
            "realised": "0.15",
            "unrealised": "0",
            "total": "0.15",
            "open_price": None,
        }
    )
    (row,) = symbol["markouts"]
    assert (row["horizon_ms"], row["adverse"], row["residual"], row["fills"]) == (1000, "-0.12", "0.14", 3)
    assert symbol["inventory"]["turnover"] == pytest.approx(4.28592855, abs=1e-6)
    assert (symbol["orders"], symbol["quotes"], symbol["toxicity"]) == (None, None, None)


def test_a_plain_table_for_people(pnl: Pnl, file: Path) -> None:
    done = pnl(file)
    assert (done.code, done.err) == (0, "")
    rows = {line.split()[0]: line.split()[1:] for line in done.out.splitlines() if line}
    assert rows["capture"] == ["0.13"]
    assert rows["equity_change"] == ["0.1800045"]
    assert rows["average_open_price"] == ["-"]
    assert rows["1000"][:6] == ["3", "1", "-0.02", "0.1", "-0.12", "0.14"]
    assert len(rows["300000"]) == len(rows["horizon_ms"])


def test_gzip_and_stdin_say_the_same(pnl: Pnl, file: Path, tmp_path: Path) -> None:
    packed = tmp_path / "pn1.jsonl.gz"
    packed.write_bytes(gzip.compress(file.read_bytes()))
    expected = run_pnl(str(file)).as_json()
    assert pnl("-", "--json", stdin=file.read_text()).json == expected
    assert pnl(packed, "--json").json == expected


def test_a_bad_line_ends_it_with_exit_code_2(pnl: Pnl, tmp_path: Path) -> None:
    text = text_of(*pn1()).replace('"price": 99.97', '"prize": 99.97')
    done = pnl("-", stdin=text)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("maker: stdin line 6: price: missing: give it")
    assert "stdin line 6: prize: unknown key; did you mean 'price'? (it is 99.97)" in done.err
    as_json = pnl("-", "--json", stdin=text)
    assert json.loads(as_json.err)["exit_code"] == as_json.code == 2


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--equity", "USD"), "give CURRENCY=AMOUNT, such as USDT=100000"),
        (("--equity", "USD=x"), "give CURRENCY=AMOUNT, such as USDT=100000"),
        (("--equity", "USD=0"), "starting equity must be above 0"),
        (("--equity", "USDT=5"), "--equity USDT: no instrument settles in it; did you mean 'USD'?"),
        (("--rate", "BNB"), "give CURRENCY=AMOUNT, such as USDT=100000"),
        (("--rate", "BNB=0"), "--rate BNB=0: a rate must be above 0, in the reporting currency"),
        (("--rate", "BNB=1"), "is no log of the engine; say in a line fee what the fees came to"),
        (("--horizon-ms", "0"), "--horizon-ms 0 is not above 0: give milliseconds"),
    ],
)
def test_options_that_cannot_be_meant(file: Path, options: tuple[str, ...], said: str) -> None:
    done = CliRunner().invoke(app, ["pnl", str(file), *options])
    assert (done.exit_code, done.stdout) == (2, "")
    assert said in done.stderr


def test_a_report_with_everything_is_json_and_a_table(tmp_path: Path) -> None:
    lines = [*pn1(bucket_size=1, buckets=1), quote(6, bid=99, ask=101), trade(6, 3, "100"), quote(7)]
    two = [lines[0], instrument().model_copy(update={"symbol": "ETH"}), *lines[1:]]
    path = tmp_path / "all.jsonl"
    path.write_text(text_of(*two))
    report = run_pnl(str(path))
    assert json.loads(json.dumps(report.as_json(), allow_nan=False))["symbols"]["ETH"]["fills"]["fills"] == 0
    table = report.as_text().splitlines()
    rows = {line.split()[0]: line.split()[1:] for line in table if line}
    assert (rows["presence"], rows["bucket_imbalance"]) == (["0.142857", "-"], ["1", "-"])
    assert "takers in XBT/USD" in table


def test_a_negative_start_is_refused_before_the_file_is_read() -> None:
    with pytest.raises(ConfigError, match="above 0"):
        run_pnl("/does/not/exist", start_equity={"USD": Decimal(-1)})
