"""What a log takes on disk in a day, as text and closed, and what closing costs; called by run.py."""

import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from runtime.log.closing import FRAME_BYTES, close_segment
from runtime.log.packed import SegmentIndex
from runtime.log.segments import commits_of, segment_files

SECONDS = 60
"""Of the market, whether the machine kept up with it or not."""
_DAY_S = 86_400
_DERIVED = (b'{"topic":"market.book"', b'{"topic":"market.signal"')
"""What monitor-service makes of its feed, and would make again."""


def log_on_disk(maker_up: Callable[..., dict[str, Any]], hundred: Callable[[Path], Path]) -> dict[str, Any]:
    """Of the demo's five symbols, and of 100 symbols at 10 updates a second each, at real speed."""
    figures = {}
    with tempfile.TemporaryDirectory() as folder:
        hundred_config = ("--config", str(hundred(Path(folder))))
        for name, arguments in (("demo", ()), ("100 symbols", hundred_config)):
            run = Path(folder, name)
            summary = maker_up(run, *arguments, "--for", str(SECONDS))
            figures[name] = _measured(run / "log", summary)
            print(f"log         {name:12} {figures[name]}")
    return figures


def _measured(log: Path, summary: dict[str, Any]) -> dict[str, Any]:
    text = b"".join(part for path in segment_files(log) for part in commits_of(path, FRAME_BYTES))
    began_s = time.thread_time()
    index = _closed(log / "all", text)
    cpu_s = time.thread_time() - began_s
    kept = b"".join(line for line in text.splitlines(keepends=True) if not line[9:].startswith(_DERIVED))
    without_derived = _closed(log / "without", kept)
    return {
        "updates_per_s": round(summary["market_events"] / SECONDS, 1),
        "text_mb_per_s": round(index.raw_bytes / 1e6 / SECONDS, 3),
        "text_gb_a_day": round(index.raw_bytes / 1e9 * _DAY_S / SECONDS, 2),
        "closed_gb_a_day": round(index.packed_bytes / 1e9 * _DAY_S / SECONDS, 2),
        "closed_gb_a_day_without_derived": round(without_derived.packed_bytes / 1e9 * _DAY_S / SECONDS, 2),
        "closing_core_share": round(cpu_s / SECONDS, 4),
        "order_latency_ms": summary["order_latency_ms"],
    }


def _closed(folder: Path, text: bytes) -> SegmentIndex:
    """Close a segment of this text."""
    folder.mkdir()
    path = folder / f"{0:020d}.log"
    path.write_bytes(text)
    index = close_segment(path)
    shutil.rmtree(folder)
    return index
