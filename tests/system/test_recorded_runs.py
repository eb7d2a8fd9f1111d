"""Real recordings: crossed, locked and silent moments, batches, clocks that run behind."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from runtime.text import iso_time
from tests.system.conftest import Maker

FILES = (
    "binance_spot_btcusdt_20240808",
    "binance_spot_ethusdt_20240808",
    "binance_usdm_btcusdt_20240808",
    "bitstamp_btcusd_20150501",
    "coinbase_btcusd_20180417",
    "lean_ibm_20131008_l1",
)
EVENTS_MAX = 30_000
"""More than any but the last has; `test_recorded_feed` takes all of that too."""
pytestmark = [pytest.mark.recorded, pytest.mark.slow]


def lines(path: Path, count: int | None = None) -> list[dict[str, Any]]:
    with gzip.open(path, "rt") as file:
        return [json.loads(line) for line, _ in zip(file, range(count or 10**9), strict=False)]


@pytest.mark.parametrize("name", FILES)
def test_a_recording_quotes_adds_up_and_replays(
    name: str, recordings: Path, maker: Maker, tmp_path: Path
) -> None:
    events = lines(recordings / f"{name}.jsonl.gz", EVENTS_MAX)
    path = tmp_path / f"{name}.jsonl"
    path.write_text("".join(json.dumps(event) + "\n" for event in events))
    log = tmp_path / "log"
    done = maker("up", "--path", path, "--speed", "max", "--no-gateway", "--json", "--log", log)
    assert done.code == 0, done.err
    ((symbol, figures),) = done.json["symbols"].items()
    assert symbol == events[0]["symbol"]
    assert figures["books"] == sum(event["type"] == "book" for event in events)
    assert figures["trades"] == sum(event["type"] == "trade" for event in events)
    assert figures["refused_events"] == 0
    assert figures["quotes"] > 100
    assert figures["quoting_share"] > 0.6
    assert figures["halts"] == 0
    parts = figures["pnl_capture"] + figures["pnl_inventory"] - figures["fees"]
    assert figures["pnl"] == pytest.approx(parts, abs=1e-6)
    if name.startswith("bitstamp"):
        assert figures["fills"] > 0, "where the default settings compete"
    replayed = maker("replay", log, "--json")
    assert replayed.code == 0, replayed.out + replayed.err
    assert all(value["divergences"] == 0 for value in replayed.json.values() if value)


def test_two_recordings_run_together(recordings: Path, maker: Maker, tmp_path: Path) -> None:
    paths = []
    for name in FILES[:2]:
        part = tmp_path / f"{name}.jsonl"
        part.write_text(
            "\n".join(json.dumps(event) for event in lines(recordings / f"{name}.jsonl.gz", 1500))
        )
        paths += ["--path", str(part)]
    log = tmp_path / "log"
    done = maker("up", *paths, "--speed", "max", "--no-gateway", "--json", "--log", log)
    assert done.code == 0, done.err
    assert set(done.json["symbols"]) == {"BTC/USDT", "ETH/USDT"}
    assert done.json["market_events"] >= 3000
    for figures in done.json["symbols"].values():
        assert figures["quotes"] > 0
        assert "tick_size" in figures["instrument"]["inferred"]
    assert maker("replay", log).code == 0


def broken(events: list[dict[str, Any]]) -> list[str]:
    """A recording with every kind of bad event, each on a line of its own."""
    text = [json.dumps(event) for event in events]
    bad_price = dict(
        events[1], type="trade", price=-1.0, size=1.0, side="buy", id="bad-price", ts=events[9]["ts"]
    )
    text[10:10] = [
        '{"ts": 1, "type": "book", torn',
        json.dumps(bad_price),
        json.dumps(dict(bad_price, price=100.0, size=float("nan"), id="nan")),
        json.dumps(dict(bad_price, price=float("inf"), id="inf")),
        json.dumps(dict(bad_price, price=1.0, size=0, id="zero")),
        "[1, 2, 3]",
        json.dumps({"ts": bad_price["ts"], "venue": "x", "symbol": "A/B", "type": "funding"}),
    ]
    return text


def test_bad_lines_are_counted_named_and_stop_nothing(recordings: Path, maker: Maker, tmp_path: Path) -> None:
    events = lines(recordings / f"{FILES[0]}.jsonl.gz", 2000)
    path = tmp_path / "broken.jsonl"
    path.write_text("\n".join(broken(events)))
    arguments = ("up", "--path", path, "--speed", "max", "--no-gateway", "--json", "--log")
    done = maker(*arguments, tmp_path / "log")
    assert done.code == 0, done.err
    figures = done.json["symbols"]["BTC/USDT"]
    assert figures["refused_events"] + done.json["refused_without_symbol"] == 7
    assert figures["quotes"] > 0
    assert maker("replay", tmp_path / "log").code == 0
    failed = maker(*arguments, tmp_path / "log2", "--on-malformed", "fail")
    assert failed.code == 1
    assert "broken.jsonl" in failed.err
    assert "line 11" in failed.err


def test_a_gap_pulls_quotes_until_the_next_snapshot(recordings: Path, maker: Maker, tmp_path: Path) -> None:
    events = lines(recordings / f"{FILES[0]}.jsonl.gz", 6000)
    books = [number for number, event in enumerate(events) if event["type"] == "book"]
    del events[books[50]]
    path = tmp_path / "gapped.jsonl"
    path.write_text("\n".join(map(json.dumps, events)))
    done = maker("up", "--path", path, "--speed", "max", "--no-gateway", "--json", "--log", tmp_path / "log")
    assert done.code == 0, done.err
    figures = done.json["symbols"]["BTC/USDT"]
    next_snapshot = next(number for number in books[51:] if events[number - 1]["snapshot"])
    after_gap = sum(1 for number in books[51:] if number < next_snapshot)
    assert figures["refused_by_reason"]["delta_after_gap"] == after_gap
    why = maker(
        "why", "BTC/USDT", "--log", tmp_path / "log", "--at", iso_time(events[books[60]]["ts"]), "--json"
    )
    assert why.code == 0, why.err
    assert why.json["bid"]["not_quoting_because"] == "BOOK_GAPPED"


@pytest.mark.parametrize(("divisor", "unit"), [(1_000, "us"), (1_000_000, "ms")])
def test_clocks_in_other_units_are_recognised(
    recordings: Path, maker: Maker, tmp_path: Path, divisor: int, unit: str
) -> None:
    events = lines(recordings / f"{FILES[0]}.jsonl.gz", 1000)
    for event in events:
        event["ts"] //= divisor
    path = tmp_path / f"{unit}.jsonl"
    path.write_text("\n".join(map(json.dumps, events)))
    done = maker("up", "--path", path, "--speed", "max", "--no-gateway", "--json", "--log", tmp_path / "log")
    assert done.code == 0, done.err
    assert done.json["symbols"]["BTC/USDT"]["quotes"] > 0
    assert done.json["symbols"]["BTC/USDT"]["quoting_share"] > 0.5


def test_a_recording_without_an_opening_snapshot_waits_for_one(
    recordings: Path, maker: Maker, tmp_path: Path
) -> None:
    events = lines(recordings / f"{FILES[0]}.jsonl.gz", 8000)[1:]
    path = tmp_path / "late.jsonl"
    path.write_text("\n".join(map(json.dumps, events)))
    done = maker("up", "--path", path, "--speed", "max", "--no-gateway", "--json", "--log", tmp_path / "log")
    assert done.code == 0, done.err
    figures = done.json["symbols"]["BTC/USDT"]
    assert figures["refused_by_reason"]["delta_before_snapshot"] > 100
    assert figures["quotes"] > 0


def test_years_between_two_recordings_take_no_time(recordings: Path, maker: Maker, tmp_path: Path) -> None:
    paths: list[str] = []
    for name in (FILES[3], FILES[0]):
        part = tmp_path / f"{name}.jsonl"
        part.write_text("\n".join(map(json.dumps, lines(recordings / f"{name}.jsonl.gz", 600))))
        paths += ["--path", str(part)]
    log = tmp_path / "log"
    done = maker("up", *paths, "--speed", "max", "--no-gateway", "--json", "--log", log)
    assert done.code == 0, done.err
    assert {name: figures["quotes"] > 0 for name, figures in done.json["symbols"].items()} == {
        "BTC/USD": True,
        "BTC/USDT": True,
    }
    assert maker("replay", log).code == 0
