"""Compares the topics on the broker with schemas/topics.py, creates missing ones and corrects drift."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, for_code

from runtime.errors import ConfigError, DependencyError
from runtime.kafka.client import connection
from runtime.kafka.layout import broker_topics, is_divided
from runtime.kafka.topic_settings import set_by_earlier_release, topic_settings
from schemas.deployment import Kafka
from schemas.topics import TOPICS, Topic

Origin = Literal["missing", "broker", "earlier release", "topic"]
"""Where a value is set: nowhere, as the broker's default, or on the topic, by an earlier release of the
engine or by somebody else."""
_APPLIED_WITHIN_S = 30
_TOPIC_CONFIG_SOURCE = 1
"""`DYNAMIC_TOPIC_CONFIG` in Kafka's protocol."""


@dataclass(frozen=True, slots=True)
class TopicChange:
    """One difference between the contract and the broker."""

    topic: str
    setting: str
    """`topic`, `partitions`, `replication` or the name of a topic setting."""
    on_broker: str | None
    required: str
    origin: Origin
    is_kept: bool = False
    """Set by an operator, and kept unless a reset is requested."""

    @property
    def can_apply(self) -> bool:
        """False for partitions and replication of an existing topic: keys would move to other partitions."""
        return self.setting == "topic" or "." in self.setting


class TopicPlan(NamedTuple):
    """All differences, divided by whether they are corrected."""

    changes: list[TopicChange]
    """Differences that are, or would be, corrected."""
    kept: list[TopicChange]
    """Settings that operators changed and that stay."""


class TopicSetting(NamedTuple):
    """The broker's value of one setting of a topic."""

    value: str | None
    is_topic_override: bool
    """Set on the topic itself; otherwise it is the broker's default."""


async def plan_topics(config: Kafka, *, reset: bool = False) -> TopicPlan:
    """What `apply_topics` would change; raises DependencyError where no broker answers."""
    admin = await _admin(config)
    try:
        return (await _plan(admin, config, reset=reset))[0]
    finally:
        await admin.close()


async def apply_topics(config: Kafka, *, reset: bool = False) -> TopicPlan:
    """Create missing topics and correct settings that drifted; with `reset` also those that operators set.

    Settings that the engine does not manage are left alone. Raises ConfigError, before anything is changed,
    where partitions or replication differ.
    """
    admin = await _admin(config)
    try:
        plan, overrides = await _plan(admin, config, reset=reset)
        blocked = [change for change in plan.changes if not change.can_apply]
        if blocked:
            first = blocked[0]
            raise ConfigError(
                f"{first.topic} has {first.setting} {first.on_broker}, expected {first.required}: "
                f"set kafka.{first.setting} to {first.on_broker}, or delete and recreate the topic"
            )
        await _create(admin, config, {change.topic for change in plan.changes if change.setting == "topic"})
        await _alter(admin, plan.changes, overrides)
        return plan
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


async def _plan(
    admin: AIOKafkaAdminClient, config: Kafka, *, reset: bool
) -> tuple[TopicPlan, dict[str, dict[str, str]]]:
    """The plan, and the settings of each topic that override the broker's defaults, whoever set them."""
    existing = set(await admin.list_topics())
    _check_layout(config, existing)
    names = {config.topic_prefix + name: topic for name, (topic, _) in broker_topics().items()}
    changes = [TopicChange(name, "topic", None, "made", "missing") for name in names if name not in existing]
    present = [name for name in names if name in existing]
    overrides: dict[str, dict[str, str]] = {}
    if present:
        changes += _shape_changes(await admin.describe_topics(present), config)
    for name in present:
        settings = await _settings_of(admin, name)
        overrides[name] = {
            key: found.value or "" for key, found in settings.items() if found.is_topic_override
        }
        changes += setting_changes(names[name], name, settings, config, reset=reset)
    kept = [change for change in changes if change.is_kept]
    return TopicPlan([change for change in changes if not change.is_kept], kept), overrides


def _check_layout(config: Kafka, existing: set[str]) -> None:
    """Epochs of the older layout are offsets of another topic: a new writer would be fenced out by them."""
    for topic in TOPICS:
        if is_divided(topic) and config.topic_prefix + topic.name in existing:
            raise ConfigError(
                f"the broker has {config.topic_prefix}{topic.name}, which an older release shared between "
                "all processes: use another kafka.topic_prefix, or delete the topics of the engine"
            )


def _shape_changes(described: list[Any], config: Kafka) -> list[TopicChange]:
    changes = []
    for topic in described:
        found = {
            "partitions": (len(topic["partitions"]), config.partitions),
            "replication": (len(topic["partitions"][0]["replicas"]), config.replication),
        }
        changes += [
            TopicChange(topic["topic"], setting, str(current), str(required), "topic")
            for setting, (current, required) in found.items()
            if current != required
        ]
    return changes


async def _settings_of(admin: AIOKafkaAdminClient, name: str) -> dict[str, TopicSetting]:
    responses = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name)])
    entries = responses[0].resources[0][4]
    return {entry[0]: TopicSetting(entry[1], entry[3] == _TOPIC_CONFIG_SOURCE) for entry in entries}


def setting_changes(
    topic: Topic, name: str, settings: Mapping[str, TopicSetting], config: Kafka, *, reset: bool
) -> Iterator[TopicChange]:
    """The settings of a topic that differ from the required ones; `name` is its name on the broker."""
    for setting, required in topic_settings(topic, config).items():
        found = settings.get(setting, TopicSetting(None, is_topic_override=False))
        if found.value != required:
            origin = _origin(topic, setting, found)
            is_kept = origin == "topic" and not reset
            yield TopicChange(name, setting, found.value, required, origin, is_kept)


def _origin(topic: Topic, setting: str, found: TopicSetting) -> Origin:
    if found.value is None:
        return "missing"
    if not found.is_topic_override:
        return "broker"
    return "earlier release" if set_by_earlier_release(topic, setting, found.value) else "topic"


async def _create(admin: AIOKafkaAdminClient, config: Kafka, missing: set[str]) -> None:
    if not missing:
        return
    topics = [
        NewTopic(name, config.partitions, config.replication, topic_configs=topic_settings(topic, config))
        for part, (topic, _) in broker_topics().items()
        if (name := config.topic_prefix + part) in missing
    ]
    response = await admin.create_topics(topics)
    for name, code, *rest in response.topic_errors:
        if code:
            raise DependencyError(f"topic {name} could not be created: {for_code(code).__name__} {rest}")
    await _wait_for_leaders(admin, missing)


async def _alter(
    admin: AIOKafkaAdminClient, changes: Iterable[TopicChange], overrides: Mapping[str, dict[str, str]]
) -> None:
    """AlterConfigs replaces all overrides of a topic, so existing ones are sent along."""
    altered: dict[str, dict[str, str]] = {}
    for change in changes:
        if change.topic in overrides:
            settings = altered.setdefault(change.topic, dict(overrides[change.topic]))
            settings[change.setting] = change.required
    if not altered:
        return
    resources = [ConfigResource(ConfigResourceType.TOPIC, name, each) for name, each in altered.items()]
    for response in await admin.alter_configs(resources):
        for code, reason, _, name in response.resources:
            if code:
                raise DependencyError(
                    f"topic {name} could not be altered: {for_code(code).__name__} {reason}"
                )
    await _wait_until_applied(admin, altered)


async def _wait_until_applied(admin: AIOKafkaAdminClient, altered: Mapping[str, Mapping[str, str]]) -> None:
    """A broker confirms new settings before it applies them."""
    async with asyncio.timeout(_APPLIED_WITHIN_S):
        for name, settings in altered.items():
            while not _are_applied(await _settings_of(admin, name), settings):
                await asyncio.sleep(0.05)


def _are_applied(found: Mapping[str, TopicSetting], required: Mapping[str, str]) -> bool:
    return all(found[key].value == value for key, value in required.items())


async def _wait_for_leaders(admin: AIOKafkaAdminClient, names: set[str]) -> None:
    """A broker confirms a new topic before its partitions have leaders."""
    async with asyncio.timeout(_APPLIED_WITHIN_S):
        while True:
            described = await admin.describe_topics(sorted(names))
            if all(
                not topic["error_code"] and all(part["leader"] >= 0 for part in topic["partitions"])
                for topic in described
            ):
                return
            await asyncio.sleep(0.05)
