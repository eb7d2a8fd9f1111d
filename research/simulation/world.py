"""The world of Avellaneda and Stoikov (2008), section 3.3: a diffusing mid and random fills.

What a quoting model would earn if its own assumptions held: a check of the models and a way to get a feeling
for their parameters, not a forecast of profit in a market.
"""

from dataclasses import dataclass, replace
from typing import Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray
from quote_service.quoting.models import avellaneda_stoikov, glft, symmetric
from quote_service.quoting.models.catalogue import model_named, unknown_name
from quote_service.quoting.models.inputs import ModelInputs

Fill = Literal["linear", "exponential"]
"""Probability of a fill within dt at rate lambda: lambda dt as in the paper, or 1 - exp(-lambda dt)."""
Paths = NDArray[np.float64]

MODELS = (avellaneda_stoikov.NAME, glft.NAME, symmetric.NAME)
_MOST = 10_000_000
_FEWEST = 2
_PATHS_MAX = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Units as in ModelInputs; the defaults are the paper's. Raises ValueError for impossible ones."""

    mid: float = 100.0
    sigma: float = 2.0
    A: float = 140.0
    k: float = 1.5
    gamma: float = 0.1
    horizon_s: float = 1.0
    dt_s: float = 0.005
    order_size: float = 1.0
    fee: float = 0.0
    impact: float = 0.0
    """Price: how far the mid moves against us at each fill."""
    impact_told: float | None = None
    """Price: the impact the model assumes; None for the true one."""

    def __post_init__(self) -> None:
        if not 0 < self.dt_s <= self.horizon_s <= _MOST * self.dt_s:
            raise ValueError(
                f"dt_s is {self.dt_s} and horizon_s {self.horizon_s}: a session must be of 1 to {_MOST} "
                f"steps; pass a dt_s above 0 and a horizon_s that is a multiple of it"
            )
        replace(self.inputs(0.0), impact=self.impact)  # checks both

    @property
    def steps(self) -> int:
        """Of the session."""
        return round(self.horizon_s / self.dt_s)

    def inputs(self, elapsed_s: float) -> ModelInputs:
        """A model's inputs after `elapsed_s`, at zero inventory."""
        return ModelInputs(
            mid=self.mid,
            sigma=self.sigma,
            A=self.A,
            k=self.k,
            gamma=self.gamma,
            order_size=self.order_size,
            tau_s=self.horizon_s - elapsed_s,
            fee=self.fee,
            impact=self.impact if self.impact_told is None else self.impact_told,
        )


@dataclass(frozen=True, slots=True)
class SimulationOutcome:
    """Over all paths; money, base units and price. Deviations are of the sample."""

    profit_mean: float
    profit_deviation: float
    inventory_mean: float
    """At the end."""
    inventory_deviation: float
    spread_mean: float
    """Over paths and time."""
    negative_distance_share: float
    """Share of steps and paths with a side quoted through the mid."""
    certain_fill_share: float
    """Share of steps and paths with a side certain to be filled, where the arrival law is cut off."""


class _Line(NamedTuple):
    """Quotes of one step, linear in the inventory: bid distance half + skew q, ask distance half - skew q."""

    half: float
    skew: float


@dataclass(slots=True)
class _Book:
    """State of all paths: mid, cash, inventory."""

    mid: Paths
    cash: Paths
    inventory: Paths


@dataclass(slots=True)
class _Tally:
    negative: int = 0
    certain: int = 0


def simulate(
    world: World, model: str, fill: Fill = "linear", paths: int = 1000, seed: int = 0
) -> SimulationOutcome:
    """Each step: quote, fill each side at most once, move the mid; profit is cash plus inventory at the mid.

    `symmetric` is the paper's benchmark: the mean spread of avellaneda_stoikov, centred on the mid. The same
    seed gives every model the same noise. Raises ValueError for an unknown model or fill, and no paths.
    """
    _check(model, fill, paths)
    generator = np.random.default_rng(seed)
    lines = _lines(world, model)
    book = _Book(np.full(paths, world.mid), np.zeros(paths), np.zeros(paths))
    tally = _Tally()
    for line in lines:
        _fill(book, line, world, fill, generator.random((2, paths)), tally)
        book.mid += world.sigma * np.sqrt(world.dt_s) * generator.standard_normal(paths)
    profit = book.cash + book.inventory * book.mid
    return SimulationOutcome(
        float(profit.mean()),
        float(profit.std(ddof=1)),
        float(book.inventory.mean()),
        float(book.inventory.std(ddof=1)),
        2 * sum(line.half for line in lines) / len(lines),
        tally.negative / (paths * len(lines)),
        tally.certain / (paths * len(lines)),
    )


def _check(model: str, fill: str, paths: int) -> None:
    if model not in MODELS:
        raise ValueError(unknown_name(model, MODELS))
    if fill not in get_args(Fill):
        raise ValueError(
            f"fill is {fill!r}: it must be one of {', '.join(get_args(Fill))}; take linear, the paper's"
        )
    if paths < _FEWEST:
        raise ValueError(f"paths is {paths}: it must be at least {_FEWEST}; a deviation needs as many")
    if paths > _PATHS_MAX:
        raise ValueError(f"paths is {paths}: it must be {_PATHS_MAX} at most; they share the memory")


def _lines(world: World, model: str) -> list[_Line]:
    """The model's quotes at each step, computed once at zero inventory: these models are linear."""
    if model == symmetric.NAME:
        reference = _lines(world, avellaneda_stoikov.NAME)
        return [_Line(sum(line.half for line in reference) / len(reference), 0.0)] * world.steps
    quotes = (model_named(model)(world.inputs(step * world.dt_s)) for step in range(world.steps))
    return [_Line(quote.half_spread, quote.skew_per_unit) for quote in quotes]


def _fill(book: _Book, line: _Line, world: World, fill: Fill, chances: Paths, tally: _Tally) -> None:
    """Both sides fill at the quotes of the step's start; `chances` are uniform, one row per side."""
    bid_distance = line.half + line.skew * book.inventory
    ask_distance = line.half - line.skew * book.inventory
    distances = np.stack((bid_distance, ask_distance))
    probabilities = fill_probabilities(world.A * world.dt_s * np.exp(-world.k * distances), fill)
    bought, sold = chances < probabilities
    size, mid = world.order_size, book.mid
    book.cash += size * (sold * (mid + ask_distance - world.fee) - bought * (mid - bid_distance + world.fee))
    book.inventory += size * (bought.astype(np.float64) - sold)
    book.mid = mid + world.impact * (sold.astype(np.float64) - bought)
    tally.negative += int((distances < 0).any(axis=0).sum())
    tally.certain += int((probabilities >= 1).any(axis=0).sum())


def fill_probabilities(expected_fills: Paths, fill: Fill) -> Paths:
    """Probability of a fill within a step, from the expected number of fills in it."""
    return expected_fills if fill == "linear" else -np.expm1(-expected_fills)
