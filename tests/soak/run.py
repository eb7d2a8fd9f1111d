"""Soaks the engine: simulated days, then the sandbox exchange. Exit 1 names what did not hold, and the seed.

make soak                                   a week of 20 symbols, then some minutes at the exchange
make soak ARGS="--days 1"                   one day of them
make soak ARGS="--only exchange --seed 7"   the exchange alone, in another order
"""

import argparse
import platform
import sys
import tempfile
import time
from pathlib import Path

import psutil

from tests.soak import exchange, plan, simulated
from tests.soak.figures import show

RETAINED_SHARE = 1 / 7
"""Of the days that are simulated: so much of the log is kept."""
GROWTH_A_DAY_MAX = 0.05
"""Of its mean: what must be flat may grow by so much a day, beyond three errors."""


def simulate(folder: Path, given: argparse.Namespace) -> list[str]:
    """Simulated days; what did not hold."""
    soak = simulated.Soak(
        folder, given.seed, simulated.symbols(given.symbols), {"age_days": given.days * RETAINED_SHARE}
    )
    print(f"{given.days:g} days of {given.symbols} symbols: {soak.rates.describe()}")
    simulated.run(soak, plan.plan(given.seed, given.days, given.life_hours * 3_600))
    lived = simulated.tally(soak)
    show("lived", ("kind", "lives", "what"), [(kind, lived[kind], plan.WHAT[kind]) for kind in plan.KINDS])
    slopes = simulated.slopes(soak)
    show("flat?", ("figure", "slope"), [(name, each or "too few lives") for name, each in slopes.items()])
    for name, each in slopes.items():
        if each is not None and given.days >= 1 and each.grows(GROWTH_A_DAY_MAX):
            soak.judge.broken(f"{name} grows: {each}")
    counts = soak.judge.counts
    figures = {
        "market events": sum(each.market_events for each in soak.lived),
        "records judged": sum(counts.values()),
        "orders at the venue": counts["order.event.v1"],
        "fills": counts["order.fill.v1"],
        "starts": len(soak.lived) + soak.refused,
        "of them refused, as they had to be": soak.refused,
        "replays; outputs that were compared": f"{len(soak.proofs)}; {sum(p.outputs for p in soak.proofs)}",
        "divergences": sum(proof.divergences for proof in soak.proofs),
    }
    show("simulated days", ("", ""), list(figures.items()))
    return soak.violations


def trade(folder: Path, given: argparse.Namespace) -> list[str]:
    """Lives at the sandbox exchange; what did not hold."""
    soak = exchange.ExchangeSoak(folder, given.seed)
    soak.run(exchange.order_of(given.seed))
    truth = soak.truth
    figures = {
        "lives": len(soak.lives),
        "trades at the exchange, all booked once": len(truth["trades"]),
        "orders at the exchange": len(truth["orders"]),
        "faults of the exchange": ", ".join(f"{name} {times}" for name, times in sorted(soak.faults.items())),
        "seconds from a start to quotes, longest": round(max(each.quoted_s for each in soak.lives), 1),
        "resident MB by life": ", ".join(f"{each.resident_mb:.0f}" for each in soak.lives),
        "divergences of a replay": soak.proof.divergences,
    }
    show("at the sandbox exchange", ("", ""), list(figures.items()))
    return soak.violations


PARTS = {"simulated": simulate, "exchange": trade}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--days", type=float, default=7.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--symbols", type=int, default=20)
    parser.add_argument("--life-hours", type=float, default=3.0)
    parser.add_argument("--only", choices=PARTS)
    parser.add_argument("--folder", type=Path, help="where logs stay; none: they go at the end")
    given = parser.parse_args()
    print(f"seed {given.seed}, Python {platform.python_version()} on {psutil.cpu_count()} cores")
    violations: list[str] = []
    began_s = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        for part in [given.only] if given.only else PARTS:
            folder = (given.folder or Path(name)) / part
            folder.mkdir(parents=True)
            violations += PARTS[part](folder, given)
    for violation in violations:
        print(f"VIOLATION, seed {given.seed}: {violation}")
    print(f"{len(violations)} violations, {time.monotonic() - began_s:.0f} s")
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
