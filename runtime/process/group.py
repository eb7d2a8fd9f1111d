"""Processes that share one loop on Kafka: a process alone is a group of one.

What a member publishes in a turn is delivered to the members that read it at the end of that turn, first
in, first out, as in the loop of `maker up`; of market data, as on Kafka, only the newest of each symbol. So
what the group consumes from outside, by turns, determines everything its members consume, and one journal of
that is enough to feed all of them again.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import compress

from runtime.bus import Record, TopicPartition
from runtime.process.definition import ProcessDefinition
from runtime.process.runner import Entry, InputRuns, ProcessRunner
from runtime.process.turn import Turn
from schemas.message import Event
from schemas.process import Shutdown, Tick
from schemas.topics import BY_NAME, TOPIC_OF, TOPICS, Topic

Positions = Mapping[TopicPartition, int]


def internal_topics(kinds: Iterable[str]) -> frozenset[str]:
    """The topics that one of these processes writes and one after it reads.

    What one before it reads, such as the router's answers to quoting, comes by the broker as to anybody else.
    """
    members = tuple(kinds)
    return frozenset(
        topic.name
        for topic in TOPICS
        if topic.writer in members and not topic.own_input and _is_read_after(topic, members)
    )


def _is_read_after(topic: Topic, members: Sequence[str]) -> bool:
    number = members.index(topic.writer)
    return not set(members[:number]) & set(topic.readers) and bool(set(members[number:]) & set(topic.readers))


class ProcessGroup:
    """The members, in the order in which a record reaches them."""

    def __init__(
        self, runners: Sequence[ProcessRunner], owns: Callable[[int], bool] = lambda partition: True
    ) -> None:
        """`owns`: whether the members serve the symbols of a partition."""
        self._owns = owns
        self.members = tuple(Turn(runner) for runner in runners)
        self.runners = tuple(runners)
        self.runs = InputRuns()
        """What the group consumed from outside, in order."""
        self.internal = internal_topics(runner.definition.name for runner in runners)
        """Topics whose records are delivered in memory."""
        self.heard: dict[tuple[str, int, str], int] = {}
        """The newest sequence delivered in memory, by topic, partition and producer."""
        self._readers = {
            topic.name: tuple(
                number for number, runner in enumerate(runners) if runner.definition.name in topic.readers
            )
            for topic in TOPICS
            if not topic.own_input
        }
        self._reads = {
            (runners[number].name, topic) for topic, numbers in self._readers.items() for number in numbers
        }
        self._starts: dict[str, Positions] = {}
        self._pending: list[Record] = []
        """Published in this turn, and not delivered yet."""

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the members."""
        return tuple(runner.name for runner in self.runners)

    @property
    def definitions(self) -> tuple[ProcessDefinition, ...]:
        """The definitions of the members."""
        return tuple(runner.definition for runner in self.runners)

    def start_at(self, starts: Mapping[str, Positions]) -> None:
        """By member, the offset of each partition before which it has consumed everything: members that ran
        alone have read their common inputs to different ends.
        """
        self._starts = dict(starts)

    def position(self, member: str, tp: TopicPartition, group_position: int) -> int:
        """The next offset of a member, where the group has read up to a position."""
        return max(group_position, self._starts.get(member, {}).get(tp, 0))

    def consume(self, record: Record) -> None:
        """Pass a record to the members that read its topic and have not consumed it yet."""
        self.runs.add(record)
        self._receive(record)

    def catch_up(self, records: Iterable[Record]) -> None:
        """Pass on what one member published, and another had not read, when each ran alone.

        That of the last member comes first: what others then publish is newer than all of it.
        """
        kinds = [definition.name for definition in self.definitions]
        for record in sorted(records, key=lambda each: -kinds.index(BY_NAME[each.topic].writer)):
            self._receive(record)

    def _receive(self, record: Record) -> None:
        for number in self.takers(record):
            self.enqueue(self.runners[number].consume(record))

    def takers(self, record: Record) -> Sequence[int]:
        """The numbers of the members that read a record's topic and have not consumed it yet."""
        readers = self._readers[record.topic]
        if not self._starts:
            return readers
        tp = TopicPartition(record.topic, record.partition)
        starts = (self._starts.get(self.runners[number].name, {}) for number in readers)
        return [
            number for number, start in zip(readers, starts, strict=True) if record.offset >= start.get(tp, 0)
        ]

    def reads(self, member: str, topic: str) -> bool:
        """Whether a member reads a topic, from the broker or in memory."""
        return (member, topic) in self._reads

    def hears(self, member: str, topic: str) -> bool:
        """Whether a member gets a topic in memory."""
        return topic in self.internal and self.reads(member, topic)

    def readers(self, topic: str) -> Sequence[int]:
        """The numbers of the members that read a topic."""
        return self._readers[topic]

    def receiver(self, event: Event) -> int:
        """The number of the member whose adapter received an event."""
        if len(self.runners) == 1:
            return 0
        topic = TOPIC_OF[event.type_name]
        return next(number for number, each in enumerate(self.definitions) if each.writes(topic))

    def runs_of(self, number: int, runs: Iterable[Entry]) -> Iterator[Entry]:
        """The part of the group's inputs that one member consumed, as in its traces."""
        for source, partition, first, count in runs:
            topic = BY_NAME.get(source)
            if topic is None:
                if partition == number:
                    yield source, 0, first, count
            elif self._consumes(number, topic):
                yield source, partition, first, count

    def _consumes(self, number: int, topic: Topic) -> bool:
        if topic.own_input:
            return len(self.runners) == 1 or self.definitions[number].writes(topic.name)
        return number in self._readers[topic.name]

    def enqueue(self, records: Iterable[Record]) -> None:
        """Take up what a member published, to be delivered at the end of the turn.

        What is of no symbol served here is for whoever reads that partition, as if each ran alone.
        """
        if self.internal:
            self._pending += (
                record for record in records if record.topic in self.internal and self._owns(record.partition)
            )

    def settle(self) -> None:
        """Deliver what members published to the members that read it, until nothing is left."""
        while self._pending:
            records, self._pending = self._pending, []
            for record in _conflated(records):
                producer, sequence = record.envelope.producer, record.envelope.sequence
                self.heard[record.topic, record.partition, producer] = sequence
                for number in self._readers[record.topic]:
                    self.enqueue(self.runners[number].consume(record))

    def inject(self, event: Tick | Shutdown, number: int) -> None:
        """Inject an event into the member with this number."""
        self.runs.add_injected(event, number)
        self.enqueue(self.runners[number].inject(event))

    def external(self, event: Event) -> None:
        """Replay an adapter input."""
        self.enqueue(self.runners[self.receiver(event)].external(event))

    def end_turn(self, trace_ns: int | None, *, is_last: bool) -> None:
        """The end of a past turn; its traces were written at this time, if at all."""
        self.settle()
        self.runs.drain()
        if trace_ns is not None:
            self.write_traces(trace_ns, is_last=is_last)

    def write_traces(self, now_ns: int, *, is_last: bool = False) -> None:
        """Publish each member's inputs since its last trace."""
        for runner in self.runners:
            runner.write_trace(now_ns, final=is_last)

    @property
    def has_untraced(self) -> bool:
        """Whether a member has consumed anything since its last trace."""
        return any(runner.runs for runner in self.runners)

    async def open(self, wake: Callable[[], None]) -> None:
        """Open the adapters. Raises RefusedError where a venue does not allow this account to trade."""
        for member in self.members:
            await member.open(wake)

    def begin(self, first_tick_ns: int) -> None:
        """Start the ticks."""
        for member in self.members:
            member.begin(first_tick_ns)

    def tick(self, now_ns: int) -> None:
        """Inject the ticks that are due."""
        for number, member in enumerate(self.members):
            if member.next_tick_ns is not None and now_ns >= member.next_tick_ns:
                self.runs.add_injected(Tick(event_time_ns=now_ns), number)
                self.enqueue(member.tick(now_ns))

    def adapter_due_ns(self) -> int | None:
        """When an adapter next has input."""
        return self._earliest()[0]

    def _earliest(self) -> tuple[int | None, Turn]:
        """The adapter that is due first; of several, that of the first member."""
        due_ns, found = None, self.members[0]
        for member in self.members:
            own_ns = member.adapter_due_ns()
            if own_ns is not None and (due_ns is None or own_ns < due_ns):
                due_ns, found = own_ns, member
        return due_ns, found

    def due_ns(self) -> int | None:
        """When the group is next due by itself."""
        dues = (member.due_ns() for member in self.members)
        return min((due for due in dues if due is not None), default=None)

    def poll_due(self, now_ns: int) -> Iterator[Event]:
        """The due inputs of the adapter that is due first, each after it was consumed."""
        for record, outputs in self._earliest()[1].poll_due(now_ns):
            self.runs.add(record)
            self.enqueue(outputs)
            yield record.message

    @property
    def has_network(self) -> bool:
        """Whether an adapter has its own tasks."""
        return any(member.network is not None for member in self.members)

    @property
    def wants_commit(self) -> bool:
        """Whether an adapter is waiting for a commit before it acts."""
        return any(member.wants_commit for member in self.members)

    def committed(self) -> None:
        """Decisions are on disk: adapters act on them."""
        for member in self.members:
            if member.wants_commit:
                member.committed()

    def end(self, now_ns: int) -> None:
        """Inject the shutdown into each member in turn."""
        for number, member in enumerate(self.members):
            self.runs.add_injected(Shutdown(event_time_ns=now_ns), number)
            self.enqueue(member.end(now_ns))

    @property
    def is_drained(self) -> bool:
        """Whether nothing is left at the venue."""
        return all(member.is_drained for member in self.members)

    async def close(self) -> None:
        """Close the adapters and their background tasks."""
        for member in self.members:
            member.close_adapter()
            await member.close()


def _conflated(records: Sequence[Record]) -> Sequence[Record]:
    """The newest record per key of topics that may be conflated, and every record of all others."""
    newest: dict[tuple[str, str], int] = {}
    for index, record in enumerate(records):
        if BY_NAME[record.topic].conflated:
            newest[record.topic, record.key] = index
    kept = (newest.get((record.topic, record.key), index) == index for index, record in enumerate(records))
    return list(compress(records, kept))
