"""A contract whose tick, lot, multiplier or money changes: exactly, or people are asked."""

from decimal import Decimal
from typing import Any

import pytest
from inventory_service.core.inventory import InventoryCore
from risk_service.core.risk import RiskCore

from schemas.config import Config
from schemas.inventory import LedgerUnits, Position
from schemas.market import Instrument
from schemas.process import Tick
from schemas.risk import RiskState
from tests.kit.messages import T0, fill, instrument, signal, tick
from tests.unit.inventory_service.ledgers import (
    adjusted,
    adjustment,
    core,
    opening,
    position,
    positions,
    successor,
)

KEY = "sim:BTC/USDT"
OF_UNITS = {
    "instrument_version",
    "position_lots",
    "average_price_ticks",
    "mark_half_ticks",
    "owed_lots",
    "bias",
    "rebalance_size_lots",
    "event_time_ns",
}
"""What is told in ticks and lots, and what a float makes of them."""


def contract(version: int, tick: str = "0.01", lot: str = "0.1", **fields: Any) -> Instrument:
    return instrument(tick_size=Decimal(tick), lot_size=Decimal(lot), version=version, **fields)


def held(version: int = 1, lots: int = 6, **fields: Any) -> tuple[InventoryCore, Position]:
    """A ledger that bought at 100.01, closed a third at a profit, paid a fee, and stands at a mid of 103."""
    made = core(contract(version, **fields))
    made.on_event(fill("a", "buy", 10_001, lots * 3 // 2, mid=20_004, fee="0.123456789"))
    made.on_event(fill("b", "sell", 10_203, lots // 2, mid=20_402))
    made.on_event(signal(20_600))
    return made, position(made, tick(1))


def version_of(event: Any, version: int) -> Any:
    return event.model_copy(update={"instrument_version": version})


@pytest.mark.parametrize(
    ("tick_size", "lot_size", "lots"),
    [
        ("0.01", "0.1", 6),
        ("0.001", "0.1", 6),
        ("0.01", "0.01", 60),
        ("0.5", "0.2", 3),
        ("1", "0.6", 1),
        ("0.0000001", "0.000001", 600_000),
    ],
)
def test_a_changed_tick_or_lot_changes_no_money(tick_size: str, lot_size: str, lots: int) -> None:
    made, before = held()
    after = position(made, contract(2, tick_size, lot_size))
    assert after.position_lots == lots
    assert after.position_lots * Decimal(lot_size) == Decimal("0.6")
    assert after.average_price_ticks is not None
    assert after.average_price_ticks * Decimal(tick_size) == Decimal("100.01"), "not cut to a tick"
    assert after.model_dump(exclude=OF_UNITS) == before.model_dump(exclude=OF_UNITS)
    assert (after.instrument_version, after.halted_because, after.counted_in) == (2, "", None)


def test_it_goes_on_in_the_new_units() -> None:
    """0.3 of 0.6 are sold at 104: (104 - 100.01) x 0.3 more is realised."""
    made, before = held()
    made.on_event(contract(2, "0.5", "0.1"))
    sold = version_of(fill("c", "sell", 208, 3, mid=416), 2)
    after = position(made, sold)
    assert after.realised - before.realised == Decimal("1.197")
    assert after.unrealised == Decimal("1.197")
    assert after.traded_notional - before.traded_notional == Decimal("31.2")
    assert after.pnl == after.pnl_capture + after.pnl_inventory - after.fees


def test_a_mark_between_the_new_ticks_is_none_until_the_next_mid() -> None:
    """103 is no whole number of half ticks of 0.3; of 0.4 it is 515 of them."""
    made, before = held()
    assert position(made, contract(2, "0.4", "0.1")).mark_half_ticks == 515
    made, before = held()
    made.on_event(signal(20_601))
    moved = position(made, tick(2))
    after = position(made, contract(2, "0.1", "0.1"))
    assert (after.mark_half_ticks, after.pnl, after.unrealised) == (None, moved.pnl, moved.unrealised)
    made.on_event(signal(2_060))
    marked = position(made, tick(3))
    assert (marked.mark_half_ticks, marked.pnl) == (2_060, before.pnl)


def test_what_fees_took_of_a_lot_becomes_whole_ones() -> None:
    made = core(contract(1))
    bought = fill("a", "buy", 10_000, 6, mid=20_000)
    before = position(made, bought.model_copy(update={"base_fee": Decimal("0.025")}))
    assert (before.position_lots, before.owed_lots, before.base_fees_taken) == (
        6,
        Decimal("0.25"),
        Decimal(0),
    )
    after = position(made, contract(2, lot="0.01"))
    assert (after.position_lots, after.owed_lots) == (58, Decimal("0.5"))
    assert (after.base_fees_taken, after.pnl) == (Decimal("0.02"), before.pnl)


def test_a_late_fill_of_an_order_of_before_counts_in_its_own_units() -> None:
    """0.3 at 101 came under the old contract; half a lot of the new one is held beside the position."""
    made, before = held()
    made.on_event(contract(2, "1", "0.2"))
    late = position(made, fill("c", "buy", 10_100, 3, mid=20_200))
    assert (late.position_lots, late.owed_lots) == (4, Decimal("-0.5"))
    assert late.traded_notional - before.traded_notional == Decimal("30.3")
    assert late.pnl == late.pnl_capture + late.pnl_inventory - late.fees
    again = position(made, fill("d", "buy", 10_100, 1, mid=20_200))
    assert (again.position_lots, again.owed_lots) == (5, Decimal(0))


def risk_of(*said: Position | Instrument) -> str:
    """What risk-service makes of it."""
    made = RiskCore(Config.model_validate({"reporting": {"capital": 10**9}}))
    told = None
    for event in (*said, Tick(event_time_ns=T0)):
        for message in made.on_event(event):
            if isinstance(message, RiskState) and message.symbol != "*":
                told = message
    assert told is not None
    return f"{told.state} {', '.join(told.reasons)}"


CHANGES = [
    (contract(2, lot="0.25"), "0.6 BTC, but that is no whole number of lots of 0.25"),
    (contract(2, tick="0.3"), "no exact number of ticks of 0.3"),
    (contract(2, multiplier=Decimal(5)), "one of them was 1 BTC, and is 5 now"),
    (contract(2, quote_currency="EUR"), "its money is USDT, and that of the contract EUR"),
]


@pytest.mark.parametrize(("changed", "why"), CHANGES)
def test_what_is_not_exact_halts_with_the_command_that_settles_it(changed: Instrument, why: str) -> None:
    made, before = held()
    after = position(made, changed)
    assert why in after.halted_because
    assert '`maker positions adjust BTC/USDT --size NEW --price P --reason "..."`' in after.halted_because
    assert after.counted_in == LedgerUnits(
        tick_size=Decimal("0.01"), lot_size=Decimal("0.1"), multiplier=Decimal(1), quote_currency="USDT"
    )
    said = after.model_dump(exclude={"halted_because", "counted_in", "event_time_ns"})
    assert said == before.model_dump(exclude={"halted_because", "counted_in", "event_time_ns"})
    assert risk_of(changed, after) == f"HALT {after.halted_because}"
    assert made.on_event(changed) == (), "it was said"


@pytest.mark.parametrize(("changed", "why"), CHANGES)
def test_it_is_halted_from_the_first_word_of_the_next_session(changed: Instrument, why: str) -> None:
    made, _ = held()
    before = position(made, changed)
    new, said = successor(made, changed, now_ns=before.event_time_ns)
    assert said == {KEY: before}
    assert positions(successor(new)[0], [changed]) == {}, "nor is it said twice"


def test_people_settle_lots_and_the_profit_stays() -> None:
    made, _ = held()
    before = position(made, contract(2, lot="0.25"))
    answer, refused = adjusted(made, adjustment("j", "0.05"))
    assert refused is None
    assert answer.refused_because == ("0.65 is not a multiple of 0.25: give a size in whole lots of 0.25 BTC")
    answer, after = adjusted(made, adjustment("k", "0.15", "110"))
    assert (answer.position, answer.base_change, answer.mid) == (
        Decimal("0.75"),
        Decimal("0.15"),
        Decimal(103),
    )
    assert after is not None
    assert (after.position_lots, after.instrument_version) == (3, 2)
    assert after.average_price_ticks == Decimal("10200.8"), "0.6 at 100.01 and 0.15 at 110"
    assert (after.pnl, after.fills, after.max_drawdown) == (before.pnl, before.fills, before.max_drawdown)
    assert (after.halted_because, after.counted_in, after.adjustments) == ("", None, 1)
    assert risk_of(contract(2, lot="0.25"), after) == "RUN "


def test_people_settle_another_multiplier() -> None:
    """6 contracts of 0.1 were held, and the account shows 13 of 0.05: one more than the same amount."""
    of: dict[str, Any] = {"contract_kind": "linear", "lot": "1"}
    made, before = held(multiplier=Decimal("0.1"), **of)
    changed = contract(2, multiplier=Decimal("0.05"), **of)
    assert "holds 0.6 BTC, but one of them was 0.1 BTC, and is 0.05 now" in (
        position(made, changed).halted_because
    )
    _, after = adjusted(made, adjustment("k", "1", "100.01"))
    assert after is not None
    assert (after.position_lots, after.average_price_ticks, after.mark_half_ticks) == (
        13,
        Decimal(10_001),
        20_600,
    )
    assert (after.pnl, after.unrealised) == (before.pnl, Decimal("1.9435"))
    made.on_event(signal(20_800))
    assert position(made, tick(2)).pnl - before.pnl == Decimal("0.65"), "0.65 base units gained 1"


def test_people_settle_another_money_at_its_rate() -> None:
    made, before = held()
    made.on_event(contract(2, quote_currency="EUR", reporting_rate=Decimal("1.25")))
    made.on_event(signal(16_480))
    assert made.on_event(tick(2)) == (), "a mid in another money is no mark"
    _, after = adjusted(made, adjustment("k", "0", "80"))
    assert after is not None
    assert (after.quote_currency, after.position_lots, after.average_price_ticks) == (
        "EUR",
        6,
        Decimal(8_000),
    )
    assert after.pnl == before.pnl / Decimal("1.25")
    assert after.pnl_reporting == before.pnl_reporting
    made.on_event(signal(16_680))
    marked = position(made, tick(3))
    assert marked.pnl == after.pnl, "the first mid values it"
    assert marked.unrealised == Decimal("2.04")


def test_a_flat_ledger_is_taken_over_into_any_multiplier() -> None:
    made = core(contract(1))
    made.on_event(fill("a", "buy", 10_000, 3))
    before = position(made, fill("b", "sell", 10_100, 3))
    after = position(made, contract(2, multiplier=Decimal(5)))
    assert (after.pnl, after.halted_because, after.traded_notional) == (
        before.pnl,
        "",
        before.traded_notional,
    )


def test_a_contract_that_comes_back_ends_the_halt() -> None:
    made, before = held()
    assert position(made, contract(2, lot="0.25")).halted_because
    after = position(made, contract(3))
    assert (after.halted_because, after.position_lots, after.pnl) == ("", 6, before.pnl)


def test_a_late_fill_that_makes_it_whole_ends_the_halt() -> None:
    made, before = held()
    made.on_event(contract(2, lot="0.25"))
    newest = positions(made, [fill("c", "sell", 10_300, 1, mid=20_600)])[KEY]
    assert (newest.position_lots, newest.halted_because, newest.fills) == (2, "", before.fills + 1)


def test_a_halted_ledger_is_marked_on() -> None:
    made, before = held()
    made.on_event(contract(2, tick="0.02", lot="0.25"))
    made.on_event(signal(10_400))
    after = position(made, tick(2))
    assert (after.mark_half_ticks, after.pnl - before.pnl) == (20_800, Decimal("0.6"))


def test_a_fill_in_units_that_the_ledger_has_not_waits_and_is_in_what_people_say() -> None:
    """2 of the new contracts were bought before people said that 5 are held: their fee and edge count too."""
    of: dict[str, Any] = {"contract_kind": "linear", "lot": "1"}
    made, _ = held(multiplier=Decimal("0.1"), **of)
    made.on_event(contract(2, multiplier=Decimal("0.05"), **of))
    bought = version_of(fill("c", "buy", 10_290, 2, mid=20_600, fee="0.5"), 2)
    waits = position(made, bought)
    assert (waits.position_lots, waits.fills) == (6, 2)
    said = positions(made, [adjustment("k", "-7", "100")])[KEY]
    assert (said.position_lots, said.fills, said.fees) == (5, 3, waits.fees + Decimal("0.5"))
    assert said.pnl - waits.pnl == Decimal("-0.49"), "an edge of 0.1 x 0.05 x 2, and a fee of 0.5"


def test_an_opening_in_units_that_nobody_knows_halts_until_people_say_what_is_held() -> None:
    made, _ = held()
    made.on_event(contract(7, multiplier=Decimal(5)))
    made.on_event(contract(8))
    refused = position(made, opening(3, version=7))
    assert "3" not in refused.halted_because.partition(":")[0]
    assert "0.3 BTC of BTC/USDT are told in version 7 of the contract" in refused.halted_because
    assert positions(successor(made)[0], [contract(8)]) == {}, "it was said at once"
    _, after = adjusted(made, adjustment("k", "0.3"))
    assert after is not None
    assert (after.halted_because, after.position_lots) == ("", 9)


def test_a_mid_of_old_ticks_is_no_rate_in_new_ones() -> None:
    """BNB stands at 600 when its tick becomes ten times as large: a fee waits for a mid in the new ticks."""
    bnb = {"symbol": "BNB/USDT", "base_currency": "BNB"}
    made = core(contract(1), contract(1, "0.1", **bnb))
    made.on_event(signal(12_000, "BNB/USDT"))
    made.on_event(contract(2, "1", **bnb))
    assert position(made, fill("a", fee="2", currency="BNB")).fees == 0
    assert position(made, signal(1_200, "BNB/USDT")).fees == 1_200
