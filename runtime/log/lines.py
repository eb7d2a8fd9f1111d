"""The line format of a topic log: `crc32 body\\n`, with the checksum of the body as 8 hex digits.

The body is a JSON object, readable with any text tool: a record, or a commit of the records before it.
Closed segments decompress to exactly these lines.
"""

import json
from typing import NamedTuple
from zlib import crc32

from runtime.bus import Record
from schemas.envelope import Envelope, decode
from schemas.topics import MESSAGE_TYPES

CHECKSUM_LENGTH = 9  # 8 hex digits and a space
COMMIT_BEGINS = b' {"commit":'
"""Follows the checksum. It occurs in no record: inside a string its quotes would be escaped."""
COLUMNS_MARK = b"\0"
"""First byte of a frame stored as columns; no line begins with it."""
HEAD_ENDS = b',"offset":'
"""Follows topic, partition, key, producer and type."""
_MESSAGE_FIELD = b',"message":'
_TIME_FIELD = b'"event_time_ns":'
_TIME_DIGITS_MAX = 19


class LoggedRecord(NamedTuple):
    """A record as stored, with its payload still encoded."""

    topic: str
    partition: int
    offset: int
    key: str
    envelope: Envelope
    payload: bytes

    def decoded(self) -> Record:
        """The record with its decoded message; raises pydantic.ValidationError."""
        message = decode(MESSAGE_TYPES[self.envelope.type_name], self.payload)
        return Record(self.topic, self.partition, self.offset, self.key, self.envelope, message)


def checked_body(line: bytes) -> bytes | None:
    """The body of a line; None where the line is incomplete or its checksum does not match."""
    body = line[CHECKSUM_LENGTH:-1]
    if not line.endswith(b"\n") or line[:CHECKSUM_LENGTH] != b"%08x " % crc32(body):
        return None
    return body


def parse_body(body: bytes) -> LoggedRecord | None:
    """The record in a body; None for a commit line."""
    head, found, message = body.partition(_MESSAGE_FIELD)
    if not found:
        return None
    fields = json.loads(head + b"}")
    envelope = Envelope(
        fields["producer"], fields["sequence"], fields["cause"], fields["event_time_ns"], fields["type"]
    )
    return LoggedRecord(
        fields["topic"], fields["partition"], fields["offset"], fields["key"], envelope, message[:-1]
    )


def line_of(body: bytes) -> bytes:
    """The body with its checksum and newline."""
    return b"%08x %b\n" % (crc32(body), body)


def record_body(head: bytes, record: LoggedRecord) -> bytes:
    """The body of a record; `head` is its `body_head`, which the caller has cached."""
    envelope = record.envelope
    cause = b"null" if envelope.cause is None else b'"%b"' % envelope.cause.encode()
    return b'%b,"offset":%d,"sequence":%d,"cause":%b,"event_time_ns":%d%b%b}' % (
        head,
        record.offset,
        envelope.sequence,
        cause,
        envelope.event_time_ns,
        _MESSAGE_FIELD,
        record.payload,
    )


def body_head(record: LoggedRecord) -> bytes:
    """The head that all bodies of one topic, partition, key, producer and type share."""
    fields = {
        "topic": record.topic,
        "partition": record.partition,
        "key": record.key,
        "producer": record.envelope.producer,
        "type": record.envelope.type_name,
    }
    return json.dumps(fields, separators=(",", ":")).encode()[:-1]


def time_ns_of(line: bytes) -> int | None:
    """A record's event time; None for a commit or an incomplete line."""
    begin = line.find(_TIME_FIELD)
    if begin < 0:
        return None
    begin += len(_TIME_FIELD)
    digits, ended, _ = line[begin : begin + _TIME_DIGITS_MAX + 1].partition(b",")
    return int(digits) if ended and digits.isdigit() else None
