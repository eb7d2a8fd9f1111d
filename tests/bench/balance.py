"""Prints what each stage of the position balancer costs on recordings, and what inventory risk it saves.

    python -m tests.bench.balance [--events 10000] [--taker-fee-bps 4] [--stages take] [--json FILE] [NAME]

The same quotes, fill model, limits and fees for all stages; the stage alone differs. Inventory is weighted by
time, in the reporting currency; `balance` is what taking earned, fees deducted, as in `maker pnl`. NAME is a
part of a recording's name.
"""

import argparse
import asyncio
import gzip
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from maker.engine import Engine, RunOptions
from research.pnl.command import run_pnl
from runtime.config.settings import load_config
from runtime.log.logfile import read_log
from schemas.balance_settings import BalanceStage
from schemas.envelope import decode
from schemas.inventory import Position

RECORDINGS = Path(__file__).resolve().parents[3] / "shared" / "data" / "normalised"
STAGES: tuple[BalanceStage, ...] = ("lean", "touch", "take")
INVENTORY_MAX = 8_000
"""Quote currency: small enough that the recordings fill it."""
P95 = 0.95
URGENCY = 0.25
"""Taking begins where the touch does by default, so that the two can be compared."""


def config_of(
    path: Path, symbol: str, stage: BalanceStage, taker_fee_bps: float, folder: str
) -> dict[str, Any]:
    """Half a basis point to each side and volatility, so that recordings of minutes trade enough."""
    return {
        "market_making": {"base_spread": 0.0001, "requote_threshold_bps": 0.1},
        "pricing": {"min_spread_bps": 0.1},
        "inventory": {"max_inventory_notional": INVENTORY_MAX},
        "balance": {"stage_max": stage, "urgency_take": URGENCY},
        "instruments": {symbol: {"maker_fee_bps": "0", "taker_fee_bps": str(taker_fee_bps)}},
        "feed": {"kind": "recorded", "speed": "max", "paths": [str(path)]},
        "engine": {"log_dir": folder},
    }


def inventory_by_time(folder: str) -> tuple[float, float]:
    """Mean and 95th percentile of the absolute inventory, by time, in the reporting currency."""
    spans: list[tuple[float, int]] = []
    before: Position | None = None
    end_ns = 0
    for record in read_log(Path(folder)):
        end_ns = max(end_ns, record.envelope.event_time_ns)
        if record.topic != "inventory.position":
            continue
        position = decode(Position, record.payload)
        if before is not None:
            span_ns = position.event_time_ns - before.event_time_ns
            spans.append((abs(float(before.notional_reporting)), span_ns))
        before = position
    if before is not None:
        spans.append((abs(float(before.notional_reporting)), end_ns - before.event_time_ns))
    return weighted(spans)


def weighted(spans: list[tuple[float, int]]) -> tuple[float, float]:
    whole_ns = sum(span_ns for _, span_ns in spans)
    if not whole_ns:
        return 0.0, 0.0
    mean = sum(value * span_ns for value, span_ns in spans) / whole_ns
    passed_ns = 0
    for value, span_ns in sorted(spans):
        passed_ns += span_ns
        if passed_ns >= P95 * whole_ns:
            return mean, value
    return mean, max(spans)[0]


def run(path: Path, symbol: str, stage: BalanceStage, taker_fee_bps: float) -> dict[str, Any]:
    """The figures of one stage on one recording."""
    with tempfile.TemporaryDirectory() as folder:
        tree = config_of(path, symbol, stage, taker_fee_bps, folder)
        engine = Engine(load_config((), tree).config, RunOptions(gateway=False))
        summary = asyncio.run(engine.run())
        (told,) = run_pnl(folder, horizons_ms=(1_000,)).report.symbols.values()
        mean, p95 = inventory_by_time(folder)
    pnl, drawdown = float(told.attribution.equity_change), float(told.equity.max_drawdown)
    return {
        "recording": path.name.split(".")[0],
        "stage": stage,
        "fills": told.fills.fills,
        "pnl": pnl,
        "balance": float(told.attribution.balance),
        "mean inventory": mean,
        "p95 inventory": p95,
        "drawdown": drawdown,
        "pnl / drawdown": pnl / drawdown if drawdown else None,
        "halts": sum(each["halts"] for each in summary["symbols"].values()),
    }


COLUMNS = (
    ("recording", 30, "{}"),
    ("stage", 6, "{}"),
    ("fills", 7, "{}"),
    ("pnl", 10, "{:.2f}"),
    ("balance", 10, "{:.2f}"),
    ("mean inventory", 16, "{:.0f}"),
    ("p95 inventory", 15, "{:.0f}"),
    ("drawdown", 10, "{:.2f}"),
    ("pnl / drawdown", 16, "{:.2f}"),
    ("halts", 7, "{}"),
)


def line_of(row: dict[str, Any]) -> str:
    cells = ("-" if row[name] is None else shown.format(row[name]) for name, _, shown in COLUMNS)
    return "".join(
        cell.ljust(width) if width == COLUMNS[0][1] else cell.rjust(width)
        for cell, (_, width, _) in zip(cells, COLUMNS, strict=True)
    )


def shortened(path: Path, folder: Path, events: int) -> Path:
    """The beginning of a recording."""
    written = folder / path.name
    with gzip.open(path, "rt") as source, gzip.open(written, "wt", compresslevel=1) as copy:
        for _, line in zip(range(events), source, strict=False):
            copy.write(line)
    return written


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--events", type=int, default=10_000)
    parser.add_argument("--taker-fee-bps", type=float, default=4.0)
    parser.add_argument("--stages", nargs="+", choices=STAGES, default=STAGES)
    parser.add_argument("--json", type=Path)
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    paths = [
        path
        for path in sorted(RECORDINGS.glob("*.jsonl.gz"))
        if not options.names or any(name in path.name for name in options.names)
    ]
    if not paths:
        sys.exit(f"{RECORDINGS} holds no recording that is called {' or '.join(options.names) or 'anything'}")
    print(
        "".join(
            name.ljust(width) if width == COLUMNS[0][1] else name.rjust(width) for name, width, _ in COLUMNS
        )
    )
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for path in paths:
            part = shortened(path, Path(folder), options.events)
            with gzip.open(part, "rt") as file:
                symbol = json.loads(file.readline())["symbol"]
            for stage in options.stages:
                rows.append(run(part, symbol, stage, options.taker_fee_bps))
                print(line_of(rows[-1]), flush=True)
    if options.json is not None:
        options.json.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
