"""The bus port over Kafka."""

from collections.abc import Mapping
from time import monotonic_ns, time_ns

from runtime.bus import TopicPartition
from runtime.kafka.client import BrokerWait
from runtime.kafka.layout import partition_for
from runtime.kafka.outbox import Outbox, OutboxRecord
from runtime.kafka.reader import LIVE, Fence, Fetching, KafkaReader, TraceIds
from runtime.kafka.wire import BARRIER_TYPE, Stamp, headers_of, new_trace_id, time_ms, writer_of
from schemas.deployment import Kafka
from schemas.envelope import Envelope, encode
from schemas.message import Event


class KafkaBus:
    """Publishes through an outbox, and reads from explicit positions. Requires a running event loop."""

    def __init__(self, config: Kafka, epoch: int = 0, wait_for_broker: BrokerWait | None = None) -> None:
        """Without `wait_for_broker`, an unavailable broker raises DependencyError."""
        self.epoch = epoch
        """The epoch of a writer without one of its own, on every record: readers drop records of a fenced
        writer.
        """
        self.epochs: dict[str, int] = {}
        """The epochs of writers that have claimed their own."""
        self.outbox = Outbox(config, wait_for_broker)
        self._wait_for_broker = wait_for_broker
        self._config = config
        self._traces = TraceIds()

    def partition_for(self, topic: str, key: str) -> TopicPartition:
        """The partition of a key's records; raises KeyError for an unknown topic."""
        return partition_for(topic, key, self._config.partitions)

    def epoch_of(self, writer: str) -> int:
        """The epoch under which a writer publishes here."""
        return self.epochs.get(writer, self.epoch)

    def publish(self, topic: str, envelope: Envelope, message: Event) -> None:
        """Hand a message to the outbox; its offset is known when the broker confirms it."""
        key = message.key
        event_id = envelope.event_id
        trace_id = self._traces.get(envelope.cause) or new_trace_id(envelope.cause or event_id)
        self._traces.record(event_id, trace_id)
        record = OutboxRecord(
            key.encode(),
            encode(message),
            headers_of(envelope, Stamp(self.epoch_of(writer_of(envelope.producer)), trace_id, time_ns())),
            time_ms(message),
            monotonic_ns(),
        )
        self.outbox.add(self.partition_for(topic, key), record)

    def publish_barrier(self, partition: TopicPartition, process: str, now_ns: int) -> None:
        """From this record on, readers of the partition drop records of older epochs of the process."""
        envelope = Envelope(process, 0, None, now_ns, BARRIER_TYPE)
        epoch = self.epoch_of(process)
        headers = headers_of(envelope, Stamp(epoch, new_trace_id(f"{process}@{epoch}"), now_ns))
        record = OutboxRecord(
            f"barrier/{process}".encode(), b"{}", headers, now_ns // 1_000_000, monotonic_ns()
        )
        self.outbox.add(partition, record)

    async def flush(self) -> None:
        """Return when the broker has confirmed everything."""
        await self.outbox.flush()

    def reader(
        self,
        positions: Mapping[TopicPartition, int],
        fence: Fence | None = None,
        *,
        checks_owners: bool = True,
        fetching: Fetching = LIVE,
    ) -> KafkaReader:
        """A reader that starts at the given offset of each partition, see KafkaReader."""
        return KafkaReader(
            self._config,
            positions,
            self._traces,
            fence,
            checks_owners=checks_owners,
            wait_for_broker=self._wait_for_broker,
            fetching=fetching,
        )

    async def end_offset(self, partition: TopicPartition) -> int:
        """The offset that the next record of the partition will get."""
        reader = self.reader({})
        try:
            return (await reader.end_offsets([partition]))[partition]
        finally:
            await reader.close()

    async def close(self) -> None:
        """Flush and disconnect."""
        await self.flush()
        await self.outbox.close()
