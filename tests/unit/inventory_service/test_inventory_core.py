"""The core of inventory-service: fills and marks to positions."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inventory_service.core.inventory import InventoryCore

from schemas.config import Config
from schemas.inventory import Position
from schemas.market import Instrument
from schemas.message import Event, Side
from schemas.orders import Fill
from schemas.process import Tick
from schemas.signals import Signal

S = 1_000_000_000
T0 = 1_000 * S
BTC = "BTC/USDT"
ETH = "ETH/USDT"


def instrument(symbol: str = BTC, **fields: Any) -> Instrument:
    """One tick is 1, one lot is 1, and money is the reporting currency, unless said otherwise."""
    facts: dict[str, Any] = {
        "tick_size": Decimal(1),
        "lot_size": Decimal(1),
        "base_currency": "BTC",
        "quote_currency": "USDT",
        "reporting_rate": Decimal(1),
    }
    return Instrument(event_time_ns=T0, venue="sim", symbol=symbol, **{**facts, **fields})


def fill(
    trade_id: str,
    side: Side = "buy",
    price: int = 100,
    lots: int = 1,
    *,
    mid: int | None = None,
    fee: str | Decimal = "0",
    currency: str = "USDT",
    symbol: str = BTC,
    time_ns: int = T0,
) -> Fill:
    """A fill; the mid, in half ticks, is at its price unless said otherwise."""
    return Fill(
        event_time_ns=time_ns,
        venue="sim",
        symbol=symbol,
        venue_trade_id=trade_id,
        client_order_id=f"order of {trade_id}",
        side=side,
        price_ticks=price,
        size_lots=lots,
        liquidity="maker",
        fee=Decimal(fee),
        fee_currency=currency,
        mid_half_ticks=2 * price if mid is None else mid,
    )


def signal(mid: int | None, symbol: str = BTC, time_ns: int = T0) -> Signal:
    return Signal(
        event_time_ns=time_ns,
        venue="sim",
        symbol=symbol,
        book_status="live",
        book_time_ns=time_ns,
        mid_half_ticks=mid,
        spread_ticks=2,
        weighted_mid_ticks=None,
        volatility_per_sqrt_s=None,
        volatility_ready=False,
        regime="low",
        jump=False,
        bid_depth_lots=1,
        ask_depth_lots=1,
        imbalance=0.0,
        flow_imbalance=0.0,
        flow_volume_lots=0.0,
    )


def tick(seconds: float = 1) -> Tick:
    return Tick(event_time_ns=T0 + round(seconds * S))


def core(*instruments: Instrument, **sections: dict[str, Any]) -> InventoryCore:
    made = InventoryCore(Config.model_validate(sections))
    for each in instruments or (instrument(),):
        assert made.on_event(each) == ()
    return made


def position(made: InventoryCore, event: Event) -> Position:
    """The one position that follows from an event."""
    (said,) = made.on_event(event)
    assert isinstance(said, Position)
    return said


PN1_MIDS = (20_000, 20_004, 19_998, 20_002, 20_010, 20_006)
PN1_FILLS: dict[int, tuple[Side, int, int]] = {
    1: ("buy", 10_000, 2),
    2: ("buy", 9_997, 1),
    3: ("sell", 10_003, 2),
    5: ("sell", 10_006, 1),
}


def test_pn1_capture_inventory_fees_and_equity() -> None:
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
    assert (said.event_time_ns, said.position_lots, said.average_price_ticks) == (T0 + 5, 4, 100)
    assert said.pnl_capture == Decimal("2"), "one tick, 4 lots, half a unit of money each"
    assert (said.fees, said.pnl) == (Decimal("0.3"), Decimal("1.7"))
    assert said.notional_reporting == Decimal("202")
    assert said.traded_notional == Decimal("200")
    assert said.mark_half_ticks == 202


def test_average_cost_and_a_flip_as_they_are_said() -> None:
    made = core()
    position(made, fill("a", "buy", 100, 2))
    said = position(made, fill("b", "buy", 106, 1))
    assert (said.average_price_ticks, said.realised, said.unrealised) == (102, 0, 12)
    said = position(made, fill("c", "sell", 108, 1))
    assert (said.average_price_ticks, said.realised, said.unrealised) == (102, 6, 12)
    said = position(made, fill("d", "sell", 110, 5))
    assert (said.position_lots, said.average_price_ticks) == (-3, 110)
    assert (said.realised, said.unrealised) == (22, 0)


def test_a_repeated_fill_changes_nothing() -> None:
    made = core()
    first = position(made, fill("a", "buy", 100, 2, fee="1"))
    assert made.on_event(fill("a", "buy", 100, 2, fee="1")) == ()
    assert made.on_event(fill("a", "sell", 500, 9)) == (), "the venue's trade id is what counts"
    made.on_event(signal(202))
    later = position(made, tick())
    assert (later.position_lots, later.fees, later.fills) == (first.position_lots, first.fees, first.fills)


def test_fills_before_their_instrument_wait_for_it() -> None:
    made = InventoryCore(Config())
    assert made.on_event(fill("a", "buy", 100, 2)) == ()
    assert made.on_event(fill("b", "buy", 106, 1)) == ()
    assert made.on_event(fill("a", "buy", 100, 2)) == ()
    assert made.on_event(tick()) == ()
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
    "changed", [{"tick_size": "0.5"}, {"lot_size": "0.5"}, {"multiplier": "2"}, {"quote_currency": "EUR"}]
)
def test_a_ledger_stays_in_the_units_it_began_with(changed: dict[str, str]) -> None:
    made = core()
    facts: dict[str, Any] = {
        name: value if name == "quote_currency" else Decimal(value) for name, value in changed.items()
    }
    before = position(made, fill("a", "buy", 100, 2))
    assert made.on_event(instrument(**facts)) == ()
    after = position(made, fill("b", "sell", 100, 2))
    assert (after.pnl, after.quote_currency) == (before.pnl, "USDT")
    assert after.traded_notional == 400, "counted in the old units"
    empty = core()
    assert empty.on_event(instrument(**facts)) == ()
    taken = position(empty, fill("a", "buy", 100, 2))
    assert (taken.traded_notional, taken.quote_currency) != (200, "USDT"), "one without fills takes new ones"


def test_a_mark_alone_says_nothing_until_the_tick() -> None:
    made = core()
    position(made, fill("a", "buy", 100, 2))
    assert made.on_event(signal(210)) == ()
    said = position(made, tick())
    assert (said.event_time_ns, said.mark_half_ticks) == (T0 + S, 210)
    assert (said.unrealised, said.pnl_inventory, said.pnl) == (10, 10, 10)
    assert made.on_event(tick(2)) == (), "nothing moved since"


def test_a_signal_without_a_mid_leaves_the_mark() -> None:
    made = core()
    position(made, fill("a", "buy", 100, 2))
    made.on_event(signal(None))
    assert made.on_event(tick()) == ()


def test_a_flat_symbol_is_silent() -> None:
    made = core()
    made.on_event(signal(200))
    assert made.on_event(tick()) == ()
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
    both = [each for each in made.on_event(tick()) if isinstance(each, Position)]
    assert {each.symbol: each.pnl_inventory for each in both} == {BTC: 2, ETH: 60}


@pytest.mark.parametrize(
    ("currency", "expected"),
    [("CHF", "3"), ("USDT", "0.5"), ("BNB", "900"), ("???", "3")],
)
def test_a_fee_is_taken_into_the_quote_currency(currency: str, expected: str) -> None:
    """The quote currency is worth 6 of the reporting one; one without a rate is taken one to one."""
    made = core(
        instrument(quote_currency="CHF", reporting_rate=Decimal(6)),
        reporting={"rates": {"USDT": "1", "BNB": "1800"}},
    )
    assert position(made, fill("a", fee="3", currency=currency)).fees == Decimal(expected)


def test_a_fee_taken_in_the_base_currency_lowers_what_is_held_by_whole_lots() -> None:
    """Twice 0.6 of a lot of 1: the second makes one whole, taken at the mid of 100; 0.2 is carried on."""
    core = InventoryCore(Config())
    core.on_event(instrument())
    fee = {"base_fee": Decimal("0.6"), "fee": Decimal(60)}
    (first,) = core.on_event(fill("a", lots=5, mid=200).model_copy(update=fee))
    (second,) = core.on_event(fill("b", lots=5, mid=200).model_copy(update=fee))
    (third,) = core.on_event(fill("c", "sell", lots=9, mid=220))
    told = [each for each in (first, second, third) if isinstance(each, Position)]
    assert [each.position_lots for each in told] == [5, 9, 0]
    assert [each.base_fees_taken for each in told] == [0, 1, 1]
    assert [each.pnl for each in told] == [-60, -120, -120]
    assert told[2].pnl_capture + told[2].pnl_inventory - told[2].fees == told[2].pnl
    assert told[2].realised == 0, "nine sold at 100 as they were bought; the tenth paid a part of the fees"


def test_reported_money_is_in_the_reporting_currency() -> None:
    made = core(instrument(quote_currency="EUR", reporting_rate=Decimal("1.1")))
    position(made, fill("a", "sell", 100, 2, fee="1", currency="EUR"))
    made.on_event(signal(180))
    said = position(made, tick())
    assert (said.pnl, said.quote_currency) == (19, "EUR")
    assert said.pnl_reporting == Decimal("20.9")
    assert said.notional_reporting == Decimal("-198.0")


def test_drawdown_is_the_largest_fall_from_the_peak_and_stays() -> None:
    made = core()
    position(made, fill("a", "buy", 100, 1))
    falls = []
    for number, mid in enumerate((220, 206, 230, 180, 240)):
        made.on_event(signal(mid))
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
