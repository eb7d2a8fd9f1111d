"""Under a halt with flatten: quotes are cancelled, slices that reduce go out, and nothing else does."""

from typing import Any

import pytest

from schemas.balancing import BalanceOrder
from schemas.message import ALL_SYMBOLS
from schemas.orders import OrderEvent
from schemas.risk import TradingState
from tests.kit.messages import BTC, MS, T0, S, named, risk_state
from tests.unit.quote_service.routing.builders import Desk, wide_config


def decision(number: int = 1, at_ms: int = 5, **fields: Any) -> BalanceOrder:
    facts: dict[str, Any] = {
        "sequence": number, "stage": "take", "side": "sell", "size_lots": 40, "urgency": 1.0, "cost_bps": 5.0,
        "flattens": True,
    }  # fmt: skip
    time_ns = T0 + at_ms * MS
    return BalanceOrder(**{**named(time_ns=time_ns), **facts, "valid_until_ns": time_ns + 3 * S, **fields})


def holding(lots: int = 100) -> Desk:
    """A mid of 100, 50 lots at each of 99, 98, 97; taking may cost 2 % and a fifth of the depth."""
    desk = Desk(wide_config(balance={"cost_bps_max": 200}))
    desk.book(0)
    desk.position(1, lots)
    return desk


def risk(
    desk: Desk, at_ms: float, state: TradingState, symbol: str = ALL_SYMBOLS, *, flattens: bool = False
) -> list[OrderEvent]:
    time_ns = T0 + round(at_ms * MS)
    return desk.send(risk_state(state, symbol, time_ns=time_ns, flattens=flattens))


def kinds(events: list[OrderEvent]) -> list[str]:
    return [each.kind for each in events]


@pytest.mark.parametrize("symbol", [BTC, ALL_SYMBOLS])
def test_a_slice_that_reduces_goes_out_under_the_halt(symbol: str) -> None:
    desk = holding()
    risk(desk, 2, "HALT", symbol, flattens=True)
    [sent] = desk.send(decision())
    assert (sent.kind, sent.side, sent.price_ticks, sent.size_lots, sent.time_in_force) == (
        "place_intent", "sell", 98, 20, "ioc",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("account", "own"),
    [
        (("HALT", False), ("HALT", True)),
        (("HALT", True), ("HALT", False)),
        (("HALT", False), ("RUN", True)),
    ],
)
def test_one_halt_that_lets_nothing_out_is_enough(
    account: tuple[TradingState, bool], own: tuple[TradingState, bool]
) -> None:
    desk = holding()
    risk(desk, 2, account[0], flattens=account[1])
    risk(desk, 2, own[0], BTC, flattens=own[1])
    [denied] = desk.send(decision())
    assert (denied.kind, denied.reasons) == ("denied", ("RISK_HALT",))


def test_a_later_state_without_it_ends_it_and_the_same_state_again_does_not() -> None:
    desk = holding()
    for number in (1, 2):
        risk(desk, 2, "HALT", BTC, flattens=True)
        [sent] = desk.send(decision(number, at_ms=5 * number))
        desk.answer(5 * number, "cancelled", sent)
    risk(desk, 20, "HALT", BTC)
    assert kinds(desk.send(decision(3, at_ms=21))) == ["denied"]


def test_a_silent_risk_service_lets_nothing_out() -> None:
    desk = holding()
    risk(desk, 2, "HALT", flattens=True)
    desk.book(61_000)
    said = desk.send(decision(at_ms=61_001))
    assert [(each.kind, each.reasons) for each in said] == [("denied", ("NO_RISK_STATE",))]


def test_quotes_are_cancelled_and_slices_leave_them_their_part() -> None:
    """Of 30 lots held, an own ask being cancelled may still sell 12: the slice sells no more than 18."""
    desk = holding(30)
    [bid, ask] = desk.target(2, 1, bids=[(97, 5)], asks=[(101, 12)])
    for order in (bid, ask):
        desk.answer(3, "accepted", order)
    cancelled = risk(desk, 4, "HALT", flattens=True)
    assert [(each.kind, each.side) for each in cancelled] == [
        ("cancel_intent", "buy"),
        ("cancel_intent", "sell"),
    ]
    [sent] = desk.send(decision())
    assert (sent.price_ticks, sent.size_lots) == (98, 18)
    assert desk.target(6, 2, bids=[(97, 5)], asks=[(101, 12)]) == []


def test_no_slice_crosses_a_quote_that_is_being_cancelled() -> None:
    """Own bid at 99: nothing is sold until its cancel is answered."""
    desk = holding()
    [bid] = desk.target(2, 1, bids=[(99, 5)])
    desk.answer(3, "accepted", bid)
    risk(desk, 4, "HALT", flattens=True)
    assert desk.send(decision()) == []
    desk.answer(6, "cancelled", bid)
    assert kinds(desk.send(decision(2, at_ms=7))) == ["place_intent"]


def test_the_halt_that_lets_it_out_does_not_cancel_the_slice_and_a_plain_one_does() -> None:
    desk = holding()
    risk(desk, 2, "HALT", flattens=True)
    [sent] = desk.send(decision())
    desk.answer(6, "accepted", sent)
    assert desk.tick(7) == []
    pulled = risk(desk, 8, "HALT")
    assert [(each.kind, each.client_order_id) for each in pulled] == [("cancel_intent", sent.client_order_id)]


def test_what_grows_or_turns_the_position_is_not_let_out() -> None:
    desk = holding(10)
    risk(desk, 2, "HALT", flattens=True)
    [sent] = desk.send(decision(size_lots=40))
    assert sent.size_lots == 10
    assert desk.send(decision(2, at_ms=6, side="buy")) == []


def test_slices_are_no_part_of_the_mass_cancel() -> None:
    """It was proven before the first, and stays so."""
    desk = holding()
    risk(desk, 2, "HALT", flattens=True)
    [sent] = desk.send(decision())
    desk.tick(6)
    desk.answer(7, "accepted", sent)
    desk.tick(8)
    assert {(each.state, each.open_orders) for each in desk.kills} == {("confirmed", ())}
    risk(desk, 9, "HALT")
    desk.tick(10)
    assert desk.kills[-1].open_orders == (sent.client_order_id,)


def test_the_newest_decision_acted_on_is_carried() -> None:
    """A decision that comes again in the next session is not acted on twice."""
    desk = holding()
    desk.send(decision(4))
    [_, own] = desk.core.carried(T0 + S)
    assert own.balance_sequence == 4
    after = Desk(desk.config)
    after.send(own)
    assert after.symbol.balance_sequence == 4
