"""The inputs of a process since its newest snapshot, on its own disk, written before its outputs are
published.

A line is a turn: `crc32 body\\n`, with the runs of inputs in order of consumption and the complete external
inputs, which may be on no topic yet. With the records named by the runs, a start replays the same inputs. A
line is written with one write, so it survives a crash of the process, and once synced also that of the
machine.

Each line has the checksum of the previous one, and a journal that of the last line of its predecessor:
missing, repeated or foreign lines are therefore detected anywhere.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple
from zlib import crc32

from runtime.errors import LogDamagedError
from runtime.process.runner import Entry
from runtime.state.appending import AppendedFile
from schemas.envelope import decode, encode
from schemas.message import Event
from schemas.topics import MESSAGE_TYPES

_CHECKSUM_LENGTH = 9  # 8 hex digits and a space
SUFFIX = ".journal"


class JournalTurn(NamedTuple):
    """The inputs of one turn of a process."""

    runs: tuple[Entry, ...]
    external: tuple[Event, ...]
    """The external inputs named by the runs, in order."""
    trace_ns: int | None
    """Time of the trace written at the end of the turn, if any."""
    is_last: bool = False
    """Whether it was the last turn of the process, whose trace has a digest."""


class Read(NamedTuple):
    """How far a journal had been read when the next one was begun."""

    name: str
    size_bytes: int
    checksum: int | None
    """Checksum of the last line; None: written by a release without chained lines."""


class Journal:
    """Writes turns to a new file."""

    def __init__(
        self,
        path: Path,
        follows: Read | None,
        session_began_ns: int = 0,
        epochs: Mapping[str, int] | None = None,
    ) -> None:
        """`epochs`: of each member, where several processes share the journal."""
        self.path = path
        self._file = AppendedFile(path, is_new=True)
        self._checksum = 0
        head: dict[str, Any] = {"follows": follows, "session": session_began_ns}
        self._write(head | {"epochs": epochs} if epochs else head)

    @property
    def end(self) -> Read:
        """The end of the written part."""
        return Read(self.path.name, self._file.size_bytes, self._checksum)

    def write(self, turn: JournalTurn) -> None:
        """Append one turn. Raises LogLostError where the write fails; no more turns can then be written."""
        external = [[event.type_name, encode(event).decode()] for event in turn.external]
        fields = {"runs": turn.runs, "external": external, "trace_ns": turn.trace_ns}
        self._write(fields | {"is_last": True} if turn.is_last else fields)

    def sync(self) -> None:
        """Sync to disk; raises LogLostError on failure."""
        self._file.sync()

    def _write(self, fields: dict[str, Any]) -> None:
        body = json.dumps({**fields, "after": self._checksum}, separators=(",", ":")).encode()
        checksum = crc32(body)
        self._file.append(b"%08x %b\n" % (checksum, body))
        self._checksum = checksum

    def close(self) -> None:
        """Sync and close the file."""
        self._file.close()


def read_journal(path: Path, upto: Read | None = None) -> Iterator[JournalTurn]:
    """The turns of a file, all or as far as it was read before; a torn last line is ignored.

    Raises LogDamagedError, naming file and line, where a damaged line is followed by complete ones, where a
    line is missing or foreign, and where the file differs from what was read before.
    """
    for fields in _bodies(path, upto):
        if "runs" in fields:
            runs = tuple(
                (topic, partition, first, count) for topic, partition, first, count in fields["runs"]
            )
            external = tuple(decode(MESSAGE_TYPES[name], text.encode()) for name, text in fields["external"])
            yield JournalTurn(runs, external, fields["trace_ns"], fields.get("is_last", False))


class Head(NamedTuple):
    """The first line of a journal."""

    follows: Read | None
    """The previous journal, and how far it had been read."""
    session_began_ns: int
    """Its session; 0: written by a release before sessions."""
    epochs: Mapping[str, int] = MappingProxyType({})
    """The epoch of each member, where several processes share the journal."""


def head_of(path: Path) -> Head | None:
    """The first line; None: the writer died before it was on disk and wrote nothing else. Raises
    LogDamagedError where it is damaged.
    """
    first = next(_bodies(path, None), None)
    if first is None:
        return None
    found = first.get("follows")
    follows = None if found is None else Read(found[0], found[1], found[2] if len(found) > 2 else None)  # noqa: PLR2004
    return Head(follows, first.get("session", 0), first.get("epochs", {}))


def end_of(path: Path) -> Read:
    """The end of its complete lines."""
    reading = _Reading(path, None)
    for _ in reading.bodies():
        pass
    return Read(path.name, reading.size_bytes, reading.checksum)


def _bodies(path: Path, upto: Read | None) -> Iterator[dict[str, Any]]:
    return (json.loads(body) for body in _Reading(path, upto).bodies())


class _Reading:
    """Reads a file line by line."""

    def __init__(self, path: Path, upto: Read | None) -> None:
        self._path = path
        self._upto = upto
        self._number = 0
        self.size_bytes = 0
        """Size of the complete lines read."""
        self.checksum: int | None = 0
        """Checksum of the previous line; None: lines are not chained."""

    def bodies(self) -> Iterator[bytes]:
        """The body of each line."""
        with self._path.open("rb") as file:
            while self._goes_on() and (line := file.readline()):
                self._number += 1
                body = line[_CHECKSUM_LENGTH:-1]
                if not line.endswith(b"\n") or line[:_CHECKSUM_LENGTH] != b"%08x " % crc32(body):
                    self._check_torn(len(line), is_at_end=not file.read(1))
                    return
                self.size_bytes += len(line)
                self._chain(body)
                yield body
        self._check_end()

    def _goes_on(self) -> bool:
        return self._upto is None or self.size_bytes < self._upto.size_bytes

    def _chain(self, body: bytes) -> None:
        named = json.loads(body[body.rfind(b',"after":') + 9 : -1]) if b',"after":' in body[-22:] else None
        if self._number == 1 and named is None:
            self.checksum = None
        if named != self.checksum:
            raise self._damaged(f"line {self._number} does not follow the line before it")
        if named is not None:
            self.checksum = crc32(body)

    def _check_torn(self, length: int, *, is_at_end: bool) -> None:
        """A last line torn by a crash is ignored; an earlier release counted it as read."""
        upto = self._upto
        was_counted = (
            upto is not None and upto.checksum is None and self.size_bytes + length == upto.size_bytes
        )
        if not is_at_end or not (upto is None or was_counted):
            raise self._damaged(f"line {self._number} is broken")

    def _check_end(self) -> None:
        upto = self._upto
        if upto is None:
            return
        if self.size_bytes != upto.size_bytes:
            raise self._damaged(f"{self.size_bytes} bytes where {upto.size_bytes} were read before")
        if upto.checksum is not None and upto.checksum != self.checksum:
            raise self._damaged("it is not the one that was read before")

    def _damaged(self, what: str) -> LogDamagedError:
        return LogDamagedError(f"{self._path} is damaged: {what}")
