"""Takers of the last moment: their volume by side, and that it is said at once where quoting reacts to it."""

from collections.abc import Iterable

import pytest

from schemas.message import Event
from schemas.signals import Signal
from tests.kit.messages import BTC, MS, T0, S, feed_trade
from tests.unit.monitor_service.monitor_cores import open_core

BURST = {"burst_depths": 0.5}
"""Each side has a depth of 12 lots."""


def signals(messages: Iterable[Event]) -> list[Signal]:
    return [each for each in messages if isinstance(each, Signal)]


def test_the_volume_is_in_depths_of_the_side_that_was_taken_and_halves_in_a_quarter_second() -> None:
    made = open_core(reaction=BURST)
    made.on_event(feed_trade(lots=6, side="sell", time_ns=T0 + MS, trade_id="a"))
    made.on_event(feed_trade(lots=3, side="buy", time_ns=T0 + MS, trade_id="b"))
    made.on_event(feed_trade(lots=3, side="sell", time_ns=T0 + 251 * MS, trade_id="c"))
    found = made.signal_of(f"sim:{BTC}")
    assert found is not None
    assert found.taker_sell_depths == pytest.approx((6 / 2 + 3) / 12)
    assert found.taker_buy_depths == pytest.approx(3 / 2 / 12)


def test_a_burst_is_said_at_once_and_what_goes_on_waits_for_the_interval() -> None:
    made = open_core(reaction=BURST)
    made.on_event(feed_trade(lots=3, side="sell", time_ns=T0 + MS, trade_id="a"))  # one-sided flow: said
    (begins,) = signals(made.on_event(feed_trade(lots=5, side="sell", time_ns=T0 + 2 * MS, trade_id="b")))
    assert begins.taker_sell_depths > 0.5
    assert signals(made.on_event(feed_trade(lots=5, side="sell", time_ns=T0 + 3 * MS, trade_id="c"))) == []
    (other,) = signals(made.on_event(feed_trade(lots=9, side="buy", time_ns=T0 + 4 * MS, trade_id="d")))
    assert min(other.taker_buy_depths, other.taker_sell_depths) > 0.5


@pytest.mark.parametrize("reaction", [{}, {"imbalance_leave_share": 0.2}])
def test_without_a_size_to_react_to_it_is_not_counted(reaction: dict[str, float]) -> None:
    made = open_core(reaction=reaction)
    (said,) = signals(made.on_event(feed_trade(lots=50, side="sell", time_ns=T0 + S)))
    assert (said.taker_buy_depths, said.taker_sell_depths) == (0.0, 0.0)


def test_a_symbol_with_a_size_of_its_own_is_counted_alone() -> None:
    made = open_core(BTC, "ETH/USDT", per_symbol={BTC: {"reaction": BURST}})
    for symbol in (BTC, "ETH/USDT"):
        made.on_event(feed_trade(lots=12, side="buy", time_ns=T0 + S, symbol=symbol))
    found = [made.signal_of(f"sim:{symbol}") for symbol in (BTC, "ETH/USDT")]
    assert [each and each.taker_buy_depths for each in found] == [pytest.approx(1), 0]


def test_an_alpha_of_bursts_is_given_them() -> None:
    made = open_core(alpha={"burst_bps": 1.0})
    made.on_event(feed_trade(lots=12, side="buy", time_ns=T0 + S))
    found = made.signal_of(f"sim:{BTC}")
    assert found is not None
    assert found.taker_buy_depths == pytest.approx(1)
