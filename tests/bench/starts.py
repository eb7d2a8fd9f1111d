"""How long a start takes on logs of different ages, after an end in order and after a kill; see run.py.

Seconds of the clock, and of processor time, which others on the machine do not change so much.
"""

import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import psutil

from runtime.log.segments import segment_files
from runtime.process.checkpointing import INTERVAL_NS
from runtime.state.checkpoint import FOLDER, PARTS_KEPT, Checkpoints
from schemas.units import NS_PER_S

SHORT_S, LONG_S = 30, 300
"""Seconds of market in the two logs: the one is ten times as long."""
ROUNDS = 5
CHECKPOINTS_BEFORE_KILL = 3
_QUOTE = b'"type":"quote.target.v1"'
_LIMIT_S = 60.0


class Taken(NamedTuple):
    """By one start, until its first quote is in the log."""

    clock_s: float
    processor_s: float


def start_times(maker: Path, config: Path) -> dict[str, Any]:
    """From the command to the first quote, the two logs in turn, and the ratios of their medians."""
    # the copy that writes checkpoints outlives its killed engine for a moment, and may write where we delete
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        logs = {
            seconds: _written(maker, config, Path(folder, str(seconds)), seconds)
            for seconds in (SHORT_S, LONG_S)
        }
        figures: dict[str, Any] = {
            "log_mb": {str(seconds): _size_mb(log) for seconds, log in logs.items()},
            "new": _medians([_quoted(maker, config, Path(folder, f"new-{each}")) for each in range(ROUNDS)]),
            "after a kill at real speed": _medians(
                [_quoted_after_kill(maker, config, Path(folder, f"killed-{each}")) for each in range(ROUNDS)]
            ),
        }
        for name in ("after an end", "after a kill at speed max"):
            if name != "after an end":
                for log in logs.values():
                    _forget_end(log)
            taken: dict[int, list[Taken]] = {seconds: [] for seconds in logs}
            for each in range(ROUNDS):
                for seconds, log in logs.items():
                    copy = Path(folder, f"started-{name}-{seconds}-{each}")
                    shutil.copytree(log, copy)
                    taken[seconds].append(_quoted(maker, config, copy))
                    shutil.rmtree(copy, ignore_errors=True)
            short, long = _medians(taken[SHORT_S]), _medians(taken[LONG_S])
            ratio = {f"{key}_ratio": round(long[key] / short[key], 2) for key in short}
            figures[name] = {"short": short, "long": long, **ratio}
    print(f"starts      100 symbols, {SHORT_S} and {LONG_S} s of market: {json.dumps(figures)}")
    return figures


def _written(maker: Path, config: Path, log: Path, seconds: int) -> Path:
    command: list[str | Path] = [maker, "up", "--no-gateway", "--json", "--log", log, "--config", config]
    subprocess.run([*command, "--for", str(seconds), "--speed", "max"], capture_output=True, check=True)
    return log


def _size_mb(log: Path) -> float:
    return round(sum(path.stat().st_size for path in segment_files(log)) / 1e6, 1)


def _forget_end(log: Path) -> None:
    """Without the parts of the orderly end: what remains is what a kill leaves."""
    names = Checkpoints(log).names()
    newest = max(names).records
    for name in names:
        if (
            name.records == newest
            and len([each for each in names if each.process == name.process]) >= PARTS_KEPT
        ):
            (log / FOLDER / name.file).unlink()


def _medians(taken: Sequence[Taken]) -> dict[str, float]:
    return {
        "clock_s": round(median(each.clock_s for each in taken), 2),
        "processor_s": round(median(each.processor_s for each in taken), 2),
    }


def _quoted_after_kill(maker: Path, config: Path, log: Path) -> Taken:
    """The worst case: the engine is killed where its next checkpoint is nearly due."""
    process = _started(maker, config, log, "1")
    try:
        newest, changes = 0, 0
        deadline_s = time.perf_counter() + _LIMIT_S
        while changes < CHECKPOINTS_BEFORE_KILL:
            if process.poll() is not None or time.perf_counter() > deadline_s:
                raise RuntimeError(f"the engine on {log} wrote no checkpoints: exit {process.poll()}")
            time.sleep(0.01)
            found = max((name.records for name in Checkpoints(log).names()), default=0)
            changes += found > newest
            newest = found
        time.sleep(0.9 * INTERVAL_NS / NS_PER_S)
    finally:
        process.kill()
        process.wait()
    return _quoted(maker, config, log, "1")


def _quoted(maker: Path, config: Path, log: Path, speed: str = "max") -> Taken:
    """From the command to the first quote in the log."""
    before = {path: path.stat().st_size for path in segment_files(log)} if log.exists() else {}
    began_s = time.perf_counter()
    process = _started(maker, config, log, speed)
    try:
        used = psutil.Process(process.pid)
        while not any(_QUOTE in text for text in _new_texts(log, before)):
            if process.poll() is not None or time.perf_counter() - began_s > _LIMIT_S:
                raise RuntimeError(f"the start on {log} quoted nothing: exit {process.poll()}")
            time.sleep(0.01)
        times = used.cpu_times()
        return Taken(time.perf_counter() - began_s, times.user + times.system)
    finally:
        process.kill()
        process.wait()


def _started(maker: Path, config: Path, log: Path, speed: str) -> "subprocess.Popen[bytes]":
    command: Sequence[str | Path] = (
        *(maker, "up", "--no-gateway", "--log", log, "--config", config),
        *("--speed", speed),
    )
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _new_texts(log: Path, before: dict[Path, int]) -> Iterator[bytes]:
    for path in segment_files(log) if log.exists() else ():
        with path.open("rb") as file:
            file.seek(before.get(path, 0))
            yield file.read(1 << 22)
