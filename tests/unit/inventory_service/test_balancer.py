"""How far the balancer goes, by urgency and cost."""

from decimal import Decimal
from typing import Any

import pytest
from inventory_service.core.balancer import Balancer, DueTrade, Spread, stage_of, taking_cost_bps
from inventory_service.core.bias import Rebalance
from inventory_service.core.inventory import InventoryCore

from schemas.balance_settings import Balance
from schemas.balancing import BalanceOrder
from schemas.config import Config
from schemas.inventory import Position
from schemas.orders import Fill
from tests.kit.messages import BTC, T0, command, instrument, named, signal, tick

CHEAP = Spread(2, 20_000)
"""A spread of 2 ticks at 10,000: half of it is 1 bp."""


@pytest.mark.parametrize(
    ("stage_max", "urgency", "cost_bps", "stage"),
    [
        ("lean", 1.0, 0.0, "lean"),
        ("touch", 0.24, 0.0, "lean"),
        ("touch", 0.25, 0.0, "touch"),
        ("touch", 1.0, 0.0, "touch"),
        ("take", 0.74, 0.0, "touch"),
        ("take", 0.75, 10.0, "take"),
        ("take", 0.75, 10.1, "touch"),
        ("take", 0.75, None, "touch"),
        ("take", 0.1, 0.0, "lean"),
    ],
)
def test_the_stage_follows_urgency_and_cost(
    stage_max: Any, urgency: float, cost_bps: float | None, stage: str
) -> None:
    assert stage_of(Rebalance("sell", 5, urgency), cost_bps, Balance(stage_max=stage_max)) == stage


def test_nothing_to_rebalance_is_left_to_the_lean() -> None:
    assert stage_of(Rebalance("none", 0, 0.0), 0.0, Balance(stage_max="take")) == "lean"


def test_taking_costs_half_the_spread_and_the_fee() -> None:
    assert taking_cost_bps(CHEAP, instrument(taker_fee_bps=Decimal(4))) == 5.0


def test_a_decision_is_renewed_numbered_and_ended_once() -> None:
    balancer, own = Balancer(), Balance(stage_max="take")
    urgent, calm = Rebalance("sell", 9, 0.9), Rebalance("none", 0, 0.0)
    said = [
        balancer.decide(DueTrade(each, own), CHEAP, instrument(taker_fee_bps=Decimal(0)), T0)
        for each in (calm, urgent, urgent, calm, calm)
    ]
    found = [(each.sequence, each.stage, each.side, each.size_lots) for each in said if each is not None]
    assert found == [(1, "take", "sell", 9), (2, "take", "sell", 9), (3, "lean", "buy", 0)]
    assert said[0] is None
    assert said[4] is None


def fill(size: int = 1, **fields: Any) -> Fill:
    facts = {
        "venue_trade_id": "t1", "client_order_id": "o1", "side": "buy", "price_ticks": 101, "size_lots": size,
        "liquidity": "taker", "fee": Decimal("0.5"), "fee_currency": "USDT", "mid_half_ticks": 200,
    }  # fmt: skip
    return Fill(**{**named(BTC), **facts, **fields})


def core_holding(lots: int, **balance: Any) -> InventoryCore:
    core = InventoryCore(Config.model_validate({"balance": balance}))
    for event in (instrument(), signal(200, spread_ticks=2), fill(lots, purpose="quote")):
        core.on_event(event)
    return core


def orders(core: InventoryCore) -> list[BalanceOrder]:
    return [each for each in core.on_event(tick(1)) if isinstance(each, BalanceOrder)]


def test_by_default_nothing_but_the_lean_is_said() -> None:
    assert orders(core_holding(100)) == []


def test_a_full_inventory_at_a_tight_market_is_sold_into_it() -> None:
    """100 of 100 lots: as urgent as can be; half a spread is 100 bps, and the contract has no taker fee."""
    [wanted] = orders(core_holding(100, stage_max="take", cost_bps_max=200))
    assert (wanted.stage, wanted.side, wanted.size_lots, wanted.urgency) == ("take", "sell", 100, 1.0)
    assert wanted.cost_bps == pytest.approx(100.0)


def test_what_balancing_cost_is_a_line_of_its_own_and_part_of_the_whole() -> None:
    """Bought a lot one tick above the mid, for a fee of 0.5."""
    core = core_holding(1)
    said = core.on_event(fill(venue_trade_id="t2", purpose="balance"))
    [position] = [each for each in said if isinstance(each, Position)]
    assert position.pnl_balance == Decimal("-1.5")
    assert position.pnl_capture == Decimal(-2)
    assert position.pnl == position.pnl_capture + position.pnl_inventory - position.fees


def test_the_line_and_the_numbers_survive_into_the_next_session() -> None:
    core = core_holding(100, stage_max="take", cost_bps_max=200)
    core.on_event(fill(venue_trade_id="t2", purpose="balance"))
    orders(core)
    after = InventoryCore(Config.model_validate({"balance": {"stage_max": "take", "cost_bps_max": 200}}))
    said = [output for each in core.carried(T0) for output in after.on_event(each)]
    [position] = [each for each in said if isinstance(each, Position)]
    assert position.pnl_balance == Decimal("-1.5")
    after.on_event(signal(200, spread_ticks=2))
    assert [each.sequence for each in orders(after)] == [2]


def test_a_position_that_a_person_wants_closed_is_taken_out_until_it_is() -> None:
    """By default only the lean acts. 2 lots, both sold; a start would have ended it too."""
    core = core_holding(2, cost_bps_max=200)
    core.on_event(command("flatten", symbol=BTC))
    [wanted] = orders(core)
    assert (wanted.stage, wanted.side, wanted.size_lots, wanted.urgency) == ("take", "sell", 2, 1.0)
    core.on_event(fill(2, venue_trade_id="t2", side="sell", purpose="balance"))
    assert [each.stage for each in orders(core)] == ["lean"]
    assert orders(core) == []


def test_it_is_remembered_by_the_next_session_and_ended_by_a_start() -> None:
    core = core_holding(2, cost_bps_max=200)
    core.on_event(command("flatten", symbol="*"))
    after = InventoryCore(Config.model_validate({"balance": {"cost_bps_max": 200}}))
    for each in core.carried(T0):
        after.on_event(each)
    after.on_event(signal(200, spread_ticks=2))
    assert [each.stage for each in orders(after)] == ["take"]
    after.on_event(command("start", symbol=BTC))
    assert [each.stage for each in orders(after)] == ["lean"]
