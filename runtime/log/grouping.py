"""Groups the lines of a log's text by head: topic, partition, key, producer and type."""

from collections.abc import Callable
from typing import NamedTuple

from runtime.log.lines import CHECKSUM_LENGTH, HEAD_ENDS

_TYPE_BEGINS = b'"type":'
_LINES_A_SLICE = 500

Pause = Callable[[], None]
"""Called between slices of work, to yield to other threads; may raise to stop the work."""


class GroupedLines(NamedTuple):
    """The lines of a text by head, without their checksums."""

    tails: dict[bytes, list[bytes]]
    """By head, the pause of each line. Lines without a head, such as commits, are under the empty head."""
    order: list[int]
    """For each line the number of its head; heads are sorted by type."""


def group_lines(text: bytes, pause: Pause = lambda: None) -> GroupedLines:
    """Group the lines of a text."""
    tails: dict[bytes, list[bytes]] = {}
    numbers: dict[bytes, int] = {}
    found: list[int] = []
    lines = text.split(b"\n")[:-1]
    for begin in range(0, len(lines), _LINES_A_SLICE):
        for line in lines[begin : begin + _LINES_A_SLICE]:
            end = line.find(HEAD_ENDS)
            head = line[CHECKSUM_LENGTH:end] if end >= 0 else b""
            if head not in tails:
                tails[head], numbers[head] = [], len(numbers)
            found.append(numbers[head])
            tails[head].append(line[CHECKSUM_LENGTH + len(head) :])
        pause()
    heads = sorted(tails, key=lambda head: (type_of(head), head))
    places = {numbers[head]: place for place, head in enumerate(heads)}
    return GroupedLines({head: tails[head] for head in heads}, [places[number] for number in found])


def type_of(head: bytes) -> bytes:
    """The type, with which a head ends."""
    return head.rpartition(_TYPE_BEGINS)[2]
