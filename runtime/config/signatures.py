"""Signatures of control messages: Ed25519 as a JWS, made by gateways, verified by every process.

Verification depends only on the message and the public keys, so a replay verifies too. Age and replay
protection are checked by runtime/process/signature_check.py.
"""

import base64
import binascii
import os
from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha256
from typing import NamedTuple, TypeVar

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from schemas.control import PeopleEvent

_ALGORITHM = "EdDSA"
_KEY_ID_LENGTH = 16
_E = TypeVar("_E", bound=PeopleEvent)


class Signed(NamedTuple):
    """The claims of a signature."""

    signer: str
    """Identifies one start of one gateway."""
    number: int
    """Number of the signature, from 1."""


class Signer:
    """Signs for one start of one gateway."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self._key_id = key_id_of(public_text(key))
        self._name = os.urandom(8).hex()
        self._number = 0

    def sign(self, event: _E) -> _E:
        """The message with a signature over exactly this content."""
        self._number += 1
        claims = {"iss": self._name, "num": self._number, "sub": event.signed_digest()}
        token = jwt.encode(claims, self._key, algorithm=_ALGORITHM, headers={"kid": self._key_id})
        return event.model_copy(update={"signature": token})


def verify(event: PeopleEvent, keys: Mapping[str, str]) -> Signed | str:
    """The signer, or a text with the reason why the signature is invalid. `keys` are public keys by id."""
    if event.signature is None:
        return "nobody has signed it"
    try:
        key_id = jwt.get_unverified_header(event.signature).get("kid")
        text = keys.get(key_id) if isinstance(key_id, str) else None
        if text is None:
            return f"its key {str(key_id)[:_KEY_ID_LENGTH]!r} is none of ours"
        claims = jwt.decode(
            event.signature,
            _public_key(text),
            algorithms=[_ALGORITHM],
            options={"require": ["iss", "num", "sub"], "verify_exp": False, "verify_nbf": False},
        )
    except (jwt.PyJWTError, ValueError):
        return "its signature is wrong"
    signer, number = claims["iss"], claims["num"]
    if claims["sub"] != event.signed_digest():
        return "its signature is that of another message"
    if not isinstance(signer, str) or not isinstance(number, int):
        return "its signature is wrong"
    return Signed(signer, number)


def public_text(key: Ed25519PrivateKey) -> str:
    """The public half, in the form used in the configuration."""
    raw = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def key_id_of(public: str) -> str:
    """The key id in a signature: a prefix of the digest of the public half."""
    return sha256(public.encode()).hexdigest()[:_KEY_ID_LENGTH]


@lru_cache(maxsize=16)
def _public_key(text: str) -> Ed25519PublicKey:
    return Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(f"{text}="))


def is_public_key(text: str) -> bool:
    """Whether the text is the public half of a key."""
    try:
        _public_key(text)
    except (ValueError, binascii.Error):
        return False
    return True
