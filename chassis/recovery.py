"""How a process becomes the one writer of its topics again, and what it was.

It claims an epoch, closes its output partitions with a barrier, reads back what was said before it, loads
its newest snapshot, and feeds its core what the journal says it consumed after. What is on a topic already
is not said again; what was decided and never got there is said now. So nothing is lost and nothing doubled,
whatever moment the process before died at.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from time import monotonic

import structlog

from chassis.bus.base import TopicPartition
from chassis.bus.kafka.bus import KafkaBus
from chassis.bus.kafka.outbox import OutboxRecord
from chassis.bus.kafka.wire import writer_of
from chassis.errors import ConfigError, DependencyError
from chassis.input_source import InputSource
from chassis.journal import JournalTurn
from chassis.shell import ProcessShell
from chassis.turn_bus import TurnBus
from schemas.envelope import Envelope
from schemas.process import EpochClaim, Shutdown, Tick
from schemas.topics import BY_NAME

EPOCH_TOPIC = "process.epoch"
TRACE_TOPIC = "process.trace"
_READ_LIMIT_S = 120

logger = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Tail:
    """What the writers before this one left on the output partitions."""

    said: frozenset[str]
    ends: dict[TopicPartition, int]


async def claim_epoch(bus: KafkaBus, name: str, instance: str, now_ns: int) -> int:
    """Claim to be the one writer; the epoch, which is one more than the offset of the claim."""
    claim = EpochClaim(event_time_ns=now_ns, process=name, instance=instance)
    bus.publish(EPOCH_TOPIC, Envelope(f"{name}/claim", now_ns, None, now_ns, claim.type_name), claim)
    await bus.flush()
    end = bus.outbox.end_offsets()[bus.place_of(EPOCH_TOPIC, name)]
    bus.epoch = end
    return end


async def raise_barriers(bus: KafkaBus, name: str, outputs: Iterable[TopicPartition], now_ns: int) -> None:
    """After this, nothing that an older writer says counts."""
    for place in outputs:
        bus.publish_barrier(place, name, now_ns)
    await bus.flush()


async def read_tail(bus: KafkaBus, name: str, starts: dict[TopicPartition, int]) -> Tail:
    """The event ids that this process's predecessors said between the given offsets and now."""
    reader = bus.reader(starts)
    said: set[str] = set()
    limit_s = monotonic() + _READ_LIMIT_S
    try:
        ends = await reader.end_offsets(starts)
        while any(reader.positions[place] < end for place, end in ends.items()):
            if monotonic() > limit_s:
                raise DependencyError(f"the output of {name} could not be read back within {_READ_LIMIT_S} s")
            for raw in await reader.poll_raw(10_000, 0.5):
                if reader.admits(raw) and writer_of(raw.logged.envelope.producer) == name:
                    said.add(raw.logged.envelope.event_id)
    finally:
        await reader.close()
    return Tail(frozenset(said), ends)


def check_not_lost(tail: Tail, name: str, directory: str) -> None:
    """A process without its state must not begin anew under numbers that it has used already."""
    if any(writer_of(event_id.rpartition(":")[0]) == name for event_id in tail.said):
        raise ConfigError(
            f"the topics hold what {name} said before, but {directory} holds nothing of its state: "
            "give the folder that it had with process.state_dir, or begin with empty topics"
        )


def say_unconfirmed(
    bus: KafkaBus, unconfirmed: dict[TopicPartition, list[OutboxRecord]], said: frozenset[str]
) -> int:
    """Say what a snapshot held as unconfirmed and no topic has; the number of records."""
    count = 0
    for place, records in unconfirmed.items():
        for record in records:
            headers = dict(record.headers)
            if headers["ce_id"].decode() not in said:
                headers["ce_epoch"] = b"%d" % bus.epoch
                bus.outbox.add(place, OutboxRecord(*record)._replace(headers=list(headers.items())))
                count += 1
    return count


class Rerun:
    """Feeds journaled turns to a shell again."""

    def __init__(self, shell: ProcessShell, turns: TurnBus, source: InputSource) -> None:
        self._shell = shell
        self._turns = turns
        self._source = source
        self.inputs = 0

    async def run(self, journal: Iterable[JournalTurn]) -> None:
        """Feed all turns; what they say goes out where it is not on its topic yet."""
        for turn in journal:
            await self._turn(turn)
            self._turns.release()

    async def _turn(self, turn: JournalTurn) -> None:
        external = iter(turn.external)
        shell = self._shell
        for topic, partition, first, count in turn.runs:
            self.inputs += count
            if topic == Tick.type_name:
                shell.inject(Tick(event_time_ns=first))
            elif topic == Shutdown.type_name:
                shell.inject(Shutdown(event_time_ns=first))
            elif BY_NAME[topic].own_input:
                for _ in range(count):
                    event = next(external)
                    if shell.adapter is not None:
                        for _ in shell.adapter.take_due(event.event_time_ns):
                            pass  # in the journal already; taking it keeps a simulation's own state right
                    shell.consume(shell.journal(event))
            else:
                for offset in range(first, first + count):
                    shell.consume(await self._source.at(TopicPartition(topic, partition), offset))
        shell.runs.mark()
        if turn.trace_ns is not None:
            shell.write_trace(turn.trace_ns)


def highest_sequences(name: str, said: Iterable[str]) -> dict[str, int]:
    """The highest number that each producer of the process has used."""
    found: dict[str, int] = {}
    pattern = re.compile(re.escape(name) + r"(/\w+)?:(\d+)")
    for event_id in said:
        match = pattern.fullmatch(event_id)
        if match:
            producer = name + (match[1] or "")
            found[producer] = max(found.get(producer, 0), int(match[2]))
    return found
