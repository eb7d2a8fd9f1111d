"""How much to quote: depth, notional bounds, inventory, regime and the venue's minimum."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from quote_service.quoting.draft import HeldInventory, Size, draft_side
from quote_service.quoting.gate_limits import GateLimits
from quote_service.quoting.reasons import BELOW_MIN_NOTIONAL, MAX_INVENTORY
from quote_service.quoting.sizing import SizeLimits, inventory_multiplier

from schemas.config import Config
from schemas.market import Instrument
from schemas.message import Side
from schemas.shape_settings import Shape

AT_100 = 10_000
"""A price of 100 with a tick of 0.01: a lot of 0.001 is worth 0.1."""


def limits_of(config: Config, **terms: Any) -> SizeLimits | None:
    """Tick 0.01, lot 0.001, quoted in the reporting currency, unless said otherwise."""
    facts: dict[str, Any] = {
        "tick_size": Decimal("0.01"),
        "lot_size": Decimal("0.001"),
        "base_currency": "SOL",
        "quote_currency": "USDT",
        "reporting_rate": Decimal(1),
    }
    instrument = Instrument(event_time_ns=1, venue="sim", symbol="SOL/USDT", **{**facts, **terms})
    return SizeLimits.of(instrument, config)


def sized(
    level_lots: float,
    *,
    side: Side = "buy",
    bias: float = 0.0,
    factor: float = 1.0,
    price_ticks: int = AT_100,
    inventory: dict[str, Any] | None = None,
    pricing: dict[str, Any] | None = None,
    risk_limits: dict[str, Any] | None = None,
    routing: dict[str, Any] | None = None,
    **terms: Any,
) -> tuple[int, str | None]:
    sections = {"inventory": inventory, "pricing": pricing, "risk_limits": risk_limits, "routing": routing}
    config = Config.model_validate({name: fields or {} for name, fields in sections.items()})
    limits = limits_of(config, **terms)
    assert limits is not None
    made = draft_side(
        side,
        (price_ticks, price_ticks),
        Size(level_lots, 1.0, factor),
        HeldInventory(0, bias),
        limits,
        config,
    )
    return sum(made.sizes), made.reason


def test_the_limits_in_the_units_of_an_instrument() -> None:
    """One tick of a lot is 0.01 x 0.001 x 10 = 0.0001, at two reporting units 0.0002: the minimum of 5 is
    50,000 tick lots, 50 to 5,000 an order and 50,000 in all are 250,000 to 25,000,000 and 250,000,000;
    100 base units are 100 / (0.001 x 10) lots."""
    linear = limits_of(
        Config(),
        contract_kind="linear",
        multiplier=Decimal(10),
        reporting_rate=Decimal(2),
        min_notional=Decimal(5),
    )
    assert linear is not None
    assert linear[:5] == (50_000, 250_000.0, 25_000_000.0, 250_000_000.0, 10_000.0)
    assert linear.base_per_lot == 0.01


def test_the_gates_limits_are_in_the_units_that_the_gate_counts_in() -> None:
    """A lot is 0.001: 100 base units are 100,000 lots, 10,000 of money 100,000,000 tick lots, and 100,000 of
    money 2,000,000,000 half tick lots."""
    limits = limits_of(Config())
    assert limits is not None
    assert limits.gate == GateLimits(
        100_000, "risk_limits.max_position", 1_000_000_000, 100_000, 20_000_000_000, (1, 50)
    )


@pytest.mark.parametrize("term", ["tick_size", "lot_size", "multiplier", "reporting_rate"])
@pytest.mark.parametrize("value", [Decimal(0), Decimal(-1)])
def test_impossible_terms_have_no_limits(term: str, value: Decimal) -> None:
    assert limits_of(Config(), **{term: value}) is None


def test_the_venues_minimum_is_met_exactly() -> None:
    """A minimum of 50.00001 is 5,000,001 tick lots: at 10,000 ticks 500 lots miss it by one, 501 reach it."""
    minimum = Decimal("50.00001")
    assert sized(5_000, min_notional=minimum) == (501, None)
    assert sized(5_010, min_notional=minimum) == (501, None)


def test_a_tenth_of_a_level_is_quoted() -> None:
    assert sized(20_000) == (2_000, None)


def test_thin_depth_does_not_shrink_an_order_below_the_least_notional() -> None:
    """50 at 0.1 a lot."""
    assert sized(0.0) == (500, None)


def test_a_quarter_of_the_inventory_limit_in_base_units_is_the_most() -> None:
    """100 base units are 100,000 lots."""
    assert sized(1e9) == (25_000, None)


def test_a_quarter_of_the_inventory_limit_in_money_is_the_most_where_that_is_tighter() -> None:
    """4,000 is 40,000 lots."""
    assert sized(1e9, inventory={"max_inventory_notional": 4_000}) == (10_000, None)


def test_the_largest_order_is_the_most_where_that_is_tighter() -> None:
    assert sized(1e9, pricing={"order_notional_max": 1_000}) == (10_000, None)


def test_the_inventory_limit_wins_over_the_least_notional() -> None:
    """0.4 base units are 400 lots, a quarter of them 100: less than 50 in money, and that is meant."""
    assert sized(0.0, inventory={"max_inventory": "0.4"}) == (100, None)


def test_bounds_in_money_are_in_the_reporting_currency() -> None:
    """At two reporting units for one quote unit, 50 is 250 lots, and 1,000 is 5,000."""
    assert sized(0.0, reporting_rate=Decimal(2)) == (250, None)
    assert sized(1e9, reporting_rate=Decimal(2), pricing={"order_notional_max": 1_000}) == (5_000, None)


@pytest.mark.parametrize(
    ("side", "bias", "lots"),
    [("buy", 0.5, 1_000), ("sell", 0.5, 2_000), ("buy", -0.5, 2_000), ("sell", -0.5, 1_000)],
)
def test_inventory_shrinks_the_side_that_would_add_to_it(side: Side, bias: float, lots: int) -> None:
    assert sized(20_000, side=side, bias=bias) == (lots, None)


@pytest.mark.parametrize(("side", "bias"), [("buy", 1.0), ("sell", -1.0)])
def test_a_full_inventory_is_not_added_to(side: Side, bias: float) -> None:
    assert sized(20_000, side=side, bias=bias) == (0, MAX_INVENTORY)
    assert sized(20_000, side=side, bias=-bias) == (2_000, None)


def test_a_size_is_scaled_after_its_bounds_and_never_beyond_the_largest_order() -> None:
    assert sized(20_000, factor=0.5) == (1_000, None)
    assert sized(0.0, factor=0.5) == (250, None)
    assert sized(1e9, factor=1.5) == (25_000, None)


def test_a_size_is_whole_lots_rounded_down() -> None:
    assert sized(20_009.9) == (2_000, None)
    assert sized(20_010) == (2_001, None)


def test_less_than_the_venues_minimum_is_rounded_up_to_it() -> None:
    """500 lots are 50; the minimum is in the quote currency, whatever the reporting rate is."""
    assert sized(0.0, min_notional=Decimal(50)) == (500, None)
    assert sized(0.0, min_notional=Decimal("50.01")) == (501, None)
    assert sized(0.0, min_notional=Decimal(26), reporting_rate=Decimal(2)) == (260, None)


def test_less_than_a_lot_is_rounded_up_to_one() -> None:
    """A lot of 10 is worth 1,000."""
    assert sized(0.0, lot_size=Decimal(10)) == (1, None)
    assert sized(0.0, lot_size=Decimal(10), bias=0.85) == (1, None)


@pytest.mark.parametrize(
    ("settings", "maximum"),
    [
        ({"pricing": {"order_notional_max": 900}}, "pricing.order_notional_max allows 9"),
        ({"inventory": {"max_inventory": 36}}, "pricing.order_inventory_share_max allows 9"),
        ({"risk_limits": {"max_position": 9}}, "risk_limits.max_position allows 0"),
        ({"routing": {"order_size_max": 9}}, "routing.order_size_max allows 0"),
        ({"routing": {"order_value_max": 900}}, "routing.order_value_max allows 9"),
        ({"inventory": {"max_inventory": 60}, "bias": 0.9}, "MAX_INVENTORY leaves 6"),
    ],
)
def test_the_maximum_that_forbids_one_lot_is_named_with_both_sizes(
    settings: dict[str, Any], maximum: str
) -> None:
    """A lot is 10 base units at 100. Limits of the gate count in whole lots, of which 9 are none."""
    assert sized(0.0, lot_size=Decimal(10), **settings) == (
        0,
        f"{BELOW_MIN_NOTIONAL}: the smallest order is 10, and {maximum}",
    )


@pytest.mark.parametrize(("bias", "buy", "sell"), [(0.0, 1, 1), (0.25, 0.75, 1), (-1, 1, 0), (1.5, 0, 1)])
def test_the_multiplier_falls_from_one_to_zero(bias: float, buy: float, sell: float) -> None:
    assert (inventory_multiplier(bias, Shape()), inventory_multiplier(-bias, Shape())) == (buy, sell)


shares = st.floats(-1, 1)
levels = st.floats(0, 1e7)
prices = st.integers(1, 10**7)


@given(levels, prices, st.tuples(shares, shares))
def test_a_longer_inventory_never_bids_more_nor_asks_less(
    level_lots: float, price_ticks: int, biases: tuple[float, float]
) -> None:
    shorter, longer = sorted(biases)

    def lots(side: Side, bias: float) -> int:
        return sized(level_lots, side=side, bias=bias, price_ticks=price_ticks)[0]

    assert lots("buy", longer) <= lots("buy", shorter)
    assert lots("sell", longer) >= lots("sell", shorter)


@given(levels, prices, shares, st.floats(0.25, 1.5), st.integers(0, 1_000))
def test_a_size_keeps_to_every_bound_or_says_why_it_is_none(
    level_lots: float, price_ticks: int, bias: float, factor: float, min_notional: int
) -> None:
    lots, reason = sized(
        level_lots, bias=bias, factor=factor, price_ticks=price_ticks, min_notional=Decimal(min_notional)
    )
    assert (lots == 0) == (reason is not None)
    value = lots * price_ticks * 0.00001
    assert value <= 5_000 + 1e-6
    assert lots <= 25_000
    assert value <= 50_000 / 4 + 1e-6
    if lots:
        assert value >= min_notional - 1e-6
