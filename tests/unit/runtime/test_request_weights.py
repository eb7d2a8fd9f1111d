"""The venue's own count, and what a kind of request is found to cost."""

from hypothesis import given
from hypothesis import strategies as st

from runtime.exchange.request_budget import (
    CLOCK_MARGIN_S,
)
from schemas.venues import VENUES, RequestKind
from tests.unit.runtime.request_budgets import answer, make


class Conversation:
    """Requests of ours with a venue whose table may be another; strangers may use the address too."""

    def __init__(self, weights: dict[RequestKind, int] | None = None) -> None:
        self.clock, self.budget = make()
        self.weights = dict(VENUES["binance"].weights) | (weights or {})
        self.told: list[tuple[RequestKind, int, int]] = []
        self.budget.on_weight(lambda *difference: self.told.append(difference))
        self._counted, self._window = 0, 0.0

    def count(self, weight: int) -> int:
        window = self.clock.now_s // 60
        if window != self._window:
            self._window, self._counted = window, 0
        self._counted += weight
        return self._counted

    def ask(self, kind: RequestKind, gap_s: float = 0.1, strangers: int = 0) -> None:
        self.clock.now_s += gap_s
        self.count(strangers)
        assert self.budget.may_send(kind, "cancel")
        self.budget.observe(200, answer(self.count(self.weights[kind])), "", kind)


def test_a_weight_that_the_venue_counts_higher_is_believed_and_said_once() -> None:
    talk = Conversation({"look_up": 6})
    for number in range(40):
        talk.ask("look_up", 0.05 + 0.1 * (number % 3))
    assert talk.told == [("look_up", 4, 6)]
    assert talk.budget.weight("look_up") == 6
    assert talk.budget.weight("time") == 1


def test_a_weight_that_becomes_smaller_again_is_believed_too() -> None:
    talk = Conversation({"look_up": 6})
    for number in range(40):
        talk.ask("look_up", 0.05 + 0.1 * (number % 3))
    talk.weights["look_up"] = 4
    talk.ask("look_up")
    assert talk.budget.weight("look_up") == 4


def test_requests_that_were_under_way_together_measure_nothing() -> None:
    talk = Conversation({"look_up": 6})
    for _ in range(40):
        talk.clock.now_s += 0.3
        assert talk.budget.may_send("look_up", "cancel")
        assert talk.budget.may_send("look_up", "cancel")
        talk.count(12)
        talk.budget.observe(200, answer(talk.count(0)), "", "look_up")
        talk.budget.observe(200, answer(talk.count(0)), "", "look_up")
    assert talk.told == []


@given(
    asked=st.lists(
        st.tuples(
            st.sampled_from(["time", "look_up", "cancel"]), st.floats(0.01, 2), st.integers(0, 1) | st.just(7)
        ),
        min_size=30,
        max_size=120,
    ),
    every_s=st.floats(0.5, 5),
)
def test_others_on_the_address_are_not_taken_for_a_weight(
    asked: list[tuple[RequestKind, float, int]], every_s: float
) -> None:
    """One asks at even intervals, others by chance: now and then nobody does, and that is proof enough."""
    talk = Conversation()
    next_s = talk.clock.now_s + every_s
    for kind, gap_s, by_chance in asked:
        strangers = by_chance
        while next_s <= talk.clock.now_s + gap_s:
            strangers, next_s = strangers + 1, next_s + every_s
        talk.ask(kind, gap_s, strangers)
    talk.clock.now_s += 60 - talk.clock.now_s % 60 + 2 * CLOCK_MARGIN_S
    for kind in ("time", "look_up", "cancel"):
        talk.ask(kind, 0.01)
        talk.ask(kind, 0.01)
        assert talk.budget.weight(kind) == VENUES["binance"].weights[kind]
