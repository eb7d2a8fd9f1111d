"""Prints market events per CPU second beside peers, on the same recording; the last line is one JSON object.

make bench-peers                    some two minutes
make bench-peers ARGS="RECORDING"   another recording of a market with ticks of 0.1 and lots of 0.001

Ours: `maker up` as it comes, log on disk included; and with the peer's number of levels, requoting so often
that it sends about as many order commands. The peers have no log, signals, risk process or page to feed. CPU
seconds of the run only: starting, and building a peer's objects from the recording (hftbacktest: and
compiling the maker), are printed apart; this engine reads the recording while it runs. In turn, ROUNDS times;
medians.
"""

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import psutil

from tests.bench.run import RECORDINGS, maker_up

ROUNDS = 3
LEVELS = 5
RECORDING = RECORDINGS / "binance_usdm_btcusdt_20240808.jsonl.gz"
ROOT = Path(__file__).resolve().parents[2]
OURS, BUSY = "ours, default settings", f"ours, {LEVELS} levels a side"
PEERS = {"NautilusTrader": "nautilus", "hftbacktest": "hftbacktest"}
"""By name: the environment and program."""
REQUOTING = {"MM__SHAPE__LEVELS": str(LEVELS), "MM__MARKET_MAKING__REQUOTE_THRESHOLD_BPS": "1"}
"""Some 5,000 commands over the recording: as many as the peer sends with the same levels."""
Figures = dict[str, float]


def ours(recording: Path, settings: Mapping[str, str]) -> Figures:
    """One run of the engine."""
    os.environ.update(settings)
    before_s = children_cpu_s()
    try:
        with tempfile.TemporaryDirectory() as folder:
            summary = maker_up(Path(folder), "--path", str(recording), "--speed", "max")
    finally:
        for name in settings:
            del os.environ[name]
    run_s = summary["cpu_seconds"]
    symbols = summary["symbols"].values()
    return {
        "market_events": summary["market_events"],
        "commands": sum(each[kind] for each in symbols for kind in ("orders", "amends", "cancels")),
        "fills": sum(each["fills"] for each in symbols),
        "run_cpu_s": run_s,
        "apart_cpu_s": children_cpu_s() - before_s - run_s,
    }


def interpreter(peer: str) -> Path:
    """Of the environment that `make setup-peers` fills."""
    return ROOT / ".venv-peers" / PEERS[peer] / "bin" / "python"


def run_of(peer: str, recording: Path, levels: int) -> Figures:
    """One run of a peer."""
    program = Path(__file__).with_name(f"peer_{PEERS[peer]}.py")
    command = [str(interpreter(peer)), str(program), str(recording), str(levels)]
    before_s = children_cpu_s()
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    figures: Figures = json.loads(done.stdout.splitlines()[-1])
    return {**figures, "apart_cpu_s": children_cpu_s() - before_s - figures["run_cpu_s"]}


def children_cpu_s() -> float:
    """Processor time of all programs that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def medians(runs: list[Figures]) -> Figures:
    """Of each figure, and events per CPU second."""
    figures = {name: round(median(run[name] for run in runs), 4) for name in runs[0]}
    events = figures["market_events"]
    figures["events_per_cpu_s"] = round(events / figures["run_cpu_s"])
    if "build_cpu_s" in figures:
        built_s = figures["run_cpu_s"] + figures["build_cpu_s"]
        figures["events_per_cpu_s_with_building"] = round(events / built_s)
    return figures


def measure(recording: Path) -> dict[str, Figures]:
    """Everything that is installed, in turn."""
    contestants: dict[str, Callable[[], Figures]] = {
        OURS: lambda: ours(recording, {}),
        BUSY: lambda: ours(recording, REQUOTING),
    }
    for peer in PEERS:
        if not interpreter(peer).exists():
            print(f"{peer} is not installed here: `make setup-peers` does that", file=sys.stderr)
            continue
        contestants[peer] = partial(run_of, peer, recording, LEVELS)
        contestants[f"{peer}, no orders"] = partial(run_of, peer, recording, 0)
    runs: dict[str, list[Figures]] = {name: [] for name in contestants}
    for number in range(ROUNDS):
        for name, run in contestants.items():
            runs[name].append(run())
            print(f"round {number + 1}  {name:28} {runs[name][-1]['run_cpu_s']:8.3f} CPU s", file=sys.stderr)
    return {name: medians(each) for name, each in runs.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recording", nargs="?", type=Path, default=RECORDING)
    figures = measure(parser.parse_args().recording)
    for name, found in figures.items():
        events, commands = found["events_per_cpu_s"], found["commands"]
        print(f"{name:28} {events:8.0f} market events a CPU second, {commands:.0f} commands")
        print(f"{'':28} {found}")
    result: dict[str, Any] = {
        "machine": f"{platform.python_version()} on {psutil.cpu_count()} cores",
        "figures": figures,
    }
    busy = figures[BUSY]["events_per_cpu_s"]
    result["ratio"] = {
        peer: round(busy / figures[peer]["events_per_cpu_s"], 4) for peer in PEERS if peer in figures
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
