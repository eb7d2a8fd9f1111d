"""The second factor: time-based one-time codes (RFC 6238) from an authenticator app."""

import base64
import hashlib
import hmac

import pyotp
from pyotp.exceptions import OTPVerificationError

_ISSUER = "Market maker"
_ROLES = frozenset({"risk", "admin"})
_WINDOW_STEPS = 1
STEP_S = 30
_OFFER_S = 600
"""A secret offered for enrolment stays valid for this period and the next."""


def needs_second_factor(roles: tuple[str, ...]) -> bool:
    """Whether any of the roles can end halts or grant rights."""
    return not _ROLES.isdisjoint(roles)


def new_secret() -> str:
    """A new secret, in base 32."""
    return pyotp.random_base32()


def address_of_secret(secret: str, name: str) -> str:
    """The `otpauth:` URL for an authenticator app."""
    return pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name=_ISSUER)


def step_of(secret: str, code: str, now_s: float) -> int | None:
    """The time step of a code; None where it is not currently valid."""
    try:
        return pyotp.TOTP(secret).verify_and_get_timecode(code, for_time=now_s, valid_window=_WINDOW_STEPS)
    except OTPVerificationError:
        return None


def offered_secrets(key: bytes, name: str, stamp: str, now_s: float) -> tuple[str, str]:
    """The currently offered secret and the previous one, the same at every gateway."""
    period = int(now_s) // _OFFER_S
    return _derived(key, name, stamp, period), _derived(key, name, stamp, period - 1)


def _derived(key: bytes, name: str, stamp: str, period: int) -> str:
    message = f"second factor\0{name}\0{stamp}\0{period}".encode()
    return base64.b32encode(hmac.digest(key, message, hashlib.sha256)[:20]).decode()
