"""Prints the engine's figures; the last line is one JSON object. Nothing is asserted: machines differ.

make bench                      all of it, some nine minutes
make bench ARGS="throughput"    one part: throughput, stages, latency, memory, log, starts
"""

import argparse
import asyncio
import json
import platform
import subprocess
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import psutil
import yaml

from maker.engine import Engine, RunOptions
from runtime.config.settings import load_config
from runtime.log.logfile import LogFileBus
from runtime.process.runner import ProcessRunner
from tests.bench.log_on_disk import log_on_disk
from tests.bench.starts import start_times
from tests.servers.local import MAKER

ROOT = Path(__file__).resolve().parents[2]
RECORDINGS = ROOT.parent / "shared" / "data" / "normalised"
PROFILED = "binance_spot_btcusdt_20240808.jsonl.gz"


def maker_up(folder: Path, *arguments: str) -> dict[str, Any]:
    command = [str(MAKER), "up", "--no-gateway", "--json", "--log", str(folder / "log"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    summary: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return summary


def throughput() -> dict[str, Any]:
    """Market events a second through the whole engine, log on disk included, one core."""
    figures = {}
    for path in sorted(RECORDINGS.glob("*.jsonl.gz")):
        with tempfile.TemporaryDirectory() as folder:
            summary = maker_up(Path(folder), "--path", str(path), "--speed", "max")
        figures[path.name.split(".")[0]] = summary["market_events_per_second"]
        print(f"throughput  {path.name:42} {summary['market_events_per_second']:10.0f} market events/s")
    return figures


def stages() -> dict[str, float]:
    """Microseconds of each process for one market event, its publishing left out, and of the log."""
    spent_ns: defaultdict[str, int] = defaultdict(int)
    running: list[str] = []
    since = time.perf_counter_ns()

    def timed(name: Callable[..., str], function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            nonlocal since
            now = time.perf_counter_ns()
            spent_ns[running[-1] if running else "loop and feed"] += now - since
            since = now
            running.append(name(*arguments))
            try:
                return function(*arguments)
            finally:
                now = time.perf_counter_ns()
                spent_ns[running.pop()] += now - since
                since = now

        return call

    consume = timed(lambda runner, *_: runner.name, ProcessRunner.consume)
    publish = timed(lambda *_: "encode and log", LogFileBus.publish)
    commit = timed(lambda *_: "write to disk", LogFileBus.commit)
    with (
        patch.object(ProcessRunner, "consume", consume),
        patch.object(LogFileBus, "publish", publish),
        patch.object(LogFileBus, "commit", commit),
        tempfile.TemporaryDirectory() as folder,
    ):
        overrides = {
            "feed": {"kind": "recorded", "paths": [str(RECORDINGS / PROFILED)], "speed": "max"},
            "engine": {"log_dir": folder},
        }
        engine = Engine(load_config((), overrides).config, RunOptions(gateway=False))
        spent_ns.clear()
        since = time.perf_counter_ns()
        summary = asyncio.run(engine.run())
    figures = {name: round(ns / 1e3 / summary["market_events"], 2) for name, ns in spent_ns.items()}
    for name, microseconds in sorted(figures.items(), key=lambda item: -item[1]):
        print(f"stages      {name:42} {microseconds:10.2f} us a market event (timers included)")
    return figures


def many_symbols(folder: Path, count: int) -> Path:
    """A configuration of `count` synthetic symbols at 10 book updates a second each."""
    symbols = {f"S{number:03d}/USDT": number for number in range(count)}
    config = {
        "instruments": {
            symbol: {"tick_size": "0.01", "lot_size": "0.001", "min_notional": "10"} for symbol in symbols
        },
        "feed": {
            "symbols": {
                symbol: {"price": str(50 + number), "spread_bps": 20.0, "volatility_bps": 1.0}
                for symbol, number in symbols.items()
            }
        },
    }
    path = folder / "symbols.yaml"
    path.write_text(yaml.safe_dump(config))
    return path


def latency() -> dict[str, Any]:
    """Book update to order sent at real speed, milliseconds."""
    figures = {}
    for count in (1, 20, 100):
        with tempfile.TemporaryDirectory() as folder:
            config = many_symbols(Path(folder), count)
            summary = maker_up(Path(folder), "--config", str(config), "--for", "30")
        figures[str(count)] = summary["order_latency_ms"]
        print(f"latency     {count:4} symbols, 10 updates/s each, 30 s: {summary['order_latency_ms']} ms")
    return figures


def memory() -> dict[str, Any]:
    """Resident memory at 100 symbols over ten minutes of market time, at speed max."""
    with tempfile.TemporaryDirectory() as folder:
        config = many_symbols(Path(folder), 100)
        command = [
            str(MAKER),
            "up",
            "--no-gateway",
            "--json",
            "--log",
            f"{folder}/log",
            "--config",
            str(config),
        ]
        process = subprocess.Popen([*command, "--for", "600", "--speed", "max"], stdout=subprocess.PIPE)
        watched = psutil.Process(process.pid)
        samples: list[float] = []
        while process.poll() is None:
            try:
                samples.append(watched.memory_info().rss / 1e6)
            except psutil.NoSuchProcess:
                break
            time.sleep(1)
        log_mb = sum(path.stat().st_size for path in Path(folder, "log").glob("*")) / 1e6
    figures = {
        "rss_mb_at_a_tenth": round(samples[len(samples) // 10]),
        "rss_mb_at_half": round(samples[len(samples) // 2]),
        "rss_mb_max": round(max(samples)),
        "log_mb": round(log_mb),
        "seconds": len(samples),
    }
    print(f"memory      100 symbols, ten minutes of market: {figures}")
    return figures


def log() -> dict[str, Any]:
    """Bytes a day on disk, and what closing segments costs."""
    return log_on_disk(maker_up, lambda folder: many_symbols(folder, 100))


def starts() -> dict[str, Any]:
    """Seconds to the first quote on a log, and on one ten times as long, at 100 symbols."""
    with tempfile.TemporaryDirectory() as folder:
        return start_times(MAKER, many_symbols(Path(folder), 100))


PARTS: dict[str, Callable[[], Any]] = {
    "throughput": throughput,
    "stages": stages,
    "latency": latency,
    "memory": memory,
    "log": log,
    "starts": starts,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS], default=[])
    chosen = parser.parse_args().parts or list(PARTS)
    figures = {name: PARTS[name]() for name in chosen}
    machine = f"{platform.python_version()} on {psutil.cpu_count()} cores"
    print(json.dumps({"machine": machine, **figures}))


if __name__ == "__main__":
    main()
