"""Maps the engine's partitions to those of the broker.

A topic with many writers is divided on the broker into one topic per process (`process.epoch.risk-service`),
so that the broker can reject what one process publishes as another (docs/adr/0011). To the engine it is one
topic, whose partitions are those of all its parts in a row.
"""

from collections.abc import Iterator

from aiokafka import TopicPartition as KafkaPartition

from runtime.bus import TopicPartition
from runtime.kafka.wire import partition_of
from schemas.deployment import Kafka
from schemas.topics import BY_NAME, EVERY_PROCESS, TOPICS, Topic


def is_divided(topic: Topic) -> bool:
    """Whether the topic is divided into one part per process."""
    return topic.writer == EVERY_PROCESS


def part_name(topic: Topic, process: str) -> str:
    """The broker's name, without the prefix, of the topic that a process writes."""
    return f"{topic.name}.{process}" if is_divided(topic) else topic.name


def broker_topics() -> dict[str, tuple[Topic, str]]:
    """Every topic of the broker by name, without the prefix: the engine's topic, and the only writer."""
    return {part_name(topic, process): (topic, process) for topic in TOPICS for process in topic.writers}


def numbers_of(topic: Topic, partitions: int, process: str | None = None) -> range:
    """The engine's partition numbers of a topic; for a divided topic, optionally those of one process."""
    if not is_divided(topic):
        return range(partitions)
    if process is None:
        return range(partitions * len(topic.writers))
    first = topic.writers.index(process) * partitions
    return range(first, first + partitions)


def recorded_partitions(partitions: int) -> Iterator[TopicPartition]:
    """Every partition of the recorded topics."""
    for topic in (each for each in TOPICS if each.is_recorded):
        for number in numbers_of(topic, partitions):
            yield TopicPartition(topic.name, number)


def partition_for(topic: str, key: str, partitions: int) -> TopicPartition:
    """The partition of a key; raises KeyError for an unknown topic."""
    found = BY_NAME[topic]
    number = partition_of(key, partitions)
    if is_divided(found):
        number = numbers_of(found, partitions, key.partition(".")[0])[number]
    return TopicPartition(found.name, number)


def is_owner(tp: TopicPartition, process: str, partitions: int) -> bool:
    """Whether a process, or a shard of it, may publish there: in a divided topic, only to its own part."""
    topic = BY_NAME[tp.topic]
    if not is_divided(topic):
        return True
    return topic.writers[tp.partition // partitions] == process.partition(".")[0]


def to_broker(config: Kafka, tp: TopicPartition) -> KafkaPartition:
    """The broker's partition for a partition of the engine."""
    topic = BY_NAME[tp.topic]
    if not is_divided(topic):
        return KafkaPartition(config.topic_prefix + topic.name, tp.partition)
    process, number = divmod(tp.partition, config.partitions)
    return KafkaPartition(config.topic_prefix + part_name(topic, topic.writers[process]), number)


def from_broker(config: Kafka, tp: KafkaPartition) -> TopicPartition:
    """The engine's partition for a partition of the broker."""
    name = tp.topic.removeprefix(config.topic_prefix)
    topic, process = _PARTS.get(name, (None, ""))
    if topic is None or not is_divided(topic):
        return TopicPartition(name, tp.partition)
    return TopicPartition(topic.name, numbers_of(topic, config.partitions, process)[tp.partition])


_PARTS = broker_topics()
