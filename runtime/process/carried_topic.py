"""Copies of a process's carried state on its topic, in addition to its disk, in case the disk is lost.

A copy is published at each start and stop and every few minutes, in parts that fit into records. The average
byte rate is bounded: with more state, copies are further apart and a rebuild reads more of the later records.
"""

import zlib
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator

from runtime.errors import LogDamagedError
from runtime.process.tail import PARTS_SUFFIX
from runtime.state.carried_file import CarriedState, from_bytes
from schemas.carried.runtime import CarriedPart
from schemas.envelope import Envelope
from schemas.units import NS_PER_S

INTERVAL_NS = 300 * NS_PER_S
BYTES_PER_S = 2_000
"""Average bytes per second per process: at most 170 MB per day."""
TEXT_LENGTH_MAX = 256 * 1024


def parts_of(process: str, data: bytes, now_ns: int) -> list[CarriedPart]:
    """A serialised carried state, in parts."""
    text = b64encode(zlib.compress(data)).decode()
    pieces = [text[at : at + TEXT_LENGTH_MAX] for at in range(0, len(text), TEXT_LENGTH_MAX)]
    return [
        CarriedPart(event_time_ns=now_ns, process=process, part=number, parts=len(pieces), text=piece)
        for number, piece in enumerate(pieces, start=1)
    ]


class CarriedTopic:
    """Publishes copies when they are due."""

    def __init__(self, process: str) -> None:
        self._process = process
        self._due_ns = 0
        self.sequence = 0
        """Sequence of the newest part."""

    def is_due(self, now_ns: int) -> bool:
        """Whether the next copy is due."""
        return now_ns >= self._due_ns

    def messages(self, data: bytes, now_ns: int) -> Iterator[tuple[Envelope, CarriedPart]]:
        """The messages of a copy."""
        parts = parts_of(self._process, data, now_ns)
        size_bytes = sum(len(part.text) for part in parts)
        self._due_ns = now_ns + max(INTERVAL_NS, size_bytes * NS_PER_S // BYTES_PER_S)
        for part in parts:
            self.sequence += 1
            yield Envelope(self._process + PARTS_SUFFIX, self.sequence, None, now_ns, part.type_name), part


def newest_copy(parts: Iterable[CarriedPart]) -> tuple[CarriedState, int, int] | None:
    """The newest complete state from the parts of one process in order, with its time and its size on the
    topic; None where none is complete.
    """
    found = None
    copy: list[CarriedPart] = []
    for part in parts:
        if part.part == 1 or not copy or copy[0].event_time_ns != part.event_time_ns:
            copy = []
        copy.append(part)
        if part.part == part.parts == len(copy):
            text = "".join(each.text for each in copy)
            state = _state(text)
            found = found if state is None else (state, part.event_time_ns, len(text))
    return found


def _state(text: str) -> CarriedState | None:
    try:
        return from_bytes(zlib.decompress(b64decode(text)))
    except (LogDamagedError, ValueError, KeyError, TypeError, zlib.error):
        return None  # a part in the middle is missing, or a later release wrote it
