"""Prints what each quoting model earned on recordings, beside three baselines, and where it came from.

    python -m tests.bench.quotes [--events 12000] [--fee-bps 0 1] [--json FILE] [NAME ...]

Every strategy meets the same fill model (the simulated venue: queue, latency), fees, limits and sizes. Its
settings are chosen on the first half of a recording and shown on the second half, which they have not seen;
so are A and k, calibrated on the first half. Chosen is what fills had earned five seconds later, less fees:
the profit itself says more of where the market went. A recording is cut to so many events a half; NAME is a
part of a recording's name.
"""

import argparse
import asyncio
import gzip
import json
import multiprocessing
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

from quote_service.quoting import quoter
from quote_service.quoting.draft import draft_quote

from maker.engine import Engine, RunOptions
from research.baselines import Draft, LiteralFormulas, PureMarketMaking, symmetric
from research.calibration.command import run_calibration
from research.pnl.command import run_pnl
from runtime.config.settings import load_config

RECORDINGS = Path(__file__).resolve().parents[3] / "shared" / "data" / "normalised"
HORIZONS_MS = (1_000, 5_000, 60_000)
CHOSEN_BY_MS = 5_000
COMMON: dict[str, Any] = {
    "market_making": {"requote_threshold_bps": 0.1},
    "pricing": {"min_spread_bps": 0.1},
    "feed": {"kind": "recorded", "speed": "max"},
}
"""What is the same for all but the literal formulas: markets whose spread is a tick are quoted near it."""
SPREADS_BPS = (0.5, 2.0, 5.0, 12.0)


@dataclass(frozen=True)
class Strategy:
    """A rule and one setting of it."""

    name: str
    setting: str
    config: dict[str, dict[str, Any]] = field(default_factory=dict)
    baseline: tuple[str, tuple[float, ...]] | None = None
    """By name, with its numbers: it has to cross to another process."""


def strategies() -> Iterator[Strategy]:
    """All that are compared, with the settings to choose from."""
    yield Strategy("literal formulas", "", {}, ("literal", ()))
    for half in SPREADS_BPS:
        yield Strategy("fixed symmetric", f"half {half:g} bps", {}, ("symmetric", (half,)))
        for refresh in (10.0, 60.0):
            name = f"half {half:g} bps, refresh {refresh:g} s"
            yield Strategy("Hummingbot PMM", name, {}, ("pmm", (half, refresh)))
        making = {"base_spread": 2 * half / 1e4, "inventory_sensitivity": half / 1e4}
        yield Strategy("vol_multiple", f"half {half:g} bps + sigma, lean a half", {"market_making": making})
    yield Strategy("vol_multiple as it comes", "")
    for deviation in (0.1, 0.3):
        for edge in (None, 0.0):
            for model in ("glft", "glft_exact", "cartea_jaimungal"):
                settings = {"name": model, "inventory_deviation": deviation}
                said = f"deviation {deviation:g}, edge {'none' if edge is None else f'{edge:g} bps'}"
                yield Strategy(model, said, {"model": settings, "pricing": {"min_edge_bps": edge}})
    for gamma in (1e-5, 1e-3):
        settings = {"name": "avellaneda_stoikov", "gamma": gamma, "horizon_s": 300}
        yield Strategy("avellaneda_stoikov", f"gamma {gamma:g}, 300 s", {"model": settings})


def calibrated(path: Path, symbol: str) -> dict[str, dict[str, Any]]:
    """A and k of a recording as settings; nothing, where too few orders came to tell."""
    told = run_calibration(str(path), symbol).as_json()
    if told["A"] is None:
        return {}
    return {"model": {"arrival_rate_per_s": told["A"], "arrival_decay_per_bps": told["k_per_bps"]}}


def baseline(named: tuple[str, tuple[float, ...]]) -> Draft:
    name, numbers = named
    if name == "symmetric":
        return symmetric(*numbers)
    if name == "pmm":
        half_spread_bps, refresh_s = numbers
        return PureMarketMaking(half_spread_bps, refresh_s)
    return LiteralFormulas()


def halves(path: Path, folder: Path, events: int) -> tuple[Path, Path]:
    """The first and the second half by time, each from a snapshot and at most so many events long."""
    with gzip.open(path, "rt") as file:
        lines = file.readlines()
    first_ns, last_ns = (json.loads(line)["ts"] for line in (lines[0], lines[-1]))
    middle_ns = (first_ns + last_ns) // 2
    split = next(
        number
        for number, line in enumerate(lines)
        if '"snapshot":true' in line and json.loads(line)["ts"] >= middle_ns
    )
    written = []
    for name, part in (("first", lines[:split]), ("second", lines[split:])):
        written.append(folder / f"{path.name.split('.')[0]}-{name}.jsonl.gz")
        with gzip.open(written[-1], "wt", compresslevel=1) as file:
            file.writelines(part[:events])
    return written[0], written[1]


@dataclass(frozen=True)
class Task:
    """One run."""

    recording: str
    half: str
    path: Path
    symbol: str
    strategy: Strategy
    law: dict[str, dict[str, Any]]
    """A and k, as settings."""
    fee_bps: float


def merged(*trees: dict[str, Any]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for tree in trees:
        for section, values in tree.items():
            result[section] = {**result.get(section, {}), **values}
    return result


def run(task: Task) -> dict[str, Any]:
    """The figures of one strategy over one half."""
    named = task.strategy.baseline
    draft = draft_quote if named is None else baseline(named)
    with tempfile.TemporaryDirectory() as folder, patch.object(quoter, "draft_quote", draft):
        tree = merged(
            COMMON,
            task.law,
            task.strategy.config,
            {"instruments": {task.symbol: {"maker_fee_bps": str(task.fee_bps)}}},
            {"feed": {"paths": [str(task.path)]}, "engine": {"log_dir": folder}},
        )
        engine = Engine(load_config((), tree).config, RunOptions(gateway=False))
        summary = asyncio.run(engine.run())
        report = run_pnl(folder, horizons_ms=HORIZONS_MS).report
    (told,) = report.symbols.values()
    lines, quotes = told.attribution, told.quotes
    return {
        "recording": task.recording,
        "half": task.half,
        "fee_bps": task.fee_bps,
        "strategy": task.strategy.name,
        "setting": task.strategy.setting,
        "pnl": float(lines.equity_change),
        "earned_5s": float(next(row.markout for row in told.markouts if row.horizon_ms == CHOSEN_BY_MS))
        - float(lines.fees),
        "capture": float(lines.capture),
        "inventory": float(lines.inventory),
        "fees": float(lines.fees),
        "residual": float(lines.residual_max),
        "sharpe_minute": told.equity.sharpe_minute,
        "drawdown": float(told.equity.max_drawdown),
        "deviation_money": (told.inventory.inventory_deviation or 0.0) * float(told.mid or 0),
        "fills": told.fills.fills,
        "markout_bps": {row.horizon_ms: row.mean_bps for row in told.markouts},
        "presence": None if quotes is None else quotes.presence,
        "halts": sum(each["halts"] for each in summary["symbols"].values()),
    }


COLUMNS = (
    ("strategy", 26, "{}"),
    ("pnl", 9, "{:.2f}"),
    ("earned_5s", 10, "{:.2f}"),
    ("capture", 9, "{:.2f}"),
    ("inventory", 10, "{:.2f}"),
    ("fees", 8, "{:.2f}"),
    ("sharpe_minute", 14, "{:.2f}"),
    ("drawdown", 9, "{:.1f}"),
    ("deviation_money", 16, "{:.0f}"),
    ("fills", 6, "{}"),
    ("presence", 9, "{:.2f}"),
)


def aligned(text: str, column: str, width: int) -> str:
    return text.ljust(width) if column == "strategy" else text.rjust(width)


def table(rows: list[dict[str, Any]]) -> str:
    """One line a strategy, the best first."""
    head = "".join(aligned(name, name, width) for name, width, _ in COLUMNS)
    out = [head + "".join(f"{f'markout {ms // 1000} s':>13}" for ms in HORIZONS_MS) + "  chosen"]
    for row in sorted(rows, key=lambda row: -row["pnl"]):
        cells = [
            aligned("-" if row[name] is None else shown.format(row[name]), name, width)
            for name, width, shown in COLUMNS
        ]
        marks = [row["markout_bps"][ms] for ms in HORIZONS_MS]
        cells += [f"{'-' if mark is None else f'{mark:.2f}':>13}" for mark in marks]
        halted = f" (halted {row['halts']}x)" if row["halts"] else ""
        out.append("".join(cells) + f"  {row['setting']}{halted}")
    return "\n".join(out)


def compared(paths: list[Path], events: int, fees: list[float]) -> list[dict[str, Any]]:
    """Every strategy with the setting that earned most on the first half, on the second half."""
    shown: list[dict[str, Any]] = []
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder, context.Pool(2) as pool:
        for path in paths:
            name = path.name.split(".")[0]
            parts = halves(path, Path(folder), events)
            with gzip.open(parts[0], "rt") as file:
                symbol = json.loads(file.readline())["symbol"]
            law = calibrated(parts[0], symbol)
            for fee in fees:
                tried = [Task(name, "first", parts[0], symbol, each, law, fee) for each in strategies()]
                found = pool.map(run, tried, chunksize=1)
                best: dict[str, int] = {}
                for number, row in enumerate(found):
                    other = best.get(row["strategy"])
                    if other is None or row["earned_5s"] > found[other]["earned_5s"]:
                        best[row["strategy"]] = number
                again = [replace(tried[each], half="second", path=parts[1]) for each in best.values()]
                rows = pool.map(run, again, chunksize=1)
                told = law.get("model", "too few orders to calibrate")
                print(f"\n{name}, maker fee {fee:g} bps, second half; {told}\n{table(rows)}", flush=True)
                shown += rows
    return shown


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--events", type=int, default=10_000)
    parser.add_argument("--fee-bps", type=float, nargs="+", default=[0.0, 1.0])
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
    shown = compared(paths, options.events, options.fee_bps)
    if options.json is not None:
        options.json.write_text(json.dumps(shown, indent=1) + "\n")


if __name__ == "__main__":
    main()
