"""Sessions and tokens: signed claims, which cannot be forged without the key."""

import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import jwt
from jwt.types import Options

from gateway_api.access.identity import Method
from runtime.config.secret_files import read_secret
from runtime.errors import ConfigError

KEY_BYTES_MIN = 32
_ALGORITHM = "HS256"
_ISSUER = "market-making-engine"
_OPTIONS: Options = {
    "require": ["exp", "iat", "sub", "jti", "iss"],
    "verify_iat": False,
    "verify_exp": False,  # checked below, by the authentication clock
}


Use = Literal["session", "refresh"]


@dataclass(frozen=True, slots=True)
class Claims:
    """The signed claims."""

    name: str
    stamp: str
    """Stamp of the user's entry at signing."""
    method: Method
    session: str
    began_s: float
    expires_s: float
    use: Use = "session"
    """refresh: can only be exchanged for the next token."""
    number: str = ""
    """Id of a refresh token, which is valid once."""
    is_listed: bool = True
    """Whether the session is in the gateways' shared list. One signed without a gateway is not."""


class TokenSigner:
    """Signs and verifies claims with one key."""

    def __init__(self, key_file: str | None) -> None:
        """Without a file the key is lost with the process. Raises ConfigError for an invalid file."""
        self.key = secrets.token_bytes(KEY_BYTES_MIN) if key_file is None else _read_key(Path(key_file))

    def sign(self, claims: Claims) -> str:
        """A token for a cookie or header."""
        payload: dict[str, Any] = {
            "iss": _ISSUER,
            "sub": claims.name,
            "gen": claims.stamp,
            "met": claims.method,
            "sid": claims.session,
            "jti": claims.number,
            "use": claims.use,
            "lst": claims.is_listed,
            "iat": int(claims.began_s),
            "exp": int(claims.expires_s),
        }
        return jwt.encode(payload, self.key, algorithm=_ALGORITHM)

    def read(self, token: str, now_s: float, use: Use = "session") -> Claims | None:
        """The claims of a token; None where it is not ours, expired, or for another use."""
        try:
            payload = jwt.decode(
                token,
                self.key,
                algorithms=[_ALGORITHM],
                issuer=_ISSUER,
                options={
                    "require": ["exp", "iat", "sub", "jti", "iss"],
                    "verify_iat": False,
                    "verify_exp": False,
                },
            )
            claims = Claims(
                name=payload["sub"],
                stamp=payload["gen"],
                method=payload["met"],
                session=payload["sid"],
                began_s=payload["iat"],
                expires_s=payload["exp"],
                use=payload["use"],
                number=payload["jti"],
                is_listed=payload["lst"],
            )
        except (jwt.PyJWTError, KeyError):
            return None
        return claims if claims.use == use and claims.expires_s > now_s else None


def new_session() -> str:
    """An unguessable session id."""
    return secrets.token_urlsafe(16)


def _read_key(path: Path) -> bytes:
    key = read_secret(path, "access.signing_key_file")
    if len(key) < KEY_BYTES_MIN:
        raise ConfigError(
            f"access.signing_key_file {path} has {len(key)} bytes, fewer than {KEY_BYTES_MIN}: "
            "create one with `head -c 32 /dev/urandom | base64`"
        )
    return key
