"""`maker simulate`: a model's profit in the world it assumes, to compare with a paper."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import sqrt
from typing import Any, cast

from research.simulation.world import Fill, SimulationOutcome, World, simulate


@dataclass(frozen=True, slots=True)
class Simulated:
    """The outcome over all paths, with its parameters."""

    model: str
    fill: str
    paths: int
    seed: int
    world: World
    outcome: SimulationOutcome

    def as_json(self) -> dict[str, Any]:
        """Machine-readable form: money, base units and price; deviations are of the sample."""
        outcome = self.outcome
        return {
            "model": self.model,
            "fill": self.fill,
            "paths": self.paths,
            "seed": self.seed,
            "world": asdict(self.world),
            "profit": {
                "mean": outcome.profit_mean,
                "standard_deviation": outcome.profit_deviation,
                "standard_error": outcome.profit_deviation / sqrt(self.paths),
            },
            "final_inventory": {
                "mean": outcome.inventory_mean,
                "standard_deviation": outcome.inventory_deviation,
            },
            "spread_mean": outcome.spread_mean,
            "negative_distance_share": outcome.negative_distance_share,
            "certain_fill_share": outcome.certain_fill_share,
        }

    def as_text(self) -> str:
        """Readable form: one figure per line."""
        of, error = self.outcome, self.outcome.profit_deviation / sqrt(self.paths)
        steps = f"{self.paths} paths of {self.world.steps} steps"
        return "\n".join(
            (
                f"{self.model}, {steps}, {self.fill} fills, seed {self.seed}",
                f"profit           {of.profit_mean:10.3f} +- {error:.3f}, "
                f"deviation {of.profit_deviation:.3f}",
                f"final inventory  {of.inventory_mean:10.3f}, deviation {of.inventory_deviation:.3f}",
                f"mean spread      {of.spread_mean:10.4f}",
                f"of the steps     {of.negative_distance_share:10.2%} quoted through the mid, "
                f"{of.certain_fill_share:.2%} filled for sure",
            )
        )


def run_simulation(
    model: str, *, paths: int, seed: int, fill: str, world: Mapping[str, float | None]
) -> Simulated:
    """The world of Avellaneda and Stoikov (2008); None in `world` means the paper's value.

    Raises ValueError for an unknown model or fill, and for an impossible world.
    """
    given = {name: value for name, value in world.items() if value is not None}
    made = World(**given)
    outcome = simulate(made, model, cast("Fill", fill), paths, seed)
    return Simulated(model, fill, paths, seed, made, outcome)
