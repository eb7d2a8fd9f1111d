"""Oldest and newest event times of the parts of a plain segment, which has no index yet.

They are found by reading it once; while it grows, only what was added is read.
"""

import os
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO, NamedTuple

from runtime.log.lines import time_ns_of
from runtime.log.packed import read_index
from runtime.log.segments import closed_path

_PART_BYTES = 256 * 1024
_SEGMENTS_KEPT = 8
_HEAD_BYTES = 256
_NEVER_NS = 1 << 63


class PartTimes(NamedTuple):
    """A part of a segment's text, of whole lines."""

    begin: int
    end: int
    oldest_ns: int = _NEVER_NS
    newest_ns: int = 0

    def reaches(self, from_ns: int, to_ns: int) -> bool:
        """Whether it may hold records of a time range."""
        return self.oldest_ns <= to_ns and self.newest_ns >= from_ns


@dataclass(slots=True)
class _Scan:
    """What is known of one file so far."""

    identity: tuple[int, int, bytes]
    """Device, inode and first bytes, which hold a checksum: names and inodes are used again."""
    parts: list[PartTimes] = field(default_factory=list)

    @property
    def end(self) -> int:
        return self.parts[-1].end if self.parts else 0

    def read(self, file: BinaryIO) -> None:
        """Add the complete lines after the end."""
        file.seek(self.end)
        for line in file:
            if not line.endswith(b"\n"):
                return
            if not self.parts or self.end - self.parts[-1].begin >= _PART_BYTES:
                self.parts.append(PartTimes(self.end, self.end))
            begin, end, oldest_ns, newest_ns = self.parts[-1]
            time_ns = time_ns_of(line)
            if time_ns is not None:
                oldest_ns, newest_ns = min(oldest_ns, time_ns), max(newest_ns, time_ns)
            self.parts[-1] = PartTimes(begin, end + len(line), oldest_ns, newest_ns)


_lock = threading.Lock()
_scans: OrderedDict[Path, _Scan] = OrderedDict()
"""The most recently used last."""


def times_of_plain(path: Path) -> tuple[PartTimes, ...]:
    """The parts of a segment in order; of one that was closed since the folder was listed, its frames."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        index = read_index(closed_path(path))
        places = pairwise(index.raw_offsets())
        return tuple(
            PartTimes(*place, *times) for place, times in zip(places, index.frame_times(), strict=True)
        )
    with file, _lock:
        status = os.fstat(file.fileno())
        identity = status.st_dev, status.st_ino, file.read(_HEAD_BYTES)
        scan = _scans.pop(path, None)
        if scan is None or scan.identity != identity or status.st_size < scan.end:
            scan = _Scan(identity)
        scan.read(file)
        _scans[path] = scan
        while len(_scans) > _SEGMENTS_KEPT:
            _scans.popitem(last=False)
        return tuple(scan.parts)
