"""The roles and what each may do, as data. What is not here is denied."""

from collections.abc import Iterable, Mapping
from typing import Literal, get_args

Role = Literal["viewer", "trader", "risk", "admin", "service"]
Permission = Literal[
    "view",
    "pnl",
    "start",
    "stop",
    "halt",
    "resume_request",
    "resume",
    "tighten",
    "loosen_propose",
    "loosen",
    "parameters",
    "override_request",
    "override_approve",
    "acknowledge",
    "audit",
    "export",
    "users",
]
ROLES: tuple[Role, ...] = get_args(Role)
PERMISSIONS: tuple[Permission, ...] = get_args(Permission)

MAY: Mapping[Role, frozenset[Permission]] = {
    "viewer": frozenset({"view", "pnl"}),
    "trader": frozenset(
        {
            "view",
            "pnl",
            "start",
            "stop",
            "halt",
            "resume_request",
            "tighten",
            "loosen_propose",
            "parameters",
            "override_request",
            "acknowledge",
            "audit",
            "export",
        }
    ),
    "risk": frozenset(
        {
            "view",
            "pnl",
            "stop",
            "halt",
            "resume_request",
            "resume",
            "tighten",
            "loosen_propose",
            "loosen",
            "override_approve",
            "acknowledge",
            "audit",
            "export",
        }
    ),
    "admin": frozenset({"view", "halt", "audit", "users"}),
    "service": frozenset({"view", "stop", "halt"}),
}
"""loosen_propose asks for a looser limit; loosen is the second person's word."""

_CONFLICTS = (frozenset({"trader", "risk"}), frozenset({"trader", "admin"}), frozenset({"risk", "admin"}))
"""Roles that no person holds together: who trades does not judge the risk, who judges does not give roles."""


def permissions(roles: Iterable[Role]) -> tuple[Permission, ...]:
    """All that somebody with these roles may do, in the order of the table."""
    granted = frozenset().union(*(MAY[role] for role in roles))
    return tuple(permission for permission in PERMISSIONS if permission in granted)


def holders(permission: Permission) -> tuple[Role, ...]:
    """The roles that may do it."""
    return tuple(role for role in ROLES if permission in MAY[role])


def conflict(roles: Iterable[Role]) -> str | None:
    """Why nobody may hold these roles together, or None."""
    held = frozenset(roles)
    for pair in _CONFLICTS:
        if pair <= held:
            first, second = sorted(pair)
            return f"nobody holds {first} together with {second}: duties are separate"
    return None
