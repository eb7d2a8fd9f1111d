"""Levels, numbers and times of a recording, as people and programs write them; what a bad level costs."""

import json
from codecs import BOM_UTF8
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from monitor_service.core.monitor import MonitorCore

from runtime.errors import ConfigError, FeedError
from schemas.config import Config
from schemas.market import Book, FeedBook, FeedInstrument, FeedRefused, FeedTrade
from tests.unit.monitor_service.recorded_files import T0, TERMS, S, book, play, trade, write

BAD_LEVELS: list[tuple[str, Any, str, str]] = [
    # what it is, the level in front of a sound bid of 1 at 99.5, the reason, a word of the detail
    ("of three", [1.0, 2.0, 3.0], "malformed", "[1.0, 2.0, 3.0] is not [price, size]"),
    ("no list", 7, "malformed", "level 7 is not [price, size]"),
    ("price as words", ["high", 1.0], "malformed", "price 'high' is not a number"),
    ("price with a gap", ["1_00", 1.0], "malformed", "price '1_00' is not a number"),
    ("price as list", [[100.0], 1.0], "malformed", "price [100.0] is not a number"),
    ("price as truth", [True, 1.0], "malformed", "price True is not a number"),
    ("price of 400 digits", [10**400, 1.0], "bad_price", "below 1e15"),
    ("price off tick", [100.3, 1.0], "off_tick", "100.3 is not a multiple of 0.5"),
    ("price off tick as text", ["100.3", "1"], "off_tick", "'100.3' is not a multiple of 0.5"),
    ("price zero", [0, 1.0], "bad_price", "must be positive"),
    ("price negative", [-100.0, 1.0], "bad_price", "-100.0"),
    ("price infinite", [float("inf"), 1], "bad_price", "inf"),
    ("size as truth", [100.0, True], "malformed", "size True is not a number"),
    ("size beyond all bounds", [100.0, 1e15], "bad_size", "below 1e15"),
    ("size null", [100.0, None], "malformed", "size None"),
    ("size below a lot", [100.0, 0.005], "off_lot", "0.005 is not a multiple of 0.01"),
    ("size negative", [100.0, -1.0], "bad_size", "-1.0"),
]  # fmt: skip
LEVEL_NAMES = [each[0] for each in BAD_LEVELS]


@pytest.mark.parametrize(("level", "reason", "word"), [each[1:] for each in BAD_LEVELS], ids=LEVEL_NAMES)
def test_a_bad_level_costs_that_level_and_is_counted(
    tmp_path: Path, level: Any, reason: str, word: str
) -> None:
    line = json.dumps(book(bids=[level, [99.5, 1.0]], seq=1))
    path = write(tmp_path / "a.jsonl", line, trade(T0 + S))
    instrument, levels, lost, last = play(path, instruments=TERMS)
    assert isinstance(levels, FeedBook)
    assert isinstance(lost, FeedRefused)
    assert isinstance(last, FeedTrade)
    assert lost.detail.startswith(f"{path} line 1: ")
    assert word in lost.detail
    assert (lost.reason, lost.event_type) == (reason, None), "the book is not lost with it"
    core = MonitorCore(Config())
    messages = [each for event in (instrument, levels, lost) for each in core.on_event(event)]
    seen = [each for each in messages if isinstance(each, Book)]
    assert [(each.bid_prices, each.bid_sizes, each.status) for each in seen] == [((199,), (100,), "live")]


def test_a_level_whose_size_cannot_be_read_no_longer_stands(tmp_path: Path) -> None:
    change = book(T0 + S, snapshot=False, bids=[[100.0, -1]], asks=[], seq=2)
    events = play(write(tmp_path / "a.jsonl", book(seq=1), change), instruments=TERMS)
    core = MonitorCore(Config())
    seen = [each for event in events for each in core.on_event(event) if isinstance(each, Book)]
    assert [each.bid_prices for each in seen] == [(200, 199), (199,)]


def test_a_size_between_two_lots_counts_as_the_lower(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", book(bids=[[100.0, 1.009], [99.5, "2.0199"]]))
    levels = play(path, instruments=TERMS)[1]
    assert isinstance(levels, FeedBook)
    assert levels.bid_sizes == (100, 201)


def test_levels_lost_for_one_reason_are_counted_in_one_message(tmp_path: Path) -> None:
    bids = [[100.0, 1], [99.7, 1], [99.5, 1], [99.2, 1], [99.0, -1]]
    path = write(tmp_path / "a.jsonl", book(bids=bids, asks=[[101.0, 1], [102.0, 1]]))
    lost = [each for each in play(path, instruments=TERMS) if isinstance(each, FeedRefused)]
    assert [each.reason for each in lost] == ["off_tick", "bad_size"]
    assert "price 99.7" in lost[0].detail
    assert "the first of 2 levels" in lost[0].detail


@pytest.mark.parametrize("level", [each[1] for each in BAD_LEVELS], ids=LEVEL_NAMES)
def test_a_bad_level_ends_the_run_where_that_is_asked_for(tmp_path: Path, level: Any) -> None:
    path = write(tmp_path / "a.jsonl", json.dumps(book(bids=[level, [99.5, 1.0]])))
    with pytest.raises(FeedError, match=r"line 1: .*--on-malformed skip"):
        play(path, instruments=TERMS, on_malformed="fail")


def test_prices_and_sizes_as_text_are_exact_decimals(tmp_path: Path) -> None:
    lines = (book(bids=[["99.90", "2"]], asks=[["100.1", "0.5"]]), trade(T0 + S, price="1.001e2", size="2.5"))
    path = write(tmp_path / "a.jsonl", *lines)
    instrument, levels, print_ = play(path)
    assert isinstance(instrument, FeedInstrument)
    assert isinstance(levels, FeedBook)
    assert isinstance(print_, FeedTrade)
    assert (instrument.tick_size, instrument.lot_size) == (Decimal("0.1"), Decimal("0.5"))
    assert (levels.bid_prices, levels.bid_sizes, levels.ask_prices) == ((999,), (4,), (1001,))
    assert (print_.price_ticks, print_.size_lots) == (1001, 5)


@pytest.mark.parametrize(
    ("ts", "time_ns"),
    [
        (1723161254.0, 1_723_161_254_000_000_000),
        (1723161254.123456, 1_723_161_254_123_456_000),
        (1723161254123.5, 1_723_161_254_123_500_000),
    ],
)
def test_a_time_with_a_fraction_is_read_as_it_is_written(tmp_path: Path, ts: float, time_ns: int) -> None:
    path = write(tmp_path / "a.jsonl", book(ts=ts, ets=ts))
    levels = play(path, instruments=TERMS)[1]
    assert isinstance(levels, FeedBook)
    assert (levels.event_time_ns, levels.exchange_time_ns) == (time_ns, time_ns)


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz"])
def test_a_byte_order_mark_is_no_part_of_the_first_line(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name, BOM_UTF8 + json.dumps(book()).encode(), trade(T0 + S))
    assert [type(each) for each in play(path)] == [FeedInstrument, FeedBook, FeedTrade]


def test_a_file_without_an_event_says_what_its_first_line_is(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", trade(ts="2024-08-08T23:54:14Z"))
    with pytest.raises(ConfigError, match=r"no market event.*line 1: ts '2024-08-08T23:54:14Z' is"):
        play(path)
