"""What must hold for any input, however bad, and however often it comes."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from quote_service.quoting.quoter import QuoterCore
from quote_service.quoting.spread import TICKS_MAX, PricingInputs, price_quote

from runtime.state.digest import state_digest
from schemas.config import Config
from schemas.inventory import Position
from schemas.market import Book
from schemas.message import Event
from schemas.process import Tick
from schemas.quoting import QuoteTarget
from schemas.signals import Signal
from tests.kit import messages as kit
from tests.kit.messages import MS, T0
from tests.unit.quote_service.quoting import builders as of_quoting
from tests.unit.quote_service.quoting.builders import instrument

GOOD, BAD = "GOOD", "BAD"
CONFIG = Config()


def book(symbol: str, at: int = T0, **fields: Any) -> Book:
    return kit.book(9_999, 10_001, size=10_000, levels=2, symbol=symbol, time_ns=at, **fields)


def signal(symbol: str, **fields: Any) -> Signal:
    return of_quoting.signal(symbol, **{"volatility_per_sqrt_s": 0.0002, **fields})


def position(symbol: str, bias: float) -> Position:
    return kit.position(round(bias * 1_000), symbol=symbol, mark=None, fills=0, bias=bias)


def running() -> QuoterCore:
    core = QuoterCore(CONFIG)
    core.on_event(kit.risk_state())
    return core


def fed(core: QuoterCore, *events: Event) -> list[QuoteTarget]:
    return [said for event in events for said in core.on_event(event) if isinstance(said, QuoteTarget)]


shares = st.floats(-1, 1)


@given(
    fair=st.floats(1, TICKS_MAX / 2),
    spread=st.integers(1, 50),
    volatility=st.floats(0, 50),
    bias=shares,
    imbalance=shares,
    flow=shares,
    base=st.sampled_from([0.0, 1e-12, 1e-9, 0.002]),
)
def test_the_bid_is_below_the_ask_where_prices_are_millions_of_millions_of_ticks(
    fair: float, spread: int, volatility: float, bias: float, imbalance: float, flow: float, base: float
) -> None:
    """With a spread near a tick, what counts as being on a tick must stay far below a tick."""
    bid = int(fair)
    config = Config.model_validate({"market_making": {"base_spread": base}, "pricing": {"min_spread_bps": 0}})
    quote = price_quote(
        PricingInputs(bid, bid + spread, bid + spread / 2, volatility, bias, imbalance, flow), config
    )
    assert quote is not None
    assert quote.bid_ticks < quote.ask_ticks
    assert quote.bid_ticks < bid + spread
    assert quote.ask_ticks > bid


def test_a_one_tick_spread_around_a_price_of_thousands_of_millions_of_ticks() -> None:
    config = Config.model_validate({"market_making": {"base_spread": 0}, "pricing": {"min_spread_bps": 0}})
    mid = 2_000_000_000
    quote = price_quote(PricingInputs(mid - 5, mid + 5, float(mid), 0.0, 0.0, 0.0, 0.0), config)
    assert quote is not None
    assert (quote.bid_ticks, quote.ask_ticks) == (mid - 1, mid + 1)


@given(st.floats(-1, 1), st.floats(0.01, 1))
def test_the_centre_moves_against_the_inventory_while_the_skew_has_room(bias: float, more: float) -> None:
    def centre(of: float) -> float:
        quote = price_quote(PricingInputs(99_990, 100_010, 100_000.0, 5.0, of, 0.0, 0.0), CONFIG)
        assert quote is not None
        return (quote.passive_bid + quote.passive_ask) / 2

    longer = min(1.0, bias + more)
    if longer > bias + 1e-9:
        assert centre(longer) < centre(bias)
    assert centre(bias) - 100_000 == pytest.approx(-50 * bias, abs=1e-6), "5 bps at full inventory"


@pytest.mark.parametrize("interval_ms", [1, 10, 100])
def test_the_quote_does_not_depend_on_how_often_the_book_is_repeated(interval_ms: int) -> None:
    core = running()
    said = fed(core, instrument(GOOD), signal(GOOD), position(GOOD, 0.4), book(GOOD))
    for elapsed_ms in range(interval_ms, 2_400, interval_ms):
        said += fed(core, book(GOOD, T0 + elapsed_ms * MS))
    alone = fed(running(), instrument(GOOD), position(GOOD, 0.4), signal(GOOD), book(GOOD))
    quoted = [(target.bid, target.ask) for target in said if target.bid.prices]
    assert quoted == [(alone[-1].bid, alone[-1].ask)]


ticks = st.one_of(st.integers(-3, 3), st.integers(9_990, 10_010), st.just(10**400))
sizes = st.one_of(st.just(0), st.integers(0, 10**6), st.just(10**30))
levels = st.lists(st.tuples(ticks, sizes), max_size=3)
terms = st.sampled_from([Decimal(0), Decimal(-1), Decimal("1e-30"), Decimal("0.01"), Decimal("1e30")])
bad_events = st.one_of(
    st.builds(
        lambda bids, asks, status, version: book(
            BAD,
            status=status,
            bid_prices=tuple(price for price, _ in bids),
            bid_sizes=tuple(size for _, size in bids),
            ask_prices=tuple(price for price, _ in asks),
            ask_sizes=tuple(size for _, size in asks),
            instrument_version=version,
        ),
        levels,
        levels,
        st.sampled_from(["live", "live", "live", "crossed", "building"]),
        st.sampled_from([1, 1, 2]),
    ),
    st.builds(
        lambda volatility, ready, depth, flow: signal(
            BAD,
            volatility_per_sqrt_s=volatility,
            volatility_ready=ready,
            bid_depth_lots=depth,
            imbalance=flow,
            flow_imbalance=flow,
            flow_volume_lots=1e300,
        ),
        st.sampled_from([None, 0.0, 1e-9, 1.0, 1e300]),
        st.booleans(),
        sizes,
        shares,
    ),
    st.builds(
        lambda tick, lot, rate, version: instrument(
            BAD, tick_size=tick, lot_size=lot, reporting_rate=rate, version=version
        ),
        terms,
        terms,
        terms,
        st.sampled_from([1, 1, 2]),
    ),
    st.builds(lambda bias: position(BAD, bias), shares),
    st.just(kit.risk_state("REDUCE_ONLY", BAD)),
    st.just(Tick(event_time_ns=T0 + 3_000 * MS)),
)


def test_a_book_of_absurd_prices_is_refused() -> None:
    (target,) = fed(running(), instrument(GOOD), signal(GOOD), book(GOOD, ask_prices=(10**400, 10**401)))
    assert target.bid.not_quoting_because == target.ask.not_quoting_because == "PRICE_OUT_OF_RANGE"


def test_a_weighted_mid_of_empty_levels_is_the_mid() -> None:
    core = QuoterCore(Config.model_validate({"pricing": {"fair_value": "weighted_mid"}}))
    core.on_event(kit.risk_state())
    empty = book(GOOD, bid_sizes=(0, 0), ask_sizes=(0, 0))
    (target,) = fed(core, instrument(GOOD), signal(GOOD), empty)
    assert target.bid.steps[0].price_after == 10_000


def test_a_target_that_is_refreshed_names_the_terms_in_force() -> None:
    """The reason stays, the version does not: what stands must be told in the new terms."""
    core = QuoterCore(CONFIG)
    (before,) = fed(core, instrument(GOOD), book(GOOD))
    (after,) = fed(core, instrument(GOOD, version=2))
    assert (before.bid.not_quoting_because, before.instrument_version) == ("NO_RISK_STATE", 1)
    assert (after.bid.not_quoting_because, after.instrument_version) == ("NO_RISK_STATE", 2)


@given(st.lists(bad_events, max_size=12), st.sampled_from(["mid", "weighted_mid"]))
def test_bad_input_of_one_symbol_is_never_raised_and_never_touches_another(
    events: list[Event], fair_value: str
) -> None:
    core = QuoterCore(Config.model_validate({"pricing": {"fair_value": fair_value}}))
    core.on_event(kit.risk_state())
    fed(core, instrument(BAD), instrument(GOOD), signal(GOOD))
    for event in events:
        for target in fed(core, event):
            for side in (target.bid, target.ask):
                assert bool(side.prices) == (side.not_quoting_because is None)
                assert all(price > 0 for price in side.prices)
                assert all(size > 0 for size in side.sizes)
            if target.bid.prices and target.ask.prices:
                assert target.bid.prices[0] < target.ask.prices[0]
    good = fed(core, book(GOOD, T0 + 4_000 * MS))[-1]
    assert (good.symbol, good.bid.prices, good.ask.prices) == ("GOOD", (9_988,), (10_012,))
    assert state_digest(core)
