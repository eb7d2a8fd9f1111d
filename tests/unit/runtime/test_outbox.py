"""How records are sent to Kafka."""

import asyncio
from typing import Literal

import pytest
from aiokafka.record.memory_records import MemoryRecords

from runtime.kafka.outbox import BrokerConnection
from schemas.deployment import Kafka


@pytest.mark.parametrize(("compression", "code"), [("zstd", 4), ("none", 0)])
def test_batches_are_compressed_as_configured(compression: Literal["zstd", "none"], code: int) -> None:
    """By the codes of Kafka's record format."""

    async def sent() -> bytes:
        producer = BrokerConnection(Kafka(compression=compression))._make()
        batch = producer.create_batch()
        batch.append(timestamp=0, key=b"synthetic:BTC/USDT", value=b"0" * 1_000)
        batch.close()
        await producer.stop()
        return bytes(batch._build())

    records = MemoryRecords(asyncio.run(sent())).next_batch()
    assert records.compression_type == code
    assert [each.value for each in records] == [b"0" * 1_000]
