"""What is left out of a recording is told by every command that reads it, in text as in JSON."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.system.conftest import Maker

T0_NS = 1_723_161_254_000_000_000
STEP_NS = 500_000_000
TERMS = "instruments: {A/USDT: {tick_size: 0.1, lot_size: 0.001}}\n"


def line(number: int, **facts: Any) -> str:
    named = {"ts": T0_NS + number * STEP_NS, "venue": "x", "symbol": "A/USDT"}
    return json.dumps({**named, **facts})


def book(number: int, **levels: Any) -> str:
    sides = {"bids": [["99.9", "2"], ["99.8", 2]], "asks": [[100.1, 2]]} | levels
    return line(number, type="book", snapshot=True, seq=number, **sides)


def trade(number: int, side: str, price: float) -> str:
    return line(number, type="trade", side=side, price=price, size=0.01, id=str(number))


LINES = [
    book(1),
    *(
        trade(number, "buy" if number % 2 else "sell", 100.1 if number % 2 else 99.9)
        for number in range(2, 40)
    ),
    book(40, bids=[[99.9, 2], [50.0, 0.0005], [50.05, 1]]),
    trade(41, "buy", 100.15),
    "torn",
    book(43),
]
LOST = {
    "off_lot": "line 40: size 0.0005 is not a multiple of 0.001, a level left out",
    "off_tick": "line 40: price 50.05 is not a multiple of 0.1, a level left out",
}
OF_NO_SYMBOL = "without a known symbol: 1 event left out as malformed; the first: "


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    (tmp_path / "terms.yaml").write_text(TERMS)
    path = tmp_path / "market.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + "\n".join(LINES).encode())
    return path


@pytest.mark.slow
def test_text_says_what_json_says_of_what_was_left_out(recording: Path, maker: Maker, tmp_path: Path) -> None:
    log = tmp_path / "log"
    run = ("up", "--config", tmp_path / "terms.yaml", "--path", recording, "--speed", "max", "--no-gateway")
    told = maker(*run, "--log", log)
    assert told.code == 0, told.err
    summary = maker(*run, "--log", tmp_path / "again", "--json").json
    figures = summary["symbols"]["A/USDT"]
    assert figures["refused_by_reason"] == {"off_lot": 1, "off_tick": 2}
    assert figures["books"] == 3, "a level is lost, and no book"
    for reason, words in LOST.items():
        assert figures["first_refusals"][reason].endswith(words)
        count = figures["refused_by_reason"][reason]
        events = "events" if count > 1 else "event"
        assert f"A/USDT: {count} {events} left out as {reason}; the first: {recording} {words}" in told.out
    assert summary["refused_without_symbol_by_reason"] == {"malformed": 1}
    assert f"{OF_NO_SYMBOL}{recording} line 42: not JSON" in told.out
    for command in (("pnl", log), ("replay", log), ("calibrate", log, "A/USDT")):
        text = maker(*command)
        assert text.code == 0, text.err
        assert f"2 events left out as off_tick; the first: {recording} {LOST['off_tick']}" in text.out, (
            command
        )
        assert "1 event left out as malformed" in text.out, command
    replayed = maker("replay", log, "--json").json["monitor-service"]
    assert replayed["refused_by_reason"] == {"off_lot": 1, "off_tick": 2, "malformed": 1}


def test_a_study_of_a_recording_says_what_it_left_out(recording: Path, maker: Maker) -> None:
    for command in (("signals", recording), ("calibrate", recording, "A/USDT")):
        text = maker(*command)
        assert text.code == 0, text.err
        assert f"1 event left out as malformed; the first: {recording} line 42: not JSON" in text.out, command
    found = maker("calibrate", recording, "A/USDT", "--json").json
    assert found["refused_by_reason"] == {"malformed": 1}
