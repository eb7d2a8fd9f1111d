"""An authenticated user or program."""

from dataclasses import dataclass
from typing import Literal

from gateway_api.access.roles import Permission, Role, permissions

Method = Literal["one_time", "password", "token"]
EVERYTHING = "*"


@dataclass(frozen=True, slots=True)
class Identity:
    """A user or a program, with its permissions and scope."""

    name: str
    roles: tuple[Role, ...]
    scope: tuple[str, ...]
    """`venue:symbol`, or `*` for all symbols and the account."""
    method: Method
    session: str
    """Session of its cookie or token, ended by a sign-out."""
    expires_s: float
    """Seconds since 1970."""
    began_s: float = 0.0
    """When the session began, seconds since 1970."""
    stamp: str = ""
    """Stamp of its users entry; it becomes invalid when the entry changes."""
    is_listed: bool = True
    """Whether the session is in the gateways' shared list."""

    def may(self, permission: Permission) -> bool:
        """Whether any of the roles grants it."""
        return permission in permissions(self.roles)

    def reaches(self, key: str) -> bool:
        """Whether a symbol, or with `*:*` the account, is in scope."""
        return EVERYTHING in self.scope or key in self.scope

    def scope_at(self, key: str) -> tuple[str, ...]:
        """The entries of the scope that include a symbol or the account; empty if none does."""
        return tuple(each for each in self.scope if each in (EVERYTHING, key))
