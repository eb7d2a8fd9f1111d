"""Sessions and tokens: signed claims, which nobody can make without the key."""

import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt

from chassis.errors import ConfigError

KEY_BYTES_MIN = 32
_ALGORITHM = "HS256"
_ISSUER = "market-making-engine"


@dataclass(frozen=True, slots=True)
class Claims:
    """What is signed."""

    name: str
    generation: int
    """Of the user's entry when it was signed."""
    method: str
    session: str
    expires_s: float


class Signer:
    """Signs, and verifies what was signed with the same key."""

    def __init__(self, key_file: str | None) -> None:
        """Without a file the key lives as long as the process. Raises ConfigError for a bad file."""
        self._key = secrets.token_bytes(KEY_BYTES_MIN) if key_file is None else _read_key(Path(key_file))

    def sign(self, claims: Claims) -> str:
        """A token, as it stands in a cookie or in a header."""
        payload: dict[str, Any] = {
            "iss": _ISSUER,
            "sub": claims.name,
            "gen": claims.generation,
            "met": claims.method,
            "jti": claims.session,
            "exp": int(claims.expires_s),
        }
        return jwt.encode(payload, self._key, algorithm=_ALGORITHM)

    def read(self, token: str) -> Claims | None:
        """The claims of a token; None where it is not ours, or too old."""
        try:
            payload = jwt.decode(
                token,
                self._key,
                algorithms=[_ALGORITHM],
                issuer=_ISSUER,
                options={"require": ["exp", "sub", "jti", "iss"]},
            )
            return Claims(payload["sub"], payload["gen"], payload["met"], payload["jti"], payload["exp"])
        except (jwt.PyJWTError, KeyError):
            return None


def new_session() -> str:
    """A name that nobody guesses."""
    return secrets.token_urlsafe(16)


def _read_key(path: Path) -> bytes:
    try:
        key = path.read_bytes().strip()
    except OSError as error:
        raise ConfigError(f"access.signing_key_file {path} cannot be read: {error.strerror}") from None
    if len(key) < KEY_BYTES_MIN:
        raise ConfigError(
            f"access.signing_key_file {path} has {len(key)} bytes, fewer than {KEY_BYTES_MIN}: "
            "make one with `head -c 32 /dev/urandom | base64`"
        )
    return key
