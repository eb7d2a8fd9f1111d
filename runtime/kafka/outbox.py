"""Published records that the broker has not confirmed: decisions never wait for the broker.

A sender has at most one round in flight: one batch per partition, in one request per broker. Records
published meanwhile go with the next round, so batches grow with the load. Records that other processes wait
for, and those that only a replay reads, have separate senders.
"""

import asyncio
from collections import deque
from collections.abc import Iterable
from time import monotonic, monotonic_ns
from typing import Any, NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from runtime.bus import TopicPartition
from runtime.errors import DependencyError, EngineError
from runtime.kafka.client import CLOSE_LIMIT_S, BrokerWait, connection, start_client, wait_at_most
from runtime.kafka.layout import to_broker
from runtime.kafka.wire import Headers
from schemas.deployment import Kafka
from schemas.topics import BY_NAME

BATCH_BYTES_MAX = 512 * 1024
SILENT_S_MAX = 2.0
"""At shutdown, the longest wait without any confirmation."""
REPLAY_LINGER_S = 0.05
"""Linger of records that only a replay reads: a request costs the same whatever its size."""


class OutboxRecord(NamedTuple):
    """A record to be sent."""

    key: bytes
    value: bytes | None
    headers: Headers
    time_ms: int
    published_ns: int
    """By the monotonic clock."""


class BrokerConnection:
    """The producer shared by all senders; connects at its first use."""

    def __init__(self, config: Kafka, wait_for_broker: BrokerWait | None = None) -> None:
        self.config = config
        self._wait_for_broker = wait_for_broker
        self._starting: asyncio.Task[AIOKafkaProducer] | None = None

    async def producer(self) -> AIOKafkaProducer:
        """The connected producer; raises DependencyError where no broker answers."""
        if self._starting is None:
            self._starting = asyncio.create_task(start_client(self._make, self.config, self._wait_for_broker))
        return await asyncio.shield(self._starting)

    def _make(self) -> AIOKafkaProducer:
        return AIOKafkaProducer(
            **connection(self.config),
            acks="all",
            enable_idempotence=True,
            compression_type=None if self.config.compression == "none" else self.config.compression,
            max_batch_size=BATCH_BYTES_MAX,
            max_request_size=4 * BATCH_BYTES_MAX,
        )

    async def close(self) -> None:
        """Disconnect."""
        if self._starting is None:
            return
        self._starting.cancel()  # no effect once connected
        found = await asyncio.gather(self._starting, return_exceptions=True)
        for producer in found:
            if isinstance(producer, AIOKafkaProducer):
                await wait_at_most(CLOSE_LIMIT_S, producer.stop())


class RecordSender:
    """Sends the records of its partitions, in order within each."""

    def __init__(self, connection: BrokerConnection, linger_s: float) -> None:
        self.lanes: dict[TopicPartition, deque[OutboxRecord]] = {}
        """Unconfirmed records by partition, oldest first."""
        self.ends: dict[TopicPartition, int] = {}
        """By partition, the offset after the newest confirmed record."""
        self.failure: Exception | None = None
        self.linger_s = linger_s
        self._connection = connection
        self._round: asyncio.Task[None] | None = None
        self._idle = asyncio.Event()
        self._idle.set()

    def add(self, tp: TopicPartition, record: OutboxRecord) -> None:
        """Queue a record; it is sent after the current iteration of the event loop, or after the linger."""
        lane = self.lanes.get(tp)
        if lane is None:
            lane = self.lanes[tp] = deque()
        lane.append(record)
        if self._round is None:
            self._idle.clear()
            self._round = asyncio.create_task(self._send())

    async def flush(self) -> None:
        """Return when every record is confirmed; raises the failure that prevents it."""
        linger_s, self.linger_s = self.linger_s, 0.0
        await self._idle.wait()
        self.linger_s = linger_s
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
        except KafkaError as error:
            self.failure = DependencyError(
                f"the broker at {self._connection.config.bootstrap} rejected records: {error!r}"
            )
        except EngineError as error:
            self.failure = error
        finally:
            self._round = None
            self._idle.set()

    async def _send_round(self, producer: AIOKafkaProducer) -> None:
        in_flight = []
        for tp, lane in tuple(self.lanes.items()):
            if lane:
                batch, count = _batch(producer, tp, lane)
                topic, partition = to_broker(self._connection.config, tp)
                in_flight.append((tp, count, await producer.send_batch(batch, topic, partition=partition)))
        for tp, count, delivered in in_flight:
            confirmed = await delivered
            lane = self.lanes[tp]
            for _ in range(count):
                lane.popleft()
            self.ends[tp] = confirmed.offset + count


def _batch(producer: AIOKafkaProducer, tp: TopicPartition, lane: Iterable[OutboxRecord]) -> tuple[Any, int]:
    batch = producer.create_batch()
    count = 0
    for key, value, headers, time_ms, _ in lane:
        if batch.append(key=key, value=value, timestamp=time_ms, headers=headers) is None:
            break
        count += 1
    if not count:
        raise DependencyError(f"a record of {tp.topic} is larger than {BATCH_BYTES_MAX} bytes")
    return batch, count


class Outbox:
    """Sends records in the background."""

    def __init__(self, config: Kafka, wait_for_broker: BrokerWait | None = None) -> None:
        self._connection = BrokerConnection(config, wait_for_broker)
        self._live = RecordSender(self._connection, 0.0)
        self._replay = RecordSender(self._connection, REPLAY_LINGER_S)
        self._senders = (self._live, self._replay)

    def add(self, tp: TopicPartition, record: OutboxRecord) -> None:
        """Queue a record."""
        (self._replay if BY_NAME[tp.topic].is_for_replay else self._live).add(tp, record)

    @property
    def failure(self) -> Exception | None:
        """Why records may be lost or duplicated: the process must end and recover from its journal."""
        return self._live.failure or self._replay.failure

    @property
    def size(self) -> int:
        """Number of unconfirmed records."""
        return sum(len(lane) for sender in self._senders for lane in sender.lanes.values())

    def age_ms(self) -> float:
        """Age of the oldest unconfirmed record; 0 if all are confirmed."""
        heads = [lane[0].published_ns for sender in self._senders for lane in sender.lanes.values() if lane]
        return (monotonic_ns() - min(heads)) / 1e6 if heads else 0.0

    def end_offsets(self) -> dict[TopicPartition, int]:
        """For each written partition, the offset after the newest confirmed record."""
        return self._live.ends | self._replay.ends

    def unconfirmed(self) -> dict[TopicPartition, list[OutboxRecord]]:
        """Unconfirmed records by partition, which a snapshot must contain: they may exist nowhere else."""
        return {tp: list(lane) for sender in self._senders for tp, lane in sender.lanes.items() if lane}

    async def flush(self) -> None:
        """Return when every record is confirmed; raises the failure that prevents it."""
        for sender in self._senders:
            await sender.flush()

    async def settle(self, limit_s: float) -> int:
        """Flush up to a time limit, or until nothing is confirmed for SILENT_S_MAX; returns the number of
        unconfirmed records.
        """
        flushing = asyncio.create_task(self.flush())
        ends_s = monotonic() + limit_s
        silent_s_max = SILENT_S_MAX if self.age_ms() < SILENT_S_MAX * 1e3 else 0.2 * SILENT_S_MAX
        size_before = -1
        while not flushing.done() and size_before != self.size and monotonic() < ends_s:
            size_before = self.size
            await asyncio.wait((flushing,), timeout=silent_s_max)
        flushing.cancel()
        await asyncio.gather(flushing, return_exceptions=True)
        return self.size

    async def close(self) -> None:
        """Disconnect; unconfirmed records remain in the process's journal."""
        for sender in self._senders:
            await sender.close()
        await self._connection.close()
