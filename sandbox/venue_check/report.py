"""The suite's results, as a table, as counts, and as the times that halts took."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass

from sandbox.venue_check.judging import FINDINGS, Outcome
from sandbox.venue_check.suite import BY_NAME, expected_of


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    fault: str
    expected: str
    happened: str
    holds: bool


@dataclass(frozen=True, slots=True)
class Times:
    """How long something took, in seconds."""

    times: int
    p50_s: float
    p99_s: float


@dataclass(frozen=True, slots=True)
class CheckReport:
    """The suite's results."""

    rows: tuple[Row, ...]
    outcomes: tuple[Outcome, ...]

    @property
    def holds(self) -> bool:
        """Did every session hold?"""
        return all(outcome.holds for outcome in self.outcomes)

    def counts(self) -> dict[str, int]:
        """Findings by kind, over all sessions."""
        return {name: sum(o.counts[kind] for o in self.outcomes) for kind, name in FINDINGS.items()}

    def as_json(self) -> dict[str, object]:
        """Machine-readable form."""
        return {
            "holds": self.holds,
            "counts": self.counts(),
            "halt_confirmed_s": {name: asdict(times) for name, times in self.halts().items()},
            "fill_booked_s": {name: asdict(times) for name, times in self.fills().items()},
            "rows": [asdict(row) for row in self.rows],
            "sessions": [asdict(outcome) for outcome in self.outcomes],
        }

    def halts(self) -> Mapping[str, Times]:
        """Times to confirm halts, by the fault active during the mass cancel."""
        return self._by_fault(lambda o: [] if o.confirmed_s is None else [o.confirmed_s])

    def fills(self) -> Mapping[str, Times]:
        """Times to book trades, by the same."""
        return self._by_fault(lambda o: o.booked_after_s)

    def _by_fault(self, seconds_of: Callable[[Outcome], Sequence[float]]) -> Mapping[str, Times]:
        """`all` covers every session."""
        found: dict[str, list[float]] = defaultdict(list)
        for outcome in self.outcomes:
            for name in ("all", outcome.last):
                found[name] += seconds_of(outcome)
        return {name: _times(sorted(seconds)) for name, seconds in found.items() if seconds}

    def summary(self) -> list[str]:
        """All sessions in a few lines, with the violations."""
        outcomes = self.outcomes
        injected = sum(sum(outcome.fired.values()) for outcome in outcomes)
        lines = [
            f"{len(outcomes)} sessions, {injected} faults, {sum(o.intents for o in outcomes)} intents, "
            f"{sum(o.orders for o in outcomes)} orders, {sum(o.fills for o in outcomes)} fills",
            ", ".join(f"{number} {name}" for name, number in self.counts().items()),
            f"{sum(not o.holds for o in outcomes)} sessions with anything wrong",
            *_lines("a halt was confirmed", self.halts()),
            *_lines("a fill was booked", self.fills()),
        ]
        return lines + [f"seed {o.seed}, {o.name}: {text}" for o in outcomes for text in o.wrong]


def _lines(what: str, times: Mapping[str, Times]) -> list[str]:
    """For all sessions, then by fault."""
    if "all" not in times:
        return []
    every = times["all"]
    by_fault = [f"{name} {t.p50_s:.2f}, {t.p99_s:.2f}" for name, t in sorted(times.items()) if name != "all"]
    return [
        f"{what} after (p50, p99, s) {every.p50_s:.2f}, {every.p99_s:.2f}; under",
        *(f"  {'; '.join(by_fault[start : start + 6])}" for start in range(0, len(by_fault), 6)),
    ]


def _times(seconds: list[float]) -> Times:
    """Of sorted times."""
    last = len(seconds) - 1
    return Times(len(seconds), seconds[round(last * 0.5)], seconds[round(last * 0.99)])


def row_of(name: str, outcome: Outcome) -> Row:
    """One line: a fault or a course that was run on its own."""
    times = outcome.fired.get(name, 0)
    confirmed = "never" if outcome.confirmed_s is None else f"after {outcome.confirmed_s:.2f} s"
    often = f"{times} times; " if name in BY_NAME else ""
    happened = (
        f"{often}{outcome.orders} orders, {outcome.fills} fills, all accounted for; "
        f"halt confirmed {confirmed}"
    )
    has_occurred = bool(times) or name not in BY_NAME
    if outcome.wrong:
        happened = "; ".join(outcome.wrong[:3])
    elif not has_occurred:
        happened = "it did not occur"
    return Row(name, expected_of(name), happened, outcome.holds and has_occurred)
