"""Positions in a log, and the writer's state at one, so that a log opens without being read completely."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

SUFFIX = ".log"
COMPRESSED_SUFFIX = ".zst"
"""Appended to the other for a closed segment."""


class LogPosition(NamedTuple):
    """A position between two commits."""

    segment: int
    """First record number of the segment, which names its file."""
    offset_bytes: int
    """Offset in the segment's uncompressed text."""
    records: int
    """Records committed before it, since the start of the log."""


def segment_name(first_record: int) -> str:
    """File name of a segment without its suffix; names sort by age."""
    return f"{first_record:020d}"


def segment_path(directory: Path, first_record: int) -> Path:
    """Path of a segment while it is written."""
    return directory / f"{segment_name(first_record)}{SUFFIX}"


@dataclass(frozen=True, slots=True)
class LogStanding:
    """The state of a log's writer at a position."""

    position: LogPosition
    offsets: Mapping[str, int]
    """By topic, the offset of its next record."""
    sequences: Mapping[str, int]
    """By producer, the sequence number of its newest message."""
    event_time_ns: int
    """Newest event time so far."""

    def to_json(self) -> dict[str, Any]:
        """The state as plain JSON values."""
        return {
            "place": list(self.position),
            "offsets": dict(self.offsets),
            "sequences": dict(self.sequences),
            "event_time_ns": self.event_time_ns,
        }

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> "LogStanding":
        """The inverse of `to_json`; raises KeyError, TypeError or ValueError for anything else."""
        return cls(
            LogPosition(*fields["place"]), fields["offsets"], fields["sequences"], fields["event_time_ns"]
        )
