"""What the monitor refuses of a feed, and what stays: late events, unknown symbols, repeated trades."""

from typing import Any

import pytest

from schemas.market import (
    Book,
    Refusal,
    Trade,
)
from schemas.message import Event
from schemas.process import Tick
from schemas.signals import Signal
from tests.kit.messages import BTC, ETH, MS, T0, S, feed_book, feed_trade
from tests.unit.monitor_service.monitor_cores import core, only, open_core, opening, reason, refused


def test_a_little_behind_is_taken_at_the_newest_time() -> None:
    made = open_core()
    made.on_event(feed_book({99: 6}, sequence=2, time_ns=T0 + 2 * S))
    taken = only(Book, made.on_event(feed_book({99: 8}, sequence=3, time_ns=T0 + S)))
    assert taken.event_time_ns == T0 + 2 * S
    assert taken.bid_sizes[0] == 8
    assert only(Trade, made.on_event(feed_trade(time_ns=T0 + S))).event_time_ns == T0 + 2 * S


def test_a_delta_far_behind_is_refused_and_loses_the_book() -> None:
    made = open_core()
    made.on_event(feed_book({99: 6}, sequence=2, time_ns=T0 + 2 * S))
    said = made.on_event(feed_book({99: 8}, sequence=3, time_ns=T0 + S - 1))
    assert reason(said) == "time_backwards"
    assert only(Book, said).status == "gapped"
    assert all(each.event_time_ns == T0 + 2 * S for each in said)


def test_a_snapshot_far_behind_is_refused_and_the_book_stays() -> None:
    made = open_core()
    made.on_event(feed_book({99: 6}, sequence=2, time_ns=T0 + 2 * S))
    (refusal,) = made.on_event(feed_book({1: 1}, {2: 1}, snapshot=True, time_ns=T0 + S - 1))
    assert isinstance(refusal, Refusal)
    assert only(Book, made.on_event(feed_book({99: 7}, sequence=3, time_ns=T0 + 2 * S))).status == "live"


def test_a_trade_far_behind_is_refused_and_the_book_stays() -> None:
    made = open_core()
    made.on_event(feed_book({99: 6}, sequence=2, time_ns=T0 + 2 * S))
    (refusal,) = made.on_event(feed_trade(time_ns=T0 + S - 1))
    assert isinstance(refusal, Refusal)
    assert refusal.reason == "time_backwards"
    assert "1000 ms" in refusal.detail


def test_ticks_ahead_of_the_feed_do_not_make_its_events_late() -> None:
    made = open_core()
    made.on_event(Tick(event_time_ns=T0 + 5 * S))
    said = made.on_event(feed_book({99: 6}, sequence=2, time_ns=T0 + S))
    assert only(Book, said).status == "live"
    assert only(Book, said).event_time_ns == T0 + 5 * S, "nothing is said at an earlier time"


@pytest.mark.parametrize("event", [opening(symbol="XRP/USDT"), feed_trade(symbol="XRP/USDT")])
def test_an_unknown_symbol_is_refused(event: Event) -> None:
    said = core().on_event(event)
    assert reason(said) == "unknown_symbol"
    assert only(Refusal, said).symbol == "XRP/USDT"


def test_a_trade_is_said_once() -> None:
    made = open_core()
    said = only(Trade, made.on_event(feed_trade(101, 3, trade_id="a", time_ns=T0 + MS)))
    assert (said.price_ticks, said.size_lots, said.side, said.trade_id) == (101, 3, "buy", "a")
    (refusal,) = made.on_event(feed_trade(trade_id="a", time_ns=T0 + 2 * MS))
    assert isinstance(refusal, Refusal)
    assert refusal.reason == "duplicate_trade"
    assert only(Trade, made.on_event(feed_trade(trade_id="b", time_ns=T0 + 3 * MS))).trade_id == "b"


def test_a_repeated_trade_id_counts_once_in_the_flow() -> None:
    made = open_core()
    made.on_event(feed_trade(trade_id="a", lots=4))
    made.on_event(feed_trade(trade_id="a", lots=4))
    said = made.on_event(feed_trade(trade_id="b", lots=4, side="sell", time_ns=T0 + S))
    assert only(Signal, said).flow_volume_lots < 8


@pytest.mark.parametrize(("fields", "expected"), [({"price": 0}, "bad_price"), ({"lots": 0}, "bad_size")])
def test_a_trade_without_price_or_size_is_refused(fields: dict[str, Any], expected: str) -> None:
    assert reason(open_core().on_event(feed_trade(**fields))) == expected


def test_a_refused_trade_does_not_use_up_its_id() -> None:
    made = open_core()
    made.on_event(feed_trade(trade_id="a", lots=0))
    assert only(Trade, made.on_event(feed_trade(lots=3, trade_id="a"))).size_lots == 3


def test_a_book_update_lost_in_the_feed_is_a_gap() -> None:
    made = open_core()
    said = made.on_event(refused(T0 + MS, "book"))
    assert reason(said) == "off_tick"
    assert only(Refusal, said).detail == "file line 7: price 1.5"
    assert only(Book, said).status == "gapped"


@pytest.mark.parametrize("event_type", ["trade", None])
def test_a_trade_lost_in_the_feed_leaves_the_book(event_type: str | None) -> None:
    (refusal,) = open_core().on_event(refused(T0 + MS, event_type))
    assert isinstance(refusal, Refusal)


def test_a_refusal_of_no_known_symbol_is_passed_on() -> None:
    assert only(Refusal, core().on_event(refused(T0, None, symbol="*"))).symbol == "*"


def test_a_refusal_of_one_symbol_leaves_the_others() -> None:
    bad: list[Event] = [
        feed_book({99: 1}, sequence=9, time_ns=T0 + MS),
        feed_book({-5: 1}, sequence=2, time_ns=T0 + MS),
        feed_trade(lots=0, time_ns=T0 + MS),
        refused(T0 + MS, "book"),
        feed_book({99: 1}, sequence=2, time_ns=T0 - 5 * S),
    ]
    good: list[Event] = [
        feed_book({99: 6}, sequence=2, symbol=ETH, time_ns=T0 + MS),
        feed_trade(symbol=ETH, time_ns=T0 + MS),
        feed_book({99: 0}, sequence=3, symbol=ETH, time_ns=T0 + 2 * MS),
        feed_trade(trade_id="t2", symbol=ETH, time_ns=T0 + 2 * MS),
        feed_book({97: 1}, sequence=4, symbol=ETH, time_ns=T0 + 3 * MS),
    ]
    disturbed, alone = open_core(BTC, ETH), open_core(ETH)
    for wrong, right in zip(bad, good, strict=True):
        assert any(isinstance(each, Refusal) for each in disturbed.on_event(wrong))
        assert disturbed.on_event(right) == alone.on_event(right)
