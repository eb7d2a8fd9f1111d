"""The bus port over Kafka."""

from collections.abc import Mapping
from time import monotonic_ns, time_ns

from chassis.bus.base import TopicPartition
from chassis.bus.kafka.outbox import Outbox, OutboxRecord
from chassis.bus.kafka.reader import Fence, KafkaReader, TraceIds
from chassis.bus.kafka.wire import BARRIER_TYPE, Stamp, headers_of, new_trace_id, partition_of, time_ms
from schemas.deployment import Kafka
from schemas.envelope import Envelope, encode
from schemas.message import Event
from schemas.topics import BY_NAME


class KafkaBus:
    """Publishes through an outbox, reads by hand-given positions. Made inside a running event loop."""

    def __init__(self, config: Kafka, epoch: int = 0) -> None:
        self.epoch = epoch
        """Of this writer, on every record: readers drop what a replaced writer still says."""
        self.outbox = Outbox(config)
        self._config = config
        self._traces = TraceIds()

    def place_of(self, topic: str, key: str) -> TopicPartition:
        """Where records of a key are; raises KeyError for an unknown topic."""
        return TopicPartition(BY_NAME[topic].name, partition_of(key, self._config.partitions))

    def publish(self, topic: str, envelope: Envelope, message: Event) -> None:
        """Hand a message to the outbox; its offset is known when the broker confirms it."""
        key = message.key
        event_id = envelope.event_id
        trace_id = self._traces.get(envelope.cause) or new_trace_id(envelope.cause or event_id)
        self._traces.note(event_id, trace_id)
        record = OutboxRecord(
            key.encode(),
            encode(message),
            headers_of(envelope, Stamp(self.epoch, trace_id, time_ns())),
            time_ms(message),
            monotonic_ns(),
        )
        self.outbox.add(self.place_of(topic, key), record)

    def publish_barrier(self, partition: TopicPartition, process: str, now_ns: int) -> None:
        """From this record on, readers of the partition drop what older epochs of the process say."""
        envelope = Envelope(process, 0, None, now_ns, BARRIER_TYPE)
        headers = headers_of(envelope, Stamp(self.epoch, new_trace_id(f"{process}@{self.epoch}"), now_ns))
        record = OutboxRecord(
            f"barrier/{process}".encode(), b"{}", headers, now_ns // 1_000_000, monotonic_ns()
        )
        self.outbox.add(partition, record)

    async def flush(self) -> None:
        """Return when the broker has confirmed everything."""
        await self.outbox.flush()

    def reader(self, positions: Mapping[TopicPartition, int], fence: Fence | None = None) -> KafkaReader:
        """A reader that starts at the given offset of each partition."""
        return KafkaReader(self._config, positions, self._traces, fence)

    async def end_offset(self, partition: TopicPartition) -> int:
        """The offset that the next record of the partition will get."""
        reader = self.reader({})
        try:
            return (await reader.end_offsets([partition]))[partition]
        finally:
            await reader.close()

    async def close(self) -> None:
        """Flush and give back the connection."""
        await self.flush()
        await self.outbox.close()
