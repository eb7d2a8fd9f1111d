"""What was said and is not yet confirmed: decisions never wait for the broker.

Each partition has a lane. A lane has at most one batch under way; what is published meanwhile becomes its
next batch. So batches grow with the load, order within a partition holds, and a send that blocks for as
long as a broker is away blocks its lane alone.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from time import monotonic_ns
from typing import Any, NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from chassis.bus.base import TopicPartition
from chassis.bus.kafka.client import connection, on_broker
from chassis.bus.kafka.wire import Headers
from chassis.errors import DependencyError
from schemas.config import Kafka

BATCH_BYTES_MAX = 512 * 1024


class OutboxRecord(NamedTuple):
    """One record on its way."""

    key: bytes
    value: bytes | None
    headers: Headers
    time_ms: int
    published_ns: int
    """Of the monotonic clock."""


class Lane:
    """The records of one partition that are not confirmed yet, oldest first."""

    def __init__(self, partition: TopicPartition) -> None:
        self.partition = partition
        self.records: deque[OutboxRecord] = deque()
        self.end_offset: int | None = None
        """Offset after the newest confirmed record; None: none yet."""
        self.task: asyncio.Task[None] | None = None


class Outbox:
    """Sends records in the background."""

    def __init__(self, config: Kafka) -> None:
        self._config = config
        self._producer: AIOKafkaProducer | None = None
        self._starting: asyncio.Task[AIOKafkaProducer] | None = None
        self._lanes: dict[TopicPartition, Lane] = {}
        self._ready: list[Lane] = []
        self._is_scheduled = False
        self._confirmed = asyncio.Event()
        self.failure: Exception | None = None
        """Why records may be lost or doubled: the process must end, and recover from its journal."""
        self.on_failure: Callable[[], None] = lambda: None

    def add(self, partition: TopicPartition, record: OutboxRecord) -> None:
        """Put a record in its lane; it is sent when the running turn of the loop is over."""
        lane = self._lanes.get(partition)
        if lane is None:
            lane = self._lanes[partition] = Lane(partition)
        lane.records.append(record)
        if lane.task is None:
            self._ready.append(lane)
            if not self._is_scheduled:
                self._is_scheduled = True
                asyncio.get_running_loop().call_soon(self._dispatch)

    @property
    def size(self) -> int:
        """Number of unconfirmed records."""
        return sum(len(lane.records) for lane in self._lanes.values())

    def age_ms(self) -> float:
        """Age of the oldest unconfirmed record; 0 where all are confirmed."""
        oldest_ns = min(
            (lane.records[0].published_ns for lane in self._lanes.values() if lane.records), default=None
        )
        return 0.0 if oldest_ns is None else (monotonic_ns() - oldest_ns) / 1e6

    def end_offsets(self) -> dict[TopicPartition, int]:
        """For each partition written to: the offset after its newest confirmed record."""
        return {place: lane.end_offset for place, lane in self._lanes.items() if lane.end_offset is not None}

    def unconfirmed(self) -> dict[TopicPartition, list[OutboxRecord]]:
        """What a snapshot must hold, since nobody else may have it yet."""
        return {place: list(lane.records) for place, lane in self._lanes.items() if lane.records}

    def _dispatch(self) -> None:
        self._is_scheduled = False
        for lane in self._ready:
            if lane.task is None:
                lane.task = asyncio.create_task(self._empty(lane))
        self._ready.clear()

    async def _empty(self, lane: Lane) -> None:
        try:
            producer = self._producer or await self.started()
            while lane.records:
                await self._send_batch(producer, lane)
        except (KafkaError, DependencyError) as error:
            self.failure = error
            self.on_failure()
        finally:
            lane.task = None
            self._confirmed.set()

    async def _send_batch(self, producer: AIOKafkaProducer, lane: Lane) -> None:
        batch = producer.create_batch()
        count = 0
        for record in lane.records:
            if (
                batch.append(
                    key=record.key, value=record.value, timestamp=record.time_ms, headers=record.headers
                )
                is None
            ):
                break
            count += 1
        if not count:
            raise DependencyError(
                f"a record of {lane.partition.topic} is larger than {BATCH_BYTES_MAX} bytes: "
                f"key {lane.records[0].key.decode()}"
            )
        topic, partition = on_broker(self._config, lane.partition)
        delivered = await producer.send_batch(batch, topic, partition=partition)
        confirmed: Any = await delivered
        for _ in range(count):
            lane.records.popleft()
        lane.end_offset = confirmed.offset + count
        self._confirmed.set()

    async def started(self) -> AIOKafkaProducer:
        """The producer, connected; raises DependencyError where no broker answers."""
        if self._starting is None:
            self._starting = asyncio.create_task(self._start())
        self._producer = await asyncio.shield(self._starting)
        return self._producer

    async def _start(self) -> AIOKafkaProducer:
        producer = AIOKafkaProducer(
            **connection(self._config),
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
                f"no Kafka broker answers at {self._config.bootstrap}: {error}; give another with --kafka"
            ) from error
        return producer

    async def flush(self) -> None:
        """Return when every record is confirmed; raises what made that impossible."""
        while self.size:
            if self.failure is not None:
                raise self.failure
            self._confirmed.clear()
            await self._confirmed.wait()

    async def close(self) -> None:
        """Give back the connection; what is not confirmed stays in the process's journal."""
        tasks = [lane.task for lane in self._lanes.values() if lane.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._producer is not None:
            await self._producer.stop()
