"""Prints our figures beside the tables of Avellaneda and Stoikov (2008); the last line is one JSON object.

python -m tests.bench.paper                          the paper's 1000 paths
python -m tests.bench.paper --paths 20000 --seed 7   more exactly
python -m tests.bench.paper --fill exponential       fills as a Poisson process has them within a step

The paper: s 100, T 1, sigma 2, dt 0.005, q 0, k 1.5, A 140, 1000 paths, and a fill within dt with
probability lambda dt. Its symmetric strategy quotes the inventory strategy's mean spread about the mid.
"""

import argparse
import json
from math import sqrt
from typing import Any, NamedTuple, get_args

from research.simulation.world import Fill, SimulationOutcome, World, simulate


class Published(NamedTuple):
    spread: float
    profit: float
    profit_deviation: float
    inventory: float
    inventory_deviation: float


NAMES = {"avellaneda_stoikov": "inventory", "symmetric": "symmetric"}
TABLES = {
    (0.1, "avellaneda_stoikov"): Published(1.49, 65.0, 6.6, 0.08, 2.9),
    (0.1, "symmetric"): Published(1.49, 68.4, 12.7, 0.26, 8.4),
    (0.01, "avellaneda_stoikov"): Published(1.35, 68.6, 8.7, 0.12, 5.1),
    (0.01, "symmetric"): Published(1.35, 68.8, 12.8, 0.09, 8.7),
    (1.0, "avellaneda_stoikov"): Published(3.02, 31.4, 5.0, 0.02, 1.7),
    (1.0, "symmetric"): Published(3.02, 44.0, 11.0, 0.00, 5.1),
}
"""Tables 1, 2 and 3 of Quantitative Finance 8(3), by gamma and model."""
PATHS_PUBLISHED = 1000
HEAD = f"{'gamma':>6} {'strategy':10} {'':6} {'spread':>7} {'profit':>8} {'sd':>6} {'final q':>8} {'sd':>5}"


def ours(outcome: SimulationOutcome) -> Published:
    return Published(
        outcome.spread_mean,
        outcome.profit_mean,
        outcome.profit_deviation,
        outcome.inventory_mean,
        outcome.inventory_deviation,
    )


def row(gamma: float, strategy: str, source: str, figures: Published) -> str:
    spread, profit, deviation, inventory, inventory_deviation = figures
    return (
        f"{gamma:6} {strategy:10} {source:6} {spread:7.2f} {profit:8.2f} {deviation:6.2f} "
        f"{inventory:8.3f} {inventory_deviation:5.2f}"
    )


def standard_errors_apart(figures: Published, published: Published, paths: int) -> float:
    """Of the mean profit, by our deviation for both samples."""
    error = figures.profit_deviation * sqrt(1 / paths + 1 / PATHS_PUBLISHED)
    return (figures.profit - published.profit) / error


def compare(gamma: float, model: str, fill: Fill, paths: int, seed: int) -> dict[str, Any]:
    """Prints one strategy of one table, ours below the paper's; with `glft` there is no paper to print."""
    outcome = simulate(World(gamma=gamma), model, fill, paths, seed)
    figures, published = ours(outcome), TABLES.get((gamma, model))
    strategy = NAMES.get(model, model)
    found: dict[str, Any] = {"gamma": gamma, "strategy": strategy, "ours": figures._asdict()}
    if published is None:
        print(row(gamma, strategy, "ours", figures))
        return found
    apart = standard_errors_apart(figures, published, paths)
    print(row(gamma, strategy, "paper", published))
    print(f"{row(gamma, strategy, 'ours', figures)}   mean profit {apart:+.1f} standard errors apart")
    shares = {
        "negative_distance_share": outcome.negative_distance_share,
        "certain_fill_share": outcome.certain_fill_share,
    }
    return found | {"paper": published._asdict(), "standard_errors_apart": apart} | shares


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--paths", type=int, default=PATHS_PUBLISHED)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--fill", choices=get_args(Fill), default="linear")
    arguments = parser.parse_args()
    print(HEAD)
    found = [
        compare(gamma, model, arguments.fill, arguments.paths, arguments.seed)
        for gamma in (0.1, 0.01, 1.0)
        for model in (*NAMES, "glft")
    ]
    print(
        json.dumps({"paths": arguments.paths, "seed": arguments.seed, "fill": arguments.fill, "rows": found})
    )


if __name__ == "__main__":
    main()
