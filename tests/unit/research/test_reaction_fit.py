"""`maker calibrate --reaction`: which orders had better not be met, tried on the part that is not fitted."""

from pathlib import Path
from random import Random

import pytest
import yaml

from research.calibration.adverse import TakerMoves
from research.calibration.reaction import MetOrder, fit_reaction
from research.calibration.reaction_command import ReactionReport, met_orders, run_reaction
from runtime.errors import ConfigError
from schemas.config import Config
from schemas.message import Event
from schemas.refusals import RefusalTally
from tests.kit.messages import MS, T0, S, book, signal, trade

HORIZON_NS = S


def market(count: int, *, bursts_lose: bool, light_loses: bool) -> list[MetOrder]:
    """Half the orders come after a burst of a depth, half meet a light side; noise of 0.5 bps."""
    random, found = Random(3), []
    for number in range(count):
        burst, light = number % 2 == 0, number % 4 < 2
        lost = 2.0 * (burst and bursts_lose) + 2.0 * (light and light_loses)
        depths = 1.5 if burst else 0.05
        earned = 1.0 - lost + random.gauss(0, 0.5)
        found.append(MetOrder(earned, (depths,) * 3, 0.15 if light else 0.85, is_tight=True))
    return found


def test_orders_after_bursts_are_avoided_where_they_lose() -> None:
    """Met are those without a burst: half of the 40 % unseen, at 1 bp; the others lose 1."""
    fit = fit_reaction(market(1_000, bursts_lose=True, light_loses=False))
    assert fit.burst.threshold == 0.1
    assert (fit.burst.met, fit.burst.avoided) == (200, 200)
    assert fit.burst.met_bps == pytest.approx(1, abs=0.15)
    assert fit.burst.avoided_bps == pytest.approx(-1, abs=0.15)
    assert fit.burst.avoided_error_bps == pytest.approx(0.5 / 200**0.5, rel=0.2)
    assert (fit.burst.is_of_use, fit.imbalance.is_of_use, fit.queue.is_of_use) == (True, False, False)


def test_a_light_side_is_left_where_it_loses() -> None:
    fit = fit_reaction(market(1_000, bursts_lose=False, light_loses=True))
    assert fit.imbalance.threshold == 0.2
    assert (fit.burst.is_of_use, fit.imbalance.is_of_use, fit.queue.is_of_use) == (False, True, True)


def test_what_held_on_the_first_part_alone_is_of_no_use() -> None:
    first = market(600, bursts_lose=True, light_loses=False)
    rest = market(400, bursts_lose=False, light_loses=False)
    assert not fit_reaction(first + rest).burst.is_of_use


def test_too_few_orders_are_refused() -> None:
    with pytest.raises(ValueError, match="100 orders: at least 50 are needed in each part"):
        fit_reaction(market(100, bursts_lose=True, light_loses=True))


def test_the_settings_are_what_quoting_reads_and_hold_what_is_of_use_alone() -> None:
    fit = fit_reaction(market(1_000, bursts_lose=False, light_loses=True))
    report = ReactionReport("sim:A/B", 5_000, fit, RefusalTally())
    own = Config.model_validate(yaml.safe_load(report.settings())).of_symbol("A/B").reaction
    assert (own.burst_depths, own.imbalance_leave_share) == (None, 0.2)
    assert (own.queue_join_share, own.queue_leave_share) == (0.2, 0.2)
    assert "leave it off" in report.as_text()
    assert report.as_json()["burst"]["is_of_use"] is False


def test_an_order_earns_its_first_price_against_the_mid_at_the_horizon() -> None:
    """A seller meets a bid of 99; a second later the mid is 99.5, after that it does not matter.

    Its second trade, of the same time and side, is the same order. The burst is that of the signal 300 ms
    before: outside 200 ms, within 500.
    """
    events: list[Event] = [
        book(99, 101, levels=1, bid_sizes=(3,), ask_sizes=(1,)),
        signal(taker_sell_depths=0.7, taker_buy_depths=9.0, time_ns=T0 + 700 * MS),
        trade(99, side="sell", trade_id="a", time_ns=T0 + S, exchange_time_ns=T0),
        trade(98, side="sell", trade_id="b", time_ns=T0 + S, exchange_time_ns=T0),
        book(98, 101, levels=1, time_ns=T0 + 2 * S),
        book(90, 101, levels=1, time_ns=T0 + 2 * S + 1),
    ]
    (order,) = met_orders(events, HORIZON_NS)
    assert order.earned_bps == pytest.approx(0.5 / 99 * 1e4)
    assert order.bursts == (0.0, 0.7, 0.7)
    assert (order.share, order.is_tight) == (0.75, False)


def test_a_maker_that_sells_earns_when_the_mid_falls() -> None:
    events: list[Event] = [
        book(99, 101, levels=1),
        trade(101, side="buy", time_ns=T0 + 1),
        book(98, 100, levels=1, time_ns=T0 + S),
        book(98, 100, levels=1, time_ns=T0 + 3 * S),
    ]
    (order,) = met_orders(events, HORIZON_NS)
    assert order.earned_bps == pytest.approx(2 / 101 * 1e4)


def test_the_command_names_what_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--horizon-ms 0 is not above 0"):
        run_reaction("none", "A/B", horizon_ms=0)


def test_the_adverse_move_is_with_the_taker_and_by_the_last_mid_before_the_horizon() -> None:
    """Bought at a mid of 100: 101 five seconds later, +100 bps; sold at 101, and 102: -99."""
    moves = TakerMoves()
    moves.pass_to(T0, 200)
    moves.add(T0 + 1, "buy", 200)
    moves.pass_to(T0 + S, 202)
    moves.add(T0 + S, "sell", 202)
    assert moves.mean_bps is None
    moves.pass_to(T0 + 5 * S + 2, 204)
    assert moves.mean_bps == pytest.approx(100)
    assert moves.error_bps is None
    moves.pass_to(T0 + 7 * S, 300)
    assert moves.mean_bps == pytest.approx((100 - 1e4 / 101) / 2)
