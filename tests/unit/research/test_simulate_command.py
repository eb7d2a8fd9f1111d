"""`maker simulate`: the published tables, a seed that repeats, and what is refused."""

import json
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from maker.cli.app import app


def simulated(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["simulate", *arguments])


def figures(*arguments: str) -> dict[str, Any]:
    done = simulated(*arguments, "--json")
    assert done.exit_code == 0, done.output
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


@pytest.mark.parametrize(
    ("model", "gamma", "profit", "deviation", "inventory_deviation"),
    [
        ("avellaneda_stoikov", 0.1, 65.0, 6.6, 2.9),
        ("symmetric", 0.1, 68.4, 12.7, 8.4),
        ("avellaneda_stoikov", 0.01, 68.6, 8.7, 5.1),
        ("avellaneda_stoikov", 1.0, 31.4, 5.0, 1.7),
    ],
)
def test_the_papers_tables(
    model: str, gamma: float, profit: float, deviation: float, inventory_deviation: float
) -> None:
    """1,000 paths in the paper and here: four standard errors of a difference of means."""
    found = figures("--model", model, "--gamma", str(gamma), "--seed", "1")
    assert found["profit"]["mean"] == pytest.approx(profit, abs=4 * deviation * (2 / 1000) ** 0.5)
    assert found["profit"]["standard_deviation"] == pytest.approx(deviation, rel=0.15)
    assert found["final_inventory"]["standard_deviation"] == pytest.approx(inventory_deviation, rel=0.15)
    assert found["profit"]["standard_error"] == pytest.approx(
        found["profit"]["standard_deviation"] / 1000**0.5
    )


def test_a_seed_repeats_and_options_count() -> None:
    arguments = ("--model", "glft", "--paths", "200", "--fill", "exponential", "--T", "0.5", "--s0", "50")
    one = figures(*arguments, "--seed", "3")
    assert one == figures(*arguments, "--seed", "3")
    assert one["profit"] != figures(*arguments, "--seed", "4")["profit"]
    assert (one["world"]["horizon_s"], one["world"]["mid"], one["world"]["sigma"]) == (0.5, 50.0, 2.0)
    costly = figures(*arguments, "--seed", "3", "--fee", "0.1")
    assert costly["profit"]["mean"] < one["profit"]["mean"]
    assert costly["spread_mean"] > one["spread_mean"]


def test_people_get_lines() -> None:
    done = simulated("--paths", "50")
    assert done.stdout.startswith("avellaneda_stoikov, 50 paths of 200 steps, linear fills, seed 0\nprofit")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--model", "glfd"), "'glft' is the nearest"),
        (("--fill", "cubic"), "fill is 'cubic'"),
        (("--paths", "1"), "paths is 1: it must be at least 2"),
        (("--k", "-1"), "k is -1.0"),
        (("--dt", "2"), "dt_s is 2.0 and horizon_s 1.0"),
    ],
)
def test_what_cannot_be_simulated_is_refused(arguments: tuple[str, ...], message: str) -> None:
    done = simulated(*arguments)
    assert done.exit_code != 0
    assert message in done.stderr
