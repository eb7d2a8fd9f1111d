"""Verifies a state folder against the topics, by every message published since.

A turn is journaled before it is published. A start therefore reproduces every message of its predecessor
since the newest snapshot, with the same id and content; messages missing on the topics are published now. A
message on the topics that is not reproduced, or differs, shows that the folder is an older copy, incomplete,
or of another engine.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, dropwhile
from typing import NamedTuple

from runtime.errors import StateRefusedError
from runtime.process.runner import ADAPTER_SUFFIX, TRACE_SUFFIX, Entry
from runtime.process.tail import PublishedRecord, Tail
from schemas.orders import Fill
from schemas.process import HEARD, Trace

_SHOWN = 3


class ReplayedInputs(NamedTuple):
    """The inputs replayed from a journal to a core of different code, whose outputs cannot be compared."""

    runs: Sequence[Entry]
    causes: frozenset[str]
    """Event ids of the records among them."""
    newest_injected_ns: int
    """Time of the newest tick or shutdown among them."""
    trace_sequence: int
    """Sequence of the newest trace before them."""
    lost: int = 0
    """Number of journaled records that are gone: their effects cannot be distinguished from inputs that the
    journal does not name."""
    members: frozenset[str] = frozenset()
    """The processes of the group: what one has heard of another follows from the replayed inputs."""

    def includes_writer_of(self, event_id: str) -> bool:
        """Whether a member published this message."""
        return event_id.partition(":")[0] in self.members


class StateVerdict(NamedTuple):
    """Messages on the topics that the folder does not account for."""

    unexplained: Sequence[PublishedRecord]
    """Not reproduced."""
    different: Sequence[PublishedRecord]
    """Reproduced with different content."""

    def check(self) -> None:
        """Raises StateRefusedError, with counts, where there are any."""
        if self.unexplained or self.different:
            raise StateRefusedError(_text(self))


def check_state(
    tail: Tail, reproduced: Mapping[str, bytes], replayed: ReplayedInputs | None = None
) -> StateVerdict:
    """`reproduced` has the digests of reproduced messages by event id. `replayed` is for a carried state with
    a core of different code: the cause of each message, and the inputs of each trace, must then be among the
    replayed inputs.
    """
    records = tail.records.items()
    different = [each for name, each in records if reproduced.get(name, each.digest) != each.digest]
    unexplained = [each for name, each in records if name not in reproduced]
    if replayed is not None:
        unexplained = list(_uncovered(tail.name, unexplained, replayed))
    return StateVerdict(unexplained, different)


def _uncovered(
    name: str, records: Iterable[PublishedRecord], replayed: ReplayedInputs
) -> Iterator[PublishedRecord]:
    traces: list[tuple[PublishedRecord, Trace]] = []
    by_other_cause: dict[str, list[PublishedRecord]] = defaultdict(list)
    for record in records:
        envelope = record.envelope
        if isinstance(record.about, Trace):
            traces.append((record, record.about))
        elif envelope.producer in {name + ADAPTER_SUFFIX, name + TRACE_SUFFIX}:
            yield record
        elif envelope.cause is None:
            if envelope.event_time_ns > replayed.newest_injected_ns:
                yield record
        elif envelope.cause not in replayed.causes and not replayed.includes_writer_of(envelope.cause):
            by_other_cause[envelope.cause].append(record)
    if len(by_other_cause) > replayed.lost:
        yield from chain.from_iterable(by_other_cause.values())
    yield from _uncovered_traces(traces, replayed)


def _uncovered_traces(
    traces: Iterable[tuple[PublishedRecord, Trace]], replayed: ReplayedInputs
) -> Iterator[PublishedRecord]:
    """The inputs named by successive traces must match the journal, as far as they go."""
    journaled = expanded(replayed.runs)
    newest = replayed.trace_sequence
    is_covered = True
    for record, trace in sorted(traces, key=lambda each: each[0].envelope.sequence):
        if record.envelope.sequence <= replayed.trace_sequence:
            yield record
            continue
        if record.envelope.sequence > newest + 1:  # those before it are deleted
            begin = next(expanded(trace.entries), None)
            if begin is None:
                continue
            journaled = dropwhile(lambda each, begin=begin: each != begin, journaled)  # type: ignore[misc]
        newest = record.envelope.sequence
        is_covered = is_covered and all(each == next(journaled, None) for each in expanded(trace.entries))
        if not is_covered:
            yield record


def expanded(runs: Iterable[Entry]) -> Iterator[tuple[str, int, int]]:
    """(source, partition, number) of each input from outside the group."""
    return chain.from_iterable(
        ((source, partition, number) for number in range(first, first + count))
        for source, partition, first, count in runs
        if not source.startswith(HEARD)
    )


def _text(verdict: StateVerdict) -> str:
    found = []
    if verdict.unexplained:
        found.append(
            f"the topics contain {len(verdict.unexplained)} of its messages that it does not reproduce"
        )
        found.append(_by_topic(verdict.unexplained))
    if verdict.different:
        found.append(f"it reproduces {len(verdict.different)} messages with different content")
        found.append(_by_topic(verdict.different))
    records = (*verdict.unexplained, *verdict.different)
    fills = [each.about for each in records if isinstance(each.about, Fill)]
    if fills:
        found.append(f"including {_of_fills(fills)}")
    return (
        f"{'; '.join(found)}. It is an older copy, part of it is lost or was zeroed (as by a power failure), "
        "or it belongs to another engine"
    )


def _by_topic(records: Sequence[PublishedRecord]) -> str:
    topics: dict[tuple[str, str], list[int]] = defaultdict(list)
    for topic, envelope, _, _ in records:
        topics[topic, envelope.producer].append(envelope.sequence)
    return ", ".join(
        f"{len(numbers)} on {topic} from {producer}:{min(numbers)} to {max(numbers)}"
        for (topic, producer), numbers in sorted(topics.items())
    )


def _of_fills(fills: Sequence[Fill]) -> str:
    lots: Counter[str] = Counter()
    for fill in fills:
        lots[fill.key] += fill.size_lots if fill.side == "buy" else -fill.size_lots
    shown = ", ".join(f"{key} {lots[key]:+d} lots" for key in sorted(lots)[:_SHOWN])
    more = "" if len(lots) <= _SHOWN else f" and {len(lots) - _SHOWN} more symbols"
    ids = ", ".join(fill.venue_trade_id for fill in fills[:_SHOWN])
    return f"{len(fills)} fills ({shown}{more}; trades {ids}{' ...' if len(fills) > _SHOWN else ''})"
