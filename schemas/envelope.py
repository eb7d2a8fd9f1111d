"""Envelope of every message for audit and replay, beside its payload, and the payload's wire form.

On Kafka the envelope travels as CloudEvents 1.0 binary-mode headers; in a log on disk as a JSON object.
The payload stays bare JSON.
"""

from typing import NamedTuple, TypeVar

from schemas.message import Event

M = TypeVar("M", bound=Event)


class Envelope(NamedTuple):
    """Identity and cause of one message. Deterministic: a replay produces the same one."""

    producer: str
    sequence: int
    """Numbers the producer's messages from 1, over all its topics except its trace."""
    cause: str | None
    """Event id of the input that led to this message; None for a first cause."""
    event_time_ns: int
    type_name: str

    @property
    def event_id(self) -> str:
        """`producer:sequence`, unique and the same in every replay."""
        return f"{self.producer}:{self.sequence}"


def encode(message: Event) -> bytes:
    """The payload's bytes on the wire. Equal messages have equal bytes."""
    return message.__pydantic_serializer__.to_json(message)


def decode(model: type[M], payload: bytes) -> M:
    """The message in `payload`; raises pydantic.ValidationError, which names field and value."""
    return model.model_validate_json(payload)
