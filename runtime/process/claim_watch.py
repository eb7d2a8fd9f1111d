"""Detects that another instance has taken over the topics of a process on Kafka: then this one ends."""

import asyncio
from collections.abc import Sequence

import structlog

from runtime.bus import Record
from runtime.errors import DependencyError, FencedError, OffsetOutOfRangeError
from runtime.kafka.bus import KafkaBus
from runtime.kafka.reader import KafkaReader
from runtime.process.recovery import EPOCH_TOPIC
from schemas.process import EpochClaim

logger = structlog.get_logger()


class ClaimWatch:
    """Reads claims newer than our own."""

    def __init__(self, bus: KafkaBus, name: str) -> None:
        self._bus = bus
        self._name = name
        self.failure: Exception | None = None
        """Why this instance must stop; None: it may continue."""

    async def run(self) -> None:
        """Watch until cancelled."""
        tp = self._bus.partition_for(EPOCH_TOPIC, self._name)
        reader = self._bus.reader({tp: self._bus.epoch})
        try:
            while True:
                for record in await self._claims(reader):
                    if isinstance(record.message, EpochClaim) and record.message.process == self._name:
                        self.failure = FencedError(
                            f"{self._name} was taken over by {record.message.instance}: this instance ends"
                        )
        finally:
            await reader.close()

    async def _claims(self, reader: KafkaReader) -> Sequence[Record]:
        """The next claims; none while no broker responds, as no claim can be made then either."""
        try:
            return await reader.poll(1000, 1.0)
        except OffsetOutOfRangeError as error:
            self.failure = error
        except DependencyError:
            logger.warning("claims_not_read", process=self._name)
        await asyncio.sleep(1.0)
        return ()
