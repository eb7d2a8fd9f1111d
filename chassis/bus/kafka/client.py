"""Connection settings, and waiting for a broker that is away."""

import ssl
from pathlib import Path
from typing import Any

from aiokafka import TopicPartition as KafkaPartition

from chassis.bus.base import TopicPartition
from chassis.errors import ConfigError
from schemas.deployment import Kafka

REQUEST_TIMEOUT_MS = 40_000
"""A broker that stops for half a minute loses nothing: its answer is waited for."""
RETRY_BACKOFF_MS = 100
METADATA_AGE_MS_MAX = 30_000


def on_broker(config: Kafka, place: TopicPartition) -> KafkaPartition:
    """What the broker calls a partition."""
    return KafkaPartition(config.topic_prefix + place.topic, place.partition)


def from_broker(config: Kafka, place: KafkaPartition) -> TopicPartition:
    """What the engine calls a partition."""
    return TopicPartition(place.topic.removeprefix(config.topic_prefix), place.partition)


def connection(config: Kafka) -> dict[str, Any]:
    """What every aiokafka client is made with."""
    settings: dict[str, Any] = {
        "bootstrap_servers": config.bootstrap.split(","),
        "security_protocol": config.security_protocol,
        "request_timeout_ms": REQUEST_TIMEOUT_MS,
        "retry_backoff_ms": RETRY_BACKOFF_MS,
        "metadata_max_age_ms": METADATA_AGE_MS_MAX,
    }
    if config.security_protocol.endswith("SSL"):
        settings["ssl_context"] = ssl.create_default_context(cafile=config.ssl_ca_file)
    if config.security_protocol.startswith("SASL"):
        settings |= {
            "sasl_mechanism": config.sasl_mechanism,
            "sasl_plain_username": config.sasl_username,
            "sasl_plain_password": _password(config),
        }
    return settings


def _password(config: Kafka) -> str:
    if config.sasl_password_file is None:
        raise ConfigError(
            f"kafka.security_protocol {config.security_protocol} needs kafka.sasl_password_file: "
            "a file that holds the password alone"
        )
    try:
        return Path(config.sasl_password_file).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ConfigError(
            f"kafka.sasl_password_file {config.sasl_password_file}: {error.strerror}"
        ) from error
