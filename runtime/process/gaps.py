"""Finds records that a starting process can no longer read, where it resumes, and what the loss means.

Records disappear in three ways: retention or an operator deletes the oldest; a topic is recreated, so that
its offsets restart; compaction deletes records in between, which matters if a journal names them. Messages of
state topics are published again by their writer, so reading resumes at the oldest retained record. A missing
record of an event topic may have been a fill or a halt: then the account halts, with an explanation and a
remedy, until an operator resumes it.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import structlog

from runtime.bus import TopicPartition
from runtime.kafka.bus import KafkaBus
from runtime.kafka.reader import Fence, KafkaReader, RawRecord
from runtime.kafka.wire import BARRIER_TYPE, writer_of
from schemas.carried.runtime import ProcessCarried
from schemas.message import ALL_SYMBOLS
from schemas.process import EpochClaim, MessageFault
from schemas.topics import BY_NAME, PROCESSES, PROJECTOR, TOPIC_OF

_PEEK_S = 0.5
_GAPS_SHOWN_MAX = 5
_LEDGER_REMEDY = (
    "compare ledger and account with `maker positions show`, correct the ledger with `maker positions "
    "adopt` or `adjust`, then resume"
)
_REPEAT_COMMANDS = "review the commands and halts since then, repeat those that are missing, then resume"
_POSSIBLE_LOSSES: Mapping[str, tuple[str, str]] = {
    "order.fill": ("a fill, so that positions and PnL may be wrong", _LEDGER_REMEDY),
    "order.stop": ("a stop that halts a symbol", _REPEAT_COMMANDS),
    "control.command": ("a halt, a changed setting or an adjustment of a ledger", _REPEAT_COMMANDS),
    "process.setting": ("a setting that is in force in one process and not in another", _REPEAT_COMMANDS),
    "process.fault": ("a message that halts a symbol", _REPEAT_COMMANDS),
}
"""What a lost record may have been, and the remedy, for the topics on which money or safety depends. It does
not on the other event topics: public trades, refusals of the feed, alerts, proposals (which expire)."""
_COMPLETE_FROM_START = frozenset({"order.fill", "order.stop"})
"""A new process needs these from their beginning; earlier commands do not concern it."""

logger = structlog.get_logger()

FenceState = dict[tuple[str, int, str], int]


class Gap(NamedTuple):
    """Missing records of one partition, between the position of the process and where it resumes."""

    partition: TopicPartition
    position: int
    """The next offset to be read."""
    resumes_at: int
    """The offset at which reading resumes."""
    is_recreated: bool = False
    """The topic was recreated: its offsets no longer refer to the records that were read."""
    was_known: bool = True
    """Whether the process had read this partition before."""

    def after(self, offset: int) -> "Gap | None":
        """The part of the gap from an offset on, everything before which was replayed; None: nothing."""
        if self.is_recreated or offset <= self.position:
            return self
        return self._replace(position=offset) if offset < self.resumes_at else None

    def __str__(self) -> str:
        topic, partition = self.partition
        if self.is_recreated:
            return (
                f"offset {self.position} of {topic} partition {partition}: "
                f"the topic was recreated, and starts at {self.resumes_at}"
            )
        first, end = sorted((self.position, self.resumes_at))
        why = "deleted" if first == self.position else "lost by the broker"
        return f"offsets {first} to {end - 1} of {topic} partition {partition}: {why}"


class LostRecords:
    """Records of one partition that a journal names and that no longer exist."""

    def __init__(self, tp: TopicPartition) -> None:
        self.partition = tp
        self.first = self.last = -1
        self.count = 0

    def add(self, offset: int) -> None:
        """Add a record."""
        self.first = offset if self.first < 0 else min(self.first, offset)
        self.last = max(self.last, offset)
        self.count += 1

    def __str__(self) -> str:
        topic, partition = self.partition
        records = "1 record" if self.count == 1 else f"{self.count} records"
        return (
            f"{records} of {topic} partition {partition} between "
            f"offsets {self.first} and {self.last}: consumed since the newest snapshot, but deleted"
        )


@dataclass(frozen=True, slots=True)
class Resumption:
    """Where a process resumes reading."""

    positions: dict[TopicPartition, int]
    newest: FenceState
    """The fence, see kafka.reader.Fence; without recreated topics."""
    ends: dict[TopicPartition, int] = field(default_factory=dict)
    """The offset that the next record of each partition will get."""
    gaps: tuple[Gap, ...] = ()

    @property
    def recreated(self) -> frozenset[TopicPartition]:
        """Partitions of recreated topics, in which earlier offsets have no meaning."""
        return frozenset(gap.partition for gap in self.gaps if gap.is_recreated)


async def resumption(
    bus: KafkaBus,
    positions: Mapping[TopicPartition, int],
    newest: Mapping[tuple[str, int, str], int],
    known: Iterable[TopicPartition],
) -> Resumption:
    """Where to resume from these positions; `known` are the partitions that the process has read before."""
    reader = bus.reader({}, Fence(newest))
    try:
        claims_at = _claim_partitions(bus, newest)
        ends = await reader.end_offsets({*positions, *claims_at.values()})
        claims = {writer: ends[tp] for writer, tp in claims_at.items()}
        begins = await reader.begin_offsets(positions)
        before = await _records_before(reader, positions, begins, ends) if newest else {}
    finally:
        await reader.close()
    known_before = frozenset(known)
    gaps = []
    for tp, position in positions.items():
        is_new = position > ends[tp] and ends[tp] == begins[tp]
        record = before.get(tp)
        was_known = tp in known_before
        if is_new or (record is not None and _is_unread(tp, record, newest, claims, reader)):
            gaps.append(Gap(tp, position, begins[tp], is_recreated=True, was_known=was_known))
        elif not begins[tp] <= position <= ends[tp]:
            resumes_at = begins[tp] if position < begins[tp] else ends[tp]
            gaps.append(Gap(tp, position, resumes_at, was_known=was_known))
    found = Resumption(dict(positions), dict(newest), ends, tuple(gaps))
    return _after_gaps(found)


def _after_gaps(found: Resumption) -> Resumption:
    """The resumption with positions after the gaps."""
    recreated = found.recreated
    return replace(
        found,
        positions=found.positions | {gap.partition: gap.resumes_at for gap in found.gaps},
        newest={
            key: number
            for key, number in found.newest.items()
            if TopicPartition(key[0], key[1]) not in recreated
        },
    )


async def _records_before(
    reader: KafkaReader,
    positions: Mapping[TopicPartition, int],
    begins: Mapping[TopicPartition, int],
    ends: Mapping[TopicPartition, int],
) -> dict[TopicPartition, RawRecord]:
    """For each partition, a record that the process must have read before if the topic is the same."""
    offsets = {}
    for tp, position in positions.items():
        if begins[tp] < position <= ends[tp]:
            offsets[tp] = position - 1
        elif position > ends[tp] > begins[tp]:
            offsets[tp] = begins[tp]
    reader.seek(offsets)
    found = {}
    for tp, offset in offsets.items():
        raw = await reader.poll_raw(1, _PEEK_S, only=(tp,))
        if raw and raw[0].logged.offset <= max(offset, positions[tp] - 1):
            found[tp] = raw[0]
    return found


def _claim_partitions(bus: KafkaBus, newest: Mapping[tuple[str, int, str], int]) -> dict[str, TopicPartition]:
    """The partition of process.epoch by writer; its end offset is an upper bound of the writer's epochs."""
    writers = {producer.removesuffix("@") for _, _, producer in newest if producer.endswith("@")}
    return {
        writer: bus.partition_for(TOPIC_OF[EpochClaim.type_name], writer)
        for writer in sorted(writers)
        if writer.partition(".")[0] in PROCESSES
    }


def _is_unread(
    tp: TopicPartition,
    raw: RawRecord,
    newest: Mapping[tuple[str, int, str], int],
    claims: Mapping[str, int],
    reader: KafkaReader,
) -> bool:
    """Whether a record that must have been read before would count as new: then its topic was recreated."""
    writer = writer_of(raw.logged.envelope.producer)
    epoch = newest.get((*tp, writer + "@"))
    if raw.stamp.epoch == epoch and _was_read_last(tp, raw, newest):
        return False
    if epoch is not None and (raw.stamp.epoch > epoch or claims.get(writer, epoch) < epoch):
        return True
    return reader.admits(raw)


def _was_read_last(tp: TopicPartition, raw: RawRecord, newest: Mapping[tuple[str, int, str], int]) -> bool:
    """Whether it is the newest record read there: then the topic is the same, whatever the claims say."""
    envelope = raw.logged.envelope
    return envelope.type_name == BARRIER_TYPE or newest.get((*tp, envelope.producer)) == envelope.sequence


def log_gaps(process: str, missing: Iterable[Gap | LostRecords]) -> None:
    """Log the missing records, one line per topic."""
    by_topic: dict[str, list[str]] = {}
    for each in missing:
        by_topic.setdefault(each.partition.topic, []).append(str(each))
    for topic, gaps in by_topic.items():
        kind = BY_NAME[topic].kind
        logger.warning("records_missing", process=process, topic=topic, kind=kind, missing=gaps)


def is_harmful(process: str, missing: Gap | LostRecords) -> bool:
    """Whether money or safety may depend on the missing records. Views only show what exists."""
    topic = missing.partition.topic
    if process == PROJECTOR or topic not in _POSSIBLE_LOSSES:
        return False
    return topic in _COMPLETE_FROM_START or isinstance(missing, LostRecords) or missing.was_known


def loss_carried(
    process: str, name: str, missing: Iterable[Gap | LostRecords], now_ns: int
) -> tuple[ProcessCarried, ...]:
    """The last carried message of a new session: a fault that halts the account, if a loss is harmful.

    `process` is the kind; `name` may name a shard of it.
    """
    harmful = [each for each in missing if is_harmful(process, each)]
    if not harmful:
        return ()
    topics = dict.fromkeys(each.partition.topic for each in harmful)
    fault = MessageFault(
        event_time_ns=now_ns,
        process=name,
        venue=ALL_SYMBOLS,
        symbol=ALL_SYMBOLS,
        message_type=" and ".join(topics),
        topic=harmful[0].partition.topic,
        event_id=str(harmful[0].partition.partition),
        error="records are missing",
        detail="; ".join((*_shown(harmful), *_meanings(topics))),
    )
    return (ProcessCarried(event_time_ns=now_ns, process=name, fault=fault),)


def _shown(harmful: list[Gap | LostRecords]) -> Iterator[str]:
    yield from (str(each) for each in harmful[:_GAPS_SHOWN_MAX])
    if len(harmful) > _GAPS_SHOWN_MAX:
        yield f"and {len(harmful) - _GAPS_SHOWN_MAX} more partitions"


def _meanings(topics: Iterable[str]) -> Iterator[str]:
    remedies: dict[str, None] = {}
    for topic in topics:
        loss, remedy = _POSSIBLE_LOSSES[topic]
        remedies[remedy] = None
        yield f"they may have included {loss}"
    yield from remedies
