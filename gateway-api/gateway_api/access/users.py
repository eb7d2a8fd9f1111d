"""The file of users: names, roles, scopes and hashes of passwords. `maker users` writes it."""

import fcntl
import hashlib
import os
import secrets
import tempfile
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import yaml
from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from pydantic import BaseModel, ConfigDict, Field, model_validator

from gateway_api.access.identity import EVERYTHING
from gateway_api.access.roles import Role, conflict
from runtime.config.field_types import FieldTypes
from runtime.config.secret_files import keep_private
from runtime.config.yaml_text import yaml_of
from runtime.errors import ConfigError
from runtime.state.private_files import FILE_MODE, make_folder

PASSWORD_LENGTH_MIN = 12
_HASHER = PasswordHasher()


ScopeKey = Annotated[str, Field(max_length=129, pattern=r"^(\*|[!-9;-~]+:[ -~]+)$")]
"""`venue:symbol`, or `*` for everything."""


@cache
def _nobody() -> str:
    """Verified for unknown names, so that response times do not reveal which names exist."""
    return _HASHER.hash("nobody has this password")


class User(BaseModel):
    """A person, or a program with the role `service`."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    name: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9._@-]+$")]
    roles: Annotated[tuple[Role, ...], Field(min_length=1)]
    scope: tuple[ScopeKey, ...] = (EVERYTHING,)
    password: str | None = None
    """argon2id; None: no sign-in, only tokens."""
    totp: Annotated[str | None, Field(pattern=r"^[A-Z2-7]{32,}$")] = None
    """Secret of the second factor, in base 32; None: not set up yet."""
    generation: int = 1
    """Random, new with each change of this entry, so that no stamp recurs."""

    @property
    def stamp(self) -> str:
        """Identifies this version of the entry: anything signed for another stamp is void."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:24]

    @model_validator(mode="after")
    def _duties(self) -> "User":
        because = conflict(self.roles)
        if because is not None:
            raise ValueError(f"{self.name}: {because}")
        if "service" in self.roles and self.password is not None:
            raise ValueError(f"{self.name} is a program: it uses tokens and has no password")
        return self


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    users: tuple[User, ...] = ()


class UsersFile:
    """The users file, reloaded when it changes."""

    def __init__(self, path: Path) -> None:
        """Raises ConfigError where the file is missing or invalid."""
        self._path = path
        self._stamp: tuple[int, int] | None = None
        self._users: dict[str, User] = {}
        self.refresh()

    def refresh(self) -> None:
        """Reload a changed file; if it is invalid, raises ConfigError and admits nobody."""
        stamp = _stamp(self._path)
        if stamp is not None and stamp == self._stamp:
            return
        self._users, self._stamp = {}, None
        self._users = {user.name: user for user in read_users(self._path)}
        self._stamp = stamp

    def find(self, name: str) -> User | None:
        """The user with that name."""
        return self._users.get(name)

    def is_password(self, name: str, password: str) -> bool:
        """Whether the password is correct. Takes about 50 ms of CPU: do not call in the event loop."""
        nobody = _nobody()  # takes as long as a check, once: so before it matters who asks
        user = self._users.get(name)
        known = None if user is None else user.password
        try:
            return _HASHER.verify(known or nobody, password) and known is not None
        except (Argon2Error, InvalidHashError):
            return False


def _stamp(path: Path) -> tuple[int, int] | None:
    """Identifies a version of the file; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


def read_users(path: Path) -> tuple[User, ...]:
    """The users in a file; raises ConfigError naming file, user and remedy."""
    try:
        keep_private(path, "access.users_file")
        users = _File.model_validate(_document(path)).users
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}; `maker users add` creates it") from None
    except (yaml.YAMLError, ValueError) as error:  # also of text that is not UTF-8
        raise ConfigError(f"{path} is not a valid users file: {error}") from None
    names = [user.name for user in users]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise ConfigError(f"{path} has {', '.join(sorted(twice))} more than once: keep one entry")
    return users


def _document(path: Path) -> Any:
    """What a file holds, by the types of its fields: a user may be called `on` or `700`."""
    types = FieldTypes()
    for document in types.convert(yaml_of(path.read_text(encoding="utf-8")) or {}, _File, ""):
        if not types.wrong:
            return document
    found = "; ".join(f"{place}: {wanted}" for place, (wanted, _) in types.wrong.items())
    raise ConfigError(f"{path} is not a valid users file: {found}")


def write_users(path: Path, users: Sequence[User]) -> None:
    """Replace the file atomically, readable only by its owner."""
    document = {"users": [user.model_dump(mode="json", exclude_none=True) for user in users]}
    make_folder(path.parent)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    os.fchmod(handle, FILE_MODE)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        yaml.safe_dump(document, file, sort_keys=False)
    Path(name).replace(path)


def hashed(password: str) -> str:
    """The argon2id hash of a password; raises ConfigError for one that is too short."""
    if len(password) < PASSWORD_LENGTH_MIN:
        raise ConfigError(
            f"a password needs at least {PASSWORD_LENGTH_MIN} characters, this one has {len(password)}"
        )
    return _HASHER.hash(password)


def edit_users(path: Path, change: Callable[[Sequence[User]], Sequence[User]]) -> Sequence[User]:
    """Read, change and write the file under a lock; raises ConfigError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(f"{path}.lock", "w", encoding="utf-8", opener=_for_owner) as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            users = change(read_users(path) if path.exists() else ())
            write_users(path, users)
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}") from None
    return users


def _for_owner(name: str, flags: int) -> int:
    return os.open(name, flags, 0o600)


def with_user(users: Sequence[User], user: User) -> list[User]:
    """The users with one added or replaced; anything signed for it before is void.

    An existing second factor is kept.
    """
    before = next((each for each in users if each.name == user.name), None)
    kept = [each for each in users if each.name != user.name]
    totp = before.totp if before is not None and user.password is not None else None
    fresh = user.model_copy(update={"generation": _new_generation(), "totp": totp})
    return _checked([*kept, fresh], users)


def with_second_factor(users: Sequence[User], name: str, secret: str) -> list[User]:
    """The users, one of them with a new second factor; anything signed for it before is void."""
    user = next((each for each in users if each.name == name), None)
    if user is None:
        raise ConfigError(f"there is no user {name!r}")
    if user.password is None:
        raise ConfigError(f"{name} has no password: a second factor is only for users who sign in")
    fresh = user.model_copy(update={"generation": _new_generation(), "totp": secret})
    return [fresh if each is user else each for each in users]


def _new_generation() -> int:
    return secrets.randbits(53)


def without_user(users: Sequence[User], name: str) -> list[User]:
    """The users without one; raises ConfigError for an unknown name."""
    kept = [each for each in users if each.name != name]
    if len(kept) == len(users):
        raise ConfigError(f"there is no user {name!r}")
    return _checked(kept, users)


def _checked(users: list[User], before: Sequence[User]) -> list[User]:
    """Raises ConfigError where no user would be left who can end a halt."""
    had, has = (any("risk" in user.roles for user in each) for each in (before, users))
    if had and not has:
        raise ConfigError(
            "no user with the role risk would be left, and only that role can end a halt: add one first"
        )
    return users
