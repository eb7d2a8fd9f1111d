"""The wire format on Kafka: CloudEvents 1.0 in binary mode, so the payload is bare JSON.

The headers contain the envelope, the writer's epoch, which fences older writers, and a W3C trace context: all
messages caused by one external event share its trace id.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple

from aiokafka.partitioner import murmur2

from schemas.envelope import Envelope
from schemas.message import Event
from schemas.units import NS_PER_S

Headers = list[tuple[str, bytes]]

BARRIER_TYPE = "process.barrier.v1"
"""A record without a payload that announces the writer's epoch; never delivered to a core."""
_SECOND_LENGTH = len("2024-01-01T00:00:00")
_TRACE_ID_BYTES = 16
_SPAN_ID_BYTES = 8
_FIXED: Headers = [("ce_specversion", b"1.0"), ("content-type", b"application/json")]


class Stamp(NamedTuple):
    """Metadata of a record beside its envelope."""

    epoch: int
    trace_id: str
    sent_ns: int
    """Publication time by the writer's clock, to measure latency per hop."""


@lru_cache(maxsize=4096)
def partition_of(key: str, partitions: int) -> int:
    """The partition of a key, as assigned by Kafka's default partitioner."""
    hashed: int = murmur2(key.encode())
    return (hashed & 0x7FFFFFFF) % partitions


def headers_of(envelope: Envelope, stamp: Stamp) -> Headers:
    """The headers of one message."""
    event_id = envelope.event_id
    headers = [
        *_FIXED,
        ("ce_id", event_id.encode()),
        ("ce_type", envelope.type_name.encode()),
        ("ce_source", envelope.producer.encode()),
        ("ce_time", _time_text(envelope.event_time_ns)),
        ("ce_sequence", b"%d" % envelope.sequence),
        ("ce_epoch", b"%d" % stamp.epoch),
        ("ce_sentns", b"%d" % stamp.sent_ns),
        ("traceparent", f"00-{stamp.trace_id}-{_hash(event_id, _SPAN_ID_BYTES)}-00".encode()),
    ]
    if envelope.cause is not None:
        headers.append(("ce_causationid", envelope.cause.encode()))
    return headers


def read_headers(headers: Iterable[tuple[str, bytes]]) -> tuple[Envelope, Stamp]:
    """Envelope and stamp of a record; raises ValueError or KeyError for a record that is not ours."""
    found = dict(headers)
    cause = found.get("ce_causationid")
    envelope = Envelope(
        found["ce_source"].decode(),
        int(found["ce_sequence"]),
        None if cause is None else cause.decode(),
        _time_ns(found["ce_time"].decode()),
        found["ce_type"].decode(),
    )
    trace_id = found["traceparent"].decode().split("-")[1]
    return envelope, Stamp(int(found["ce_epoch"]), trace_id, int(found["ce_sentns"]))


def new_trace_id(event_id: str) -> str:
    """The id of a trace that starts with an event."""
    return _hash(event_id, _TRACE_ID_BYTES)


def time_ms(event: Event) -> int:
    """Kafka's record timestamp, used by retention and by queries by time."""
    return event.event_time_ns // 1_000_000


def writer_of(producer: str) -> str:
    """The process of a producer: its adapter and its traces are fenced with it."""
    return producer.partition("/")[0]


def _hash(text: str, size: int) -> str:
    return blake2b(text.encode(), digest_size=size).hexdigest()


def _time_text(time_ns: int) -> bytes:
    seconds, rest_ns = divmod(time_ns, NS_PER_S)
    return b"%b.%09dZ" % (_second_text(seconds), rest_ns)


@lru_cache(maxsize=256)
def _second_text(seconds: int) -> bytes:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}".encode()


def _time_ns(text: str) -> int:
    return _seconds(text[:_SECOND_LENGTH]) * NS_PER_S + int(text[_SECOND_LENGTH + 1 : -1])


@lru_cache(maxsize=256)
def _seconds(text: str) -> int:
    return int(datetime.fromisoformat(f"{text}+00:00").timestamp())
