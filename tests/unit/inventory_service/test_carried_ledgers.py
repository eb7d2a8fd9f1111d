"""What inventory-service carries from one session to the next: all that is booked, to the last digit."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from inventory_service.core.carry import TRADE_IDS_CARRIED
from inventory_service.core.inventory import InventoryCore

from runtime.process.definition import Carries
from runtime.state.digest import state_digest
from schemas.carried.inventory import InventoryCarried
from schemas.config import Config
from schemas.control import SettingChange
from schemas.inventory import Position
from schemas.market import Instrument, Rate
from schemas.message import Event
from schemas.numbers import check_scale
from schemas.process import AdjustmentApplied, Tick
from tests.kit.messages import BTC, ETH, T0, S, fill, instrument, signal, tick
from tests.unit.inventory_service.ledgers import (
    adjusted,
    adjustment,
    carried_json,
    core,
    opening,
    position,
    positions,
    successor,
)

BNB = "BNB/USDT"
SYMBOLS = (BTC, ETH, BNB)
WANTED = 3
"""Base units: what a setting says when all positions are to be told."""
CONTRACTS: tuple[dict[str, Any], ...] = (
    {},
    {"version": 2, "tick_size": Decimal("0.1")},
    {"version": 3, "tick_size": Decimal("0.5"), "lot_size": Decimal("0.1")},
    {"version": 4, "lot_size": Decimal(3)},
    {"version": 5, "multiplier": Decimal(2)},
    {"version": 6, "reporting_rate": Decimal("1.1"), "taker_fee_bps": Decimal(40)},
    {"version": 7, "tick_size": Decimal("0.3")},
)
sizes = st.integers(-9, 9).filter(bool)
STEPS = st.one_of(
    *[
        st.tuples(
            st.just("fill"),
            st.sampled_from(SYMBOLS),
            st.sampled_from(["buy", "sell"]),
            st.integers(80, 120),
            st.integers(1, 20),
            st.integers(160, 240),
            st.decimals(-2, 2, places=7),
            st.sampled_from(["USDT", "BNB", "XYZ", "base"]),
            st.integers(0, 30),
            st.sampled_from([1, 1, 2, 3, 4, 5]),
        )
    ]
    * 5,
    *[st.tuples(st.just("signal"), st.sampled_from(SYMBOLS), st.integers(150, 250))] * 3,
    st.tuples(st.just("contract"), st.sampled_from(SYMBOLS), st.sampled_from(CONTRACTS)),
    st.tuples(st.just("rate"), st.integers(1, 60_000)),
    st.tuples(st.just("tick"), st.integers(1, 4_000)),
    st.tuples(
        st.just("adjust"),
        st.sampled_from(SYMBOLS),
        sizes,
        st.one_of(st.none(), st.integers(50, 150)),
        st.integers(0, 9),
    ),
    st.tuples(
        st.just("opening"),
        st.sampled_from(SYMBOLS),
        sizes,
        st.one_of(st.none(), st.integers(50, 150)),
        st.integers(0, 3),
    ),
)


def event_of(step: tuple[Any, ...], now_ns: int) -> Event:
    kind, *how = step
    if kind == "fill":
        symbol, side, price, lots, mid, fee, currency, trade, version = how
        made = fill(
            str(trade), side, price, lots, mid=mid, fee=fee, currency="USDT", symbol=symbol, time_ns=now_ns
        )
        if currency == "base":
            changes: dict[str, Any] = {"base_fee": fee}
        else:
            changes = {"fee_currency": currency}
        return made.model_copy(update={**changes, "instrument_version": version})
    if kind == "signal":
        return signal(how[1], how[0], now_ns)
    if kind == "contract":
        made_contract = instrument(how[0], **how[1], base_currency=how[0].partition("/")[0])
        return made_contract.model_copy(update={"event_time_ns": now_ns})
    if kind == "rate":
        return Rate(
            event_time_ns=now_ns,
            venue="sim",
            symbol="XYZ/USDT",
            base_currency="XYZ",
            quote_currency="USDT",
            rate=Decimal(how[0]) / 100,
        )
    if kind == "tick":
        return Tick(event_time_ns=now_ns)
    symbol, size, price, number = how
    told = None if price is None else str(price)
    if kind == "adjust":
        return adjustment(f"a{number}", str(size), told, symbol=symbol, time_ns=now_ns)
    return opening(size, told, number=f"o{number}", symbol=symbol, time_ns=now_ns)


class Run:
    """Events in order of time, and the newest contract of each symbol."""

    def __init__(self) -> None:
        self.now_ns = T0
        self.instruments: dict[str, Instrument] = {}

    def events(self, steps: list[tuple[Any, ...]]) -> list[Event]:
        made = []
        for step in steps:
            self.now_ns += step[1] * 1_000_000 if step[0] == "tick" else 1
            event = event_of(step, self.now_ns)
            if isinstance(event, Instrument):
                self.instruments[event.key] = event
            made.append(event)
        return made


def told(events: tuple[Event, ...]) -> dict[str, dict[str, Any]]:
    """What was said of each symbol, its time left out."""
    return {
        f"{type(each).__name__} {each.venue}:{each.symbol}": each.model_dump(exclude={"event_time_ns"})
        for each in events
        if isinstance(each, Position | AdjustmentApplied)
    }


def say_all(now_ns: int) -> SettingChange:
    """Whereupon every position is told, and its profit's peak looked at."""
    return SettingChange(
        event_time_ns=now_ns,
        venue="*",
        symbol="*",
        change_id=f"say {now_ns}",
        setting_key="inventory.target_inventory",
        value=str(WANTED),
        requester="ann",
    )


A_MARK_THAT_ALLOWS_IT: list[tuple[Any, ...]] = [
    ("contract", ETH, {}),
    ("fill", ETH, "buy", 120, 1, 160, Decimal(0), "USDT", 0, 1),
    ("contract", ETH, {"version": 7, "tick_size": Decimal("0.3")}),
    ("signal", ETH, 150),
]
"""Half a tick of 0.3 is the first mark that the ledger can tell in both: it is converted then."""


@settings(max_examples=150)
@given(steps=st.lists(STEPS, min_size=5, max_size=50), later=st.lists(STEPS, max_size=30))
@example(steps=A_MARK_THAT_ALLOWS_IT, later=[])
def test_a_ledger_goes_on_in_another_session_as_if_there_had_been_none(
    steps: list[tuple[Any, ...]], later: list[tuple[Any, ...]]
) -> None:
    """The position that a new core says when it is put back looks at the profit's peak: so the old one does
    that too. At a tick the old core may say again what the new one has just said.
    """
    run, old = Run(), InventoryCore(Config())
    for event in run.events([("contract", BTC, {}), *steps]):
        old.on_event(event)
    before = told(old.on_event(say_all(run.now_ns)))
    new = InventoryCore(Config.model_validate({"inventory": {"target_inventory": WANTED}}))
    newest: dict[str, dict[str, Any]] = {}
    for each in carried_json(old, run.now_ns):
        check_scale(each)
        newest |= told(new.on_event(each))
    for announced in run.instruments.values():
        assert new.on_event(announced) == (), "all was said before"
    assert all(before[key] == said for key, said in newest.items())
    began = {key: said for key, said in before.items() if said["fills"] or said["adjustments"]}
    assert newest == began
    for event in run.events(later):
        by_old, by_new = told(old.on_event(event)), told(new.on_event(event))
        newest |= by_new
        assert {key: newest.get(key, said) for key, said in by_old.items()} == by_old
        assert set(by_new) <= set(by_old)
    assert carried_json(new, run.now_ns) == carried_json(old, run.now_ns)
    say = say_all(run.now_ns + 1)
    assert told(new.on_event(say)) == told(old.on_event(say))


def test_a_core_carries() -> None:
    assert isinstance(core(), Carries)


def test_digits_are_kept_whatever_their_number() -> None:
    made = core(instrument(tick_size=Decimal("1e-12"), lot_size=Decimal("1e-8")))
    position(made, fill("a", "buy", 10**17 + 1, 3, fee="0.00000000000000000000000000123"))
    before = position(made, fill("b", "buy", 10**16 + 7, 10**6 + 1))
    new, said = successor(made)
    assert said == {before.key: before}
    assert new.on_event(fill("b", "buy", 10**16 + 7, 10**6 + 1)) == ()


def test_a_fill_and_an_adjustment_that_are_told_again_count_once() -> None:
    made = core()
    position(made, fill("a", "buy", 100, 2))
    adjusted(made, adjustment("j", "1"))
    adjusted(made, opening(4))
    new, said = successor(made)
    for again in (fill("a", "buy", 100, 2), adjustment("j", "1"), opening(4)):
        assert new.on_event(again) == ()
    assert position(new, fill("b", "buy", 100, 1)).position_lots == 8
    assert said["sim:BTC/USDT"].adjustments == 2


def test_of_the_trade_ids_the_newest_are_carried() -> None:
    made = core()
    for number in range(TRADE_IDS_CARRIED + 5):
        made.on_event(fill(str(number)))
    carried = carried_json(made)[-1]
    assert carried.trade_ids == tuple(str(number) for number in range(5, TRADE_IDS_CARRIED + 5))
    new, _ = successor(made)
    assert new.on_event(fill("5")) == ()


def test_a_fill_that_waits_for_its_contract_waits_on() -> None:
    made = InventoryCore(Config())
    assert made.on_event(fill("a", "buy", 100, 2)) == ()
    new, said = successor(made)
    assert said == {}
    assert new.on_event(fill("a", "buy", 100, 2)) == (), "it is known already"
    assert position(new, instrument()).position_lots == 2


def test_a_fee_without_a_rate_is_booked_in_the_next_session() -> None:
    made = core()
    position(made, fill("a", "buy", 100, 2, fee="3", currency="XYZ"))
    new, said = successor(made, instrument())
    assert [(fee.currency, fee.amount) for fee in said["sim:BTC/USDT"].open_fees] == [("XYZ", Decimal(3))]
    rate = event_of(("rate", 250), T0)
    assert position(new, rate).fees == Decimal("7.5")


def test_a_rate_that_nobody_follows_is_known_in_the_next_session() -> None:
    made = core()
    made.on_event(event_of(("rate", 250), T0))
    new, _ = successor(made, instrument())
    assert position(new, fill("a", fee="3", currency="XYZ")).fees == Decimal("7.5")


def test_expected_adverse_moves_go_on() -> None:
    made = core()
    for number in range(25):
        made.on_event(fill(str(number), "buy", 100, 1, time_ns=T0 + number * S))
        made.on_event(signal(198, time_ns=T0 + number * S + 1))
        made.on_event(tick(number + 1.5))
    new, _ = successor(made, now_ns=T0 + 26 * S)
    assert position(new, fill("z", time_ns=T0 + 27 * S)) == position(made, fill("z", time_ns=T0 + 27 * S))


def test_the_next_session_judges_by_its_own_limits() -> None:
    made = core(inventory={"max_inventory": 10, "max_inventory_notional": 10**9})
    before = position(made, fill("a", "buy", 100, 5))
    limits = {"max_inventory": 5, "max_inventory_notional": 10**9, "rebalance_threshold": 2}
    _, said = successor(made, inventory=limits)
    after = said[before.key]
    assert (before.bias, after.bias) == (0.5, 1.0)
    assert after.rebalance_action == "sell"
    of_limits = {"bias", "rebalance_action", "rebalance_size_lots", "rebalance_urgency"}
    assert after.model_dump(exclude=of_limits) == before.model_dump(exclude=of_limits)


def test_a_symbol_that_is_no_longer_quoted_keeps_its_ledger() -> None:
    made = core(instrument(), instrument(ETH))
    before = position(made, fill("a", "buy", 100, 5, symbol=ETH))
    one, said = successor(made, instrument())
    two, said_again = successor(one, instrument())
    assert said[before.key] == said_again[before.key] == before
    assert position(two, signal_and_tick(two, ETH, 210)).unrealised == 25


def signal_and_tick(made: InventoryCore, symbol: str, mid: int) -> Tick:
    made.on_event(signal(mid, symbol))
    return tick(1)


def test_what_is_carried_is_in_the_digest_in_an_order_that_nothing_changes() -> None:
    made = core(instrument(), instrument(ETH), instrument(BNB))
    for symbol in SYMBOLS:
        made.on_event(fill("a", symbol=symbol, fee="1", currency="XYZ"))
    one, two = successor(made)[0], successor(made)[0]
    assert state_digest(one) == state_digest(two)
    assert carried_json(one) == carried_json(made)
    assert [each.symbol for each in carried_json(made)] == ["*", *SYMBOLS]


def test_profit_is_told_in_the_reporting_currency_of_the_session() -> None:
    """The ledger is in the quote currency: one USDT was one USDT, and is half a EUR now."""
    made = core()
    made.on_event(fill("a", "buy", 100, 2))
    before = positions(made, [signal(220), tick(1)])["sim:BTC/USDT"]
    reporting = {"currency": "EUR", "rates": {"USDT": "0.5"}}
    new, said = successor(made, instrument(), reporting=reporting)
    after = said[before.key]
    assert (before.pnl_reporting, after.pnl, after.pnl_reporting) == (Decimal(20), Decimal(20), Decimal(10))
    assert after.notional_reporting == 110
    assert new.on_event(instrument()) == (), "one of the session before, whose rate is not believed"
    later = instrument(reporting_rate=Decimal("0.4")).model_copy(update={"event_time_ns": T0 + 5})
    assert position(new, later).pnl_reporting == 8


@pytest.mark.parametrize("fields", [{}, {"symbol": BTC, "venue": "sim"}])
def test_a_message_without_fields_carries_an_empty_ledger(fields: dict[str, Any]) -> None:
    made = InventoryCore(Config())
    carried = InventoryCarried(event_time_ns=T0, process="inventory-service", **fields)
    assert made.on_event(carried) == ()
    made.on_event(instrument())
    assert position(made, fill("a", "buy", 100, 2)).position_lots == 2
