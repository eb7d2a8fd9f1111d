"""`maker signals`: a row for each event of a recording, as people and programs ask for it."""

import json
import sys
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from maker.cli.app import app
from research.signals import run_signals
from runtime.errors import ConfigError, FeedError
from schemas.refusals import RefusalTally

BEGIN_S = 1_700_000_000


def at(seconds: int) -> int:
    """Nanoseconds of the recording's clock."""
    return (BEGIN_S + seconds) * 1_000_000_000


def book(
    ts: int, bids: list[list[float]], asks: list[list[float]], seq: int, **changes: Any
) -> dict[str, Any]:
    line = {"ts": ts, "ets": None, "venue": "v", "symbol": "A/B", "type": "book", "snapshot": seq == 1}
    return line | {"bids": bids, "asks": asks, "seq": seq} | changes


def trade(ts: int, price: float, size: float, side: str, **changes: Any) -> dict[str, Any]:
    line = {"ts": ts, "ets": None, "venue": "v", "symbol": "A/B", "type": "trade", "price": price}
    return line | {"size": size, "side": side, "id": str(ts)} | changes


LINES = [
    book(at(1), [[100.00, 10], [99.99, 20]], [[100.02, 12], [100.03, 4]], 1),
    book(at(2), [[100.00, 15]], [], 2),
    trade(at(3), 100.02, 5, "buy"),
    trade(at(3) + 1, 100.00, 3, "sell"),
    book(at(4), [[100.01, 2]], [], 3),
]


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "market.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in LINES))
    return path


def rows_of(
    path: Path | str, symbol: str | None = None, *settings: str, fails: bool = False
) -> list[dict[str, Any]]:
    refused = RefusalTally()
    return list(run_signals(str(path), symbol=symbol, settings=settings, fails=fails, refused=refused))


def test_each_event_has_a_row_in_human_units(recording: Path) -> None:
    rows = rows_of(recording)
    assert [(row["number"], row["event"], row["time_ns"]) for row in rows] == [
        (1, "book", at(1)),
        (2, "book", at(2)),
        (3, "trade", at(3)),
        (4, "trade", at(3) + 1),
        (5, "book", at(4)),
    ]
    first, last = rows[0], rows[-1]
    assert (first["bid"], first["ask"], first["mid"], first["spread"]) == (100.0, 100.02, 100.01, 0.02)
    assert first["spread_bps"] == pytest.approx(2.0, rel=1e-3)
    assert first["weighted_mid"] == pytest.approx(100 + 0.02 * 10 / 22)
    assert first["queue_imbalance"] == pytest.approx(-2 / 22)
    assert (first["bid_depth"], first["volatility"], first["toxicity"]) == (30.0, None, None)
    assert (last["bid"], last["bid_size"], last["mid"]) == (100.01, 2.0, 100.015)
    assert last["volatility"] > 0
    assert rows[1]["ofi"][0] > 0
    assert rows[2]["flow_imbalance"] == 1.0
    assert rows[3]["flow_imbalance"] == pytest.approx(0.25)
    assert rows[3]["flow_volume"] == pytest.approx(8.0)


def test_settings_change_what_is_computed(recording: Path) -> None:
    rows = rows_of(
        recording, None, "ofi_levels=2", "market_data.flow_half_life_s=1", "volatility.half_life_s=5"
    )
    assert len(rows[0]["ofi"]) == 2
    assert rows[4]["flow_volume"] == pytest.approx(4.0, rel=1e-6)


def test_one_symbol_of_several(recording: Path) -> None:
    other = [{**line, "symbol": "C/B"} for line in LINES]
    with recording.open("a") as file:
        file.writelines(json.dumps(line) + "\n" for line in other)
    assert {row["symbol"] for row in rows_of(recording)} == {"A/B", "C/B"}
    assert {row["symbol"] for row in rows_of(recording, "C/B")} == {"C/B"}
    assert {row["symbol"] for row in rows_of(recording, "v:A/B")} == {"A/B"}


def test_a_bad_line_is_told_and_gone_over_or_ends_it(recording: Path) -> None:
    with recording.open("a") as file:
        file.write("{broken\n" + json.dumps(trade(at(5), -1, 5, "buy")) + "\n")
    rows = rows_of(recording)
    assert [row["event"] for row in rows[5:]] == ["refused", "refused"]
    assert "market.jsonl line 6" in rows[5]["refused"]
    with pytest.raises(FeedError, match="line 6"):
        rows_of(recording, fails=True)


def test_a_file_of_bars_gives_range_estimates(tmp_path: Path) -> None:
    path = tmp_path / "bars.jsonl"
    bar = {"venue": "v", "symbol": "A/B", "type": "bar", "open": 100, "high": 102, "low": 99, "close": 101}
    lines = [bar | {"ts": at(60)}, bar | {"ts": at(120)}, bar | {"ts": at(180), "high": 99.5}]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    rows = rows_of(path)
    assert rows[0]["bar_variance"]["parkinson"] == pytest.approx(3.2143224e-4, rel=5e-7)
    assert rows[0]["volatility"] is None
    assert rows[1]["volatility"] ** 2 * 60 == pytest.approx(4.0735305e-4, rel=5e-7)
    assert "high the highest" in rows[2]["refused"]
    with pytest.raises(FeedError, match="line 3"):
        rows_of(path, fails=True)


def test_what_comes_on_stdin_is_read_too(recording: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=BytesIO(recording.read_bytes())))
    assert rows_of("-") == rows_of(recording)


@pytest.mark.parametrize(
    ("symbol", "settings", "message"),
    [
        ("A/C", (), "holds no such symbol; did you mean 'A/B'"),
        (None, ("ofi_level=3",), "did you mean 'ofi_levels'"),
        (None, ("ofi_levels",), "write name=value"),
        (None, ("ofi_levels=many",), "market_data.ofi_levels"),
    ],
)
def test_what_is_wrong_is_said(
    recording: Path, symbol: str | None, settings: Sequence[str], message: str
) -> None:
    with pytest.raises(ConfigError, match=r"symbol|set|market_data") as refused:
        rows_of(recording, symbol, *settings)
    assert message in str(refused.value)


def test_the_command_prints_json_lines_or_columns(recording: Path) -> None:
    done = CliRunner().invoke(app, ["signals", str(recording), "--json"])
    assert [json.loads(line)["number"] for line in done.stdout.splitlines()] == [1, 2, 3, 4, 5]
    columns = CliRunner().invoke(app, ["signals", str(recording)]).stdout.splitlines()
    assert columns[0].startswith("time  symbol  event  mid")
    assert len(columns) == 6


def test_a_trade_before_the_first_book_leaves_the_imbalance_unknown_and_not_even(tmp_path: Path) -> None:
    """What was wrong: asked before the first book, the average began at 0, and told 0 for -0.83."""
    path = tmp_path / "market.jsonl"
    lines = [trade(at(0), 100.02, 5, "buy"), book(at(1), [[100.00, 1]], [[100.02, 11]], 1)]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    before, first = rows_of(path)
    assert [before[name] for name in ("imbalance", "bid_depth", "ask_depth", "mid")] == [None] * 4
    assert first["imbalance"] == first["queue_imbalance"] == pytest.approx(-10 / 12)
    assert (first["bid_depth"], first["ask_depth"]) == (1.0, 11.0)
