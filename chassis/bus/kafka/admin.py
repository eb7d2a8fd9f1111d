"""Topics on the broker against schemas/topics.py: what is missing, what has drifted, and setting it right."""

import asyncio
from dataclasses import dataclass
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, for_code

from chassis.bus.kafka.client import connection
from chassis.errors import ConfigError, DependencyError
from schemas.deployment import Kafka
from schemas.topics import TOPICS, Topic


@dataclass(frozen=True, slots=True)
class TopicChange:
    """One thing that differs between the contract and the broker."""

    topic: str
    setting: str
    """`topic`, `partitions`, `replication` or the name of a topic configuration."""
    on_broker: str | None
    wanted: str

    @property
    def can_apply(self) -> bool:
        """Partitions and copies of an existing topic are not changed here: keys would move."""
        return self.setting == "topic" or "." in self.setting


def topic_settings(topic: Topic, config: Kafka) -> dict[str, str]:
    """The broker's configuration of a topic."""
    return {
        "cleanup.policy": "compact" if topic.compacted else "delete",
        "retention.ms": str(topic.retention_ms),
        "min.insync.replicas": str(config.min_insync_replicas),
        "message.timestamp.type": "CreateTime",
    }


async def plan_topics(config: Kafka) -> list[TopicChange]:
    """What `apply_topics` would have to change; raises DependencyError where no broker answers."""
    admin = await _admin(config)
    try:
        return await _plan(admin, config)
    finally:
        await admin.close()


async def apply_topics(config: Kafka) -> list[TopicChange]:
    """Create what is missing and mend what has drifted; the changes made.

    Raises ConfigError, before anything is changed, where partitions or replication differ.
    """
    admin = await _admin(config)
    try:
        changes = await _plan(admin, config)
        fixed = [change for change in changes if not change.can_apply]
        if fixed:
            first = fixed[0]
            raise ConfigError(
                f"{first.topic} has {first.setting} {first.on_broker}, wanted {first.wanted}: "
                f"set kafka.{first.setting} to {first.on_broker}, or make the topic anew"
            )
        await _carry_out(admin, config, changes)
        return changes
    finally:
        await admin.close()


async def _admin(config: Kafka) -> AIOKafkaAdminClient:
    admin = AIOKafkaAdminClient(**connection(config))
    try:
        await admin.start()
    except KafkaError as error:
        await admin.close()
        raise DependencyError(
            f"no Kafka broker answers at {config.bootstrap}: {error}; give another with --kafka"
        ) from error
    return admin


async def _plan(admin: AIOKafkaAdminClient, config: Kafka) -> list[TopicChange]:
    existing = set(await admin.list_topics())
    names = {config.topic_prefix + topic.name: topic for topic in TOPICS}
    changes = [TopicChange(name, "topic", None, "made") for name in names if name not in existing]
    present = [name for name in names if name in existing]
    if present:
        changes += _shape_changes(await admin.describe_topics(present), config)
        for name in present:
            wanted = topic_settings(names[name], config)
            changes += _setting_changes(name, await _settings_of(admin, name), wanted)
    return changes


def _shape_changes(described: list[Any], config: Kafka) -> list[TopicChange]:
    changes = []
    for topic in described:
        found = {
            "partitions": (len(topic["partitions"]), config.partitions),
            "replication": (len(topic["partitions"][0]["replicas"]), config.replication),
        }
        changes += [
            TopicChange(topic["topic"], setting, str(is_now), str(wanted))
            for setting, (is_now, wanted) in found.items()
            if is_now != wanted
        ]
    return changes


async def _settings_of(admin: AIOKafkaAdminClient, name: str) -> dict[str, str]:
    responses = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name)])
    entries = responses[0].resources[0][4]
    return {entry[0]: entry[1] for entry in entries}


def _setting_changes(name: str, settings: dict[str, str], wanted: dict[str, str]) -> list[TopicChange]:
    return [
        TopicChange(name, setting, settings.get(setting), value)
        for setting, value in wanted.items()
        if settings.get(setting) != value
    ]


async def _carry_out(admin: AIOKafkaAdminClient, config: Kafka, changes: list[TopicChange]) -> None:
    missing = {change.topic for change in changes if change.setting == "topic"}
    drifted = {change.topic for change in changes} - missing
    wanted = {config.topic_prefix + topic.name: topic_settings(topic, config) for topic in TOPICS}
    if missing:
        response = await admin.create_topics(
            [
                NewTopic(name, config.partitions, config.replication, topic_configs=settings)
                for name, settings in wanted.items()
                if name in missing
            ]
        )
        for name, code, *rest in response.topic_errors:
            if code:
                raise DependencyError(f"topic {name} could not be made: {for_code(code).__name__} {rest}")
        await _until_known(admin, missing)
    if drifted:
        await admin.alter_configs(
            [
                ConfigResource(ConfigResourceType.TOPIC, name, settings)
                for name, settings in wanted.items()
                if name in drifted
            ]
        )


async def _until_known(admin: AIOKafkaAdminClient, names: set[str]) -> None:
    """A broker answers before it knows a new topic's leaders."""
    async with asyncio.timeout(30):
        while True:
            described = await admin.describe_topics(sorted(names))
            if all(
                not topic["error_code"] and all(part["leader"] >= 0 for part in topic["partitions"])
                for topic in described
            ):
                return
            await asyncio.sleep(0.05)
