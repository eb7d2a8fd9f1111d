"""Ladders, bands, delays and what hangs on: the shape around the price."""

from decimal import Decimal
from functools import partial
from math import exp
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from quote_service.quoting import reasons
from quote_service.quoting.ladder.levels import DraftSide, cut, level_prices, levels
from quote_service.quoting.quoter import QuoterCore
from quote_service.quoting.sizing import (
    SizeLimits,
    budget_share,
    inventory_multiplier,
    volatility_factor,
)

from schemas.config import Config
from schemas.message import Side
from schemas.process import Tick
from schemas.quoting import QuoteTarget
from schemas.shape_settings import Shape
from tests.kit.messages import MS, T0, S
from tests.unit.quote_service.quoting.builders import (
    SOL,
    book,
    config,
    facts,
    instrument,
    position,
    quotes,
    quoting,
    risk,
    signal,
    targets,
    why_not,
)

floats = partial(st.floats, allow_subnormal=False)

FREE = SizeLimits(0, 0.0, 1e12, 1e12, 1e12)


def shaped(**shape: Any) -> Config:
    return config(shape=shape)


def first(settings: Config) -> QuoteTarget:
    """The first target around 10,000 ticks: half-spread 10, 2,000 lots."""
    (target,) = targets(QuoterCore(settings), *facts(), book())
    return target


class TestLadder:
    """Levels, their prices and their sizes."""

    def test_levels_stand_a_step_apart_and_grow_by_a_factor(self) -> None:
        """5 bps of 10,000 ticks are 5 ticks."""
        target = first(shaped(levels=3, level_step_bps=5, level_size_factor=2))
        assert (target.bid.prices, target.bid.sizes) == ((9_990, 9_985, 9_980), (2_000, 4_000, 8_000))
        assert (target.ask.prices, target.ask.sizes) == ((10_010, 10_015, 10_020), (2_000, 4_000, 8_000))

    def test_lists_say_each_level_of_a_side(self) -> None:
        target = first(
            shaped(
                bid_level_offsets_bps=[0, 3, 10],
                bid_level_size_factors=[1, 0.5],
                ask_level_offsets_bps=[0],
            )
        )
        assert (target.bid.prices, target.bid.sizes) == ((9_990, 9_987, 9_980), (2_000, 1_000, 1_000))
        assert target.ask.prices == (10_010,)

    def test_levels_on_one_tick_stand_a_tick_apart(self) -> None:
        assert first(shaped(levels=3, level_step_bps=0)).bid.prices == (9_990, 9_989, 9_988)

    def test_all_levels_together_keep_to_the_maximum_inventory(self) -> None:
        """5,000 lots at the most: two levels and a half of 2,000."""
        settings = config(
            shape={"levels": 4},
            inventory={"max_inventory": 5, "rebalance_threshold": 1},
            pricing={"order_inventory_share_max": 0.4},
        )
        assert first(settings).bid.sizes == (2_000, 2_000, 1_000)

    def test_the_explanation_is_that_of_the_best_level(self) -> None:
        target = first(shaped(levels=3))
        assert target.bid.steps[-1].price_after == target.bid.prices[0]

    @given(
        side=st.sampled_from(["buy", "sell"]),
        best=st.integers(1, 10**7),
        count=st.integers(1, 20),
        step=floats(0, 200),
        factor=floats(0.1, 3),
        usual=floats(0, 1e6),
        room=floats(0, 1e7),
    )
    def test_prices_go_outward_and_sizes_fit_the_room(
        self, side: Side, best: int, count: int, step: float, factor: float, usual: float, room: float
    ) -> None:
        shape = Shape(levels=count, level_step_bps=step, level_size_factor=factor)
        prices = level_prices(side, best, float(best), shape)
        assert prices[0] == best
        assert sorted(set(prices), reverse=side == "buy") == prices
        assert min(prices) > 0
        made = levels(side, best, float(best), (usual, 1e6), FREE, shape)
        assert all(size <= 1e6 for size in made.sizes)
        left = cut(made, room, "FULL", FREE)
        assert sum(left.sizes) <= room + 1e-6
        assert set(left.prices) <= set(made.prices)
        assert bool(left.prices) == (left.reason is None)

    def test_a_list_must_begin_with_the_best_level_and_ascend(self) -> None:
        for offsets in ([1, 2], [0, 5, 5], [0, 5, 3]):
            with pytest.raises(ValueError, match="must begin with 0, the best level, and ascend"):
                Shape.model_validate({"bid_level_offsets_bps": offsets})

    def test_a_symbol_has_its_own(self) -> None:
        settings = config(per_symbol={SOL: {"shape": {"levels": 2}}})
        assert len(first(settings).bid.prices) == 2
        with pytest.raises(ValueError, match="did you mean 'levels'"):
            config(per_symbol={SOL: {"shape": {"level": 2}}})


class TestSpread:
    """Each side's own distance."""

    def test_a_side_has_its_own_factor_and_says_so(self) -> None:
        target = first(shaped(bid_spread_factor=2, ask_spread_factor=0.5))
        assert quotes(target) == ((9_980, 2_000), (10_005, 2_000))
        step = next(step for step in target.bid.steps if step.name == "side_spread")
        assert (step.input, step.config_key) == (2, "shape.bid_spread_factor")
        assert step.effect_bps == pytest.approx(-10)
        assert sum(each.effect_bps for each in target.bid.steps) == pytest.approx(-20)

    def test_the_minimum_counts_after_the_factor(self) -> None:
        settings = config(shape={"ask_spread_factor": 0.01}, pricing={"min_spread_bps": 6})
        assert quotes(first(settings)) == ((9_990, 2_000), (10_003, 2_000))


class TestSizes:
    """By inventory, volatility and what may be lost."""

    def test_an_exponential_falls_slowly_and_ends_at_the_maximum(self) -> None:
        """exp(-0.5) = 0.606531: docs/FORMULAS.md, Sizing."""
        shape = Shape(inventory_sizing="exponential")
        assert inventory_multiplier(0.5, shape) == pytest.approx(0.606531, abs=1e-6)
        assert inventory_multiplier(0.5, Shape(inventory_sizing="exponential", inventory_sizing_eta=2)) == (
            exp(-1)
        )
        assert (inventory_multiplier(-0.5, shape), inventory_multiplier(1.0, shape)) == (1.0, 0.0)

    @pytest.mark.parametrize(("volatility", "factor"), [(0.25, 1.5), (0.5, 1), (1, 0.5), (4, 0.25), (0, 1.5)])
    def test_sizes_follow_volatility_within_bounds(self, volatility: float, factor: float) -> None:
        """Reference 0.5, clipped to 0.25..1.5."""
        assert volatility_factor(volatility, Shape(size_volatility_bps=0.5)) == factor
        assert volatility_factor(volatility, Shape()) == 1

    def test_more_volatility_quotes_less(self) -> None:
        core = QuoterCore(shaped(size_volatility_bps=1))
        (target,) = targets(core, risk(), instrument(), signal(volatility_per_sqrt_s=0.0002), book())
        assert target.bid.sizes == (1_000,)

    def test_the_high_regime_quotes_less(self) -> None:
        (target,) = targets(QuoterCore(config()), risk(), instrument(), signal(regime="high"), book())
        assert quotes(target) == ((9_990, 1_000), (10_010, 1_000))

    @pytest.mark.case("RK4")
    def test_the_loss_budget_bounds_the_inventory(self) -> None:
        """L 5,000, z 2.33, sigma 0.5 a square root of a second, H 600 s: 175.213859 units of 200."""
        shape = Shape(loss_budget=Decimal(5_000))
        limits = SizeLimits(0, 0.0, 1e12, 1e12, 200.0, loss_budget_tick_lots=5_000.0)
        share = budget_share(100.0, 50.0, limits, shape)
        assert share * 200 == pytest.approx(175.213859, abs=1e-6)
        assert budget_share(100.0, 1.0, limits, shape) == 1
        assert budget_share(100.0, 0.0, limits, shape) == 1

    def test_what_is_held_counts_for_more_of_a_smaller_maximum(self) -> None:
        """The budget leaves half of the maximum, so that half of it is all of it."""
        half_of_it = 100 * 100 / 2
        core = QuoterCore(shaped(loss_budget=half_of_it * 2.33 * 0.0002 * 600**0.5))
        volatile = signal(volatility_per_sqrt_s=0.0002)
        held = position(lots=50_000, bias=0.5)
        target = targets(core, risk(), instrument(), volatile, held, book())[-1]
        assert why_not(target) == (reasons.MAX_INVENTORY, None)


class TestBands:
    """Where a side ends."""

    def test_a_position_band_cuts_what_would_lead_beyond_it(self) -> None:
        """5.5 base units are 5,500 lots; 4,000 are held."""
        core = QuoterCore(shaped(position_max="5.5", position_min="3.999"))
        (target,) = targets(core, *facts(), position(lots=4_000), book())[-1:]
        assert (target.bid.sizes, target.ask.sizes) == ((1_500,), (1,))
        (full,) = targets(core, position(lots=5_500, bias=0.0, at=T0 + 2))
        assert why_not(full) == (reasons.POSITION_BAND, None)

    def test_bands_that_leave_nothing_are_refused(self) -> None:
        with pytest.raises(ValueError, match="position_min 3 must be below position_max 2"):
            Shape(position_min=Decimal(3), position_max=Decimal(2))

    def test_nothing_is_bought_above_the_ceiling_nor_sold_below_the_floor(self) -> None:
        assert why_not(first(shaped(price_ceiling="99.99"))) == (reasons.PRICE_BAND, None)
        assert why_not(first(shaped(price_ceiling="100"))) == (None, None)
        assert why_not(first(shaped(price_floor="100.01"))) == (None, reasons.PRICE_BAND)

    def test_a_moving_band_is_measured_from_its_reference_until_it_is_renewed(self) -> None:
        core = quoting(shaped(band_above=0.01, band_below=0.02, band_refresh_s=60))
        (inside,) = targets(core, book(10_099, 10_101, at=T0 + S))
        assert why_not(inside) == (None, None)
        (beyond,) = targets(core, book(10_103, 10_105, at=T0 + 2 * S))
        assert why_not(beyond) == (reasons.MOVING_BAND, None)
        (below,) = targets(core, book(9_790, 9_792, at=T0 + 3 * S))
        assert why_not(below) == (None, reasons.MOVING_BAND)
        (renewed,) = targets(core, book(9_790, 9_792, at=T0 + 60 * S))
        assert why_not(renewed) == (None, None)


class TestTime:
    """What stays, and for how long."""

    def test_a_side_widens_at_once_and_narrows_after_a_while(self) -> None:
        core = quoting(shaped(narrow_after_ms=300))
        (moved,) = targets(core, book(10_009, 10_011, at=T0 + MS))
        assert quotes(moved) == ((9_990, 2_000), (10_021, 2_000)), "the ask at once"
        assert targets(core, book(10_009, 10_011, at=T0 + 300 * MS)) == []
        (later,) = targets(core, book(10_009, 10_011, at=T0 + 301 * MS))
        assert quotes(later) == ((9_999, 2_000), (10_021, 2_000))

    def test_what_is_wanted_nearer_only_for_a_moment_is_forgotten(self) -> None:
        core = quoting(shaped(narrow_after_ms=300))
        targets(core, book(10_009, 10_011, at=T0 + MS), book(at=T0 + 200 * MS))
        assert targets(core, book(10_009, 10_011, at=T0 + 400 * MS)) == []
        (moved,) = targets(core, book(10_009, 10_011, at=T0 + 700 * MS))
        assert quotes(moved) == ((9_999, 2_000), (10_021, 2_000))

    def test_less_size_does_not_wait(self) -> None:
        """Reduce-only leaves no more than what is held, whatever the price waits for."""
        core = quoting(shaped(narrow_after_ms=300))
        targets(core, position(lots=-1_500, bias=0.0, at=T0 + 1), book(10_009, 10_011, at=T0 + 2))
        reduced = targets(core, risk("REDUCE_ONLY", SOL, at=T0 + 3))[-1]
        assert reduced.bid.sizes == (1_500,)

    def test_an_old_price_within_its_threshold_is_followed(self) -> None:
        core = quoting(shaped(price_age_max_s=30))
        assert targets(core, book(10_000, 10_002, at=T0 + MS)) == []
        moved = targets(core, book(10_000, 10_002, at=T0 + 30 * S))[-1]
        assert quotes(moved) == ((9_990, 2_000), (10_012, 2_000))

    def test_thresholds_are_by_side_and_level(self) -> None:
        """One bp is a tick; 5 ticks between levels. Nothing is kept that would narrow the quote."""
        core = QuoterCore(
            shaped(levels=2, bid_requote_thresholds_bps=[1, 50], ask_requote_thresholds_bps=[50])
        )
        targets(core, *facts(), book())
        (fallen,) = targets(core, book(9_997, 9_999, at=T0 + MS))
        assert (fallen.bid.prices, fallen.ask.prices) == ((9_988, 9_985), (10_010, 10_015))
        (risen,) = targets(core, book(10_001, 10_003, at=T0 + 2 * MS))
        assert (risen.bid.prices, risen.ask.prices) == ((9_991, 9_985), (10_013, 10_019))

    def test_a_filled_side_waits(self) -> None:
        core = quoting(shaped(filled_order_delay_ms=1_000))
        targets(core, position(at=T0 + 1))
        (filled,) = targets(core, position(lots=500, at=T0 + 2))
        assert why_not(filled) == (reasons.FILLED_ORDER_DELAY, None)
        (again,) = targets(core, Tick(event_time_ns=T0 + S + 2))
        assert why_not(again) == (None, None)


class TestHanging:
    """The other side's order stays after a fill."""

    def hanging(self, **shape: Any) -> QuoterCore:
        """An ask of 10,010 hangs since a purchase at T0 + 2, and the market went up by 20 ticks."""
        core = quoting(shaped(hanging=True, **shape))
        targets(core, position(at=T0 + 1), position(lots=500, at=T0 + 2))
        targets(core, book(9_969, 9_971, at=T0 + 3))
        return core

    def asks(self, core: QuoterCore, at: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """What is offered at a time: a target comes every half life at the least."""
        target = targets(core, book(9_969, 9_971, at=at - 1), Tick(event_time_ns=at))[-1]
        return target.ask.prices, target.ask.sizes

    def test_it_stays_beside_the_new_ones(self) -> None:
        assert self.asks(self.hanging(), T0 + 5 * S) == ((9_980, 10_010), (2_000, 2_000))

    def test_it_goes_once_it_is_too_far_or_too_old(self) -> None:
        """40 ticks of 9,970 are 40.1 bps."""
        assert self.asks(self.hanging(hanging_distance_max_bps=40), T0 + 5 * S)[0] == (9_980,)
        assert self.asks(self.hanging(hanging_age_max_s=4), T0 + 5 * S)[0] == (9_980,)

    def test_what_is_sold_is_taken_from_the_best_price_first(self) -> None:
        core = self.hanging()
        targets(core, position(lots=500 - 2_000 - 600, at=T0 + 4))
        assert self.asks(core, T0 + 5 * S) == ((9_980, 10_010), (2_000, 1_400))

    def test_as_many_levels_hang_as_were_filled(self) -> None:
        """2,500 lots are a level of 2,000 and a part of the next; the third level follows the market."""
        core = QuoterCore(shaped(levels=3, hanging=True))
        targets(core, *facts(), position(), book())
        targets(core, position(lots=2_500, at=T0 + 2), book(9_969, 9_971, at=T0 + 3))
        assert self.asks(core, T0 + 5 * S)[0] == (9_980, 9_985, 9_990, 10_010, 10_015)

    def test_nothing_hangs_where_the_side_may_not_be_quoted(self) -> None:
        core = self.hanging()
        halted = targets(core, risk("HALT", SOL, "MAX_LOSS", at=T0 + 4))[-1]
        assert quotes(halted) == (None, None)


@given(st.lists(st.tuples(st.integers(1, 100), st.integers(1, 100)), min_size=1, max_size=5))
def test_an_order_of_levels_is_seen(found: list[tuple[int, int]]) -> None:
    prices = tuple(price for price, _ in found)
    ordered = DraftSide(prices, tuple(size for _, size in found)).is_ordered
    assert ordered == (list(prices) in (sorted(set(prices)), sorted(set(prices), reverse=True)))


shares = floats(-1, 1)


@given(
    bid=st.integers(50, 10**6),
    spread=st.integers(1, 200),
    bias=shares,
    imbalance=shares,
    flow=shares,
    shape=st.fixed_dictionaries(
        {
            "levels": st.integers(1, 6),
            "level_step_bps": floats(0, 50),
            "level_size_factor": floats(0.2, 3),
            "bid_spread_factor": floats(0.01, 5),
            "ask_spread_factor": floats(0.01, 5),
            "inventory_sizing": st.sampled_from(["linear", "exponential"]),
            "size_volatility_bps": st.none() | floats(0.1, 10),
            "loss_budget": st.none() | floats(1, 1_000),
        }
    ),
    alpha=st.fixed_dictionaries(
        {"imbalance_bps": floats(-50, 50), "flow_bps": floats(-50, 50), "max_bps": floats(0.1, 50)}
    ),
)
def test_no_setting_lets_a_bid_meet_an_ask_and_the_steps_sum_to_the_price(
    bid: int,
    spread: int,
    bias: float,
    imbalance: float,
    flow: float,
    shape: dict[str, Any],
    alpha: dict[str, Any],
) -> None:
    core = QuoterCore(config(shape=shape, alpha=alpha))
    told = signal(
        imbalance=imbalance, flow_imbalance=flow, flow_volume_lots=50_000.0, volatility_per_sqrt_s=0.0001
    )
    held = position(lots=round(bias * 100_000), bias=bias)
    target = targets(core, risk(), instrument(), told, held, book(bid, bid + spread))[-1]
    bids, asks = target.bid.prices, target.ask.prices
    assert list(bids) == sorted(set(bids), reverse=True)
    assert list(asks) == sorted(set(asks))
    assert not bids or (bids[-1] > 0 and bids[0] < bid + spread)
    assert not asks or asks[0] > bid
    assert not (bids and asks) or bids[0] < asks[0]
    for side in (target.bid, target.ask):
        if side.prices:
            fair = side.steps[0].price_after
            total = fair * (1 + sum(step.effect_bps for step in side.steps) / 10_000)
            assert total == pytest.approx(side.prices[0], rel=1e-9)
            assert sum(side.sizes) * 0.001 <= 100 * (1 + abs(bias)) + 1e-6
