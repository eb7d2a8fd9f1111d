"""The core of inventory-service: fills and marks to positions."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inventory_service.core.inventory import InventoryCore

from schemas.config import Config
from schemas.inventory import Position
from schemas.message import Event, Side
from schemas.orders import Fill
from tests.kit.messages import BTC, ETH, T0, S, fill, instrument, signal, tick
from tests.unit.inventory_service.ledgers import core, position

PN1_MIDS = (20_000, 20_004, 19_998, 20_002, 20_010, 20_006)
PN1_FILLS: dict[int, tuple[Side, int, int]] = {
    1: ("buy", 10_000, 2),
    2: ("buy", 9_997, 1),
    3: ("sell", 10_003, 2),
    5: ("sell", 10_006, 1),
}


@pytest.mark.case("PN1")
def test_capture_inventory_fees_and_equity() -> None:
    made, said = core(instrument(tick_size=Decimal("0.01"))), None
    for at, mid in enumerate(PN1_MIDS):
        made.on_event(signal(mid))
        if at in PN1_FILLS:
            side, price, lots = PN1_FILLS[at]
            rebate = -Decimal("0.00005") * price * lots / 100
            said = position(made, fill(str(at), side, price, lots, mid=mid, fee=rebate))
    assert said is not None
    assert said.pnl_capture == Decimal("0.13")
    assert said.pnl_inventory == Decimal("0.02")
    assert said.fees == Decimal("-0.0300045")
    assert said.pnl == Decimal("0.1800045")
    assert said.traded_notional == Decimal("600.09")
    assert (said.position_lots, said.fills, said.average_price_ticks) == (0, 4, None)


def test_a_fill_is_said_at_once_in_money() -> None:
    made = core(instrument(tick_size=Decimal("0.5"), lot_size=Decimal("0.1"), multiplier=Decimal(10)))
    said = position(made, fill("a", "buy", 100, 4, mid=202, fee="0.3", time_ns=T0 + 5))
    assert (said.event_time_ns, said.position_lots, said.average_price_ticks) == (T0 + 5, 4, Decimal(100))
    assert said.pnl_capture == Decimal("2"), "one tick, 4 lots, half a unit of money each"
    assert (said.fees, said.pnl) == (Decimal("0.3"), Decimal("1.7"))
    assert said.notional_reporting == Decimal("202")
    assert said.traded_notional == Decimal("200")
    assert said.mark_half_ticks == 202


def test_average_cost_and_a_flip_as_they_are_said() -> None:
    made = core()
    position(made, fill("a", "buy", 100, 2))
    said = position(made, fill("b", "buy", 106, 1))
    assert (said.average_price_ticks, said.realised, said.unrealised) == (
        Decimal(102),
        Decimal(0),
        Decimal(12),
    )
    said = position(made, fill("c", "sell", 108, 1))
    assert (said.average_price_ticks, said.realised, said.unrealised) == (
        Decimal(102),
        Decimal(6),
        Decimal(12),
    )
    said = position(made, fill("d", "sell", 110, 5))
    assert (said.position_lots, said.average_price_ticks) == (-3, Decimal(110))
    assert (said.realised, said.unrealised) == (Decimal(22), Decimal(0))


def test_a_repeated_fill_changes_nothing() -> None:
    made = core()
    first = position(made, fill("a", "buy", 100, 2, fee="1"))
    assert made.on_event(fill("a", "buy", 100, 2, fee="1")) == ()
    assert made.on_event(fill("a", "sell", 500, 9)) == (), "the venue's trade id is what counts"
    made.on_event(signal(202))
    later = position(made, tick(1))
    assert (later.position_lots, later.fees, later.fills) == (first.position_lots, first.fees, first.fills)


def test_fills_before_their_instrument_wait_for_it() -> None:
    made = InventoryCore(Config())
    assert made.on_event(fill("a", "buy", 100, 2)) == ()
    assert made.on_event(fill("b", "buy", 106, 1)) == ()
    assert made.on_event(fill("a", "buy", 100, 2)) == ()
    assert made.on_event(tick(1)) == ()
    said = made.on_event(instrument())
    assert [each.position_lots for each in said if isinstance(each, Position)] == [2, 3]
    assert made.on_event(instrument()) == ()


def test_what_waited_for_its_instrument_is_said_at_the_instruments_time() -> None:
    made = InventoryCore(Config())
    made.on_event(fill("a", time_ns=T0 - 5 * S))
    assert position(made, instrument()).event_time_ns == T0


def test_a_fill_of_nothing_is_no_fill() -> None:
    made = core()
    assert made.on_event(fill("a", lots=0)) == ()
    said = position(made, fill("a", lots=2))
    assert (said.position_lots, said.fills) == (2, 1), "nor does it use up the trade's id"


@pytest.mark.parametrize(
    ("changed", "notional", "currency"),
    [
        ({"tick_size": Decimal("0.5")}, 100, "USDT"),
        ({"lot_size": Decimal("0.5")}, 100, "USDT"),
        ({"multiplier": Decimal(2)}, 400, "USDT"),
        ({"quote_currency": "EUR"}, 200, "EUR"),
    ],
)
def test_an_empty_ledger_takes_any_units(changed: dict[str, Any], notional: int, currency: str) -> None:
    empty = core()
    assert empty.on_event(instrument(**changed)) == ()
    taken = position(empty, fill("a", "buy", 100, 2))
    assert (taken.traded_notional, taken.quote_currency) == (Decimal(notional), currency)


def test_a_mark_alone_says_nothing_until_the_tick() -> None:
    made = core()
    position(made, fill("a", "buy", 100, 2))
    assert made.on_event(signal(210)) == ()
    said = position(made, tick(1))
    assert (said.event_time_ns, said.mark_half_ticks) == (T0 + S, 210)
    assert (said.unrealised, said.pnl_inventory, said.pnl) == (Decimal(10), Decimal(10), Decimal(10))
    assert made.on_event(tick(2)) == (), "nothing moved since"


def test_a_signal_without_a_mid_leaves_the_mark() -> None:
    made = core()
    position(made, fill("a", "buy", 100, 2))
    made.on_event(signal(None))
    assert made.on_event(tick(1)) == ()


def test_a_flat_symbol_is_silent() -> None:
    made = core()
    made.on_event(signal(200))
    assert made.on_event(tick(1)) == ()
    position(made, fill("a", "buy", 100, 2))
    position(made, fill("b", "sell", 100, 2))
    made.on_event(signal(210))
    assert made.on_event(tick(2)) == ()


def test_symbols_are_kept_apart() -> None:
    made = core(instrument(BTC), instrument(ETH))
    position(made, fill("a", "buy", 100, 2))
    said = position(made, fill("a", "sell", 50, 3, symbol=ETH))
    assert (said.symbol, said.position_lots) == (ETH, -3)
    made.on_event(signal(60, ETH))
    made.on_event(signal(202, BTC))
    both = [each for each in made.on_event(tick(1)) if isinstance(each, Position)]
    assert {each.symbol: each.pnl_inventory for each in both} == {BTC: 2, ETH: 60}


@pytest.mark.parametrize(
    ("currency", "expected"),
    [("CHF", "3"), ("USDT", "0.5"), ("BNB", "900")],
)
def test_a_fee_is_taken_into_the_quote_currency(currency: str, expected: str) -> None:
    """The quote currency is worth 6 of the reporting one."""
    made = core(
        instrument(quote_currency="CHF", reporting_rate=Decimal(6)),
        reporting={"rates": {"USDT": "1", "BNB": "1800"}},
    )
    said = position(made, fill("a", fee="3", currency=currency))
    assert (said.fees, said.open_fees) == (Decimal(expected), ())


def test_a_fee_taken_in_the_base_currency_lowers_what_is_held() -> None:
    """Twice 0.6 of a lot of 1 at a mid of 100: the position goes down by the whole lot; 0.2 is owed, and the
    account holds 8.8 when the mid moves to 110, which is 88. Nine are sold at 100 then, capture -90: -122."""
    core = InventoryCore(Config())
    core.on_event(instrument())
    fee = {"base_fee": Decimal("0.6"), "fee": Decimal(60)}
    (first,) = core.on_event(fill("a", lots=5, mid=200).model_copy(update=fee))
    (second,) = core.on_event(fill("b", lots=5, mid=200).model_copy(update=fee))
    (third,) = core.on_event(fill("c", "sell", lots=9, mid=220))
    told = [each for each in (first, second, third) if isinstance(each, Position)]
    assert [each.position_lots for each in told] == [5, 9, 0]
    assert [each.base_fees_taken for each in told] == [0, 1, 1]
    assert [each.pnl for each in told] == [-60, -120, -122]
    assert (told[2].pnl_capture, told[2].pnl_inventory, told[2].fees) == (
        Decimal(-90),
        Decimal(88),
        Decimal(120),
    )
    assert told[2].pnl == told[2].realised + told[2].unrealised - told[2].fees


def test_a_fee_in_base_costs_what_it_is_worth_at_the_mid() -> None:
    """Bought 5 at 98 while the mid is 100, and 1 of them is taken: 490 paid for 4 that are worth 400."""
    paid = fill("a", price=98, lots=5, mid=200, fee="98").model_copy(update={"base_fee": Decimal(1)})
    said = position(core(), paid)
    assert (said.position_lots, said.pnl_capture, said.fees, said.pnl) == (
        4,
        Decimal(10),
        Decimal(100),
        Decimal(-90),
    )


@pytest.mark.parametrize(("side", "held"), [("sell", -2), ("buy", 4)])
def test_a_rebate_in_base_is_held_too(side: Side, held: int) -> None:
    """A short of 3 and a long of 3 get 1 at a mid of 100."""
    paid = fill("a", side, price=100, lots=3, fee="-100").model_copy(update={"base_fee": Decimal(-1)})
    said = position(core(), paid)
    assert (said.position_lots, said.fees, said.pnl, said.average_price_ticks) == (
        held,
        Decimal(-100),
        Decimal(100),
        Decimal(100),
    )
    short = position(
        core(), fill("a", "sell", lots=1, fee="-100").model_copy(update={"base_fee": Decimal(-1)})
    )
    assert (short.position_lots, short.pnl, short.average_price_ticks) == (0, Decimal(100), None)


def test_reported_money_is_in_the_reporting_currency() -> None:
    made = core(instrument(quote_currency="EUR", reporting_rate=Decimal("1.1")))
    position(made, fill("a", "sell", 100, 2, fee="1", currency="EUR"))
    made.on_event(signal(180))
    said = position(made, tick(1))
    assert (said.pnl, said.quote_currency) == (Decimal(19), "EUR")
    assert said.pnl_reporting == Decimal("20.9")
    assert said.notional_reporting == Decimal("-198.0")


def test_drawdown_is_the_largest_fall_from_the_peak_and_stays() -> None:
    made = core()
    position(made, fill("a", "buy", 100, 1))
    falls = []
    for number, mid in enumerate((220, 206, 230, 180, 240)):
        made.on_event(signal(mid, time_ns=T0 + number * S))
        falls.append(position(made, tick(number)).max_drawdown)
    assert falls == [0, 7, 7, 25, 25]


def test_a_loss_from_the_start_is_a_drawdown_from_nothing() -> None:
    made = core()
    assert position(made, fill("a", "buy", 100, 1, fee="2")).max_drawdown == 2


LIMITS = {"max_inventory": "10", "max_inventory_notional": "100000", "rebalance_threshold": "4"}


@pytest.mark.parametrize(
    ("lots", "bias", "action", "size", "urgency"),
    [
        (1, 0.1, "none", 0, 0.0),
        (4, 0.4, "none", 0, 0.0),
        (7, 0.7, "sell", 7, 0.5),
        (10, 1.0, "sell", 10, 1.0),
        (15, 1.0, "sell", 15, 1.0),
    ],
)
@pytest.mark.parametrize("side", ["buy", "sell"])
def test_bias_and_rebalance_of_a_position(
    side: Side, lots: int, bias: float, action: str, size: int, urgency: float
) -> None:
    said = position(core(inventory=LIMITS), fill("a", side, 100, lots))
    sign = 1 if side == "buy" else -1
    mirrored = {"sell": "buy", "none": "none"}
    assert said.bias == pytest.approx(sign * bias)
    assert said.rebalance_action == (action if side == "buy" else mirrored[action])
    assert said.rebalance_size_lots == size
    assert said.rebalance_urgency == pytest.approx(urgency)


def test_bias_and_rebalance_count_from_the_target() -> None:
    made = core(inventory=LIMITS | {"target_inventory": "-5"})
    said = position(made, fill("a", "buy", 100, 2))
    assert said.bias == pytest.approx(0.7)
    assert (said.rebalance_action, said.rebalance_size_lots) == ("sell", 7)
    said = position(made, fill("b", "sell", 100, 7))
    assert (said.bias, said.rebalance_action) == (0.0, "none")


def test_the_tighter_of_units_and_money_binds() -> None:
    limits = LIMITS | {"max_inventory_notional": "500"}
    said = position(core(inventory=limits), fill("a", "buy", 100, 3))
    assert said.bias == pytest.approx(0.6), "500 at a price of 100 are 5 units"
    assert said.rebalance_action == "sell", "and the threshold keeps its share of them: 2"
    assert said.rebalance_urgency == pytest.approx(1 / 3)


def test_limits_are_in_base_units_whatever_a_lot_is() -> None:
    contract = instrument(lot_size=Decimal("0.5"), multiplier=Decimal(2))
    half_a_unit = instrument(lot_size=Decimal("0.5"))
    assert position(core(contract, inventory=LIMITS), fill("a", lots=5)).bias == pytest.approx(0.5)
    assert position(core(half_a_unit, inventory=LIMITS), fill("a", lots=5)).bias == pytest.approx(0.25)


def test_events_that_are_not_of_inventory_are_passed_over() -> None:
    assert core().on_event(Event(event_time_ns=T0)) == ()


STEPS = st.lists(
    st.one_of(
        st.builds(signal, st.integers(2, 4_000)),
        st.builds(
            fill,
            st.sampled_from([f"trade {each}" for each in range(12)]),
            st.sampled_from(["buy", "sell"]),
            st.integers(1, 2_000),
            st.integers(1, 50),
            mid=st.integers(2, 4_000),
            fee=st.decimals(-5, 5, places=4),
        ),
        st.builds(tick, st.integers(0, 9)),
    ),
    max_size=30,
)


@given(steps=STEPS)
def test_every_position_adds_up_to_the_last_digit(steps: list[Event]) -> None:
    made = core(instrument(tick_size=Decimal("0.01"), lot_size=Decimal("0.001")))
    for step in steps:
        for said in made.on_event(step):
            assert isinstance(said, Position)
            assert said.pnl == said.pnl_capture + said.pnl_inventory - said.fees
            assert said.pnl == said.realised + said.unrealised - said.fees
            assert -1 <= said.bias <= 1
            assert 0 <= said.rebalance_urgency <= 1
            assert said.max_drawdown >= 0


@given(steps=STEPS)
def test_fills_that_come_twice_change_nothing(steps: list[Event]) -> None:
    once, twice = core(), core()
    for step in steps:
        expected = once.on_event(step)
        assert twice.on_event(step) == expected
        if isinstance(step, Fill):
            assert twice.on_event(step) == ()
