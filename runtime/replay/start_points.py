"""Where reading a log on disk can start: at its beginning, or at any segment that starts with a checkpoint.

A period can thus be replayed without the records before it, which retention may have deleted.
"""

from bisect import bisect_right
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from runtime.errors import LogDamagedError
from runtime.log.logfile import LoggedRecord
from runtime.log.position import LogPosition, segment_name
from runtime.log.segments import first_record_of, segment_begins, segments
from runtime.log.slices import first_time_ns
from runtime.process.runner import ADAPTER_SUFFIX, TRACE_SUFFIX
from runtime.replay.restore_point import RestorePoint
from runtime.state.checkpoint import Checkpoints, Part, missing
from runtime.text import iso_time
from schemas.carried.runtime import StateMessageCarried
from schemas.envelope import Envelope, decode, encode
from schemas.message import Event
from schemas.topics import TOPIC_OF
from schemas.units import NS_PER_S

DISORDER_NS = 30 * NS_PER_S
"""Traces of different processes are out of time order by less than this; an overloaded start made 17 s."""


def first_record(directory: Path) -> int:
    """Number of the log's oldest record; 0: nothing was deleted. Raises ConfigError where there is no log."""
    return first_record_of(segments(directory)[0])


def restore_point_before(
    directory: Path, sources_hash: str, processes: Collection[str], by_ns: int | None = None
) -> RestorePoint:
    """The state at the latest point from which everything after `by_ns` can be read; None: at the oldest
    record.

    A point after the log's beginning requires snapshots of this very code: different code cannot restore the
    exact state. Raises LogDamagedError where the oldest records are deleted and no checkpoint replaces them.
    """
    checkpoints = Checkpoints(directory)
    begins = _begins(directory, checkpoints)
    first = begins[0]
    if by_ns is not None:
        for begin in reversed(begins[1 : _after(checkpoints, begins, by_ns)]):
            whole = checkpoints.at(begin)
            restore_point = RestorePoint.of(sources_hash, _of(whole, processes))
            if restore_point.parts and not missing(whole) and restore_point.can_resume():
                return restore_point
    if first == 0:
        return RestorePoint.of(sources_hash, {})
    whole = checkpoints.at(first)
    if not whole or (set(missing(whole)) & set(processes)):
        later = next((begin for begin in begins[1:] if _whole_at(checkpoints, begin)), None)
        remedy = "" if later is None else f", or read by --from {iso_time(_time_ns(checkpoints, later) + 1)}"
        raise _unknown(directory, first, [name for name in missing(whole) if name in processes], remedy)
    return RestorePoint.of(sources_hash, _of(whole, processes))


def _whole_at(checkpoints: Checkpoints, begin: int) -> bool:
    whole = checkpoints.at(begin)
    return bool(whole) and not missing(whole)


def _unknown(directory: Path, begin: int, lacking: Collection[str], remedy: str = "") -> LogDamagedError:
    return LogDamagedError(
        f"{directory} lacks the records before {begin}, and checkpoints/{segment_name(begin)}.* lacks the "
        f"state of {', '.join(lacking) or 'its processes'} there: restore that folder from a copy{remedy}"
    )


class StartPoint(NamedTuple):
    """A point from which a log can be read."""

    position: LogPosition
    time_ns: int
    """Newest event time before it; 0 at the log's beginning."""


def start_points_before(directory: Path, by_ns: int | None) -> Iterator[StartPoint]:
    """Points no later than a time (None: the log's end), newest first, for a search backwards.

    Points with a damaged checkpoint are skipped, except for the oldest.
    """
    checkpoints = Checkpoints(directory)
    begins = _begins(directory, checkpoints)
    for begin in reversed(begins if by_ns is None else begins[: _after(checkpoints, begins, by_ns)]):
        if begin == begins[0] or _whole_at(checkpoints, begin):
            yield StartPoint(LogPosition(begin, 0, begin), _time_ns(checkpoints, begin) if begin else 0)


def carried_at(directory: Path, position: LogPosition, process: str | None = None) -> Iterator[LoggedRecord]:
    """The carried state of all processes, or of one, at such a point, as the records that begin a session.

    Raises LogDamagedError where the checkpoint lacks it although the log has earlier records.
    """
    whole = Checkpoints(directory).at(position.records)
    lacking = [name for name in missing(whole) if process in {None, name}]
    if position.records and (lacking or not whole):
        raise _unknown(directory, position.records, lacking)
    for part in whole.values():
        if process in {None, part.process}:
            yield from carried_records(part)


def _begins(directory: Path, checkpoints: Checkpoints) -> list[int]:
    """Record numbers from which the log can be read, oldest first."""
    first = first_record(directory)
    return [first, *sorted(checkpoints.begins().intersection(segment_begins(directory)) - {first})]


def _after(checkpoints: Checkpoints, begins: list[int], by_ns: int) -> int:
    """How many of them are no later than a time; the first always counts."""
    return bisect_right(begins, by_ns, lo=1, key=lambda begin: _time_ns(checkpoints, begin))


def _of(parts: Mapping[str, Part], processes: Collection[str]) -> dict[str, Part]:
    return {name: part for name, part in parts.items() if name in processes}


def _time_ns(checkpoints: Checkpoints, records: int) -> int:
    """The newest event time before a point; an unreadable checkpoint counts as too late, so it is skipped."""
    part = next(iter(checkpoints.at(records).values()), None)
    return 1 << 63 if part is None else part.log.event_time_ns


def carried_before(directory: Path, types: Collection[str] | None = None) -> Iterator[LoggedRecord]:
    """The carried state that replaces a log's deleted beginning, as the records that begin a session.

    `types`: only these wire types. Empty where nothing was deleted.
    """
    first = first_record(directory)
    for record in carried_at(directory, LogPosition(first, 0, first)) if first else ():
        if types is None or record.envelope.type_name in types:
            yield record


def as_published(record: LoggedRecord) -> LoggedRecord:
    """A carried state message as its topic had it; any other record unchanged."""
    if record.envelope.type_name != StateMessageCarried.type_name:
        return record
    carried = decode(StateMessageCarried, record.payload)
    return record._replace(
        topic=TOPIC_OF[carried.message_type],
        key=carried.symbol_key,
        envelope=record.envelope._replace(type_name=carried.message_type),
        payload=carried.payload.encode(),
    )


def carried_records(part: Part) -> Iterator[LoggedRecord]:
    """The configuration and carried state in a checkpoint, as the records that begin a session."""
    standing = part.carried.standing
    applied = part.carried.applied.model_copy(update={"process": part.process})
    yield _record(part, applied, part.process + TRACE_SUFFIX, standing.trace_sequence)
    for message in part.carried.messages:
        yield _record(part, message, part.process + ADAPTER_SUFFIX, standing.adapter_sequence)


def _record(part: Part, message: Event, producer: str, sequence: int) -> LoggedRecord:
    topic = TOPIC_OF[message.type_name]
    offset = part.log.offsets.get(topic, 0) - 1
    envelope = Envelope(producer, sequence, None, part.log.event_time_ns, message.type_name)
    return LoggedRecord(topic, 0, max(0, offset), message.key, envelope, encode(message))


def start_text(directory: Path) -> str:
    """For error messages: when the log starts, if its beginning was deleted; else empty."""
    first = first_record(directory)
    if not first:
        return ""
    return f"{directory} starts at {iso_time(first_time_ns(directory))}: retention deleted earlier records"
