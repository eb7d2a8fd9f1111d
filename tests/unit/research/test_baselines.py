"""What the models are measured against does what its makers wrote."""

import pytest
from quote_service.quoting.draft import HeldInventory, QuoteDraft
from quote_service.quoting.models.answer import ModelFacts
from quote_service.quoting.sizing import SizeLimits

from research.baselines import Draft, LiteralFormulas, PureMarketMaking, symmetric
from schemas.config import Config
from tests.kit.messages import S
from tests.unit.quote_service.quoting.builders import book, instrument, signal


def drafted(
    draft: Draft, mid: int = 10_000, *, lots: int = 0, bias: float = 0.0, at: int = 0, imbalance: float = 0.0
) -> QuoteDraft:
    limits = SizeLimits.of(instrument(), Config())
    assert limits is not None
    held, told = HeldInventory(lots, bias), signal(imbalance=imbalance)
    return draft(book(mid - 1, mid + 1), told, held, limits, ModelFacts(now_ns=at), Config())


def test_symmetric_stands_around_the_mid_whatever_is_held() -> None:
    for bias in (0.0, 0.9, -0.9):
        made = drafted(symmetric(5.0), bias=bias)
        assert (made.bid.prices, made.ask.prices) == ((9_995,), (10_005,))
        assert made.bid.sizes == made.ask.sizes == (2_000,)
    assert drafted(symmetric(5.0), bias=1.0).bid.reason == "MAX_INVENTORY"


@pytest.mark.case("VO1")
def test_the_newest_return_has_63_percent_of_the_weight() -> None:
    """A single return of 1 % among 99 of none: sqrt(0.632121) of it."""
    formulas = LiteralFormulas()
    for _ in range(100):
        drafted(formulas, 100_000)
    drafted(formulas, 101_000)
    assert formulas.volatility() == pytest.approx(0.01 * 0.632121**0.5, rel=1e-4)


def test_before_any_return_the_literal_spread_is_2_2_percent() -> None:
    made = drafted(LiteralFormulas(), 100_000)
    assert (made.bid.prices, made.ask.prices) == ((98_900,), (101_100,))


def test_literal_pressure_moves_the_bid_through_the_mid_of_before() -> None:
    """Base 99.90 and 100.10 at no volatility become 99.9999 and 100.15005."""
    formulas = LiteralFormulas()
    drafted(formulas, 1_000_000)
    made = drafted(formulas, 1_000_000, imbalance=0.5)
    assert (made.bid.prices, made.ask.prices) == ((999_999,), (1_001_501,))
    emergency = drafted(formulas, 1_000_000, imbalance=0.9)
    assert emergency.bid.prices == (1_001_997,)


def test_hummingbot_renews_its_quote_only_when_it_is_time() -> None:
    rule = PureMarketMaking(half_spread_bps=5.0, refresh_s=10.0)
    drafted(rule)
    assert drafted(rule, 10_100, at=9 * S).bid.prices == (9_995,)
    assert drafted(rule, 10_100, at=10 * S).bid.prices == (10_094,)


def test_hummingbot_leaves_a_filled_side_away_for_a_while() -> None:
    rule = PureMarketMaking(half_spread_bps=5.0, refresh_s=10.0, filled_delay_s=60.0)
    drafted(rule)
    filled = drafted(rule, lots=500, at=S)
    assert (filled.bid.reason, filled.ask.prices) == ("FILLED_ORDER_DELAY", (10_005,))
    assert drafted(rule, lots=500, at=62 * S).bid.prices == (9_995,)


def test_hummingbot_scales_sizes_from_nothing_to_twice() -> None:
    skewed = drafted(PureMarketMaking(5.0, 10.0), bias=0.5)
    assert (skewed.bid.sizes, skewed.ask.sizes) == ((1_000,), (3_000,))
    plain = drafted(PureMarketMaking(5.0, 10.0, skew=False), bias=0.5)
    assert plain.bid.sizes == plain.ask.sizes == (2_000,)
