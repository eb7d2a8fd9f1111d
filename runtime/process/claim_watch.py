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

    def __init__(self, bus: KafkaBus, names: Sequence[str]) -> None:
        """`names`: of the processes that share this operating-system process; it must own all of them."""
        self._bus = bus
        self._names = frozenset(names)
        self.failure: Exception | None = None
        """Why this instance must stop; None: it may continue."""

    async def run(self) -> None:
        """Watch until cancelled."""
        positions = {
            self._bus.partition_for(EPOCH_TOPIC, name): self._bus.epoch_of(name) for name in self._names
        }
        reader = self._bus.reader(positions)
        try:
            while True:
                for record in await self._claims(reader):
                    claim = record.message
                    if isinstance(claim, EpochClaim) and claim.process in self._names:
                        self.failure = FencedError(
                            f"{claim.process} was taken over by {claim.instance}: this instance ends"
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
            logger.warning("claims_not_read", processes=sorted(self._names))
        await asyncio.sleep(1.0)
        return ()
