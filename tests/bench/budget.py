"""Prints what it costs to take a request's weight from the budget that all clients of a machine share.

python -m tests.bench.budget [--takes 50000]
"""

import argparse
import asyncio
import multiprocessing
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from runtime.exchange.request_budget import RequestBudget
from runtime.exchange.request_counts import usage_numbers
from schemas.venues import VENUES

VENUE = replace(VENUES["binance"], request_weight_limit=1_000_000_000)


def budget(path: Path | None) -> RequestBudget:
    """One that never runs out."""
    return RequestBudget(VENUE, 1.0, usage=usage_numbers(path))


def each_us(action: Callable[[], object], times: int) -> float:
    """Microseconds of the processor for one, in the fastest of five rounds."""
    rounds = []
    for _ in range(5):
        began_s = time.process_time()
        for _ in range(times):
            action()
        rounds.append((time.process_time() - began_s) / times * 1e6)
    return min(rounds)


async def take(used: RequestBudget, times: int) -> float:
    """The same of `take`, which may wait, from a coroutine."""
    began_s = time.process_time()
    for _ in range(times):
        await used.acquire("place", "order")
    return (time.process_time() - began_s) / times * 1e6


def beside(path: Path, times: int) -> float:
    """In a process that is not alone."""
    used = budget(path)
    return each_us(lambda: used.may_send("place", "order"), times)


def show(times: int) -> None:
    """All figures."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "usage"
        shared, alone = budget(path), budget(None)
        figures = {
            "may_send, shared file": each_us(lambda: shared.may_send("place", "order"), times),
            "take, shared file": asyncio.run(take(shared, times)),
            "may_send, this process": each_us(lambda: alone.may_send("place", "order"), times),
            "blocked_s": each_us(shared.blocked_s, times),
            "held_until_s": each_us(shared.held_until_s, times),
        }
        with multiprocessing.get_context("spawn").Pool(2) as pool:
            figures["may_send, two processes at once"] = max(pool.starmap(beside, [(path, times)] * 2))
    for name, figure_us in figures.items():
        print(f"{name:32} {figure_us:6.2f} us")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--takes", type=int, default=50_000)
    show(parser.parse_args().takes)
