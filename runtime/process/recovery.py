"""How a process becomes the only writer of its topics and recovers its state.

It claims an epoch, fences its output partitions with a barrier, reads back what its predecessor published,
loads its newest snapshot, and replays the inputs in the journal. Records already on a topic are not published
again; decisions that never got there are published now. Thus nothing is lost and nothing duplicated, whenever
the predecessor died.
"""

from collections.abc import Collection, Container, Iterable, Mapping
from typing import Protocol

from runtime.bus import Record, TopicPartition
from runtime.kafka.bus import KafkaBus
from runtime.kafka.outbox import OutboxRecord
from runtime.kafka.windows import ends_of, read_between
from runtime.kafka.wire import writer_of
from runtime.process.input_source import InputSource
from runtime.state.journal import JournalTurn
from schemas.envelope import Envelope
from schemas.message import Event
from schemas.process import HEARD, EpochClaim, Shutdown, Tick
from schemas.topics import BY_NAME

EPOCH_TOPIC = "process.epoch"
_LOOK_BACK = 200
"""Of the newest records of each output; each start writes a barrier to all of them."""


async def first_positions(
    bus: KafkaBus, partitions: Iterable[TopicPartition], known: Mapping[TopicPartition, int]
) -> dict[TopicPartition, int]:
    """Where to continue reading: a topic added by a newer release has no position yet, and is read from its
    end, or from its beginning if it is compacted.
    """
    positions = {tp: known.get(tp, 0) for tp in partitions}
    new = [tp for tp in positions if tp not in known and not BY_NAME[tp.topic].compacted]
    if new:
        reader = bus.reader({})
        try:
            positions |= await reader.end_offsets(new)
        finally:
            await reader.close()
    return positions


async def claim_epoch(
    bus: KafkaBus,
    name: str,
    instance: str,
    now_ns: int,
    outputs: Collection[TopicPartition],
    above: int = 0,
) -> int:
    """Claim to be the only writer; returns the epoch, one more than the offset of the claim.

    It exceeds that of the predecessor: if the topic was recreated, offsets restart, and readers would take
    this process for a writer replaced long ago. `above` is the newest epoch known from its folder; 0: none,
    so that its outputs are searched.
    """
    above = above or await _newest_epoch(bus, name, outputs)
    claim = EpochClaim(event_time_ns=now_ns, process=name, instance=instance)
    tp = bus.partition_for(EPOCH_TOPIC, name)
    end, claims = 0, 1
    while end <= above:
        for _ in range(claims):
            bus.publish(EPOCH_TOPIC, Envelope(f"{name}/claim", now_ns, None, now_ns, claim.type_name), claim)
        await bus.flush()
        end = bus.outbox.end_offsets()[tp]
        claims = above + 1 - end
    bus.epochs[name] = end
    return end


async def _newest_epoch(bus: KafkaBus, name: str, outputs: Collection[TopicPartition]) -> int:
    """The newest epoch of a process among the newest records of its outputs; 0: it published nothing."""
    if not outputs:
        return 0
    ends = await ends_of(bus, outputs)
    found = await read_between(bus, {tp: max(0, end - _LOOK_BACK) for tp, end in ends.items()}, ends)
    return found.epochs.get(name, 0)


async def raise_barriers(bus: KafkaBus, name: str, outputs: Iterable[TopicPartition], now_ns: int) -> None:
    """From here on, records of older writers are ignored."""
    for tp in outputs:
        bus.publish_barrier(tp, name, now_ns)
    await bus.flush()


def publish_unconfirmed(
    bus: KafkaBus, unconfirmed: dict[TopicPartition, list[OutboxRecord]], published: Container[str]
) -> int:
    """Publish the unconfirmed records of a snapshot that are on no topic; returns their number."""
    count = 0
    for tp, records in unconfirmed.items():
        for fields in records:
            record = OutboxRecord(*fields)
            headers = dict(record.headers)
            event_id = headers["ce_id"].decode()
            if event_id not in published:
                writer = writer_of(event_id.partition(":")[0])
                headers["ce_epoch"] = b"%d" % bus.epoch_of(writer)
                bus.outbox.add(tp, record._replace(headers=list(headers.items())))
                count += 1
    return count


class ReplayTarget(Protocol):
    """The receiver of journaled inputs."""

    def consume(self, record: Record) -> object:
        """Consume a record of a topic."""

    def inject(self, event: Tick | Shutdown, number: int) -> object:
        """Consume a tick or shutdown of the member with this number."""

    def external(self, event: Event) -> object:
        """Consume an adapter input."""

    def end_turn(self, trace_ns: int | None, *, is_last: bool) -> None:
        """End a turn; `trace_ns` is the time at which its trace was written, if it was."""


class JournalReplay:
    """Replays journaled turns."""

    def __init__(self, target: ReplayTarget, source: InputSource) -> None:
        self._target = target
        self._source = source
        self.inputs = 0

    async def run(self, turn: JournalTurn) -> JournalTurn | None:
        """Replay one turn up to a lost record; returns the rest after it, or None."""
        external = iter(turn.external)
        for index, (topic, partition, first, count) in enumerate(turn.runs):
            if topic == Tick.type_name:
                self._target.inject(Tick(event_time_ns=first), partition)
            elif topic == Shutdown.type_name:
                self._target.inject(Shutdown(event_time_ns=first), partition)
            elif topic in BY_NAME and BY_NAME[topic].own_input:
                for _ in range(count):
                    self._target.external(next(external))
            else:
                done = await self._consume(topic, partition, first, count)
                if done < count:
                    rest = (topic, partition, first + done + 1, count - done - 1)
                    return turn._replace(runs=(rest, *turn.runs[index + 1 :]), external=tuple(external))
            self.inputs += count
        self._target.end_turn(turn.trace_ns, is_last=turn.is_last)
        return None

    async def _consume(self, source: str, partition: int, first: int, count: int) -> int:
        """Replay a run of records; returns the number before a lost one."""
        tp = TopicPartition(source.removeprefix(HEARD), partition)
        find = self._source.heard if source.startswith(HEARD) else self._source.at
        for number in range(count):
            record = await find(tp, first + number)
            if record is None:
                return number
            self._target.consume(record)
        return count

    async def run_without_lost(self, turn: JournalTurn) -> None:
        """Replay one turn without the lost records."""
        rest: JournalTurn | None = turn
        while rest is not None:
            rest = await self.run(rest)
