"""Authentication by password, one-time code, cookie or token."""

import asyncio
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import structlog

from gateway_api.access.hashing import HashQueue
from gateway_api.access.identity import EVERYTHING, Identity, Method
from gateway_api.access.second_factor import (
    address_of_secret,
    needs_second_factor,
    offered_secrets,
    step_of,
)
from gateway_api.access.sessions import SignedInSession, SignedInSessions, store_of
from gateway_api.access.signing import Claims, TokenSigner, new_session
from gateway_api.access.throttle import Bound, Throttle, bounds_of
from gateway_api.access.users import User, UsersFile, edit_users, with_second_factor
from runtime.errors import ConfigError
from runtime.store.timed import TimedStore
from schemas.deployment import Access

logger = structlog.get_logger()

LOCAL = User.model_construct(
    name="local", roles=("trader", "risk", "admin"), scope=(EVERYTHING,), generation=1
)
"""The only user of a machine holds all roles. With a users file nobody does."""
TOKEN_S_MAX = 900
CODE_S = 600
_CODE_BYTES = 12
_RENEWED_MAX = 10_000
_REFRESH_S = 2.0


@dataclass(frozen=True, slots=True)
class Entry:
    """The outcome of a sign-in."""

    identity: Identity | None = None
    lacks: Literal["second_factor", "enrolment"] | None = None
    """The password was correct, but this is required as well."""
    enrol_with: str = ""
    """The `otpauth:` URL of the secret to set up."""


@dataclass(frozen=True, slots=True)
class ProgramTokens:
    """The tokens of a program."""

    token: str
    expires_s: float
    refresh_token: str
    refresh_expires_s: float
    identity: Identity


class NotNowError(Exception):
    """A sign-in that was refused without verification."""

    def __init__(self, wait_s: float, *, is_busy: bool) -> None:
        """`is_busy`: other sign-ins are in progress; otherwise there were too many failures."""
        super().__init__(wait_s)
        self.wait_s = wait_s
        self.is_busy = is_busy


class Authentication:
    """Signs users in and identifies them. Times are wall clock, seconds since 1970."""

    def __init__(
        self,
        access: Access,
        announce_code: Callable[[str], None],
        clock: Callable[[], float] = time.time,
        store: TimedStore | None = None,
    ) -> None:
        """Raises ConfigError where the files in `access` are invalid."""
        self._access = access
        self._announce_code = announce_code
        self._clock = clock
        self._signer = TokenSigner(access.signing_key_file)
        self._users = None if access.users_file is None else UsersFile(Path(access.users_file))
        self._refresh_at_s = 0.0
        self._code: tuple[str, float] | None = None
        self._throttle = Throttle()
        self._hashing = HashQueue()
        self.sessions = SignedInSessions(store or store_of(access, clock))
        self._renewed: OrderedDict[str, float] = OrderedDict()
        if self._users is None:
            self.announce_new_code()

    @property
    def is_one_time(self) -> bool:
        """Whether there is a single user with one-time codes, rather than users with passwords."""
        return self._users is None

    @property
    def session_s(self) -> int:
        """Idle timeout of a session, seconds."""
        return self._access.session_s

    async def sign_in(self, name: str, password: str, code: str | None, address: str) -> Entry:
        """Sign in by name, password and second factor. Raises NotNowError where it was not verified."""
        users = self._users
        if users is None:
            return Entry()
        self._refresh()
        is_known = await self.sessions.knows(name, address)
        bounds = self._admitted(name, address, is_known=is_known)
        right = await self._hashing.run(lambda: users.is_password(name, password), is_known=is_known)
        user = users.find(name)
        if not right or user is None:
            return Entry()
        if needs_second_factor(user.roles) and name not in self._access.second_factor_exempt:
            entry, user = await self._second(user, code)
            if entry is not None or user is None:
                if code is None:
                    self._throttle.refund(bounds)
                return entry or Entry()
        self._throttle.clear(bounds)
        await self.sessions.know(name, address, self._clock())
        return Entry(await self._begin(user, "password", address))

    def _admitted(self, name: str, address: str, *, is_known: bool) -> tuple[Bound, ...]:
        """Count an attempt before any await; raises NotNowError where it has to wait."""
        if self._hashing.is_full(is_known=is_known):
            raise NotNowError(1.0, is_busy=True)
        bounds = bounds_of(name, address, is_known=is_known)
        wait_s = self._throttle.attempt(bounds, self._clock())
        if wait_s > 0:
            raise NotNowError(wait_s, is_busy=False)
        return bounds

    async def _second(self, user: User, code: str | None) -> tuple[Entry | None, User | None]:
        """Check the second factor: returns an entry that ends the sign-in, or the user to continue with."""
        now_s = self._clock()
        offered = offered_secrets(self._signer.key, user.name, user.stamp, now_s)
        if code is None:
            if user.totp is not None:
                return Entry(lacks="second_factor"), None
            return Entry(lacks="enrolment", enrol_with=address_of_secret(offered[0], user.name)), None
        for secret in offered if user.totp is None else (user.totp,):
            step = step_of(secret, code, now_s)
            if step is not None and await self.sessions.use_code(user.name, step, now_s):
                return None, user if user.totp is not None else await self._enrolled(user.name, secret)
        return None, None

    async def _enrolled(self, name: str, secret: str) -> User | None:
        """Set up a user's second factor; raises ConfigError where the users file cannot be written."""
        path = Path(self._access.users_file or "")
        await asyncio.to_thread(edit_users, path, lambda users: with_second_factor(users, name, secret))
        self._refresh()
        return None if self._users is None else self._users.find(name)

    async def sign_in_once(self, code: str, address: str) -> Identity | None:
        """Sign in by the announced code, which is then void and replaced by a new one.

        Wrong codes are throttled, a correct one is not. Raises NotNowError.
        """
        now_s = self._clock()
        known, until_s = self._code or ("", 0.0)
        if now_s < until_s and secrets.compare_digest(code.encode(), known.encode()):
            self.announce_new_code()
            return await self._begin(LOCAL, "one_time", address)
        wait_s = self._throttle.attempt(bounds_of(LOCAL.name, address, is_known=True), now_s)
        if wait_s > 0:
            raise NotNowError(wait_s, is_busy=False)
        return None

    def announce_new_code(self) -> None:
        """Announce a new code, replacing the previous one; it is valid once, for ten minutes."""
        if self._users is None:
            self._code = secrets.token_urlsafe(_CODE_BYTES), self._clock() + CODE_S
            self._announce_code(self._code[0])

    async def identify(self, token: str) -> Identity | None:
        """The user of a cookie or token, if it is still valid."""
        claims = self._signer.read(token, self._clock())
        user = None if claims is None else self._user(claims.name)
        if claims is None or user is None or not await self._is_live(claims, user):
            return None
        return self._identity(user, claims)

    async def _is_live(self, claims: Claims, user: User) -> bool:
        if user.stamp != claims.stamp:
            return False
        state = await self.sessions.state(claims.name, claims.session)
        return state == "live" or (state is None and not claims.is_listed)

    async def still_holds(self, identity: Identity) -> bool:
        """Whether a stream opened by a user may continue."""
        user = self._user(identity.name)
        expires_s = max(identity.expires_s, self._renewed.get(identity.session, 0.0))
        if user is None or user.stamp != identity.stamp or expires_s <= self._clock():
            return False
        state = await self.sessions.state(identity.name, identity.session)
        return state == "live" or (state is None and not identity.is_listed)

    def holder(self, name: str) -> Identity | None:
        """The current identity of a user, signed in or not; None where the user no longer exists."""
        user = self._user(name)
        if user is None:
            return None
        return self._identity(user, Claims(user.name, user.stamp, "password", "", 0.0, 0.0))

    def renew(self, identity: Identity) -> Identity | None:
        """Restart the idle timeout of a session, up to its absolute end.

        None where that is not due yet, or for a program.
        """
        now_s = self._clock()
        expires_s = min(now_s + self.session_s, identity.began_s + self._access.session_s_max)
        is_fresh = identity.expires_s - now_s > self.session_s * 0.8 or expires_s <= identity.expires_s
        if identity.method == "token" or is_fresh:
            return None
        self._renewed[identity.session] = expires_s
        if len(self._renewed) > _RENEWED_MAX:
            self._renewed.popitem(last=False)
        return replace(identity, expires_s=expires_s)

    async def begin_program(self, identity: Identity, address: str) -> ProgramTokens:
        """Begin a session of a program that acts for a user; returns its tokens.

        Raises LookupError where there is no such user.
        """
        user = self._user(identity.name)
        if user is None:
            raise LookupError(identity.name)
        began = await self._begin(user, "token", address)
        return self._program_tokens(began, began.began_s + self._access.refresh_s_max)

    async def refresh_program(self, refresh_token: str, address: str) -> ProgramTokens | None:
        """Exchange a refresh token for the next tokens; a reused one was stolen, and ends its session."""
        claims = self._signer.read(refresh_token, self._clock(), "refresh")
        user = None if claims is None else self._user(claims.name)
        if claims is None or user is None or not await self._is_live(claims, user):
            return None
        if not await self.sessions.use_token(claims.session, claims.number, claims.expires_s):
            await self.sessions.end(claims.name, claims.session, claims.expires_s)
            logger.error("refresh_token_used_twice", principal=claims.name, address=address)
            return None
        identity = self._identity(user, claims)
        if not claims.is_listed:
            identity = replace(identity, is_listed=True)
            await self._list(identity, claims.expires_s, address)
        return self._program_tokens(identity, claims.expires_s)

    def _program_tokens(self, identity: Identity, ends_s: float) -> ProgramTokens:
        life_s = min(self._access.token_s_max, TOKEN_S_MAX)
        identity = replace(identity, expires_s=min(self._clock() + life_s, ends_s))
        refresh = replace(_claims(identity), use="refresh", number=new_session(), expires_s=ends_s)
        return ProgramTokens(
            self.signed(identity), identity.expires_s, self._signer.sign(refresh), ends_s, identity
        )

    def signed(self, identity: Identity) -> str:
        """The token for a cookie or header."""
        return self._signer.sign(_claims(identity))

    async def end(self, name: str, session: str) -> None:
        """End a session in every browser window and at every gateway."""
        lives_s = max(self._access.session_s_max, self._access.refresh_s_max)
        await self.sessions.end(name, session, self._clock() + lives_s)

    async def _begin(self, user: User, method: Method, address: str) -> Identity:
        now_s = self._clock()
        claims = Claims(user.name, user.stamp, method, new_session(), now_s, now_s + self.session_s)
        identity = self._identity(user, claims)
        life_s = self._access.refresh_s_max if method == "token" else self._access.session_s_max
        await self._list(identity, now_s + life_s, address)
        return identity

    async def _list(self, identity: Identity, ends_s: float, address: str) -> None:
        shown = SignedInSession(identity.session, identity.method, identity.began_s, ends_s, address)
        await self.sessions.begin(identity.name, shown)

    def _user(self, name: str) -> User | None:
        if self._users is None:
            return LOCAL if name == LOCAL.name else None
        now_s = self._clock()
        if now_s >= self._refresh_at_s:
            self._refresh_at_s = now_s + _REFRESH_S
            self._refresh()
        return self._users.find(name)

    def _refresh(self) -> None:
        """A file that has become unreadable admits nobody; the log gives the reason."""
        try:
            if self._users is not None:
                self._users.refresh()
        except ConfigError as error:
            logger.error("users_unreadable", error=str(error))  # noqa: TRY400  an operator error, not a bug

    @staticmethod
    def _identity(user: User, claims: Claims) -> Identity:
        return Identity(
            name=user.name,
            roles=user.roles,
            scope=user.scope,
            method=claims.method,
            session=claims.session,
            expires_s=claims.expires_s,
            began_s=claims.began_s,
            stamp=user.stamp,
            is_listed=claims.is_listed,
        )


def _claims(identity: Identity) -> Claims:
    return Claims(
        name=identity.name,
        stamp=identity.stamp,
        method=identity.method,
        session=identity.session,
        began_s=identity.began_s,
        expires_s=identity.expires_s,
        is_listed=identity.is_listed,
    )
