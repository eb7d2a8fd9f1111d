"""Roles and their permissions, as data. Anything not listed is denied."""

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
    "flatten",
    "approve_flatten",
    "tighten",
    "loosen_propose",
    "loosen",
    "parameters",
    "adjust_propose",
    "adjust",
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
            "flatten",
            "tighten",
            "loosen_propose",
            "parameters",
            "adjust_propose",
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
            "approve_flatten",
            "tighten",
            "loosen_propose",
            "loosen",
            "adjust_propose",
            "adjust",
            "override_approve",
            "acknowledge",
            "audit",
            "export",
        }
    ),
    "admin": frozenset({"view", "halt", "audit", "users"}),
    "service": frozenset({"view", "stop", "halt"}),
}
"""loosen_propose requests a looser limit; loosen is the second person's approval. adjust_propose requests a
correction of a ledger; adjust makes it. flatten closes positions by taking; approve_flatten is the second
person's word for that under a halt."""

_CONFLICTS = (frozenset({"trader", "risk"}), frozenset({"trader", "admin"}), frozenset({"risk", "admin"}))
"""Segregation of duties: roles that one user must not hold together."""


def permissions(roles: Iterable[Role]) -> tuple[Permission, ...]:
    """All permissions of these roles, in the order of the table."""
    granted = frozenset().union(*(MAY[role] for role in roles))
    return tuple(permission for permission in PERMISSIONS if permission in granted)


def holders(permission: Permission) -> tuple[Role, ...]:
    """The roles with the permission."""
    return tuple(role for role in ROLES if permission in MAY[role])


def conflict(roles: Iterable[Role]) -> str | None:
    """Why one user must not hold these roles together, or None."""
    held = frozenset(roles)
    for pair in _CONFLICTS:
        if pair <= held:
            first, second = sorted(pair)
            return f"one user cannot hold both {first} and {second}: segregation of duties"
    return None
