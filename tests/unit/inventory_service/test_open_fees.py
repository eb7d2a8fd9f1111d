"""Fees in a third currency: never one to one. Figures of a session: 0.0036 BNB at 594.25 are 2.1393 USDT."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inventory_service.core.inventory import InventoryCore

from runtime.state.digest import state_digest
from schemas.config import Config
from schemas.inventory import OpenFee, Position
from schemas.market import Instrument, Rate
from schemas.message import Event
from schemas.orders import Fill
from schemas.signals import Signal
from tests.kit.messages import BTC, T0, S, fill, instrument, signal, tick
from tests.unit.inventory_service.ledgers import core

BNB = "BNB/USDT"
FEE: dict[str, Any] = {"fee": "0.0036", "currency": "BNB"}


def bnb(symbol: str = BNB, quote: str = "USDT", rate: str = "1", **fields: Any) -> Instrument:
    """A market of BNB: one tick is a cent."""
    facts: dict[str, Any] = {"tick_size": Decimal("0.01"), "base_currency": "BNB", "quote_currency": quote}
    return instrument(symbol, reporting_rate=Decimal(rate), **facts | fields)


def positions(made: InventoryCore, event: Event) -> list[Position]:
    said = made.on_event(event)
    assert all(isinstance(each, Position) for each in said)
    return [each for each in said if isinstance(each, Position)]


def test_a_fee_without_a_rate_stays_open_in_its_own_currency() -> None:
    (said,) = positions(core(), fill("a", price=100, lots=30, **FEE))
    assert said.open_fees == (OpenFee(currency="BNB", amount=Decimal("0.0036")),)
    assert (said.fees, said.pnl, said.pnl_reporting) == (Decimal(0), Decimal(0), Decimal(0))
    assert said.open_fees_reserve == 6, "20 bps of 3,000"


def test_open_fees_are_booked_at_the_first_mid_of_a_market_of_theirs() -> None:
    made = core(instrument(), bnb())
    made.on_event(fill("a", lots=30, **FEE))
    made.on_event(fill("b", "sell", lots=30, fee="0.0014", currency="BNB"))
    (said,) = positions(made, signal(118_850, BNB, T0 + S))
    assert said.fees == Decimal("2.97125"), "0.005 at 594.25"
    assert said.pnl == Decimal("-2.97125") == said.realised + said.unrealised - said.fees
    assert (said.symbol, said.event_time_ns) == (BTC, T0 + S)
    assert (said.open_fees, said.open_fees_reserve) == ((), Decimal(0))
    assert made.on_event(signal(200_000, BNB)) == (), "what is booked is booked"


def test_a_market_that_is_seen_gives_the_rate_at_once() -> None:
    made = core(instrument(), bnb())
    made.on_event(signal(118_850, BNB))
    (said,) = positions(made, fill("a", lots=30, **FEE))
    assert (said.fees, said.open_fees, said.open_fees_reserve) == (Decimal("2.1393"), (), Decimal(0))


def test_a_mid_before_its_instrument_counts_once_that_is_known() -> None:
    made = core()
    made.on_event(signal(118_850, BNB))
    (said,) = positions(made, fill("a", **FEE))
    assert said.open_fees
    (said,) = positions(made, bnb())
    assert said.fees == Decimal("2.1393")


def test_a_rate_that_was_said_goes_before_the_market() -> None:
    made = core(instrument(), bnb(), reporting={"rates": {"USDT": "1", "BNB": "600"}})
    made.on_event(signal(118_850, BNB))
    (said,) = positions(made, fill("a", **FEE))
    assert said.fees == Decimal("2.16")


def test_a_market_in_another_quote_currency_counts_at_its_rate_and_only_where_there_is_no_other() -> None:
    made = core(instrument(), bnb("BNB/EUR", "EUR", "1.1"))
    made.on_event(signal(100_000, "BNB/EUR"))
    (said,) = positions(made, fill("a", fee="0.01", currency="BNB"))
    assert said.fees == Decimal("5.5"), "500 EUR are 550 USDT"
    made.on_event(bnb())
    made.on_event(signal(118_850, BNB))
    (said,) = positions(made, fill("b", fee="0.01", currency="BNB"))
    assert said.fees == Decimal("5.5") + Decimal("5.9425")


def test_spot_goes_before_a_contract_and_another_venue_does_not_count() -> None:
    perpetual = bnb("BNB/USDT:USDT", contract_kind="linear")
    elsewhere = bnb("BNB/USDT").model_copy(update={"venue": "elsewhere"})
    made = core(instrument(), elsewhere, perpetual)
    made.on_event(signal(1, BNB).model_copy(update={"venue": "elsewhere"}))
    (said,) = positions(made, fill("a", fee="0.01", currency="BNB"))
    assert said.open_fees, "elsewhere BNB may be something else"
    (said,) = positions(made, signal(118_900, "BNB/USDT:USDT"))
    assert said.fees == Decimal("5.945")
    made.on_event(bnb())
    made.on_event(signal(118_850, BNB))
    (said,) = positions(made, fill("b", fee="0.01", currency="BNB"))
    assert said.fees == Decimal("5.945") + Decimal("5.9425")


def rate(price: str, quote: str = "USDT", venue: str = "sim") -> Rate:
    return Rate(
        event_time_ns=T0 + S,
        venue=venue,
        symbol=f"BNB/{quote}",
        base_currency="BNB",
        quote_currency=quote,
        rate=Decimal(price),
    )


def test_a_market_that_is_not_followed_gives_the_rate_where_no_other_does() -> None:
    made = core(instrument(), reporting={"rates": {"USDT": "1", "EUR": "1.1"}})
    made.on_event(fill("a", fee="0.01", currency="BNB"))
    assert made.on_event(rate("594.25", venue="elsewhere")) == ()
    assert made.on_event(rate("500", "JPY")) == (), "nobody says what a yen is worth"
    (said,) = positions(made, rate("500", "EUR"))
    assert (said.fees, said.open_fees, said.event_time_ns) == (Decimal("5.5"), (), T0 + S)
    made.on_event(rate("594.25"))
    (said,) = positions(made, fill("b", fee="0.01", currency="BNB"))
    assert said.fees == Decimal("5.5") + Decimal("5.9425"), "our own quote currency goes first"
    made.on_event(bnb())
    made.on_event(signal(60_000, BNB))
    (said,) = positions(made, fill("c", fee="0.01", currency="BNB"))
    assert said.fees == Decimal("5.5") + Decimal("5.9425") + 3, "a market that is followed goes before it"


def test_the_reporting_currency_needs_no_rate() -> None:
    """A quote currency that is worth 1.25: 5 USDT are 4 of it, though no rate of USDT is said."""
    made = core(
        instrument(quote_currency="EUR", reporting_rate=Decimal("1.25")), reporting={"rates": {"EUR": "1.25"}}
    )
    (said,) = positions(made, fill("a", fee="5", currency="USDT"))
    assert (said.fees, said.pnl_reporting) == (Decimal(4), Decimal(-5))


def test_a_fee_told_in_base_alone_is_worth_what_its_own_market_says() -> None:
    made = core(instrument())
    made.on_event(signal(202))
    (said,) = positions(made, fill("a", fee="0.02", currency="BTC"))
    assert said.fees == Decimal("2.02")


def test_a_rebate_without_a_rate_is_no_profit_yet() -> None:
    made = core(instrument(), bnb())
    (said,) = positions(made, fill("a", fee="-0.0036", currency="BNB"))
    assert (said.pnl, said.open_fees_reserve) == (Decimal(0), Decimal(0))
    (said,) = positions(made, signal(118_850, BNB))
    assert said.pnl == Decimal("2.1393")


def test_the_reserve_is_the_takers_fee_where_that_is_more_in_the_reporting_currency() -> None:
    made = core(
        instrument(quote_currency="EUR", reporting_rate=Decimal("1.1"), taker_fee_bps=Decimal(60)),
        reporting={"rates": {"EUR": "1.1"}},
    )
    (said,) = positions(made, fill("a", price=100, lots=50, **FEE))
    assert said.open_fees_reserve == 33, "60 bps of 5,000 EUR"


def test_a_fee_of_nothing_is_not_open() -> None:
    (said,) = positions(core(), fill("a", fee="0", currency="BNB"))
    assert said.open_fees == ()


def test_a_fee_in_the_base_currency_lowers_no_position_in_contracts() -> None:
    made = core(instrument(contract_kind="linear"))
    paid = fill("a", lots=5, fee="200").model_copy(update={"base_fee": Decimal(2)})
    (said,) = positions(made, paid)
    assert (said.position_lots, said.fees, said.base_fees_taken) == (5, Decimal(200), Decimal(0))


def test_the_reporting_currency_is_worth_one_of_itself() -> None:
    with pytest.raises(ValueError, match=r"rates.USDT is 2, but that is the reporting currency"):
        Config.model_validate({"reporting": {"rates": {"USDT": "2"}}})


EVENTS = st.one_of(
    st.builds(signal, st.integers(1, 200_000), st.sampled_from([BTC, BNB])),
    st.builds(signal, st.none(), st.just(BNB)),
    st.builds(
        fill,
        st.uuids().map(str),
        st.sampled_from(["buy", "sell"]),
        st.integers(1, 500),
        st.integers(1, 50),
        fee=st.decimals(-1, 1, places=8),
        currency=st.sampled_from(["USDT", "BNB", "XYZ"]),
    ),
    st.builds(tick, st.integers(0, 9)),
    st.builds(bnb, st.just(BNB), st.just("USDT"), st.just("1")),
)


@given(steps=st.lists(EVENTS, max_size=25))
def test_open_fees_are_all_that_no_rate_was_ever_said_for(steps: list[Event]) -> None:
    """By an account that keeps each fee with the time of its first rate; and a second core says the same."""
    made, again = core(instrument()), core(instrument())
    mid: Decimal | None = None
    is_known = False
    fees, waiting = Decimal(0), {"BNB": Decimal(0), "XYZ": Decimal(0)}
    last: Position | None = None
    for step in steps:
        is_known |= isinstance(step, Instrument)
        if isinstance(step, Signal) and step.symbol == BNB and step.mid_half_ticks:
            mid = step.mid_half_ticks * Decimal("0.005")
        rate = mid if is_known else None
        if isinstance(step, Fill):
            amount, currency = step.fee, step.fee_currency
            if currency == "USDT":
                fees += amount
            else:
                waiting[currency] += amount
        if rate is not None:
            fees, waiting["BNB"] = fees + waiting["BNB"] * rate, Decimal(0)
        said = made.on_event(step)
        assert again.on_event(step) == said
        for each in said:
            if isinstance(each, Position) and each.symbol == BTC:
                last = each
    assert state_digest(made) == state_digest(again)
    if last is not None:
        assert last.fees == fees
        assert {fee.currency: fee.amount for fee in last.open_fees if fee.amount} == {
            currency: amount for currency, amount in waiting.items() if amount
        }
        assert last.pnl == last.pnl_capture + last.pnl_inventory - last.fees
