"""The size of a log and how long its disk will last."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from runtime.log.closing import FRAME_BYTES
from runtime.log.finding import find_in_segment
from runtime.log.lines import COMMIT_BEGINS
from runtime.log.packed import intact_index
from runtime.log.segments import (
    commits_of,
    disk_bytes,
    first_time_ns_of,
    is_closed,
    segment_files,
    segment_of,
    segments,
    text_size_bytes,
)
from runtime.log.slices import last_time_ns_of
from schemas.envelope import decode
from schemas.process import ConfigApplied
from schemas.units import NS_PER_S

_BEGINS = (ConfigApplied.type_name,)
_DAY_NS = 86_400 * NS_PER_S


@dataclass(frozen=True, slots=True)
class SegmentFigures:
    """One segment."""

    name: str
    is_closed: bool
    records: int
    """Committed."""
    first_time_ns: int
    last_time_ns: int
    raw_bytes: int
    disk_bytes: int
    sessions: tuple[int, ...]
    """Start times of the sessions begun or resumed in it."""
    is_damaged: bool = False
    """Its index cannot be read, so only its size is known."""


@dataclass(frozen=True, slots=True)
class LogFigures:
    """A log on its disk."""

    segments: tuple[SegmentFigures, ...]
    free_bytes: int
    """Free space on its disk."""

    @property
    def raw_bytes(self) -> int:
        """Size of its text."""
        return sum(each.raw_bytes for each in self.segments)

    @property
    def disk_bytes(self) -> int:
        """Size on disk."""
        return sum(each.disk_bytes for each in self.segments)

    @property
    def bytes_a_day(self) -> float | None:
        """Growth on disk over the last day, once closed; None where not known yet.

        Open segments count with their expected size, at the compression ratio of the closed ones.
        """
        newest_ns = max(each.last_time_ns for each in self.segments)
        recent = [each for each in self.segments if each.last_time_ns > newest_ns - _DAY_NS]
        span_ns = newest_ns - min(each.first_time_ns for each in recent)
        return self._once_closed(recent) * _DAY_NS / span_ns if span_ns > 0 else None

    def _once_closed(self, some: list[SegmentFigures]) -> float:
        share = self.packed_share or 1.0
        return sum(each.disk_bytes if each.is_closed else share * each.raw_bytes for each in some)

    @property
    def packed_share(self) -> float | None:
        """Compression ratio of closed segments; None where none is closed yet."""
        closed = [each for each in self.segments if each.is_closed and each.raw_bytes]
        raw_bytes = sum(each.raw_bytes for each in closed)
        return sum(each.disk_bytes for each in closed) / raw_bytes if raw_bytes else None

    @property
    def days_left(self) -> float | None:
        """Days until the disk is full at that rate; None where unknown."""
        rate = self.bytes_a_day
        return self.free_bytes / rate if rate else None


def log_figures(directory: Path) -> LogFigures:
    """The figures of the log in a folder; raises ConfigError where there is none."""
    return LogFigures(tuple(_segments(directory)), shutil.disk_usage(directory).free)


def size_once_closed(directory: Path, size_bytes: int) -> float:
    """The size of a log folder once its plain segments are compressed like the newest closed one; unchanged
    where none is closed yet.
    """
    files = segment_files(directory)
    index = next(
        (index for path in reversed(files) if is_closed(path) and (index := intact_index(path))), None
    )
    if index is None or not index.raw_bytes:
        return size_bytes
    plain_bytes = disk_bytes([path for path in files if not is_closed(path)])
    return size_bytes - plain_bytes * (1 - index.packed_bytes / index.raw_bytes)


def _segments(directory: Path) -> Iterator[SegmentFigures]:
    for path in segments(directory):
        name, size = segment_of(path), path.stat().st_size
        if is_closed(path):
            index = intact_index(path)
            if index is None:
                yield SegmentFigures(name, True, 0, 0, 0, 0, size, (), is_damaged=True)
                continue
            times = index.first_time_ns, index.last_time_ns
            yield SegmentFigures(name, True, index.records, *times, index.raw_bytes, size, index.sessions)
        else:
            times = first_time_ns_of(path), last_time_ns_of(path)
            begun = (decode(ConfigApplied, each.payload) for each in find_in_segment(path, _BEGINS))
            sessions = tuple(dict.fromkeys(each.session_began_ns for each in begun))
            yield SegmentFigures(name, False, _count(path), *times, text_size_bytes(path), size, sessions)


def _count(path: Path) -> int:
    """Number of committed records of an open segment."""
    texts = (text for text in commits_of(path, FRAME_BYTES) if COMMIT_BEGINS in text)
    return sum(text.count(b"\n") - text.count(COMMIT_BEGINS) for text in texts)
