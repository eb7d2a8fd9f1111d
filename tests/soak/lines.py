"""A log's records as they lie on disk, whose lines are read without any code of the engine."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from zlib import crc32

from runtime.log.segments import open_segment

_PLAIN, _PACKED = ".log", ".log.zst"
_HEAD = 9


class Place(NamedTuple):
    """Behind a commit."""

    segment: str = ""
    offset: int = 0
    """Of the segment's text."""


class Unread(Exception):  # noqa: N818  the name says what became of it
    """What was written since the last look is not there any more, or is broken."""


def segments(log: Path) -> dict[str, Path]:
    """The files by the number of their first record, oldest first."""
    packed = {path.name.removesuffix(_PACKED): path for path in log.glob(f"*{_PACKED}")}
    plain = {path.name.removesuffix(_PLAIN): path for path in log.glob(f"*{_PLAIN}")}
    found = packed | plain
    return {name: found[name] for name in sorted(found)}


def _text(path: Path, begin: int) -> bytes:
    """From a place on. What closed files hold as columns, the engine's own code turns into lines."""
    with open_segment(path, begin) as file:
        return file.read()


class Reader:
    """Reads on from where it was: what commits have closed, each record once."""

    def __init__(self) -> None:
        self.place = Place()

    def new(self, log: Path) -> Iterator[dict[str, Any]]:
        """Records since the last call; raises Unread where some are missing or a line is broken."""
        found = segments(log)
        begun = self.place.segment
        if begun and begun not in found:
            raise Unread(f"segment {begun} went before it was looked at")
        for name, path in found.items():
            if name >= begun:
                begin = self.place.offset if name == begun else 0
                yield from self._of(name, _text(path, begin), begin)

    def _of(self, name: str, text: bytes, begin: int) -> Iterator[dict[str, Any]]:
        pending: list[dict[str, Any]] = []
        at = begin
        for line in text.splitlines(keepends=True):
            at += len(line)
            body = line[_HEAD:-1]
            if not line.endswith(b"\n") or line[:_HEAD] != b"%08x " % crc32(body):
                break  # a torn tail, which the next start cuts off
            record = json.loads(body)
            if "commit" not in record:
                pending.append(record)
                continue
            if record["commit"] != len(pending):
                raise Unread(f"{name}: a commit of {record['commit']} closes {len(pending)} records")
            yield from pending
            pending.clear()
            self.place = Place(name, at)
