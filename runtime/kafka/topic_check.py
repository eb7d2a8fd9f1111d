"""Checks that the broker has the topics of a process, with the configured partitions and replication."""

from collections.abc import Mapping
from typing import NamedTuple

from runtime.errors import ConfigError
from runtime.kafka.access import grants
from schemas.deployment import Kafka

_NAMED = 3


class TopicShape(NamedTuple):
    """A topic on the broker."""

    partitions: int
    replicas: int
    """Of the partition with the fewest."""
    has_leaders: bool
    """Whether every partition has a leader; not yet, just after a topic was created or a broker started."""


def needed_topics(config: Kafka, process: str) -> tuple[str, ...]:
    """The topics, by their names on the broker, that the process, or a shard of it, reads or writes."""
    kind = process.partition(".")[0]
    names = {each.name for each in grants() if each.principal == kind and each.resource == "topic"}
    return tuple(config.topic_prefix + name for name in sorted(names))


def missing_topics(config: Kafka, process: str, found: Mapping[str, TopicShape]) -> str | None:
    """Why the process cannot start yet; None: its topics are complete.

    Raises ConfigError where a topic has other partitions, or fewer replicas, than configured.
    """
    needed = needed_topics(config, process)
    _check_shapes(config, {name: found[name] for name in needed if name in found})
    missing = [name for name in needed if name not in found]
    if missing:
        hidden = "" if config.sasl_username is None else f", or not visible to {config.sasl_username}"
        return (
            f"{len(missing)} of {len(needed)} topics are missing on the broker at "
            f"{config.bootstrap}{hidden}: {_named(missing)}; run `maker topics apply` with this configuration"
        )
    leaderless = [name for name in needed if not found[name].has_leaders]
    return f"no leader yet for partitions of {_named(leaderless)}" if leaderless else None


def _check_shapes(config: Kafka, found: Mapping[str, TopicShape]) -> None:
    wrong = []
    for name, shape in found.items():
        if shape.partitions != config.partitions:
            wrong.append(f"{name} has {shape.partitions} partitions")
        elif shape.replicas < config.replication:
            wrong.append(f"{name} has {shape.replicas} replicas")
    if wrong:
        raise ConfigError(
            f"on the broker at {config.bootstrap} {_named(wrong)}; the configuration has kafka.partitions "
            f"{config.partitions} and kafka.replication {config.replication}: set them to those of the "
            "broker (`maker topics plan` lists them all), or delete those topics and run `maker topics apply`"
        )


def _named(items: list[str]) -> str:
    more = len(items) - _NAMED
    return ", ".join(items[:_NAMED]) + (f" and {more} more" if more > 0 else "")
