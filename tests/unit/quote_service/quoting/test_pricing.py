"""From fair value to the final tick: each step by a worked example, and what must hold of any price."""

from functools import partial
from math import hypot, isclose
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel
from quote_service.quoting.explain.steps import quote_steps, step_fields
from quote_service.quoting.fair_value.imbalance import emergency_intensity, pressure_share
from quote_service.quoting.models.answer import ModelFacts
from quote_service.quoting.spread import TICKS_MAX, PricedQuote, PricingInputs, price_quote

from schemas.config import Config
from schemas.message import Side
from schemas.quoting_settings import MarketMaking, Pricing

floats = partial(st.floats, allow_subnormal=False)

FAIR = 100_000
PRESSED = {"adjustment_speed": 0.001}
"""10 bps at full imbalance; by default the book's imbalance moves nothing."""
STEPS = (
    "fair_value",
    "base_spread",
    "volatility",
    "emergency_widen",
    "inventory_lean",
    "pressure",
    "emergency_shift",
    "skew_clamp",
    "minimum_spread",
    "post_only",
    "tick_rounding",
)


def inputs(**changes: Any) -> PricingInputs:
    """A calm, balanced market around 100,000 ticks, and no inventory, unless said otherwise."""
    calm = PricingInputs(
        best_bid_ticks=FAIR - 10,
        best_ask_ticks=FAIR + 10,
        fair_ticks=FAIR,
        volatility_bps=0.0,
        bias=0.0,
        imbalance=0.0,
        flow_imbalance=0.0,
    )
    return calm._replace(**changes)


def priced(
    market: PricingInputs, making: dict[str, Any] | None = None, pricing: dict[str, Any] | None = None
) -> PricedQuote:
    return sound(market, Config.model_validate({"market_making": making or {}, "pricing": pricing or {}}))


def sound(market: PricingInputs, config: Config) -> PricedQuote:
    quote = price_quote(market, config)
    assert quote is not None
    return quote


def after(quote: PricedQuote, side: Side, name: str) -> float:
    return next(step.price_after for step in quote_steps(quote, side) if step.name == name)


def model_prices(quote: PricedQuote) -> tuple[float, float]:
    """Bid and ask before they are kept off the book and put on ticks."""
    return after(quote, "buy", "minimum_spread"), after(quote, "sell", "minimum_spread")


class TestWorkedExamples:
    """Computed by hand, with the default configuration unless a value is given."""

    def test_every_step_of_a_market_where_every_step_acts(self) -> None:
        """base = 100,000 x 0.002 / 2 = 100; volatility adds 100,000 x 2 x 0.001 / 2 = 100: calm half 200.
        Flow 0.85 is half way from 0.7 to 1: the half-spread is 200 x (1 + (3 - 1) x 0.5) = 400.
        lean = -0.0005 x 0.5 x 100,000 = -25; imbalance 0.55 is half way from 0.1 to 1: 0.001 x 0.5 x 100,000
        = 50; the flow moves both by half of the added 200: 100."""
        market = inputs(volatility_bps=10.0, bias=0.5, imbalance=0.55, flow_imbalance=0.85)
        quote = priced(market, pricing=PRESSED)
        by_hand = {
            "fair_value": (100_000, 100_000),
            "base_spread": (99_900, 100_100),
            "volatility": (99_800, 100_200),
            "emergency_widen": (99_600, 100_400),
            "inventory_lean": (99_575, 100_375),
            "pressure": (99_625, 100_425),
            "emergency_shift": (99_725, 100_525),
            "skew_clamp": (99_725, 100_525),
            "minimum_spread": (99_725, 100_525),
            "post_only": (99_725, 100_525),
            "tick_rounding": (99_725, 100_525),
        }
        assert tuple(by_hand) == STEPS
        for index, steps in enumerate((quote_steps(quote, "buy"), quote_steps(quote, "sell"))):
            assert [step.name for step in steps] == list(by_hand)
            assert [step.price_after for step in steps] == pytest.approx(
                [pair[index] for pair in by_hand.values()], abs=1e-6
            )
        assert (quote.bid_ticks, quote.ask_ticks) == (99_725, 100_525)

    def test_the_steps_name_what_drove_them(self) -> None:
        market = inputs(volatility_bps=10.0, bias=0.5, imbalance=0.55, flow_imbalance=0.85)
        quote = priced(market, pricing=PRESSED)
        driven_by = {step.name: step.input for step in quote_steps(quote, "buy")}
        assert driven_by == pytest.approx(
            {
                "fair_value": 100_000,
                "base_spread": 10.0,  # half of 20 bps
                "volatility": 10.0,
                "emergency_widen": 0.5,
                "inventory_lean": 0.5,
                "pressure": 0.55,
                "emergency_shift": 0.85,
                "skew_clamp": 12.5,  # -25 + 50 + 100 ticks of 100,000
                "minimum_spread": 80.0,  # twice 400 ticks
                "post_only": 100_010,  # the best ask, for the bid
                "tick_rounding": 99_725,
            }
        )

    def test_every_configuration_key_of_a_step_exists(self) -> None:
        quote = priced(inputs())
        sections: dict[str, type[BaseModel]] = {"market_making": MarketMaking, "pricing": Pricing}
        keys = [step.config_key for step in quote_steps(quote, "buy") if step.config_key is not None]
        assert len(keys) == 9
        for key in keys:
            section, name = key.split(".")
            assert name in sections[section].model_fields

    @pytest.mark.case("SD1")
    def test_full_inventory_at_mid_100_moves_both_quotes_by_five_basis_points(self) -> None:
        """A tick of 0.01: 0.05 of price is 5 ticks, down for a long and up for a short."""
        at_100 = inputs(best_bid_ticks=9_999, best_ask_ticks=10_001, fair_ticks=10_000)
        flat_bid, flat_ask = model_prices(priced(at_100))
        assert (flat_bid, flat_ask) == pytest.approx((9_990, 10_010))
        long_bid, long_ask = model_prices(priced(at_100._replace(bias=1.0)))
        assert (long_bid - flat_bid, long_ask - flat_ask) == pytest.approx((-5, -5))
        short_bid, short_ask = model_prices(priced(at_100._replace(bias=-1.0)))
        assert (short_bid - flat_bid, short_ask - flat_ask) == pytest.approx((5, 5))

    @pytest.mark.case("SD2")
    @pytest.mark.parametrize(("flow", "bid", "ask"), [(1.0, 99_800, 100_400), (-1.0, 99_600, 100_200)])
    def test_an_emergency_widens_both_sides_and_crosses_nothing(
        self, flow: float, bid: int, ask: int
    ) -> None:
        """Full one-sided flow: half-spread 100 becomes 300, and both move with the flow by half of 200."""
        calm, flown = priced(inputs()), priced(inputs(flow_imbalance=flow))
        assert model_prices(flown) == pytest.approx((bid, ask))
        assert flown.bid_ticks <= calm.bid_ticks
        assert flown.ask_ticks >= calm.ask_ticks
        assert flown.bid_ticks < FAIR + 10
        assert flown.ask_ticks > FAIR - 10

    def test_flow_below_the_threshold_changes_nothing(self) -> None:
        assert priced(inputs(flow_imbalance=0.7)).bid_ticks == priced(inputs()).bid_ticks

    @pytest.mark.parametrize(
        ("flow", "intensity"), [(0.0, 0.0), (0.7, 0.0), (0.85, 0.5), (-0.85, 0.5), (1.0, 1.0), (-1.0, 1.0)]
    )
    def test_emergency_rises_from_its_threshold(self, flow: float, intensity: float) -> None:
        assert emergency_intensity(flow, Pricing()) == pytest.approx(intensity)

    @pytest.mark.parametrize(
        ("imbalance", "share"),
        [(0.0, 0.0), (0.1, 0.0), (-0.1, 0.0), (0.55, 0.5), (-0.55, -0.5), (-1.0, -1.0)],
    )
    def test_pressure_rises_from_its_threshold(self, imbalance: float, share: float) -> None:
        assert pressure_share(imbalance, Pricing()) == pytest.approx(share)

    def test_volatility_widens_with_the_root_of_the_horizon(self) -> None:
        """2 x 0.001 x sqrt(4) / 2 x 100,000 = 200, beside 100 of the base."""
        quote = priced(inputs(volatility_bps=10.0), {"volatility_horizon_s": 4.0})
        assert (quote.bid_ticks, quote.ask_ticks) == (99_700, 100_300)

    def test_the_skew_ends_before_a_quote_leaves_its_side_of_fair(self) -> None:
        """Half-spread 10; the lean wants -50 and gets 0.9 x 10."""
        quote = priced(inputs(bias=1.0), {"base_spread": 0.0002})
        assert after(quote, "buy", "inventory_lean") == pytest.approx(99_940)
        assert after(quote, "buy", "skew_clamp") == pytest.approx(99_981)
        assert (quote.bid_ticks, quote.ask_ticks) == (99_981, 100_001)

    def test_the_spread_has_a_least_width_in_basis_points(self) -> None:
        """2 bps of 100,000 are 20 ticks."""
        quote = priced(inputs(), {"base_spread": 0.0})
        assert after(quote, "buy", "skew_clamp") == FAIR
        assert (quote.bid_ticks, quote.ask_ticks) == (99_990, 100_010)

    def test_the_spread_is_a_tick_where_a_tick_is_worth_more_than_the_least_width(self) -> None:
        market = inputs(best_bid_ticks=10, best_ask_ticks=11, fair_ticks=10.5)
        quote = priced(market, {"base_spread": 0.0}, {"min_spread_bps": 0.0})
        assert model_prices(quote) == (10.0, 11.0)
        assert (quote.bid_ticks, quote.ask_ticks) == (10, 11)

    @pytest.mark.parametrize(("imbalance", "bid", "ask"), [(1.0, 100_004, 100_030), (-1.0, 99_970, 99_996)])
    def test_a_price_that_would_take_stops_a_tick_before_the_book(
        self, imbalance: float, bid: int, ask: int
    ) -> None:
        """Half-spread 10; pressure wants 100 and gets 2 x 10: the near quote would be 10 beyond fair."""
        market = inputs(imbalance=imbalance, best_bid_ticks=FAIR - 5, best_ask_ticks=FAIR + 5)
        quote = priced(market, {"base_spread": 0.0002}, {**PRESSED, "skew_half_spreads_max": 2.0})
        assert (quote.bid_ticks, quote.ask_ticks) == (bid, ask)

    def test_ticks_are_rounded_away_from_the_market(self) -> None:
        """Half a tick beside fair 1,000.5 with half-spread 1.0005: 999.4995 and 1,001.5005."""
        quote = priced(inputs(best_bid_ticks=1_000, best_ask_ticks=1_001, fair_ticks=1_000.5))
        assert model_prices(quote) == pytest.approx((999.4995, 1_001.5005))
        assert (quote.bid_ticks, quote.ask_ticks) == (999, 1_002)

    @pytest.mark.parametrize("fair", [0.0, -5.0, TICKS_MAX])
    def test_no_price_is_told_where_none_makes_sense(self, fair: float) -> None:
        assert price_quote(inputs(fair_ticks=fair), Config()) is None

    def test_a_bid_that_is_not_positive_is_told_as_it_is(self) -> None:
        """Fair 1.5 with a half-spread of 0.675."""
        market = inputs(best_bid_ticks=1, best_ask_ticks=2, fair_ticks=1.5)
        quote = priced(market, {"base_spread": 0.9})
        assert (quote.bid_ticks, quote.ask_ticks) == (0, 3)

    def test_effects_are_in_basis_points_of_the_fair_value(self) -> None:
        quote = priced(inputs(bias=1.0))
        effects = {field["name"]: field["effect_bps"] for field in step_fields(quote_steps(quote, "buy"))}
        assert effects["fair_value"] == 0
        assert effects["base_spread"] == pytest.approx(-10)
        assert effects["inventory_lean"] == pytest.approx(-5)


shares = floats(-1, 1)
volatilities = floats(0, 200)


@st.composite
def markets(draw: st.DrawFn) -> PricingInputs:
    """Any sound book with a fair value on a half tick inside it."""
    bid = draw(st.integers(20_000, 50_000_000))
    width = draw(st.integers(1, 200))
    return PricingInputs(
        best_bid_ticks=bid,
        best_ask_ticks=bid + width,
        fair_ticks=bid + draw(st.integers(0, 2 * width)) / 2,
        volatility_bps=draw(volatilities),
        bias=draw(shares),
        imbalance=draw(shares),
        flow_imbalance=draw(shares),
    )


configs = st.builds(
    Config,
    market_making=st.builds(
        MarketMaking,
        base_spread=floats(0, 0.05),
        volatility_multiplier=floats(0, 5),
        volatility_horizon_s=floats(0.1, 60),
        inventory_sensitivity=floats(0, 0.05),
    ),
    pricing=st.builds(
        Pricing,
        pressure_threshold=floats(0, 0.9),
        adjustment_speed=floats(0, 0.05),
        emergency_multiplier=floats(1, 5),
        emergency_flow_threshold=floats(0.1, 0.9),
        emergency_shift_share=floats(0, 1),
        min_spread_bps=floats(1, 50),
        skew_half_spreads_max=floats(0.1, 3),
    ),
)


class TestProperties:
    """What holds of any market under any configuration."""

    @given(markets(), configs)
    def test_the_bid_is_at_least_a_tick_below_the_ask_and_neither_takes(
        self, market: PricingInputs, config: Config
    ) -> None:
        quote = sound(market, config)
        assert quote.bid_ticks + 1 <= quote.ask_ticks
        assert quote.bid_ticks < market.best_ask_ticks
        assert quote.ask_ticks > market.best_bid_ticks

    @given(markets(), st.tuples(shares, shares), configs)
    def test_a_longer_inventory_never_bids_or_asks_higher(
        self, market: PricingInputs, biases: tuple[float, float], config: Config
    ) -> None:
        shorter, longer = (sound(market._replace(bias=bias), config) for bias in sorted(biases))
        assert longer.bid_ticks <= shorter.bid_ticks
        assert longer.ask_ticks <= shorter.ask_ticks

    @given(markets(), st.tuples(volatilities, volatilities), configs)
    def test_the_half_spread_never_narrows_with_volatility(
        self, market: PricingInputs, pair: tuple[float, float], config: Config
    ) -> None:
        spreads = []
        for volatility in sorted(pair):
            bid, ask = model_prices(sound(market._replace(volatility_bps=volatility), config))
            spreads.append(ask - bid)
        assert spreads[0] <= spreads[1] + 1e-9 * market.fair_ticks

    @given(markets(), configs)
    def test_a_mirrored_market_has_the_mirrored_quote(self, market: PricingInputs, config: Config) -> None:
        """Prices mirrored at fair value, and bias, imbalance and flow negated: bid and ask change places."""
        both = round(2 * market.fair_ticks)
        mirrored = market._replace(
            best_bid_ticks=both - market.best_ask_ticks,
            best_ask_ticks=both - market.best_bid_ticks,
            bias=-market.bias,
            imbalance=-market.imbalance,
            flow_imbalance=-market.flow_imbalance,
        )
        quote, other = sound(market, config), sound(mirrored, config)
        assert abs(both - quote.ask_ticks - other.bid_ticks) <= 1
        assert abs(both - quote.bid_ticks - other.ask_ticks) <= 1

    @given(markets(), st.integers(2, 100), configs)
    def test_model_prices_scale_with_the_denomination(
        self, market: PricingInputs, factor: int, config: Config
    ) -> None:
        finer = market._replace(
            best_bid_ticks=market.best_bid_ticks * factor,
            best_ask_ticks=market.best_ask_ticks * factor,
            fair_ticks=market.fair_ticks * factor,
        )
        for coarse, fine in zip(
            model_prices(sound(market, config)),
            model_prices(sound(finer, config)),
            strict=True,
        ):
            assert isclose(fine, coarse * factor, rel_tol=1e-9, abs_tol=1e-9 * finer.fair_ticks)

    @given(markets(), configs)
    def test_a_flat_and_balanced_market_is_quoted_around_fair(
        self, market: PricingInputs, config: Config
    ) -> None:
        balanced = market._replace(bias=0.0, imbalance=0.0, flow_imbalance=0.0)
        bid, ask = model_prices(sound(balanced, config))
        assert isclose(bid + ask, 2 * market.fair_ticks, rel_tol=1e-12)

    @given(markets(), configs)
    def test_the_effects_sum_to_the_final_price(self, market: PricingInputs, config: Config) -> None:
        quote = sound(market, config)
        finals: tuple[tuple[Side, int], ...] = (("buy", quote.bid_ticks), ("sell", quote.ask_ticks))
        for side, final in finals:
            steps = quote_steps(quote, side)
            effects = sum(float(field["effect_bps"] or 0) for field in step_fields(steps))
            assert steps[-1].price_after == final
            assert abs(steps[0].price_after * (1 + effects / 10_000) - final) < 1e-3

    @given(markets(), configs)
    def test_pricing_twice_gives_the_same(self, market: PricingInputs, config: Config) -> None:
        assert sound(market, config) == sound(market, config)


@pytest.mark.parametrize("model", ["vol_multiple", "glft"])
def test_jumps_widen_as_the_model_does_and_do_not_lean(model: str) -> None:
    """0.62 with jumps of 0.57 is as wide as 0.842."""
    settings = {"name": model, "arrival_rate_per_s": 1.0, "arrival_decay_per_bps": 0.5}
    config = Config.model_validate({"model": settings, "pricing": {"min_spread_bps": 0.0}})
    sizes = ModelFacts(order_lots=1.0, full_lots=10.0)
    calm = inputs(volatility_bps=0.62, bias=0.5, facts=sizes)
    jumpy = calm._replace(facts=sizes._replace(jump_volatility_bps=0.57))
    whole = calm._replace(volatility_bps=hypot(0.62, 0.57))
    of_calm, of_jumpy, of_whole = (sound(each, config).answer for each in (calm, jumpy, whole))
    assert of_jumpy.half == pytest.approx(of_whole.half)
    assert of_jumpy.half > of_calm.half
    assert of_jumpy.shift == of_calm.shift
    assert [part.name for part in of_jumpy.widths] == [*(part.name for part in of_calm.widths), "jumps"]
