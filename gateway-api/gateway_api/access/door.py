"""The door: who it is, by a password, a one-time code, a cookie or a token."""

import asyncio
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import structlog

from chassis.errors import ConfigError
from gateway_api.access.identity import EVERYTHING, Identity, Method
from gateway_api.access.roles import Role
from gateway_api.access.signing import Claims, Signer, new_session
from gateway_api.access.throttle import Throttle
from gateway_api.access.users import User, UsersFile
from schemas.deployment import Access

logger = structlog.get_logger()

LOCAL = User.model_construct(
    name="local", roles=("trader", "risk", "admin"), scope=(EVERYTHING,), generation=1
)
"""The one person at this machine holds all duties: nobody else is there. With a users file nobody does."""
_CODE_BYTES = 12
_ENDED_MAX = 10_000
_REFRESH_S = 2.0


class Door:
    """Lets in, and knows who is in. Times are of the wall clock, seconds since 1970."""

    def __init__(
        self,
        access: Access,
        announce_code: Callable[[str], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Raises ConfigError where the files that `access` names are not right."""
        self._access = access
        self._announce_code = announce_code
        self._clock = clock
        self._signer = Signer(access.signing_key_file)
        self._users = None if access.users_file is None else UsersFile(Path(access.users_file))
        self._refresh_at_s = 0.0
        self._code: str | None = None
        self._throttle = Throttle()
        self._hashing = asyncio.Semaphore(1)
        self._ended: OrderedDict[str, float] = OrderedDict()
        self._renewed: OrderedDict[str, float] = OrderedDict()
        if self._users is None:
            self._new_code()

    @property
    def is_one_time(self) -> bool:
        """Does one person sign in with one-time codes, rather than users with passwords?"""
        return self._users is None

    @property
    def session_s(self) -> int:
        """Life of a session without a request."""
        return self._access.session_s

    def wait_s(self, name: str, address: str) -> float:
        """Seconds until somebody may try again; 0: now."""
        return self._throttle.wait_s(_keys(name, address), self._clock())

    async def sign_in(self, name: str, password: str, address: str) -> Identity | None:
        """By name and password; None where they do not belong together."""
        users = self._users
        if users is None:
            return None
        self._refresh()
        async with self._hashing:  # one at a time: a hash takes memory and a processor
            right = await asyncio.to_thread(users.is_password, name, password)
        user = users.find(name)
        if not right or user is None:
            self._throttle.note_failure(_keys(name, address), self._clock())
            return None
        self._throttle.note_success(_keys(name, address))
        return self._identity(user, "password", new_session(), self._clock() + self.session_s)

    def sign_in_once(self, code: str, address: str) -> Identity | None:
        """By the code that was announced; it is void from then on, and another one is announced."""
        if self._code is None or not secrets.compare_digest(code.encode(), self._code.encode()):
            self._throttle.note_failure(_keys(LOCAL.name, address), self._clock())
            return None
        self._new_code()
        return self._identity(LOCAL, "one_time", new_session(), self._clock() + self.session_s)

    def identify(self, token: str) -> Identity | None:
        """Whoever a cookie or a token was signed for, if that still holds."""
        claims = self._signer.read(token)
        if claims is None or claims.session in self._ended:
            return None
        user = self._user(claims.name)
        if user is None or user.generation != claims.generation:
            return None
        method: Method = "token" if claims.method == "token" else "one_time" if user is LOCAL else "password"
        return self._identity(user, method, claims.session, claims.expires_s)

    def still_holds(self, identity: Identity) -> bool:
        """May a stream that was opened by somebody go on?"""
        user = self._user(identity.name)
        expires_s = max(identity.expires_s, self._renewed.get(identity.session, 0.0))
        return (
            user is not None
            and identity.session not in self._ended
            and expires_s > self._clock()
            and (user.roles, user.scope) == (identity.roles, identity.scope)
        )

    def renewed(self, identity: Identity) -> Identity | None:
        """The session with its whole life before it; None where it is fresh enough, or a token."""
        now_s = self._clock()
        if identity.method == "token" or identity.expires_s - now_s > self.session_s * 0.8:
            return None
        expires_s = now_s + self.session_s
        _remember(self._renewed, identity.session, expires_s)
        return self._with_expiry(identity, expires_s)

    def token_for(self, identity: Identity, life_s: int) -> tuple[str, float]:
        """A token for a program that acts for somebody, and when it ends."""
        user = self._user(identity.name)
        if user is None:
            raise LookupError(identity.name)
        expires_s = self._clock() + min(life_s, self._access.token_s_max)
        return self.signed(self._identity(user, "token", new_session(), expires_s)), expires_s

    def signed(self, identity: Identity) -> str:
        """What a cookie or a header carries."""
        user = self._user(identity.name)
        generation = 0 if user is None else user.generation
        return self._signer.sign(
            Claims(identity.name, generation, identity.method, identity.session, identity.expires_s)
        )

    def end(self, identity: Identity) -> None:
        """Sign somebody out, at every window that has the same session."""
        _remember(self._ended, identity.session, identity.expires_s)

    def _user(self, name: str) -> User | None:
        if self._users is None:
            return LOCAL if name == LOCAL.name else None
        now_s = self._clock()
        if now_s >= self._refresh_at_s:
            self._refresh_at_s = now_s + _REFRESH_S
            self._refresh()
        return self._users.find(name)

    def _refresh(self) -> None:
        """A file that has become unreadable admits nobody, and the log says why."""
        try:
            if self._users is not None:
                self._users.refresh()
        except ConfigError as error:
            logger.error("users_unreadable", error=str(error))  # noqa: TRY400  an operator's error, no bug

    def _new_code(self) -> None:
        self._code = secrets.token_urlsafe(_CODE_BYTES)
        self._announce_code(self._code)

    @staticmethod
    def _identity(user: User, method: Method, session: str, expires_s: float) -> Identity:
        roles: tuple[Role, ...] = user.roles
        return Identity(user.name, roles, user.scope, method, session, expires_s)

    @staticmethod
    def _with_expiry(identity: Identity, expires_s: float) -> Identity:
        return Identity(
            identity.name, identity.roles, identity.scope, identity.method, identity.session, expires_s
        )


def _keys(name: str, address: str) -> tuple[str, str]:
    return f"name {name}", f"address {address}"


def _remember(into: OrderedDict[str, float], session: str, until_s: float) -> None:
    into[session] = until_s
    if len(into) > _ENDED_MAX:
        into.popitem(last=False)
