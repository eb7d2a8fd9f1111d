"""Somebody who has come in."""

from dataclasses import dataclass
from typing import Literal

from gateway_api.access.roles import Permission, Role, permissions

Method = Literal["one_time", "password", "token"]
EVERYTHING = "*"


@dataclass(frozen=True, slots=True)
class Identity:
    """A person or a program, with what it may do and to which symbols."""

    name: str
    roles: tuple[Role, ...]
    scope: tuple[str, ...]
    """`venue:symbol`, or `*` for all symbols and the account."""
    method: Method
    session: str
    """Of the cookie or the token that it came with: what a sign-out ends."""
    expires_s: float
    """Seconds since 1970."""

    def may(self, permission: Permission) -> bool:
        """Is it granted to any of the roles?"""
        return permission in permissions(self.roles)

    def reaches(self, key: str) -> bool:
        """Is a symbol, or with `*:*` the account, in scope?"""
        return EVERYTHING in self.scope or key in self.scope

    def sees(self, key: str) -> bool:
        """May it read about a symbol? What concerns the whole account everybody may read."""
        return key == "*:*" or self.reaches(key)
