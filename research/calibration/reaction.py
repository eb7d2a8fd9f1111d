"""Which market orders a maker at the best price had better not met: by bursts before them, and by queues.

Each order is taken as a fill of a maker at the price of its first trade. What it earned is the distance of
that price from the mid some seconds later. A size of bursts, or a share of the best sizes, is chosen so that
the orders it lets through earned most on the first part of a recording, and tried on the rest: it is of use
where the orders that it avoids lost there too.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from research.attribution.moments import Moments

TRAINED_SHARE = 0.6
BURST_DEPTHS = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0)
HOLDS_MS = (200, 500, 1_000)
SHARES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
ORDERS_LEAST = 50
"""In each part."""
RuleT = TypeVar("RuleT")


class MetOrder(NamedTuple):
    """A market order, as the fill of a maker at its first price."""

    earned_bps: float
    """Of that price, by the mid later."""
    bursts: tuple[float, ...]
    """The largest burst towards its side within each of `HOLDS_MS` before, in depths of that side."""
    share: float
    """Of the side that it met in the two best sizes just before."""
    is_tight: bool
    """The spread was at most as wide as where queues decide."""


@dataclass(frozen=True, slots=True)
class Avoided:
    """A rule, with what the orders earned that it lets through and that it avoids; None: there are none."""

    threshold: float | None
    """None: nothing is avoided."""
    hold_ms: int | None
    met: int
    met_bps: float | None
    avoided: int
    avoided_bps: float | None
    avoided_error_bps: float | None

    @property
    def is_of_use(self) -> bool:
        """Did what it avoids lose, by more than its standard error, on the part where it was not chosen?"""
        mean, error = self.avoided_bps, self.avoided_error_bps
        return self.threshold is not None and mean is not None and error is not None and mean < -error


@dataclass(frozen=True, slots=True)
class ReactionFit:
    """The three rules, with their figures on the unseen part."""

    orders: int
    burst: Avoided
    imbalance: Avoided
    queue: Avoided


def fit_reaction(orders: Sequence[MetOrder]) -> ReactionFit:
    """Raises ValueError for too few orders."""
    trained = int(len(orders) * TRAINED_SHARE)
    if min(trained, len(orders) - trained) < ORDERS_LEAST:
        raise ValueError(f"{len(orders)} orders: at least {ORDERS_LEAST} are needed in each part")
    known, unseen = orders[:trained], orders[trained:]
    bursts = [(depths, place) for place in range(len(HOLDS_MS)) for depths in BURST_DEPTHS]
    depths, place = _best(known, bursts, _after_burst)
    burst = _figures(unseen, lambda each: _after_burst(each, (depths, place)))
    share = _best(known, SHARES, _is_light)
    tight = [[each for each in part if each.is_tight] for part in (known, unseen)]
    queue = _best(tight[0], SHARES, _is_light)
    return ReactionFit(
        len(orders),
        Avoided(depths, HOLDS_MS[place], *burst),
        Avoided(share, None, *_figures(unseen, lambda each: _is_light(each, share))),
        Avoided(queue if tight[0] else None, None, *_figures(tight[1], lambda each: _is_light(each, queue))),
    )


def _after_burst(order: MetOrder, rule: tuple[float, int]) -> bool:
    depths, place = rule
    return order.bursts[place] > depths


def _is_light(order: MetOrder, share: float) -> bool:
    return order.share < share


def _best(
    orders: Sequence[MetOrder], rules: Sequence[RuleT], avoids: Callable[[MetOrder, RuleT], bool]
) -> RuleT:
    """The rule under which the orders that are met earned most together."""
    return max(rules, key=lambda rule: sum(each.earned_bps for each in orders if not avoids(each, rule)))


def _figures(
    orders: Sequence[MetOrder], avoids: Callable[[MetOrder], bool]
) -> tuple[int, float | None, int, float | None, float | None]:
    met, avoided = Moments(), Moments()
    for each in orders:
        (avoided if avoids(each) else met).add(each.earned_bps)
    deviation = avoided.deviation
    return (
        met.count,
        met.mean if met.count else None,
        avoided.count,
        avoided.mean if avoided.count else None,
        None if deviation is None else deviation / avoided.count**0.5,
    )
