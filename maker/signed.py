"""Publishes control commands without a gateway, signed and numbered as a gateway does it."""

import asyncio
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from runtime.config.control_keys import KEY_FILE, with_keys
from runtime.config.signatures import Signer
from runtime.errors import ConfigError, DependencyError
from runtime.kafka.bus import KafkaBus
from schemas.config import Config
from schemas.control import ControlEvent
from schemas.envelope import Envelope
from schemas.message import Event
from schemas.topics import GATEWAY, TOPIC_OF

CONFIRMED_WITHIN_S = 10.0
Publish = Callable[[str, Envelope, Event], object]
Publisher = Callable[[Publish, ControlEvent, int], None]


def publisher(signer: Signer | None, producer: str, sequence: int) -> Publisher:
    """A publisher that signs and numbers; `sequence` is that of the producer's newest message."""

    def send(publish: Publish, event: ControlEvent, now_ns: int) -> None:
        nonlocal sequence
        sequence += 1
        stamped = event.model_copy(update={"event_time_ns": now_ns})
        if signer is not None:
            stamped = signer.sign(stamped)
        envelope = Envelope(producer, sequence, None, now_ns, stamped.type_name)
        publish(TOPIC_OF[stamped.type_name], envelope, stamped)

    return send


def kafka_publisher(config: Config) -> Publisher:
    """A publisher for a client of the broker. Raises ConfigError without a key that the processes trust."""
    control, folder = config.control, Path(config.process.state_dir)
    if not control.unsigned and control.signing_key_file is None and not (folder / KEY_FILE).exists():
        raise ConfigError(
            f"there is no signing key here, and processes ignore unsigned commands: {folder} has no "
            f"{KEY_FILE}, and control.signing_key_file is not set; give the gateway's --config, or use the "
            "gateway with --url"
        )
    _, signer = with_keys(config, folder, signs=True)
    return publisher(signer, f"{GATEWAY}/{os.urandom(4).hex()}", 0)


async def publish_to_kafka(
    bus: KafkaBus, publish: Publisher, events: Sequence[ControlEvent], within_s: float = CONFIRMED_WITHIN_S
) -> None:
    """Return when the broker has confirmed them; raises DependencyError where it does not in time."""
    for event in events:
        publish(bus.publish, event, time.time_ns())
    try:
        async with asyncio.timeout(within_s):
            await bus.flush()
    except TimeoutError:
        raise DependencyError(
            f"the broker has not confirmed it within {within_s:.0f} s: it may take effect later, or never"
        ) from None


def send_to_kafka(config: Config, events: Sequence[ControlEvent]) -> None:
    """Publish signed messages as a gateway does; returns when the broker has confirmed them."""
    publish = kafka_publisher(config)

    async def send() -> None:
        bus = KafkaBus(config.kafka)
        try:
            await publish_to_kafka(bus, publish, events)
        finally:
            await bus.outbox.close()

    asyncio.run(send())
