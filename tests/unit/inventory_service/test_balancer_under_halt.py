"""The balancer under a halt: nothing, or the whole position, as the halt says."""

from typing import Any

import pytest
from inventory_service.core.inventory import InventoryCore

from schemas.balancing import BalanceOrder
from schemas.config import Config
from schemas.message import ALL_SYMBOLS
from schemas.orders import Fill
from schemas.risk import TradingState
from tests.kit.messages import BTC, command, fill, instrument, risk_state, signal, tick


def traded(lots: int, number: int = 1, **fields: Any) -> Fill:
    return fill(lots=lots, trade_id=f"t{number}", **fields)


def core_holding(lots: int, **balance: Any) -> InventoryCore:
    """Half a spread of 100 bps, no taker fee, 100 lots at the most."""
    core = InventoryCore(Config.model_validate({"balance": {"cost_bps_max": 200, **balance}}))
    for event in (instrument(), signal(200, spread_ticks=2), traded(lots)):
        core.on_event(event)
    return core


def decided(core: InventoryCore, at_s: float = 1) -> list[BalanceOrder]:
    return [each for each in core.on_event(tick(at_s)) if isinstance(each, BalanceOrder)]


def halt(core: InventoryCore, state: TradingState = "HALT", symbol: str = BTC, **fields: Any) -> None:
    core.on_event(risk_state(state, symbol, **fields))


@pytest.mark.parametrize("symbol", [BTC, ALL_SYMBOLS])
def test_a_halt_that_lets_orders_out_closes_the_position_and_stands(symbol: str) -> None:
    """By default only the lean acts."""
    core = core_holding(2)
    halt(core, symbol=symbol, flattens=True)
    [order] = decided(core)
    assert (order.stage, order.side, order.size_lots, order.urgency, order.flattens) == (
        "take", "sell", 2, 1.0, True,
    )  # fmt: skip
    core.on_event(traded(2, 2, side="sell", purpose="balance"))
    assert [(each.stage, each.size_lots) for each in decided(core, 2)] == [("lean", 0)]
    assert decided(core, 3) == []
    core.on_event(traded(3, 3, side="sell"))
    assert [(each.stage, each.side, each.size_lots) for each in decided(core, 4)] == [("take", "buy", 3)]


@pytest.mark.parametrize(
    ("account", "own"),
    [
        ({"state": "HALT"}, {"state": "HALT", "flattens": True}),
        ({"state": "HALT", "flattens": True}, {"state": "HALT"}),
        ({"state": "RUN", "flattens": True}, {"state": "RUN"}),
    ],
)
def test_one_halt_that_lets_nothing_out_is_enough(account: dict[str, Any], own: dict[str, Any]) -> None:
    core = core_holding(2)
    halt(core, symbol=ALL_SYMBOLS, **account)
    halt(core, **own)
    assert decided(core) == []


def test_under_a_plain_halt_the_balancer_asks_for_nothing_that_the_gate_would_refuse() -> None:
    core = core_holding(100, stage_max="take")
    assert [each.stage for each in decided(core)] == ["take"]
    halt(core)
    assert [each.stage for each in decided(core, 2)] == ["lean"]
    assert decided(core, 3) == []
    halt(core, "RUN")
    assert [each.stage for each in decided(core, 4)] == ["take"]


def test_a_flatten_without_halt_ends_with_any_halt_and_does_not_come_back() -> None:
    core = core_holding(2)
    core.on_event(command("flatten", symbol=BTC))
    assert [each.stage for each in decided(core)] == ["take"]
    halt(core)
    assert [each.stage for each in decided(core, 2)] == ["lean"]
    halt(core, "RUN")
    assert decided(core, 3) == []


def test_it_is_said_why_nothing_is_taken() -> None:
    core = core_holding(2, cost_bps_max=99)
    halt(core, flattens=True)
    [order] = decided(core)
    assert (order.stage, order.held_back) == (
        "touch", "taking costs 100 bps, balance.cost_bps_max is 99",
    )  # fmt: skip
    core.on_event(signal(200, book_status="stale"))
    assert [each.held_back for each in decided(core, 2)] == ["the market has no live book"]


def test_the_next_session_waits_for_the_halt_to_be_said_again() -> None:
    core = core_holding(2)
    halt(core, flattens=True)
    assert [each.stage for each in decided(core)] == ["take"]
    after = InventoryCore(Config.model_validate({"balance": {"cost_bps_max": 200}}))
    for each in core.carried(0):
        after.on_event(each)
    after.on_event(signal(200, spread_ticks=2))
    assert decided(after, 2) == []
    halt(after, flattens=True)
    assert [(each.stage, each.sequence) for each in decided(after, 3)] == [("take", 2)]
