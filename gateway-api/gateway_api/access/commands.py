"""What `maker users` and `maker token` do."""

import secrets
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from chassis.errors import ConfigError
from chassis.text import nearest
from gateway_api.access.door import Door
from gateway_api.access.identity import Identity
from gateway_api.access.roles import ROLES
from gateway_api.access.signing import KEY_BYTES_MIN, new_session
from gateway_api.access.users import User, hashed, read_users, with_user, without_user, write_users
from schemas.deployment import Access


def manage_users(action: str, path: Path, **arguments: Any) -> list[dict[str, Any]]:
    """`add`, `remove` or `list`; the users as they are then, without their hashes.

    Raises ConfigError for what is refused.
    """
    users: Sequence[User] = read_users(path) if path.exists() or action != "add" else ()
    if action == "add":
        users = with_user(users, _user(**arguments))
    elif action == "remove":
        users = without_user(users, arguments["name"])
    if action != "list":
        write_users(path, users)
    return [
        {
            "name": user.name,
            "roles": list(user.roles),
            "scope": list(user.scope),
            "signs_in": user.password is not None,
        }
        for user in users
    ]


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


def make_key(path: Path) -> None:
    """A new signing key in a file that is not there yet, for its owner's eyes only."""
    if path.exists():
        raise ConfigError(f"{path} is there already: a new key would sign everybody out; name another file")
    path.touch(mode=0o600)
    path.write_text(secrets.token_urlsafe(KEY_BYTES_MIN) + "\n", encoding="utf-8")


def make_token(access: Access, name: str, life_s: int) -> str:
    """A token for a user, signed with the key of the gateways; raises ConfigError where one is lacking."""
    if access.users_file is None or access.signing_key_file is None:
        raise ConfigError(
            "tokens need access.users_file and access.signing_key_file: give them with --config"
        )
    door = Door(access, lambda code: None)
    holder = Identity(name, (), (), "token", new_session(), time.time())
    try:
        return door.token_for(holder, life_s)[0]
    except LookupError:
        names = [user.name for user in read_users(Path(access.users_file))]
        raise ConfigError(f"there is no user {name!r}{nearest(name, names)}") from None
