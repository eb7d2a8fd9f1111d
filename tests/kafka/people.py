"""What people want, put on the topics as the gateway does it."""

import asyncio
import time
from typing import Any

from runtime.config.control_keys import with_keys
from runtime.kafka.bus import KafkaBus
from schemas.config import Config
from schemas.control import Command, PeopleEvent
from schemas.envelope import Envelope
from schemas.topics import TOPIC_OF
from tests.servers.engine import KafkaEngine


def ask(engine: KafkaEngine, sequence: int, message: PeopleEvent, *, signed: bool = True) -> None:
    """Signed by the gateway's key; unsigned, as anybody could who can write to the topic."""

    async def run() -> None:
        bus = KafkaBus(engine.kafka)
        _, signer = with_keys(Config(), engine.state_dir, signs=True)
        assert signer is not None
        envelope = Envelope("gateway-api/t", sequence, None, message.event_time_ns, message.type_name)
        bus.publish(TOPIC_OF[message.type_name], envelope, signer.sign(message) if signed else message)
        await bus.close()

    asyncio.run(run())


def command(engine: KafkaEngine, sequence: int, *, signed: bool = True, **fields: Any) -> None:
    """For the whole account, unless a venue and a symbol are named."""
    about = {"event_time_ns": time.time_ns(), "venue": "*", "symbol": "*", "principal": "t", "reason": ""}
    message = Command.model_validate(about | {"command_id": f"c{sequence}"} | fields)
    ask(engine, sequence, message, signed=signed)
