"""The implementation of `maker users` and `maker token`."""

import secrets
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from gateway_api.access.authentication import TOKEN_S_MAX
from gateway_api.access.roles import ROLES, Permission, holders, permissions
from gateway_api.access.second_factor import address_of_secret, needs_second_factor, new_secret, step_of
from gateway_api.access.signing import KEY_BYTES_MIN, Claims, TokenSigner, new_session
from gateway_api.access.users import (
    User,
    UsersFile,
    edit_users,
    hashed,
    read_users,
    with_second_factor,
    with_user,
    without_user,
)
from runtime.config.secret_files import make_secret
from runtime.errors import ConfigError
from runtime.text import nearest
from schemas.deployment import Access

_WRONG_S = 1.0
"""Delay after each wrong password."""


def manage_users(action: str, path: Path, **arguments: Any) -> list[dict[str, Any]]:
    """`add`, `remove` or `list`; returns the users afterwards, without hashes.

    Raises ConfigError where the change is refused.
    """
    if action == "add":
        added = _user(**arguments)
        users = edit_users(path, lambda before: with_user(before, added))
    elif action == "remove":
        users = edit_users(path, lambda before: without_user(before, arguments["name"]))
    else:
        users = read_users(path)
    return [
        {
            "name": user.name,
            "roles": list(user.roles),
            "scope": list(user.scope),
            "signs_in": user.password is not None,
            "second_factor": user.totp is not None,
        }
        for user in users
    ]


def set_second_factor(path: Path, name: str) -> dict[str, str]:
    """A new second factor for a user: the URL for an app, and the secret to type instead."""
    secret = new_secret()
    edit_users(path, lambda before: with_second_factor(before, name, secret))
    return {"otpauth": address_of_secret(secret, name), "secret": secret}


def people_who_resume(path: Path) -> int:
    """How many users may end a halt or request its end; raises ConfigError for an invalid file."""
    return sum(_can_resume(user) for user in read_users(path))


def _can_resume(user: User) -> bool:
    granted = permissions(user.roles)
    return user.password is not None and ("resume" in granted or "resume_request" in granted)


def _user(name: str, roles: Sequence[str], scope: Sequence[str], password: str | None) -> User:
    for role in roles:
        if role not in ROLES:
            raise ConfigError(f"no role is called {role!r}{nearest(role, ROLES)}")
    try:
        return User.model_validate(
            {
                "name": name,
                "roles": tuple(roles),
                "scope": tuple(scope) or ("*",),
                "password": None if password is None else hashed(password),
            }
        )
    except ValidationError as error:
        raise ConfigError(f"{name}: {error.errors()[0]['msg']}") from None


def authenticate(
    access: Access, name: str, password: str, permission: Permission, code_of: Callable[[str], str]
) -> tuple[str, ...]:
    """The scope of an authenticated user with the permission; raises ConfigError otherwise, after a delay.

    `code_of` prompts for the second factor of a user, where it is set up.
    """
    if access.users_file is None:
        raise ConfigError("there are no users: set access.users_file")
    users = UsersFile(Path(access.users_file))
    user = users.find(name)
    is_known = users.is_password(name, password)
    if user is None or not is_known or not _is_second(access, user, code_of):
        time.sleep(_WRONG_S)
        raise ConfigError(f"{name}: name, password or code is wrong")
    if permission not in permissions(user.roles):
        raise ConfigError(
            f"{name} ({', '.join(user.roles)}) may not do this: it requires one of the roles "
            f"{', '.join(holders(permission))}"
        )
    return user.scope


def _is_second(access: Access, user: User, code_of: Callable[[str], str]) -> bool:
    if user.totp is not None:
        return step_of(user.totp, code_of(user.name), time.time()) is not None
    if needs_second_factor(user.roles) and user.name not in access.second_factor_exempt:
        raise ConfigError(f"{user.name} has no second factor yet: `maker users totp {user.name}` sets it up")
    return True


def make_key(path: Path) -> None:
    """Create a signing key in a new file, readable only by its owner."""
    if not make_secret(path, secrets.token_urlsafe(KEY_BYTES_MIN).encode()):
        raise ConfigError(f"{path} already exists: a new key would sign everybody out; give another file")


def make_token(access: Access, name: str, *, refresh: bool) -> str:
    """A token for a user, signed with the gateways' key; raises ConfigError where either is missing.

    Valid for 15 minutes; with `refresh`, a refresh token that POST /session/refresh exchanges once.
    """
    if access.users_file is None or access.signing_key_file is None:
        raise ConfigError(
            "tokens need access.users_file and access.signing_key_file: give them with --config"
        )
    users = {user.name: user for user in read_users(Path(access.users_file))}
    if name not in users:
        raise ConfigError(f"there is no user {name!r}{nearest(name, tuple(users))}")
    now_s = time.time()
    life_s = access.refresh_s_max if refresh else min(access.token_s_max, TOKEN_S_MAX)
    claims = Claims(
        name=name,
        stamp=users[name].stamp,
        method="token",
        session=new_session(),
        began_s=now_s,
        expires_s=now_s + life_s,
        use="refresh" if refresh else "session",
        number=new_session(),
        is_listed=False,
    )
    return TokenSigner(access.signing_key_file).sign(claims)
