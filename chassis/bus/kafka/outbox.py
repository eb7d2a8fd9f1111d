"""What was said and is not yet confirmed: decisions never wait for the broker.

A sender has at most one round under way: one batch of each partition, in one request a broker. What is
published meanwhile goes with the next round, so that batches grow with the load. What somebody waits for and
what only a replay reads have a sender each.
"""

import asyncio
from collections import deque
from collections.abc import Iterable
from time import monotonic_ns
from typing import Any, NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from chassis.bus.base import TopicPartition
from chassis.bus.kafka.client import connection, on_broker
from chassis.bus.kafka.wire import Headers
from chassis.errors import DependencyError
from schemas.deployment import Kafka
from schemas.topics import BY_NAME

BATCH_BYTES_MAX = 512 * 1024
REPLAY_LINGER_S = 0.05
"""What only a replay reads is gathered for so long: each request costs broker and process the same."""


class OutboxRecord(NamedTuple):
    """One record on its way."""

    key: bytes
    value: bytes | None
    headers: Headers
    time_ms: int
    published_ns: int
    """Of the monotonic clock."""


class Connection:
    """The producer that all senders share; connects when first asked for."""

    def __init__(self, config: Kafka) -> None:
        self.config = config
        self._starting: asyncio.Task[AIOKafkaProducer] | None = None

    async def producer(self) -> AIOKafkaProducer:
        """The producer, connected; raises DependencyError where no broker answers."""
        if self._starting is None:
            self._starting = asyncio.create_task(self._start())
        return await asyncio.shield(self._starting)

    async def _start(self) -> AIOKafkaProducer:
        producer = AIOKafkaProducer(
            **connection(self.config),
            acks="all",
            enable_idempotence=True,
            max_batch_size=BATCH_BYTES_MAX,
            max_request_size=4 * BATCH_BYTES_MAX,
        )
        try:
            await producer.start()
        except KafkaError as error:
            await producer.stop()
            raise DependencyError(
                f"no Kafka broker answers at {self.config.bootstrap}: {error}; give another with --kafka"
            ) from error
        return producer

    async def close(self) -> None:
        """Give it back."""
        if self._starting is not None:
            producers = await asyncio.gather(self._starting, return_exceptions=True)
            await asyncio.gather(*(each.stop() for each in producers if isinstance(each, AIOKafkaProducer)))


class Sender:
    """Sends the records of some partitions, each partition's in order."""

    def __init__(self, connection: Connection, linger_s: float) -> None:
        self.lanes: dict[TopicPartition, deque[OutboxRecord]] = {}
        """By partition, what is not confirmed yet, oldest first."""
        self.ends: dict[TopicPartition, int] = {}
        """By partition, the offset after its newest confirmed record."""
        self.failure: Exception | None = None
        self.linger_s = linger_s
        self._connection = connection
        self._round: asyncio.Task[None] | None = None
        self._idle = asyncio.Event()
        self._idle.set()

    def add(self, place: TopicPartition, record: OutboxRecord) -> None:
        """Take a record; it leaves when the running turn of the loop is over, or when it has lingered."""
        lane = self.lanes.get(place)
        if lane is None:
            lane = self.lanes[place] = deque()
        lane.append(record)
        if self._round is None:
            self._idle.clear()
            self._round = asyncio.create_task(self._send())

    async def flush(self) -> None:
        """Return when every record is confirmed; raises what made that impossible."""
        lingers, self.linger_s = self.linger_s, 0.0
        await self._idle.wait()
        self.linger_s = lingers
        if self.failure is not None:
            raise self.failure

    async def close(self) -> None:
        """Stop sending."""
        if self._round is not None:
            self._round.cancel()
            await asyncio.gather(self._round, return_exceptions=True)

    async def _send(self) -> None:
        try:
            producer = await self._connection.producer()
            while any(self.lanes.values()):
                if self.linger_s:
                    await asyncio.sleep(self.linger_s)
                await self._send_round(producer)
        except (KafkaError, DependencyError) as error:
            self.failure = error
        finally:
            self._round = None
            self._idle.set()

    async def _send_round(self, producer: AIOKafkaProducer) -> None:
        sent = []
        for place, lane in tuple(self.lanes.items()):
            if lane:
                batch, count = _batch(producer, place, lane)
                topic, partition = on_broker(self._connection.config, place)
                sent.append((place, count, await producer.send_batch(batch, topic, partition=partition)))
        for place, count, delivered in sent:
            confirmed = await delivered
            lane = self.lanes[place]
            for _ in range(count):
                lane.popleft()
            self.ends[place] = confirmed.offset + count


def _batch(
    producer: AIOKafkaProducer, place: TopicPartition, lane: Iterable[OutboxRecord]
) -> tuple[Any, int]:
    batch = producer.create_batch()
    count = 0
    for key, value, headers, time_ms, _ in lane:
        if batch.append(key=key, value=value, timestamp=time_ms, headers=headers) is None:
            break
        count += 1
    if not count:
        raise DependencyError(f"a record of {place.topic} is larger than {BATCH_BYTES_MAX} bytes")
    return batch, count


class Outbox:
    """Sends records in the background."""

    def __init__(self, config: Kafka) -> None:
        self._connection = Connection(config)
        self._path = Sender(self._connection, 0.0)
        self._replay = Sender(self._connection, REPLAY_LINGER_S)
        self._senders = (self._path, self._replay)

    def add(self, place: TopicPartition, record: OutboxRecord) -> None:
        """Take a record."""
        (self._replay if BY_NAME[place.topic].is_for_replay else self._path).add(place, record)

    @property
    def failure(self) -> Exception | None:
        """Why records may be lost or doubled: the process must end, and recover from its journal."""
        return self._path.failure or self._replay.failure

    @property
    def size(self) -> int:
        """Number of unconfirmed records."""
        return sum(len(lane) for sender in self._senders for lane in sender.lanes.values())

    def age_ms(self) -> float:
        """Age of the oldest unconfirmed record; 0 where all are confirmed."""
        heads = [lane[0].published_ns for sender in self._senders for lane in sender.lanes.values() if lane]
        return (monotonic_ns() - min(heads)) / 1e6 if heads else 0.0

    def end_offsets(self) -> dict[TopicPartition, int]:
        """For each partition written to: the offset after its newest confirmed record."""
        return self._path.ends | self._replay.ends

    def unconfirmed(self) -> dict[TopicPartition, list[OutboxRecord]]:
        """What a snapshot must hold, since nobody else may have it yet."""
        return {place: list(lane) for sender in self._senders for place, lane in sender.lanes.items() if lane}

    async def flush(self) -> None:
        """Return when every record is confirmed; raises what made that impossible."""
        for sender in self._senders:
            await sender.flush()

    async def close(self) -> None:
        """Give back the connection; what is not confirmed stays in the process's journal."""
        for sender in self._senders:
            await sender.close()
        await self._connection.close()
