"""What a process consumed since its newest snapshot, on its own disk, before anybody hears what it decided.

A line is a turn: `crc32 body\\n`, the runs of inputs in the order of their consumption and the external
inputs whole, since no topic may hold them yet. With the records that the runs name, a start feeds the core
the same inputs again. A line is written with one write, so it survives the death of the process; it survives
that of the machine once the disk was asked to confirm it.
"""

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from zlib import crc32

from chassis.errors import LogDamagedError
from chassis.shell import Entry
from schemas.envelope import decode, encode
from schemas.message import Event
from schemas.topics import MESSAGE_TYPES

_CHECKSUM_LENGTH = 9  # 8 hex digits and a space
SUFFIX = ".journal"


class JournalTurn(NamedTuple):
    """What one turn of a process consumed."""

    runs: tuple[Entry, ...]
    external: tuple[Event, ...]
    """The external inputs that the runs name, in order."""
    trace_ns: int | None
    """At the end of the turn the process wrote its trace, at this time."""


class Journal:
    """Writes turns to a new file."""

    def __init__(self, path: Path, follows: tuple[str, int] | None) -> None:
        self.path = path
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o644)
        self._size_bytes = 0
        self._write({"follows": follows})

    @property
    def size_bytes(self) -> int:
        """Length of what was written."""
        return self._size_bytes

    def write(self, turn: JournalTurn) -> None:
        """Append one turn."""
        external = [[event.type_name, encode(event).decode()] for event in turn.external]
        self._write({"runs": turn.runs, "external": external, "trace_ns": turn.trace_ns})

    def sync(self) -> None:
        """Have the disk confirm what was written."""
        os.fdatasync(self._file)

    def _write(self, fields: dict[str, Any]) -> None:
        body = json.dumps(fields, separators=(",", ":")).encode()
        view = memoryview(b"%08x %b\n" % (crc32(body), body))
        self._size_bytes += len(view)
        while view:  # a full disk first shows as a short write without an error
            view = view[os.write(self._file, view) :]

    def close(self) -> None:
        """Have the disk confirm everything, and close the file."""
        os.fsync(self._file)
        os.close(self._file)


def read_journal(path: Path, size_bytes: int | None = None) -> Iterator[JournalTurn]:
    """The turns of a file, up to a size; a torn last line is left out.

    Raises LogDamagedError, naming file and line, where a broken line is followed by whole ones.
    """
    for fields in _bodies(path, size_bytes):
        if "runs" in fields:
            runs = tuple(
                (topic, partition, first, count) for topic, partition, first, count in fields["runs"]
            )
            external = tuple(decode(MESSAGE_TYPES[name], text.encode()) for name, text in fields["external"])
            yield JournalTurn(runs, external, fields["trace_ns"])


def follows(path: Path) -> tuple[str, int] | None:
    """Which journal was read, and how far, before this one was begun."""
    first = next(_bodies(path, None), {})
    found: Sequence[Any] | None = first.get("follows")
    return None if found is None else (found[0], found[1])


def _bodies(path: Path, size_bytes: int | None) -> Iterator[dict[str, Any]]:
    position = 0
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            position += len(line)
            if size_bytes is not None and position > size_bytes:
                return
            body = line[_CHECKSUM_LENGTH:-1]
            if not line.endswith(b"\n") or line[:_CHECKSUM_LENGTH] != b"%08x " % crc32(body):
                if file.read(1):
                    raise LogDamagedError(f"{path} line {number} is damaged: restore the file from a copy")
                return
            fields: dict[str, Any] = json.loads(body)
            yield fields
