"""A side reacts to takers that print towards it, and to the queues at the best prices."""

from decimal import Decimal
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from quote_service.quoting import reasons
from quote_service.quoting.models.answer import ModelFacts
from quote_service.quoting.quoter import QuoterCore
from quote_service.quoting.reaction.bursts import TakerBursts
from quote_service.quoting.reaction.touch import QueueFront, left_because, touch_share

from runtime.process.definition import Carries
from schemas.config import Config
from schemas.message import Event
from schemas.process import Tick
from schemas.quoting import QuoteTarget
from schemas.reaction_settings import Reaction
from tests.kit.messages import MS, T0, S
from tests.unit.quote_service.quoting.builders import (
    SOL,
    book,
    config,
    facts,
    instrument,
    quotes,
    quoting,
    risk,
    signal,
    targets,
    why_not,
)

BURST = {"burst_depths": 0.5, "burst_hold_ms": 400}
QUEUE = {"queue_join_share": 0.6, "queue_leave_share": 0.4}
NEAR = {"base_spread": 0.0001, "inventory_sensitivity": 0.0, "requote_threshold_bps": 0.0}
"""Half a tick each side: quotes stand at the best prices."""


def reacting(**reaction: Any) -> Config:
    return config(reaction=reaction)


def codes(target: QuoteTarget) -> tuple[str | None, str | None]:
    bid, ask = why_not(target)
    return reasons.code_of(bid), reasons.code_of(ask)


def sold(depths: float, at: int) -> Event:
    """A signal between two books: takers sold so many depths of the bid."""
    return signal(taker_sell_depths=depths, time_ns=at, book_time_ns=T0)


class TestBursts:
    """Takers print towards a side."""

    def test_the_side_is_left_at_once_and_quoted_again_after_the_hold(self) -> None:
        core = quoting(reacting(**BURST))
        (left,) = targets(core, sold(0.8, T0 + 50 * MS))
        assert codes(left) == (reasons.TAKER_BURST, None)
        assert "0.8" in str(left.bid.not_quoting_because)
        assert quotes(left)[1] == (10_010, 2_000)
        assert targets(core, book(at=T0 + 449 * MS)) == []
        (back,) = targets(core, book(at=T0 + 450 * MS))
        assert quotes(back) == ((9_990, 2_000), (10_010, 2_000))

    def test_takers_that_buy_take_the_ask_away(self) -> None:
        core = quoting(reacting(**BURST))
        (left,) = targets(core, signal(taker_buy_depths=0.6, time_ns=T0 + 1, book_time_ns=T0))
        assert codes(left) == (None, reasons.TAKER_BURST)

    def test_more_of_them_prolong_it(self) -> None:
        core = quoting(reacting(**BURST))
        targets(core, sold(0.8, T0), sold(0.7, T0 + 300 * MS))
        assert targets(core, book(at=T0 + 650 * MS)) == []
        (back,) = targets(core, book(at=T0 + 700 * MS))
        assert why_not(back) == (None, None)

    def test_without_books_a_tick_brings_the_side_back(self) -> None:
        core = quoting(reacting(**BURST))
        targets(core, sold(0.8, T0))
        (back,) = targets(core, Tick(event_time_ns=T0 + S))
        assert why_not(back) == (None, None)

    @pytest.mark.parametrize("settings", [{}, BURST])
    def test_up_to_the_size_and_by_default_nothing_happens(self, settings: dict[str, Any]) -> None:
        core = quoting(reacting(**settings))
        assert targets(core, sold(0.5 if settings else 1e9, T0 + 1)) == []

    def test_a_widening_keeps_the_side_and_is_a_step(self) -> None:
        """A half-spread of 10 ticks becomes 25; the other side stays."""
        core = quoting(reacting(**BURST, burst_widening=2.5))
        (wide,) = targets(core, sold(0.8, T0 + 1))
        assert quotes(wide) == ((9_975, 2_000), (10_010, 2_000))
        (step,) = [each for each in wide.bid.steps if each.name == "taker_burst"]
        assert (step.input, step.config_key) == (0.8, "reaction.burst_widening")
        assert step.effect_bps == pytest.approx(-15)
        assert step.price_after == pytest.approx(9_975)
        assert not [each for each in wide.ask.steps if each.name == "taker_burst"]

    def test_a_symbols_own_setting_counts(self) -> None:
        settings = config(per_symbol={SOL: {"reaction": BURST}})
        assert codes(targets(quoting(settings), sold(0.8, T0))[0]) == (reasons.TAKER_BURST, None)

    def test_it_goes_on_in_the_next_session(self) -> None:
        old, settings = quoting(reacting(**BURST)), reacting(**BURST)
        targets(old, sold(0.8, T0))
        new = QuoterCore(settings)
        for event in cast(Carries, old).carried(T0 + 1):
            new.on_event(event)
        first, *_ = targets(new, *facts(), book(at=T0 + 100 * MS))
        assert codes(first) == (reasons.TAKER_BURST, None)

    @given(
        steps=st.lists(
            st.tuples(st.integers(0, 800 * MS), st.floats(0, 3), st.floats(0, 3)), min_size=1, max_size=20
        )
    )
    def test_a_side_reacts_exactly_for_the_hold_after_its_newest_burst(
        self, steps: list[tuple[int, float, float]]
    ) -> None:
        bursts, reaction, now = TakerBursts(), Reaction(**BURST), T0
        newest: list[int | None] = [None, None]
        for wait_ns, sells, buys in steps:
            now += wait_ns
            bursts.observe(signal(taker_sell_depths=sells, taker_buy_depths=buys), now, reaction)
            newest = [now if depths > 0.5 else old for depths, old in zip((sells, buys), newest, strict=True)]
            expected = [each is not None and now < each + 400 * MS for each in newest]
            assert [each > 0 for each in bursts.in_force(now)] == expected


class TestImbalance:
    """The other side's best size is much heavier."""

    def test_the_lighter_side_is_left(self) -> None:
        core = quoting(reacting(imbalance_leave_share=0.2))
        (left,) = targets(core, book(sizes=(3_000, 17_000), at=T0 + 1))
        assert codes(left) == (reasons.BOOK_IMBALANCE, None)
        (other,) = targets(core, book(sizes=(17_000, 3_000), at=T0 + 2))
        assert codes(other) == (None, reasons.BOOK_IMBALANCE)

    def test_on_the_share_it_stays(self) -> None:
        core = quoting(reacting(imbalance_leave_share=0.2))
        assert targets(core, book(sizes=(4_000, 16_000), at=T0 + 1)) == []

    @given(bid=st.integers(0, 10**9), ask=st.integers(0, 10**9), least=st.sampled_from((0.0, 0.1, 0.3, 0.5)))
    def test_never_both_sides(self, bid: int, ask: int, least: float) -> None:
        reaction, shown = Reaction(imbalance_leave_share=least), book(sizes=(bid, ask))
        left = [left_because(side, 1, shown, ModelFacts(), reaction) for side in ("buy", "sell")]
        assert None in left
        assert touch_share("buy", shown) + touch_share("sell", shown) == pytest.approx(1)


def tight(**reaction: Any) -> QuoterCore:
    """A core that quotes at the best prices of a market with a spread of a tick."""
    settings = config(market_making=NEAR, pricing={"min_spread_bps": 0.1}, reaction={**QUEUE, **reaction})
    core = QuoterCore(settings)
    targets(core, risk(), instrument(), signal())
    return core


def one_tick(bid_lots: int, ask_lots: int, at: int) -> Event:
    return book(9_999, 10_000, sizes=(bid_lots, ask_lots), at=at)


class TestQueue:
    """The best price of a market with a spread of a tick."""

    def test_only_the_longer_queue_is_joined(self) -> None:
        (made,) = targets(tight(), one_tick(14_000, 6_000, T0))
        assert codes(made) == (None, reasons.QUEUE)
        assert "joins at 0.6" in str(made.ask.not_quoting_because)

    def test_with_even_queues_both_sides_stay_out(self) -> None:
        (made,) = targets(tight(), one_tick(10_000, 10_000, T0))
        assert codes(made) == (reasons.QUEUE, reasons.QUEUE)

    def test_at_the_end_of_the_queue_it_is_left_before_it_turns(self) -> None:
        """Joined at 0.7; all 9,000 left are ahead of us: 0.45 stays, 0.39 leaves."""
        core = tight()
        targets(core, one_tick(14_000, 6_000, T0))
        (other,) = targets(core, one_tick(9_000, 11_000, T0 + 1)) or (None,)
        assert other is None or codes(other)[0] is None
        left = targets(core, one_tick(8_000, 12_500, T0 + 2))[-1]
        assert codes(left)[0] == reasons.QUEUE
        assert "below 0.4" in str(left.bid.not_quoting_because)

    def test_at_the_front_it_stays_down_to_half_of_that(self) -> None:
        """2,000 of 20,000 lots are ahead, a share of 0.1: it leaves below 0.4 x 1.1/2 = 0.22."""
        core = tight()
        for count, lots in enumerate((14_000, 2_000, 20_000)):
            targets(core, one_tick(lots, lots // 2, T0 + count))
        (stays,) = targets(core, one_tick(20_000, 60_000, T0 + 5))
        assert codes(stays) == (None, None)
        left = targets(core, one_tick(20_000, 75_000, T0 + 6))[-1]
        assert codes(left)[0] == reasons.QUEUE

    def test_a_wider_spread_is_quoted_whatever_the_queues(self) -> None:
        (made,) = targets(tight(), book(9_998, 10_000, sizes=(10_000, 10_000)))
        assert why_not(made) == (None, None)

    def test_a_quote_behind_the_best_price_is_no_matter_of_its_queue(self) -> None:
        reaction, shown = Reaction(**QUEUE), book(9_999, 10_000, sizes=(1, 10_000))
        assert left_because("buy", 9_998, shown, ModelFacts(), reaction) is None
        assert left_because("buy", 9_999, shown, ModelFacts(), reaction) is not None

    def test_what_would_be_left_at_once_may_not_be_joined(self) -> None:
        with pytest.raises(ValidationError, match=r"queue_leave_share 0\.7 is above queue_join_share 0\.6"):
            Reaction(queue_join_share=0.6, queue_leave_share=0.7)

    @given(sizes=st.lists(st.integers(0, 10**6), min_size=1, max_size=30))
    def test_what_is_ahead_never_grows_while_the_price_is_the_best(self, sizes: list[int]) -> None:
        front, before = QueueFront(), None
        for lots in sizes:
            front.observe((100,), 100, lots)
            assert front.front_lots <= lots
            assert before is None or front.front_lots <= before
            assert front.share is not None
            assert 0 <= front.share <= 1
            before = front.front_lots
        front.observe((99,), 100, 5)
        assert front.share is None

    def test_a_quote_that_comes_back_joins_at_the_end(self) -> None:
        front = QueueFront()
        for quoted, lots in (((100,), 50), ((100,), 10), ((), 80), ((100,), 80)):
            front.observe(quoted, 100, lots)
        assert (front.front_lots, front.share) == (80, 1.0)

    def test_another_contract_voids_the_queues(self) -> None:
        core = tight()
        targets(core, one_tick(14_000, 6_000, T0))
        changed = instrument(version=2, tick_size=Decimal("0.1"))
        assert all(why_not(each) != (None, None) for each in targets(core, changed))
