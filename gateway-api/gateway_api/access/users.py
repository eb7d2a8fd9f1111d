"""The file of users: names, roles, scopes and hashes of passwords. `maker users` writes it."""

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import yaml
from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from chassis.errors import ConfigError
from gateway_api.access.identity import EVERYTHING
from gateway_api.access.roles import Role, conflict

PASSWORD_LENGTH_MIN = 12
_HASHER = PasswordHasher()
_NOBODY = _HASHER.hash("nobody has this password")
"""Verified where the name is unknown, so that the time tells nobody which names there are."""


class User(BaseModel):
    """A person, or a program with the role `service`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9._@-]+$")]
    roles: Annotated[tuple[Role, ...], Field(min_length=1)]
    scope: tuple[str, ...] = (EVERYTHING,)
    password: str | None = None
    """argon2id; none: no sign-in, tokens alone."""
    generation: int = 1
    """Counts the changes of this entry: what was signed before the newest one is void."""

    @model_validator(mode="after")
    def _duties(self) -> "User":
        because = conflict(self.roles)
        if because is not None:
            raise ValueError(f"{self.name}: {because}")
        if "service" in self.roles and self.password is not None:
            raise ValueError(f"{self.name} is a program: it has tokens, and no password")
        return self


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    users: tuple[User, ...] = ()


class UsersFile:
    """The users, read again when the file changes."""

    def __init__(self, path: Path) -> None:
        """Raises ConfigError where the file is not there or not right."""
        self._path = path
        self._stamp: tuple[int, int] | None = None
        self._users: dict[str, User] = {}
        self.refresh()

    def refresh(self) -> None:
        """Read the file again if it is another; raises ConfigError, and admits nobody, if it is bad."""
        stamp = _stamp(self._path)
        if stamp is not None and stamp == self._stamp:
            return
        self._users, self._stamp = {}, None
        self._users = {user.name: user for user in read_users(self._path)}
        self._stamp = stamp

    def find(self, name: str) -> User | None:
        """The user of a name."""
        return self._users.get(name)

    def is_password(self, name: str, password: str) -> bool:
        """Does the password belong to the name? Takes about 50 ms of processor time: not in the loop."""
        user = self._users.get(name)
        known = None if user is None else user.password
        try:
            return _HASHER.verify(known or _NOBODY, password) and known is not None
        except (Argon2Error, InvalidHashError):
            return False


def _stamp(path: Path) -> tuple[int, int] | None:
    """By which a changed file is known; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


def read_users(path: Path) -> tuple[User, ...]:
    """The users in a file; raises ConfigError naming file, user and remedy."""
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        users = _File.model_validate(document).users
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}; `maker users add` makes it") from None
    except (yaml.YAMLError, ValidationError) as error:
        raise ConfigError(f"{path} is not a file of users: {error}") from None
    names = [user.name for user in users]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise ConfigError(f"{path} has {', '.join(sorted(twice))} more than once: keep one entry")
    return users


def write_users(path: Path, users: Sequence[User]) -> None:
    """Replace the file as a whole, for its owner's eyes only."""
    document = {"users": [user.model_dump(mode="json", exclude_none=True) for user in users]}
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        yaml.safe_dump(document, file, sort_keys=False)
    Path(name).replace(path)


def hashed(password: str) -> str:
    """The argon2id hash of a password; raises ConfigError for one that is too short."""
    if len(password) < PASSWORD_LENGTH_MIN:
        raise ConfigError(
            f"a password has {PASSWORD_LENGTH_MIN} characters at least, this one {len(password)}"
        )
    return _HASHER.hash(password)


def with_user(users: Sequence[User], user: User) -> list[User]:
    """The users with one added, or replaced under its name; what was signed for it before is void."""
    before = next((each for each in users if each.name == user.name), None)
    generation = 1 if before is None else before.generation + 1
    kept = [each for each in users if each.name != user.name]
    return _checked([*kept, user.model_copy(update={"generation": generation})], users)


def without_user(users: Sequence[User], name: str) -> list[User]:
    """The users without one; raises ConfigError where nobody has the name."""
    kept = [each for each in users if each.name != name]
    if len(kept) == len(users):
        raise ConfigError(f"there is no user {name!r}")
    return _checked(kept, users)


def _checked(users: list[User], before: Sequence[User]) -> list[User]:
    """Raises ConfigError where nobody would be left who can end a halt."""
    had, has = (any("risk" in user.roles for user in each) for each in (before, users))
    if had and not has:
        raise ConfigError("nobody with the role risk would be left, who alone can end a halt: add one first")
    return users
