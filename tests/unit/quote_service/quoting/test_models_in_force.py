"""The configured model prices the symbol; where it cannot, `vol_multiple` does, and the quote says why."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from quote_service.quoting.explain.steps import quote_steps
from quote_service.quoting.models.answer import ModelAnswer, ModelFacts, answer_of
from quote_service.quoting.models.catalogue import quote_with
from quote_service.quoting.models.inputs import ModelInputs
from quote_service.quoting.spread import PricedQuote, PricingInputs, price_quote

from schemas.config import Config
from schemas.message import Side
from schemas.units import NS_PER_S

FAIR = 100_000.0
TICK_OF_BPS = FAIR / 10_000
FACTS = ModelFacts(
    arrival_rate_per_s=0.9,
    arrival_decay_per_tick=0.03,
    order_lots=10.0,
    full_lots=300.0,
    fee_bps=1.0,
    money_per_tick_lot=0.01,
)
ARRIVAL_MODELS = ("glft", "glft_exact", "cartea_jaimungal")
SETTINGS: dict[str, dict[str, Any]] = {name: {"name": name} for name in ARRIVAL_MODELS} | {
    "avellaneda_stoikov": {"name": "avellaneda_stoikov", "gamma": 0.001, "horizon_s": 60.0}
}
SIDES: tuple[Side, ...] = ("buy", "sell")


def config_of(model: dict[str, Any], **sections: dict[str, Any]) -> Config:
    return Config.model_validate({"model": model, **sections})


def answer(model: dict[str, Any], bias: float = 0.0, facts: ModelFacts = FACTS) -> ModelAnswer:
    return answer_of(FAIR, 0.5, bias, facts, config_of(model))


def priced(facts: ModelFacts, **sections: Any) -> PricedQuote:
    inputs = PricingInputs(99_999, 100_001, FAIR, 0.5, 0.0, 0.0, 0.0, facts)
    quote = price_quote(inputs, config_of(sections.pop("model", {}), **sections))
    assert quote is not None
    return quote


@pytest.mark.parametrize("name", SETTINGS)
def test_the_configured_model_is_in_force(name: str) -> None:
    found = answer(SETTINGS[name], bias=0.2)
    assert (found.model, found.because) == (name, None)
    assert found.half > 1 / 0.03 * 0.9
    assert found.shift < 0


def test_glft_in_ticks_and_lots_is_the_models_own_answer() -> None:
    """gamma in 1/quote currency times the money of a tick and lot; inventory is a share of the maximum."""
    found = answer({"name": "glft", "gamma": 0.002}, bias=0.1)
    alone = quote_with(
        "glft",
        ModelInputs(
            mid=FAIR, sigma=5.0, A=0.9, k=0.03, gamma=0.002 * 0.01, order_size=10, q=30, fee=TICK_OF_BPS
        ),
    )
    assert found.half == pytest.approx(alone.half_spread, rel=1e-12)
    assert found.shift == pytest.approx(alone.reservation - FAIR, rel=1e-9)


@pytest.mark.parametrize("name", ARRIVAL_MODELS)
def test_the_inventory_deviation_wanted_sets_the_lean(name: str) -> None:
    """sd(q) = sqrt(Delta/(2 k skew)): 100 lots need a skew of 10/(2 0.03 100^2) ticks a lot; a bound adds."""
    leaned = answer({"name": name, "inventory_deviation": 1 / 3}, bias=0.1)
    assert leaned.shift == pytest.approx(-30 * 10 / (2 * 0.03 * 100**2), rel=0.05)
    assert answer({"name": name, "inventory_deviation": 0.1}, bias=0.1).shift < leaned.shift


def test_arrival_that_is_told_goes_before_arrival_that_is_estimated() -> None:
    told = {"name": "glft", "arrival_rate_per_s": 0.9, "arrival_decay_per_bps": 0.3}
    unknown = FACTS._replace(arrival_rate_per_s=None, arrival_decay_per_tick=None)
    assert answer(told, facts=unknown) == answer({"name": "glft"})
    wide = told | {"arrival_decay_per_bps": 0.03}
    assert answer(wide).half > 5 * answer({"name": "glft"}).half


@pytest.mark.parametrize(
    ("changes", "because"),
    [
        ({"arrival_rate_per_s": None, "arrival_decay_per_tick": None}, "not calibrated yet"),
        ({"full_lots": 0.0}, "maximum inventory is 0"),
        ({"fee_bps": -50.0}, "rebate"),
    ],
)
def test_vol_multiple_stands_in_and_says_why(changes: dict[str, Any], because: str) -> None:
    found = answer({"name": "glft"}, facts=FACTS._replace(**changes))
    assert found.model == "vol_multiple"
    assert because in str(found.because)
    assert found[2:] == answer({"name": "vol_multiple"})[2:]


def test_a_session_leans_less_the_nearer_its_close() -> None:
    settings = {"name": "avellaneda_stoikov", "gamma": 0.001, "session_close_utc": "16:00"}
    day_ns, close_s = 86_400 * NS_PER_S, 16 * 3600
    shifts = [
        answer(settings, 0.1, FACTS._replace(now_ns=day_ns + (close_s - left_s) * NS_PER_S)).shift
        for left_s in (7200, 3600, 60)
    ]
    assert shifts[0] == pytest.approx(2 * shifts[1])
    assert shifts[1] == pytest.approx(60 * shifts[2])
    after = answer(settings, 0.1, FACTS._replace(now_ns=day_ns + (close_s + 1) * NS_PER_S))
    assert after.shift == pytest.approx(shifts[1] / 3600 * (86_400 - 1))


@pytest.mark.parametrize("name", SETTINGS)
@given(bias=st.floats(-1, 1), volatility_bps=st.floats(0.01, 50), fee_bps=st.floats(-0.5, 5))
def test_steps_sum_to_the_price_and_the_lean_is_against_the_inventory(
    name: str, bias: float, volatility_bps: float, fee_bps: float
) -> None:
    facts = FACTS._replace(fee_bps=fee_bps)
    quote = price_quote(
        PricingInputs(99_999, 100_001, FAIR, volatility_bps, bias, 0.0, 0.0, facts), config_of(SETTINGS[name])
    )
    assert quote is not None
    assert quote.bid_ticks < quote.ask_ticks
    assert quote.bid_ticks < 100_001
    assert quote.ask_ticks > 99_999
    assert quote.answer.shift * bias <= 1e-9  # the exact models leave a rounding error at 0
    widened = FAIR - quote.half
    steps = {step.name: step.price_after for step in quote_steps(quote, "buy")}
    assert steps["emergency_widen"] == pytest.approx(widened)
    assert steps["inventory"] == pytest.approx(widened + quote.answer.shift)


@pytest.mark.parametrize("name", SETTINGS)
@given(bias=st.floats(-1, 1))
def test_the_mirror_of_an_inventory_mirrors_the_quotes(name: str, bias: float) -> None:
    here, there = answer(SETTINGS[name], bias), answer(SETTINGS[name], -bias)
    assert here.half == pytest.approx(there.half, rel=1e-9)
    assert here.shift == pytest.approx(-there.shift, rel=1e-9, abs=1e-9)


def test_the_least_half_spread_is_fee_adverse_move_and_edge() -> None:
    """2.0 + 1.5 + 0.5 bps: 4 bps of 100,000 ticks are 40."""
    facts = FACTS._replace(fee_bps=2.0, adverse_bid_bps=1.5, adverse_ask_bps=1.5)
    tight = {"base_spread": 0.0, "volatility_multiplier": 0.0}
    quote = priced(facts, market_making=tight, pricing={"min_edge_bps": 0.5})
    assert (quote.bid_ticks, quote.ask_ticks) == (99_960, 100_040)
    paid = facts._replace(fee_bps=-2.0)
    rebate = priced(paid, market_making=tight, pricing={"min_edge_bps": 1.5})
    assert (rebate.bid_ticks, rebate.ask_ticks) == (99_990, 100_010)  # min_spread_bps is 2: 1 to a side


def test_the_adverse_move_is_each_sides_own_and_a_step_of_its_own() -> None:
    """A bid that costs 3 bps stands 5 off; the ask, without adverse moves, the 2 of its fee."""
    facts = FACTS._replace(fee_bps=2.0, adverse_bid_bps=3.0)
    tight = {"base_spread": 0.0, "volatility_multiplier": 0.0}
    quote = priced(facts, market_making=tight)
    assert (quote.bid_ticks, quote.ask_ticks) == (99_950, 100_020)
    steps = {side: {step.name: step for step in quote_steps(quote, side)} for side in SIDES}
    assert steps["buy"]["minimum_spread"].price_after == pytest.approx(99_980)
    assert steps["buy"]["adverse_move"].input == 3.0
    assert steps["buy"]["adverse_move"].price_after == pytest.approx(99_950)
    assert "adverse_move" not in steps["sell"]


def test_where_1_over_k_is_less_than_the_costs_it_is_quoted_beyond_both() -> None:
    """k 0.1 a tick is 1 a bps: 1/k of 1 bp is less than 2 + 3, so the bid stands 6 bps off, the ask 3."""
    facts = FACTS._replace(fee_bps=2.0, adverse_bid_bps=3.0, arrival_decay_per_tick=0.1)
    thin = {"name": "glft", "counts_fee": False, "inventory_deviation": 1.0}
    quote = priced(facts, model=thin)
    assert (quote.bid_ticks, quote.ask_ticks) == (99_940, 100_030)
    deep = priced(facts._replace(arrival_decay_per_tick=0.01), model=thin)
    assert deep.answer.fill_distance_bps == pytest.approx(10)
    assert deep.bid_half == deep.ask_half == deep.half


def test_vol_multiple_knows_no_arrival_and_keeps_its_least_distance() -> None:
    facts = FACTS._replace(fee_bps=2.0, adverse_bid_bps=3.0, arrival_decay_per_tick=0.1)
    quote = priced(facts, market_making={"base_spread": 0.0, "volatility_multiplier": 0.0})
    assert quote.answer.fill_distance_bps is None
    assert (quote.bid_ticks, quote.ask_ticks) == (99_950, 100_020)


def test_one_symbol_has_a_model_of_its_own() -> None:
    config = Config.model_validate(
        {"per_symbol": {"BTC/USDT": {"model": {"name": "glft"}, "pricing": {"min_spread_bps": 1}}}}
    )
    assert (config.model.name, config.of_symbol("ETH/USDT").model.name) == ("vol_multiple", "vol_multiple")
    own = config.of_symbol("BTC/USDT")
    assert (own.model.name, own.pricing.min_spread_bps, own.risk_limits) == ("glft", 1.0, config.risk_limits)


@pytest.mark.parametrize(
    ("own", "message"),
    [
        ({"model": {"nam": "glft"}}, "BTC/USDT.model: unknown key 'nam'; did you mean 'name'?"),
        ({"model": {"name": "avellaneda_stoikov"}}, "needs an end: set session_close_utc"),
        (
            {"pricing": {"min_spread_bps": -1}},
            "pricing.min_spread_bps: Input should be greater",
        ),
    ],
)
def test_what_a_symbol_cannot_have_is_refused(own: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match="per_symbol") as refused:
        Config.model_validate({"per_symbol": {"BTC/USDT": own}})
    assert message in str(refused.value)
