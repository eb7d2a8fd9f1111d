"""What changes a ledger and is no trade: what people say, what the account held, what the file states."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inventory_service.core.inventory import InventoryCore
from pydantic import ValidationError
from risk_service.core.risk import RiskCore

from schemas.config import Config
from schemas.inventory import Position
from schemas.process import AdjustmentApplied, Tick
from schemas.risk import RiskAlert, RiskState
from tests.kit.messages import BTC, ETH, T0, fill, instrument, signal, tick
from tests.unit.inventory_service.ledgers import (
    adjusted,
    adjustment,
    core,
    opening,
    position,
    positions,
    successor,
)

KEY = f"sim:{BTC}"
OF_PROFIT = ("pnl", "pnl_capture", "pnl_inventory", "fees", "max_drawdown", "pnl_peak", "fills")


def earned(said: Position) -> dict[str, Any]:
    """What no adjustment may change."""
    return {name: getattr(said, name) for name in (*OF_PROFIT, "traded_notional", "pnl_reporting")}


def held(size: int = 4) -> tuple[InventoryCore, Position]:
    """So much, bought at 100, at a mid of 110 after one of 120."""
    made = core()
    made.on_event(fill("a", "buy" if size > 0 else "sell", 100, abs(size), fee="0.5"))
    made.on_event(signal(240))
    made.on_event(tick(1))
    made.on_event(signal(220))
    return made, position(made, tick(2))


@pytest.mark.parametrize(
    ("change", "price", "lots", "cost"),
    [
        ("4", None, 8, 105),
        ("4", "90", 8, 95),
        ("-3", "90", 1, 100),
        ("-4", "90", 0, None),
        ("-6", "90", -2, 90),
        ("-6", None, -2, 110),
    ],
)
def test_an_adjustment_moves_position_and_cost_and_earns_nothing(
    change: str, price: str | None, lots: int, cost: int | None
) -> None:
    made, before = held()
    answer, after = adjusted(made, adjustment("j", change, price))
    assert after is not None
    assert (after.position_lots, after.average_price_ticks, after.adjustments) == (lots, cost, 1)
    assert earned(after) == earned(before)
    assert after.realised + after.unrealised - after.fees == after.pnl
    assert after.unrealised == (0 if cost is None else lots * (110 - cost))
    assert answer == AdjustmentApplied(
        event_time_ns=answer.event_time_ns,
        process="inventory-service",
        venue="sim",
        symbol=BTC,
        change_id="j",
        size_change=Decimal(change),
        price=None if price is None else Decimal(price),
        position=Decimal(lots),
        base_change=Decimal(change),
        mid=Decimal(110),
    )


def test_what_was_adjusted_gains_with_the_next_mid() -> None:
    made, before = held()
    adjusted(made, adjustment("j", "6", "50"))
    made.on_event(signal(222))
    after = position(made, tick(3))
    assert after.pnl - before.pnl == 10
    assert after.unrealised == 10 * (111 - 70)


def test_an_adjustment_counts_once() -> None:
    made, _ = held()
    adjusted(made, adjustment("j", "1"))
    assert made.on_event(adjustment("j", "1")) == ()
    assert positions(made, [adjustment("k", "1")])[KEY].position_lots == 6


def test_what_cannot_be_booked_is_refused_in_words() -> None:
    made, _ = held()
    for number, (change, price, why) in enumerate(
        [
            ("0.5", None, "0.5 is not a multiple of 1: give a size in whole lots of 1 BTC"),
            ("0", None, "a change of 0 changes nothing: give a size in whole lots of 1 BTC"),
            ("1e18", "1e17", "the price 100000000000000000 is more than 1e+15 ticks of 1"),
        ]
    ):
        answer, said = adjusted(made, adjustment(f"j{number}", change, price))
        assert (answer.refused_because or "").startswith(why)
        assert (said, answer.position, answer.base_change) == (None, Decimal(4), Decimal(0))
    answer, said = adjusted(made, adjustment("k", "1", symbol=ETH))
    assert said is None
    assert answer.refused_because == (
        "no contract of ETH/USDT is known: name a symbol that the engine follows"
    )
    assert answer.position is None
    assert position(made, fill("b", lots=1, fee="0")).adjustments == 0


def test_sizes_of_a_derivative_are_contracts() -> None:
    of = instrument(
        lot_size=Decimal("0.1"), multiplier=Decimal("0.001"), contract_kind="linear", tick_size=Decimal("0.5")
    )
    made = core(of)
    made.on_event(signal(240))
    answer, after = adjusted(made, adjustment("j", "2.5", "50"))
    assert after is not None
    assert (after.position_lots, after.average_price_ticks) == (25, Decimal(100))
    assert (answer.position, answer.base_change, answer.mid) == (
        Decimal("2.5"),
        Decimal("0.0025"),
        Decimal(60),
    )
    answer, _ = adjusted(made, adjustment("k", "0.05"))
    assert "in whole lots of 0.1 contracts" in (answer.refused_because or "")


def test_a_perpetual_opens_by_the_venues_side_size_and_entry() -> None:
    """Short 30 lots since 62.5; the mid is 60: the exchange shows 7.5, and we have earned none of it."""
    of = instrument(lot_size=Decimal("0.1"), contract_kind="linear", tick_size=Decimal("0.5"), version=3)
    made = core(of)
    made.on_event(signal(240))
    _, after = adjusted(made, opening(-30, "62.5", version=3))
    assert after is not None
    assert (after.position_lots, after.average_price_ticks) == (-30, Decimal(125))
    assert (after.unrealised, after.pnl, after.max_drawdown, after.fills) == (
        Decimal("7.5"),
        Decimal(0),
        Decimal(0),
        0,
    )
    closed = position(made, fill("a", "buy", 120, 30).model_copy(update={"instrument_version": 3}))
    assert (closed.pnl, closed.realised, closed.fills) == (Decimal(0), Decimal(0), 1)


@pytest.mark.parametrize(("price", "cost"), [("90", 90), (None, 110)])
def test_what_comes_before_the_first_mid_is_valued_by_it(price: str | None, cost: int) -> None:
    made = core()
    answer, before = adjusted(made, opening(4, price))
    assert before is not None
    assert (before.position_lots, before.pnl, before.mark_half_ticks, answer.mid) == (
        4,
        Decimal(0),
        None,
        None,
    )
    new, _ = successor(made, instrument())
    for each in (made, new):
        each.on_event(signal(220))
        after = position(each, tick(1))
        assert (after.average_price_ticks, after.pnl, after.max_drawdown) == (
            Decimal(cost),
            Decimal(0),
            Decimal(0),
        )
        assert after.unrealised == 4 * (110 - cost)
        each.on_event(signal(222))
        assert position(each, tick(2)).pnl == 4


def test_two_changes_before_the_first_mid() -> None:
    made = core()
    positions(made, [opening(4), adjustment("j", "2", "90"), adjustment("k", "-1")])
    sold = position(made, fill("a", "sell", 100, 5, mid=200))
    assert (sold.position_lots, sold.pnl, sold.pnl_capture, sold.pnl_inventory) == (
        0,
        Decimal(0),
        Decimal(0),
        Decimal(0),
    )


def test_an_opening_that_comes_before_its_contract_waits_for_it() -> None:
    made = InventoryCore(Config())
    assert made.on_event(opening(4, "90")) == ()
    made, _ = successor(made)
    answer, after = adjusted(made, instrument())
    assert after is not None
    assert (answer.change_id, after.position_lots, after.average_price_ticks) == ("opening", 4, Decimal(90))
    assert made.on_event(opening(4, "90")) == ()


CHANGES = st.lists(
    st.tuples(st.integers(-9, 9).filter(bool), st.one_of(st.none(), st.integers(50, 150))), max_size=8
)
MIDS = st.lists(st.integers(160, 240), min_size=1, max_size=8)


@given(changes=CHANGES, mids=MIDS, size=st.integers(-9, 9).filter(bool))
def test_profit_is_what_the_mid_does_to_what_is_held(
    changes: list[tuple[int, int | None]], mids: list[int], size: int
) -> None:
    made, before = held(size)
    expected, lots = before.pnl, size
    for number, ((change, price), mid) in enumerate(zip(changes, mids, strict=False)):
        last = made.on_event(adjustment(f"j{number}", str(change), None if price is None else str(price)))[-1]
        assert isinstance(last, Position)
        assert last.pnl == expected
        lots += change
        expected += lots * Decimal(mid - (last.mark_half_ticks or 0)) / 2
        made.on_event(signal(mid))
        made.on_event(tick(3 + number))
    after = positions(made, [fill("z", "buy", 100, 1, mid=200)])[KEY]
    assert after.pnl == after.pnl_capture + after.pnl_inventory - after.fees
    assert after.pnl == after.realised + after.unrealised - after.fees
    assert after.position_lots == lots + 1


def test_people_hear_of_it() -> None:
    made, _ = held()
    risk = RiskCore(Config())
    said: list[RiskAlert] = []
    for change in ("-1", "0.5"):
        for answer in made.on_event(adjustment(f"j {change}", change)):
            said += [each for each in risk.on_event(answer) if isinstance(each, RiskAlert)]
    booked, refused = said[0], said[-1]
    assert (booked.severity, booked.name, booked.symbol) == ("info", "LEDGER_ADJUSTED", BTC)
    assert booked.message == "-1 of BTC/USDT by j -1: the ledger holds 3 now"
    assert (refused.severity, refused.name) == ("warning", "ADJUSTMENT_REFUSED")
    assert "0.5 is not a multiple of 1" in refused.message


# --- what the file states ---


def stated(**positions_by_symbol: Any) -> dict[str, Any]:
    named = {name.replace("_", "/"): value for name, value in positions_by_symbol.items()}
    return {"inventory": {"opening": "stated", "opening_positions": named}}


def test_an_empty_ledger_of_a_simulated_engine_opens_as_stated() -> None:
    made = InventoryCore(Config.model_validate(stated(BTC_USDT={"size": "-4", "price": "90"})))
    answer, after = adjusted(made, instrument())
    assert after is not None
    assert (after.position_lots, after.average_price_ticks, after.fills) == (-4, Decimal(90), 0)
    assert answer.change_id == "inventory.opening_positions"
    assert made.on_event(instrument()) == (), "once"
    assert made.on_event(instrument(ETH)) == (), "of this one nothing is stated"
    _, said = successor(made, instrument(), **stated(BTC_USDT={"size": "7"}))
    assert said[KEY].position_lots == -4, "nor in another session"


def test_a_ledger_in_which_something_is_booked_is_not_opened() -> None:
    made, before = held()
    _, said = successor(made, instrument(), **stated(BTC_USDT={"size": "7"}))
    assert said[KEY].position_lots == before.position_lots


def test_a_stated_size_that_is_no_whole_number_of_lots_halts() -> None:
    made = InventoryCore(Config.model_validate(stated(BTC_USDT={"size": "0.5"})))
    answer, said = adjusted(made, instrument())
    assert said is not None
    assert "0.5 is not a multiple of 1" in said.halted_because
    assert "inventory.opening_positions" in said.halted_because
    risk = RiskCore(Config())
    states = [
        each
        for event in (instrument(), said, Tick(event_time_ns=T0))
        for each in risk.on_event(event)
        if isinstance(each, RiskState) and each.symbol == BTC
    ]
    assert (states[-1].state, states[-1].reasons) == ("HALT", (said.halted_because,))
    assert answer.refused_because is not None


def refused(sections: dict[str, Any]) -> str:
    with pytest.raises(ValidationError) as error:
        Config.model_validate(sections)
    return str(error.value)


LIVE = {
    "feed": {"kind": "live"},
    "venue": {"kind": "ccxt"},
    "exchange": {"symbols": ["BTC/USDT"], "url": "http://127.0.0.1:1"},
}


def test_what_the_file_cannot_mean_is_refused_with_the_remedy() -> None:
    position_of = {"BTC/USDT": {"size": 1}}
    assert (
        "opening_positions names BTC/USDT, but opening is ledger: say opening: stated, or take "
        "opening_positions out"
    ) in refused({"inventory": {"opening_positions": position_of}})
    assert "inventory.opening venue needs an account, but venue.kind is simulated" in refused(
        {"inventory": {"opening": "venue"}}
    )
    assert "opening_positions.BTC/USDT.size" in refused(
        {"inventory": {"opening": "stated", "opening_positions": {"BTC/USDT": {"price": 1}}}}
    )
    assert "Input should be 'ledger', 'venue' or 'stated'" in refused({"inventory": {"opening": "flat"}})
    assert "reserved.USDT" in refused({"inventory": {"reserved": {"USDT": -1}}})
    unknown = "inventory.opening_positions names XRP/USDT, which is no symbol of feed.symbols"
    assert unknown in refused(
        {"inventory": {"opening": "stated", "opening_positions": {"XRP/USDT": {"size": 1}}}}
    )
    assert "which is no symbol of exchange.symbols" in refused(
        {**LIVE, "inventory": {"opening": "stated", "opening_positions": {"XRP/USDT": {"size": 1}}}}
    )


def test_an_exchange_may_open_in_any_way() -> None:
    for opening_kind in ("ledger", "venue", "stated"):
        config = Config.model_validate({**LIVE, "inventory": {"opening": opening_kind}})
        assert config.inventory.opening == opening_kind
    assert Config().inventory.opening == "ledger"
