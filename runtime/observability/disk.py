"""Monitors the disk of a log or state folder: free space, growth, and the time until it is full.

Measurements run in a thread, so that a hanging disk does not block the event loop.
"""

import asyncio
import os
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType

import structlog
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from runtime.errors import DiskFullError
from runtime.state.disk_room import BYTES_PER_MB, free_bytes_of
from schemas.deployment import EngineSettings
from schemas.process import DiskFigures
from schemas.units import NS_PER_MS, NS_PER_S

MEASURE_INTERVAL_S = 1.0
_SIZE_INTERVAL_S = 10.0
_RATE_OVER_S = 3_600.0
_RATE_AFTER_S = 60.0
"""A shorter span is too little to extrapolate to a day."""
DAYS_LEFT_MIN = 2.0
_ALERT_INTERVAL_S = 60.0
_S_PER_DAY = 86_400.0

logger = structlog.get_logger()


class DiskStalls:
    """Measures how long the event loop waits for its disk; a context manager around writes and syncs."""

    def __init__(self, limit_ms: int) -> None:
        self._limit_ns = limit_ms * NS_PER_MS
        self._began_ns = 0
        self.count = 0
        self.seconds = 0.0

    def __enter__(self) -> None:
        self._began_ns = time.perf_counter_ns()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        took_ns = time.perf_counter_ns() - self._began_ns
        if took_ns > self._limit_ns:
            self.count += 1
            self.seconds += took_ns / NS_PER_S
            logger.error(
                "disk_stalled",
                seconds=round(took_ns / NS_PER_S, 3),
                then="orders decided before the stall are not sent, and orders to be amended are cancelled",
            )


class DiskWatch:
    """Measures one folder every second; `figures` is None before the first measurement."""

    def __init__(
        self,
        folder: Path,
        engine: EngineSettings,
        clock_s: Callable[[], float] = time.monotonic,
        settled: Callable[[Path, int], float] = lambda folder, size_bytes: size_bytes,
    ) -> None:
        """`settled` estimates the size of a folder once its uncompressed segments are compressed."""
        self.figures: DiskFigures | None = None
        self.failure: DiskFullError | None = None
        """Set while the disk is nearly full."""
        self.stalls = DiskStalls(engine.disk_stall_ms_max)
        self._folder = folder
        self._free_bytes_min = engine.disk_free_mb_min * BYTES_PER_MB
        self._clock_s = clock_s
        self._settled = settled
        self._used_bytes = 0
        self._sizes: deque[tuple[float, float]] = deque()
        self._alerted_s: dict[str, float] = {}

    async def run(self, on_nearly_full: Callable[[str], None] = lambda because: None) -> None:
        """Measure until cancelled; `on_nearly_full` receives the message, at most once a minute."""
        while True:
            try:
                figures = await asyncio.to_thread(self.measure)
            except OSError as error:  # writes will fail by themselves if it matters
                self._alert("disk_unknown", folder=str(self._folder), because=error.strerror)
            else:
                self.check(figures, on_nearly_full)
            await asyncio.sleep(MEASURE_INTERVAL_S)

    def measure(self) -> DiskFigures:
        """The current figures; raises OSError where the folder cannot be read."""
        now_s = self._clock_s()
        free_bytes = free_bytes_of(self._folder)
        if not self._sizes or now_s - self._sizes[-1][0] >= _SIZE_INTERVAL_S:
            self._used_bytes = _size_of(self._folder)
            self._sizes.append((now_s, self._settled(self._folder, self._used_bytes)))
            while now_s - self._sizes[0][0] > _RATE_OVER_S:
                self._sizes.popleft()
        growth = self._growth_bytes_per_day()
        self.figures = DiskFigures(
            folder=str(self._folder),
            free_bytes=free_bytes,
            used_bytes=self._used_bytes,
            growth_bytes_per_day=growth,
            days_left=free_bytes / growth if growth else None,
            is_nearly_full=free_bytes < self._free_bytes_min,
        )
        return self.figures

    def _growth_bytes_per_day(self) -> float | None:
        (first_s, first), (last_s, last) = self._sizes[0], self._sizes[-1]
        if last_s - first_s < _RATE_AFTER_S:
            return None
        return max(0.0, last - first) / (last_s - first_s) * _S_PER_DAY

    def check(self, figures: DiskFigures, on_nearly_full: Callable[[str], None]) -> None:
        """Log a disk that is nearly full or filling up, at most once a minute."""
        free = f"{figures.free_bytes / BYTES_PER_MB:.1f} MB"
        self.failure = None
        if figures.is_nearly_full:
            floor = f"{self._free_bytes_min / BYTES_PER_MB:g} MB of engine.disk_free_mb_min"
            text = f"disk nearly full: {free} free under {self._folder}, less than the {floor}; make room"
            self.failure = DiskFullError(text)
            if self._alert("disk_nearly_full", because=text):
                on_nearly_full(text)
        elif self._is_filling(figures):
            days = f"{figures.days_left:.2f}"
            self._alert("disk_days_left", folder=figures.folder, free=free, days_left=days)

    def _is_filling(self, figures: DiskFigures) -> bool:
        """Only after a full hour: over less, an uncompressed log segment distorts the rate."""
        measured_s = self._sizes[-1][0] - self._sizes[0][0]
        is_known = figures.days_left is not None and measured_s >= _RATE_OVER_S - 2 * _SIZE_INTERVAL_S
        return is_known and (figures.days_left or 0.0) < DAYS_LEFT_MIN

    def _alert(self, event: str, **fields: object) -> bool:
        """Log the event unless it was logged within the last minute; returns whether it was."""
        now_s = self._clock_s()
        if now_s - self._alerted_s.get(event, float("-inf")) < _ALERT_INTERVAL_S:
            return False
        self._alerted_s[event] = now_s
        logger.error(event, **fields)
        return True


_GAUGES = {
    "free_bytes": "Free space on the disk of the log or state folder.",
    "used_bytes": "Size of the log or state folder.",
    "growth_bytes_per_day": "Growth of that folder over the last hour, per day, after compression.",
    "days_left": "Days until the disk is full at that growth.",
}


class DiskMetrics(Collector):
    """The disk metrics for Prometheus."""

    def __init__(self, watch: DiskWatch) -> None:
        self._watch = watch

    def collect(self) -> Iterator[Metric]:
        """All known figures."""
        figures = self._watch.figures
        for name, help_text in _GAUGES.items():
            value = None if figures is None else getattr(figures, name)
            if value is not None:
                yield GaugeMetricFamily(f"market_making_disk_{name}", help_text, value=value)
        yield CounterMetricFamily(
            "market_making_disk_stalls",
            "Writes and syncs that took longer than engine.disk_stall_ms_max.",
            value=self._watch.stalls.count,
        )
        yield CounterMetricFamily(
            "market_making_disk_stalled_seconds", "Their total duration.", value=self._watch.stalls.seconds
        )


def _size_of(folder: Path) -> int:
    total = 0
    for entry in os.scandir(folder):
        try:
            if entry.is_dir(follow_symlinks=False):
                total += _size_of(Path(entry.path))
            else:
                total += entry.stat(follow_symlinks=False).st_size
        except FileNotFoundError:  # retention has just removed it
            continue
    return total
