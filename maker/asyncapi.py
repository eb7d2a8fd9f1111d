"""The topic contracts as an AsyncAPI 3 document, generated from schemas/topics.py and the messages."""

from importlib.metadata import version
from typing import Any

from pydantic.json_schema import models_json_schema

from runtime.kafka.topic_settings import kept_ms
from schemas.config import Config
from schemas.deployment import Kafka
from schemas.message import Event
from schemas.topics import MESSAGE_TYPES, PROCESSES, STATISTICS, TOPICS, Topic

_REF = "#/components/schemas/{model}"
_KAFKA_BINDING = "0.5.0"
_TEXT = {"type": "string"}
_HEADERS: dict[str, tuple[str, str]] = {
    "ce_specversion": ("1.0", "CloudEvents, binary mode"),
    "content-type": ("application/json", "of the payload"),
    "ce_id": ("monitor-service-1234", "producer and sequence: the event's id"),
    "ce_type": ("market.book.v1", "the message's type, which never changes its meaning"),
    "ce_source": ("monitor-service", "the producer"),
    "ce_time": ("2026-01-31T12:00:00.000000000Z", "event time"),
    "ce_sequence": ("1234", "of the producer: no gaps, none used twice"),
    "ce_epoch": ("3", "of the writer: an older one is fenced out"),
    "ce_sentns": ("1769860800000000000", "when it was sent, nanoseconds UTC"),
    "ce_causationid": ("monitor-service-1233", "the event that led to it; left out where there is none"),
    "traceparent": ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00", "W3C trace context"),
}
_DESCRIPTION = (
    "Topics between the engine's processes: prices in ticks, sizes in lots, times in nanoseconds UTC."
)
_OPTIONAL = {"ce_causationid"}


def document(config: Config) -> dict[str, Any]:
    """The document for one deployment, with partitions and replicas from the configuration."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Market making engine",
            "version": version("mm-runtime"),
            "description": _DESCRIPTION,
        },
        "defaultContentType": "application/json",
        "servers": {"kafka": {"host": config.kafka.bootstrap, "protocol": "kafka"}},
        "channels": {topic.name: _channel(topic, config) for topic in TOPICS},
        "operations": dict(_operations()),
        "components": {"messages": _messages(), "schemas": _schemas()},
    }


def _channel(topic: Topic, config: Config) -> dict[str, Any]:
    kafka = config.kafka
    return {
        "address": f"{kafka.topic_prefix}{topic.name}",
        "description": f"{topic.kind}; what makes two messages the same: {topic.natural_key}",
        "messages": {
            message.type_name: {"$ref": f"#/components/messages/{message.type_name}"}
            for message in topic.messages
        },
        "bindings": {
            "kafka": {
                "topic": f"{kafka.topic_prefix}{topic.name}",
                "partitions": kafka.partitions,
                "replicas": kafka.replication,
                "topicConfiguration": _kept(topic, kafka),
                "bindingVersion": _KAFKA_BINDING,
            }
        },
    }


def _kept(topic: Topic, kafka: Kafka) -> dict[str, Any]:
    kept = kept_ms(topic, kafka)
    if topic.compacted:
        return {"cleanup.policy": ["compact"], "delete.retention.ms": kept}
    return {"cleanup.policy": ["delete"], "retention.ms": kept}


def _operations() -> list[tuple[str, dict[str, Any]]]:
    """Send and receive operations, process by process."""
    known = {*PROCESSES, STATISTICS, "gateway-api"}
    operations = []
    for topic in TOPICS:
        for action, processes in (("send", (topic.writer,)), ("receive", topic.readers)):
            for process in processes:
                named = process if process in known else process.replace(" ", "-")
                operations.append(
                    (
                        f"{named}.{action}.{topic.name}",
                        {
                            "action": action,
                            "channel": {"$ref": f"#/channels/{topic.name}"},
                            "tags": [{"name": named}],
                        },
                    )
                )
    return operations


def _messages() -> dict[str, Any]:
    return {name: _message(model) for name, model in sorted(MESSAGE_TYPES.items())}


def _message(model: type[Event]) -> dict[str, Any]:
    headers = {
        name: {**_TEXT, "description": text, "examples": [example]}
        for name, (example, text) in _HEADERS.items()
    }
    return {
        "name": model.type_name,
        "summary": (model.__doc__ or "").strip().partition("\n")[0],
        "contentType": "application/json",
        "headers": {
            "type": "object",
            "properties": headers,
            "required": [name for name in _HEADERS if name not in _OPTIONAL],
        },
        "payload": {"$ref": _REF.format(model=model.__name__)},
        "bindings": {
            "kafka": {
                "key": {**_TEXT, "description": "venue:symbol, or the process"},
                "bindingVersion": _KAFKA_BINDING,
            }
        },
    }


def _schemas() -> dict[str, Any]:
    models = [(model, "serialization") for _, model in sorted(MESSAGE_TYPES.items())]
    _, found = models_json_schema(models, ref_template=_REF)  # type: ignore[arg-type]
    schemas: dict[str, Any] = found["$defs"]
    return schemas
