"""Events that were left out: how many for each reason, the first of each, and both in words."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from schemas.market import Refusal

_DETAIL_MAX = 300


@dataclass(slots=True)
class RefusalTally:
    """Of one symbol, of what named no known one, or of a whole recording."""

    counts: dict[str, int] = field(default_factory=dict)
    """By reason."""
    first: dict[str, str] = field(default_factory=dict)
    """By reason: what was refused, and where."""

    def apply(self, refusal: Refusal) -> None:
        """Count a message."""
        self.count(refusal.reason, refusal.detail)

    def count(self, reason: str, detail: str) -> None:
        """Count one; `detail` names the value and the place."""
        self.counts[reason] = self.counts.get(reason, 0) + 1
        self.first.setdefault(reason, detail[:_DETAIL_MAX])

    def restore(self, counts: Mapping[str, int], first: Mapping[str, str]) -> None:
        """Go on from an earlier session's counts."""
        self.counts = dict(counts)
        self.first = dict(first)

    def as_json(self) -> dict[str, Any]:
        """The fields of a report."""
        return {"refused_by_reason": dict(self.counts), "first_refusals": dict(self.first)}

    def lines(self, name: str) -> Iterator[str]:
        """A line for each reason; `name` is what the events were of."""
        return refusal_lines(name, self.counts, self.first)

    def digest_state(self) -> dict[str, int]:
        """The counts: logs of earlier releases have digests without the first of each."""
        return self.counts


def refusal_lines(name: str, counts: Mapping[str, int], first: Mapping[str, str]) -> Iterator[str]:
    """A line for each reason, with the first example where it is known."""
    for reason, count in counts.items():
        example = f"; the first: {first[reason]}" if reason in first else ""
        yield f"{name}: {count} event{'s' * (count > 1)} left out as {reason}{example}"
