"""Carried state on disk, for different code or configuration; snapshots are only readable by the same code.

A file is the BLAKE2b digest of its body, then the body: JSON with the carried messages as on their topic. The
evolution rules of messages keep it readable for every later release.
"""

import json
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from runtime.errors import LogDamagedError
from runtime.state.standing import Standing
from schemas.envelope import decode, encode
from schemas.message import Event
from schemas.process import ConfigApplied
from schemas.topics import MESSAGE_TYPES

SUFFIX = ".carried"
FORMAT = 1
_DIGEST_BYTES = 32


@dataclass(frozen=True, slots=True)
class CarriedState:
    """The carried state of a process at the end of a turn."""

    applied: ConfigApplied
    """The configuration in force, including live changes."""
    standing: Standing
    messages: tuple[Event, ...]
    is_rebuilt: bool = False
    """Rebuilt from the topics: its journal does not account for all later outputs."""

    def to_bytes(self) -> bytes:
        """The serialised form."""
        fields = {
            "format": FORMAT,
            "applied": encode(self.applied).decode(),
            "standing": self.standing.to_json(),
            "messages": [[message.type_name, encode(message).decode()] for message in self.messages],
            "is_rebuilt": self.is_rebuilt,
        }
        body = json.dumps(fields, separators=(",", ":")).encode()
        return blake2b(body, digest_size=_DIGEST_BYTES).digest() + body


def from_bytes(data: bytes) -> CarriedState:
    """The state; raises LogDamagedError where it is incomplete or of a later format."""
    digest, body = data[:_DIGEST_BYTES], data[_DIGEST_BYTES:]
    if blake2b(body, digest_size=_DIGEST_BYTES).digest() != digest:
        raise LogDamagedError("the digest of a carried state does not match its body")
    fields: dict[str, Any] = json.loads(body)
    if fields["format"] != FORMAT:
        raise LogDamagedError(
            f"a carried state has format {fields['format']}, but this release reads {FORMAT}: "
            "it was written by a later release"
        )
    return CarriedState(
        decode(ConfigApplied, fields["applied"].encode()),
        Standing.from_json(fields["standing"]),
        tuple(decode(MESSAGE_TYPES[name], text.encode()) for name, text in fields["messages"]),
        fields.get("is_rebuilt", False),
    )
