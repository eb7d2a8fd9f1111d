"""A and k as the market goes on: found again where the law made the orders, and nothing told too early."""

from itertools import pairwise
from random import Random
from typing import Any

import pytest
from monitor_service.core.arrival import EDGES, ArrivalEstimate, OrderDepths

from schemas.market import FeedTrade
from schemas.message import Side
from schemas.units import NS_PER_S
from tests.kit.messages import feed_trade

MID = 200_000
"""Half ticks: 100,000 ticks."""

SIDES: tuple[Side, Side] = ("buy", "sell")


def trade(time_ns: int, price_ticks: int, side: Side | None = "buy", **changes: Any) -> FeedTrade:
    return feed_trade(price_ticks, side=side, trade_id=str(time_ns), time_ns=time_ns, **changes)


def poisson_world(
    estimate: ArrivalEstimate, rate_per_s: float, k: float, seconds: float, *, seed: int, begin_s: float = 1.0
) -> None:
    """Market orders of both sides, whose depth in ticks beyond the mid is exponential."""
    random, time_s = Random(seed), begin_s
    estimate.observe_book(round(begin_s * NS_PER_S), 2)
    while time_s < begin_s + seconds:
        time_s += random.expovariate(2 * rate_per_s)
        depth, side = random.expovariate(k), random.choice(SIDES)
        price = MID // 2 + int(depth) if side == "buy" else MID // 2 - int(depth)
        time_ns = round(time_s * NS_PER_S)
        estimate.observe_book(time_ns, 2)
        estimate.observe_trade(time_ns, trade(time_ns, price, side), MID)


@pytest.mark.parametrize(("rate_per_s", "k"), [(0.9, 0.3), (5.0, 0.02), (2.0, 0.002)])
def test_the_law_that_makes_the_orders_is_found(rate_per_s: float, k: float) -> None:
    estimate = ArrivalEstimate(600.0)
    poisson_world(estimate, rate_per_s, k, 3_000 / rate_per_s, seed=1)
    assert estimate.law is not None
    assert estimate.law.k == pytest.approx(k, rel=0.2)
    assert pytest.approx(rate_per_s, rel=0.2) == estimate.law.A


def test_a_market_that_changes_is_followed() -> None:
    estimate = ArrivalEstimate(100.0)
    poisson_world(estimate, 2.0, 0.3, 600, seed=2)
    assert estimate.law is not None
    before = estimate.law
    poisson_world(estimate, 2.0, 0.05, 1_200, seed=3, begin_s=601.0)
    assert before.k == pytest.approx(0.3, rel=0.25)
    assert estimate.law.k == pytest.approx(0.05, rel=0.25)


def test_too_little_tells_nothing_and_the_last_good_law_stays() -> None:
    estimate = ArrivalEstimate(600.0)
    poisson_world(estimate, 0.5, 0.3, 20, seed=4)
    law = estimate.law
    assert law is None
    poisson_world(estimate, 2.0, 0.3, 600, seed=4, begin_s=21.0)
    law = estimate.law
    assert law is not None
    for second in range(700, 720):  # orders at the touch alone: no slope can be told from them
        estimate.counts = [0.0] * len(EDGES)
        estimate.observe_trade(second * NS_PER_S, trade(second * NS_PER_S, MID // 2 + 1), MID)
    assert estimate.law == law


def test_weights_are_scaled_before_they_overflow() -> None:
    estimate = ArrivalEstimate(1.0)
    poisson_world(estimate, 20.0, 0.3, 200, seed=5)
    assert estimate.law is not None
    assert estimate.law.k == pytest.approx(0.3, rel=0.7)
    assert sum(estimate.counts) < 1e15


def test_no_trade_counts_before_there_is_a_mid() -> None:
    estimate = ArrivalEstimate(600.0)
    estimate.observe_trade(NS_PER_S, trade(NS_PER_S, MID // 2 + 5), None)
    assert estimate.orders == OrderDepths()


def test_trades_of_one_side_and_time_are_one_order_as_deep_as_its_deepest() -> None:
    orders = OrderDepths()
    assert orders.add(1, "buy", 100_002, MID) is None
    assert orders.add(1, "buy", 100_007, MID) is None
    assert orders.add(1, "buy", 100_005, MID) is None
    assert orders.add(1, "sell", 99_990, MID) == 14
    assert orders.add(2, "sell", 100_001, MID) == 20  # a book that lags: this one only reached the mid
    assert orders.add(3, None, 100_003, MID) == 0
    assert (orders.side, orders.depth) == ("buy", 6)


def test_the_exchanges_time_makes_one_order_of_many_messages() -> None:
    estimate = ArrivalEstimate(600.0)
    for late in range(5):
        estimate.observe_trade(
            NS_PER_S + late, trade(NS_PER_S + late, 100_001 + late, exchange_time_ns=7), MID
        )
    assert sum(estimate.counts) == 0.0
    estimate.observe_trade(2 * NS_PER_S, trade(2 * NS_PER_S, 100_001, exchange_time_ns=8), MID)
    assert sum(estimate.counts) == pytest.approx(1.0)
    assert sum(estimate.depths) == pytest.approx(10.0)


def test_cells_grow_from_half_ticks_to_any_depth() -> None:
    assert EDGES[:6] == (0, 1, 2, 3, 4, 5)
    assert all(one < later for one, later in pairwise(EDGES))
    assert EDGES[-1] > 1_000_000
