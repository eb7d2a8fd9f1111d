"""A market that leads: its mid moves the fair value of the one that follows, and only while it lives."""

from typing import Any

import pytest
from quote_service.quoting.fair_value.reference_market import Reference
from quote_service.quoting.quoter import QuoterCore

from schemas.config import Config
from schemas.market import Book
from schemas.message import Event
from schemas.quoting import QuoteTarget
from tests.kit.messages import MS, T0, S
from tests.unit.quote_service.quoting.builders import SOL, book, config, facts, quotes

LEADER = "big:SOL/USDC"
HALF_LIFE_S = 60.0


def leading(mid: int, *, at: int = T0, **fields: Any) -> Book:
    """The leader's book; its ticks are ten times as fine."""
    own = book(mid - 1, mid + 1, at=at).model_dump()
    return Book.model_validate(own | {"venue": "big", "symbol": "SOL/USDC"} | fields)


def following(**pricing: Any) -> Config:
    own = {"reference_market": LEADER, "reference_half_life_s": HALF_LIFE_S, **pricing}
    return config(
        per_symbol={SOL: {"pricing": own}}, market_making={"base_spread": 0.0005, "requote_threshold_bps": 0}
    )


def said(core: QuoterCore, *events: Event) -> list[QuoteTarget]:
    """The targets of the one that follows."""
    found = [each for event in events for each in core.on_event(event)]
    return [each for each in found if isinstance(each, QuoteTarget) and each.symbol == SOL]


def together(**pricing: Any) -> QuoterCore:
    """Both markets stand, the leader at ten times the ticks; the spread of the follower is 20."""
    core = QuoterCore(following(**pricing))
    said(core, *facts(), leading(100_000), book(9_990, 10_010))
    return core


def test_the_leader_moves_the_follower_before_its_own_book_does() -> None:
    """Up by 2 bps: 2 ticks of the follower's 10,000."""
    (target,) = said(together(), leading(100_020, at=T0 + MS))
    names = [(step.name, round(step.effect_bps, 3)) for step in target.bid.steps[:2]]
    assert names == [("fair_value", 0.0), ("reference", 2.0)]
    assert quotes(target) == ((9_999, 2_000), (10_005, 2_000))


def test_the_fair_value_stays_inside_the_own_spread() -> None:
    (target,) = said(together(), leading(100_900, at=T0 + MS))
    assert target.ask.steps[1].price_after == 10_010


def test_a_lasting_difference_is_taken_for_a_basis() -> None:
    """Half of a step of the leader is left after a half-life, and a thousandth after ten."""
    reference, own = Reference(), book(9_990, 10_010)
    reference.observe(leading(100_000))
    assert reference.update(own, T0, HALF_LIFE_S, 10**15) == pytest.approx(10_000)
    reference.observe(leading(100_100, at=T0 + MS))
    after = [
        reference.update(own, T0 + MS + round(passed * S), HALF_LIFE_S, 10**15)
        for passed in (0.0, HALF_LIFE_S, 9 * HALF_LIFE_S)
    ]
    assert after == pytest.approx([10_010, 10_005, 10_000.01], abs=0.01)


@pytest.mark.parametrize(
    "gone",
    [
        leading(100_020, at=T0 + MS, status="crossed"),
        leading(100_020, at=T0 + MS, bid_prices=(), bid_sizes=()),
    ],
)
def test_a_leader_that_is_not_live_leaves_the_own_fair_value(gone: Book) -> None:
    core = together()
    said(core, leading(100_020, at=T0 + 1))
    (target,) = said(core, gone)
    assert [step.name for step in target.bid.steps[:2]] == ["fair_value", "base_spread"]


def test_a_leader_that_is_silent_for_too_long_does_not_count() -> None:
    reference, own = Reference(), book(9_990, 10_010)
    reference.observe(leading(100_000))
    assert reference.update(own, T0 + S, HALF_LIFE_S, S) is not None
    assert reference.update(own, T0 + S + 1, HALF_LIFE_S, S) is None


def test_other_units_of_the_leader_begin_a_new_ratio() -> None:
    reference, own = Reference(), book(9_990, 10_010)
    reference.observe(leading(100_000))
    reference.update(own, T0, HALF_LIFE_S, 10**15)
    reference.observe(leading(10_000, instrument_version=2))
    assert reference.update(own, T0, HALF_LIFE_S, 10**15) == pytest.approx(10_000)


def test_who_follows_whom_is_said_for_each_symbol_and_seen_by_one_process() -> None:
    with pytest.raises(ValueError, match="say it under per_symbol"):
        config(pricing={"reference_market": LEADER})
    with pytest.raises(ValueError, match=r"a shard does not see all markets; set process\.shards to 1"):
        config(per_symbol={SOL: {"pricing": {"reference_market": LEADER}}}, process={"shards": 2})
    with pytest.raises(ValueError, match="reference_market"):
        config(per_symbol={SOL: {"pricing": {"reference_market": "SOL"}}})
