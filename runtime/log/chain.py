"""The hash chain of a log: a line for every segment closed and for every segment deleted by retention.

It outlives the segments, so that `maker log verify` can prove that nothing was altered and nothing is missing
except what retention deleted. Each line ends with the BLAKE2b of the previous line and itself: altering one
line requires altering all later ones, and the newest link, which the engine logs, would no longer match the
one noted elsewhere.
"""

import hashlib
import io
import json
import os
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import structlog

from runtime.errors import LogDamagedError
from runtime.log.packed import SegmentIndex
from runtime.log.position import segment_name
from runtime.state.appending import write_all
from runtime.state.private_files import open_file

CHAIN_FILE = "segments.jsonl"
_LINK = ',"chain":"'
_LINK_LENGTH = len(_LINK) + 64 + len('"}')
_TAIL_BYTES = 64 * 1024
_CHAINED = re.compile(rb'\{"(?:segment|deleted)":"\d{20}",.*,"chain":"[0-9a-f]{64}"\}')

logger = structlog.get_logger()


class ChainLine(NamedTuple):
    """One line of the chain."""

    fields: dict[str, Any]
    """`segment`, `records`, `first_time_ns`, `last_time_ns`, `raw_bytes`, `packed_bytes` and `digest` of a
    closed segment; `deleted`, `at_ns`, `by` and `because` of a deleted one; `chain` of both."""
    number: int

    @property
    def deleted(self) -> str | None:
        """The name of the deleted segment."""
        return self.fields.get("deleted")

    @property
    def closed(self) -> str | None:
        """The name of the closed segment."""
        return self.fields.get("segment")


class Chain:
    """Appends to the chain of a log; its only writer holds the log's lock."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / CHAIN_FILE
        self._file = open_file(self._path, os.O_RDWR | os.O_APPEND)
        _cut_torn_line(self._file)
        self.head = ""
        """The newest link; empty where there is none."""
        self.closed: set[str] = set()
        """The names of closed segments that were not deleted."""
        self.last_deleted = ""
        """The segment marked as deleted by the newest line; a crash may have prevented the deletion."""
        with self._path.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                self._apply(line.rstrip(b"\n"), number)

    def _apply(self, line: bytes, number: int) -> None:
        if _CHAINED.fullmatch(line):
            self._record(json.loads(line))
        else:  # it stays, for `maker log verify` to name it
            logger.error(
                "log_chain_damaged",
                file=str(self._path),
                line=number,
                then="the chain is continued; restore the file from a copy to prove what was before",
            )

    @property
    def is_there(self) -> bool:
        """Whether its file is still the one in the folder."""
        try:
            return os.path.samestat(self._path.stat(), os.fstat(self._file))
        except OSError:
            return False

    def _record(self, fields: dict[str, Any]) -> None:
        self.head = fields["chain"]
        self.last_deleted = fields.get("deleted", "")
        self.closed.discard(self.last_deleted)
        if "segment" in fields:
            self.closed.add(fields["segment"])

    def add_closed(self, index: SegmentIndex) -> None:
        """Record a closed segment."""
        self._append(
            {
                "segment": segment_name(index.begins.position.segment),
                "records": index.records,
                "first_time_ns": index.first_time_ns,
                "last_time_ns": index.last_time_ns,
                "raw_bytes": index.raw_bytes,
                "packed_bytes": index.packed_bytes,
                "digest": index.digest,
            }
        )

    def add_deleted(self, name: str, because: str) -> None:
        """Record a segment about to be deleted."""
        by = f"user {os.geteuid()} on {socket.gethostname()}, process {os.getpid()}"
        self._append({"deleted": name, "at_ns": time.time_ns(), "by": by, "because": because})

    def _append(self, fields: dict[str, Any]) -> None:
        text = json.dumps(fields, separators=(",", ":"))
        fields = {**fields, "chain": link(self.head, text)}
        end = os.lseek(self._file, 0, io.SEEK_END)
        try:
            write_all(self._file, text[:-1].encode() + f'{_LINK}{fields["chain"]}"}}\n'.encode())
            os.fsync(self._file)
        except OSError:
            os.ftruncate(self._file, end)
            raise
        self._record(fields)

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)


def link(head: str, text: str) -> str:
    """The link after a line: `text` is its JSON without the link."""
    return hashlib.blake2b((head + text).encode(), digest_size=32).hexdigest()


def read_chain(directory: Path) -> Iterator[ChainLine]:
    """All lines of a chain, each verified against the previous one; none where a log has no chain.

    Raises LogDamagedError, naming the line, where one was altered. A torn last line is ignored.
    """
    path = directory / CHAIN_FILE
    if not path.exists():
        return
    head = ""
    with path.open(encoding="utf-8", errors="replace") as file:
        for number, line in enumerate(file, start=1):
            if not line.endswith("\n"):
                return
            text, chain = line[: -_LINK_LENGTH - 1] + "}", line[-3 - 64 : -3]
            head = link(head, text)
            if chain != head:
                raise LogDamagedError(
                    f"{path} line {number} does not match the previous lines: it was altered or damaged. "
                    "Restore the file from a copy; later lines are not proven"
                )
            yield ChainLine({**json.loads(text), "chain": chain}, number)


def _cut_torn_line(file: int) -> None:
    """Cut a line that a crash left incomplete."""
    size = os.lseek(file, 0, io.SEEK_END)
    tail = os.pread(file, _TAIL_BYTES, max(0, size - _TAIL_BYTES))
    os.ftruncate(file, size - (len(tail) - tail.rfind(b"\n") - 1))
