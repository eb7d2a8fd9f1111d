"""What stops a symbol: fills that come too fast; and the caps that a real exchange requires."""

from typing import Any

import pytest

from tests.kit.messages import MS, T0
from tests.unit.quote_service.routing.builders import Desk, GateDesk, config, wide_config

PROTECTED = {
    "fill_window_ms": 5_000,
    "fill_quantity_max": 3,
    "fill_delta_max": 2,
    "freeze_ms": 1_000,
    "trips_max": 3,
}


def protected(**fields: Any) -> Desk:
    desk = Desk(wide_config(protection={**PROTECTED, **fields}))
    desk.live(0, 1, bids=[(90, 10)], asks=[(110, 10)])
    return desk


def filled(desk: Desk, sizes: list[int], at_ms: list[float], sides: str = "bs") -> None:
    """Own fills of those sizes, at those times, of bid and ask in turn."""
    placed = {event.side[0]: event for event in desk.events if event.kind == "place_intent"}
    for number, (size, time_ms) in enumerate(zip(sizes, at_ms, strict=True)):
        order = placed[sides[number % len(sides)]]
        desk.fill(time_ms, order, size, f"t{number}-{time_ms}")


@pytest.mark.control("K6")
@pytest.mark.parametrize(
    ("sizes", "times", "sides", "trips"),
    [
        ([10, 10, 11], [10, 20, 4_910], "bs", True),
        ([10, 10, 11], [10, 20, 5_110], "bs", False),
        ([10, 10, 10], [10, 20, 30], "bs", False),
        ([10, 11], [10, 20], "b", True),
        ([10, 10], [10, 20], "b", False),
    ],
)
def test_fills_beyond_three_quotes_or_two_one_way_freeze(
    sizes: list[int], times: list[float], sides: str, trips: bool
) -> None:
    desk = protected()
    desk.symbol.protection.quote_lots = 10
    filled(desk, sizes, times, sides)
    assert [stop.code for stop in desk.stops] == ["MMP"] * trips
    assert [stop.needs_person for stop in desk.stops] == [False] * trips


@pytest.mark.control("K6")
@pytest.mark.parametrize(("executed_ms", "trips"), [((10, 20, 4_910), True), ((10, 20, 5_110), False)])
def test_fills_that_are_read_all_at_once_count_from_when_they_were_executed(
    executed_ms: tuple[int, ...], *, trips: bool
) -> None:
    """A stream that was down for a while is no fast market."""
    desk = protected()
    desk.symbol.protection.quote_lots = 10
    bid, ask = (event for event in desk.events if event.kind == "place_intent")
    for order, size, at_ms in zip((bid, ask, bid), (10, 10, 11), executed_ms, strict=True):
        executed_ns = T0 + at_ms * MS
        desk.fill(9_000, order, size, f"t{at_ms}", recovered=True, executed_ns=executed_ns)
    assert [stop.code for stop in desk.stops] == ["MMP"] * trips


@pytest.mark.control("K6")
def test_a_freeze_cancels_all_and_quotes_again_after_a_second() -> None:
    desk = protected()
    desk.symbol.protection.quote_lots = 1
    filled(desk, [4], [10])
    cancels = [event for event in desk.events if event.kind == "cancel_intent"]
    assert {event.reasons for event in cancels} == {("MMP_FROZEN",)}
    for event in cancels:
        desk.answer(20, "cancelled", event)
    assert desk.target(500, 2, bids=[(90, 10)]) == []
    assert "MMP_FROZEN" in desk.core._gate.halt_codes(desk.symbol, T0 + 1_009 * MS)
    assert [event.kind for event in desk.tick(1_010)] == ["place_intent"]


@pytest.mark.control("K6")
def test_the_third_freeze_within_ten_minutes_needs_people() -> None:
    desk = protected()
    for number, at_ms in enumerate((1_000, 300_000, 600_999)):
        desk.symbol.protection.quote_lots = 1
        filled(desk, [4], [at_ms])
        assert desk.stops[-1].needs_person is (number == 2)
    assert desk.core._gate.halt_codes(desk.symbol, T0 + 10**9 * MS) == ["NO_RISK_STATE"]
    desk.beat(700_000)
    assert not desk.target(700_001, 2, bids=[(90, 10)])
    assert desk.stopped_by() == "MMP"
    desk.beat(700_010, "HALT", "BTC/USDT")
    desk.beat(700_020, "RUN", "BTC/USDT")
    assert desk.stopped_by() is None
    assert not desk.symbol.protection.fill_rate.trips


@pytest.mark.control("K6")
def test_freezes_that_are_far_apart_do_not_add_up() -> None:
    desk = protected()
    for at_ms in (1_000, 300_000, 601_000):
        desk.symbol.protection.quote_lots = 1
        filled(desk, [4], [at_ms])
    assert [stop.needs_person for stop in desk.stops] == [False] * 3


@pytest.mark.control("P11")
def test_an_exchange_itself_needs_every_cap_said() -> None:
    exchange = {"symbols": ["BTC/USDT"]}
    with pytest.raises(ValueError, match=r"said: risk_limits.max_position, .*routing.permitted, .*capital"):
        config(venue={"kind": "ccxt"}, feed={"kind": "live"}, exchange=exchange)
    caps: dict[str, dict[str, Any]] = {
        "risk_limits": {
            "max_position": 1, "max_position_notional": 1_000, "max_loss": -50, "account_max_loss": -100,
            "max_drawdown": -0.1, "max_exposure": 0.5, "resume_people": 2,
        },
        "routing": {"price_collar": 0.01, "order_value_max": 100, "order_size_max": 1, "permitted": []},
        "protection": {"trips_max": 3},
        "reporting": {"capital": 1_000},
    }  # fmt: skip
    made = config(venue={"kind": "ccxt"}, feed={"kind": "live"}, exchange=exchange, **caps)
    assert made.risk_limits.resume_people == 2
    del caps["routing"]["price_collar"]
    with pytest.raises(ValueError, match=r"needs its caps said: routing\.price_collar"):
        config(venue={"kind": "ccxt"}, feed={"kind": "live"}, exchange=exchange, **caps)


def test_guards_say_nothing_of_a_gate_alone() -> None:
    desk = GateDesk()
    assert desk.gate.halt_codes(desk.symbol, T0) == []
    desk.symbol.protection.stopped_by = "POSITION_BREAK"
    assert desk.gate.halt_codes(desk.symbol, T0) == ["POSITION_BREAK"]
