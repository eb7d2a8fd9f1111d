"""Sign-in and sign-out, sessions, and tokens for programs."""

import math
from typing import Annotated, Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field, model_validator

from gateway_api.access.authentication import Entry, NotNowError, ProgramTokens
from gateway_api.access.identity import Identity, Method
from gateway_api.access.roles import Permission, Role, permissions
from gateway_api.app.authorisation import (
    REFUSALS,
    Authorisation,
    address_of,
    cookie_name,
    identity_of,
    set_cookie,
)
from gateway_api.app.bodies import StrictRoute
from gateway_api.app.problems import ProblemError, documented
from gateway_api.app.responses import Answer
from runtime.errors import ConfigError
from schemas.names import WORDS_PATTERN


class SignInRequest(BaseModel):
    """The code printed at the start; or name and password, with the second factor where required."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    code: Annotated[str | None, Field(min_length=1, max_length=128)] = None
    name: Annotated[str | None, Field(min_length=1, max_length=64, pattern=WORDS_PATTERN)] = None
    password: Annotated[str | None, Field(min_length=1, max_length=1024)] = None
    second_factor: Annotated[str | None, Field(pattern=r"^[0-9]{6}$")] = None
    """The six digits shown by the authenticator app."""

    @model_validator(mode="after")
    def _one_way(self) -> "SignInRequest":
        if (self.code is None) == (self.name is None) or (self.name is None) != (self.password is None):
            raise ValueError("give either the code or name and password")
        if self.second_factor is not None and self.name is None:
            raise ValueError("a second factor requires name and password")
        return self


class SessionResponse(Answer):
    """The signed-in user."""

    name: str
    roles: tuple[Role, ...]
    scope: tuple[str, ...]
    permissions: tuple[Permission, ...]
    method: Method
    sign_in: Literal["one_time", "users"]
    expires_ms: float


class TokenRequest(BaseModel):
    """A token for a program acting for the user."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class RefreshRequest(BaseModel):
    """The refresh token issued with the last token; valid once."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    refresh_token: Annotated[str, Field(min_length=1, max_length=4096)]


class TokenResponse(Answer):
    """To be sent as Authorization: Bearer; before it expires, the refresh token gets the next one."""

    token: str
    expires_ms: float
    refresh_token: str
    refresh_expires_ms: float


class SessionViewModel(Answer):
    """A session of the user."""

    session: str
    method: Method
    address: str
    began_ms: float
    ends_ms: float
    """Latest end; an idle session ends earlier."""
    is_this: bool


class SessionsResponse(Answer):
    """All sessions of the user, newest first."""

    sessions: tuple[SessionViewModel, ...]


class _Reception:
    """Request handlers of /session."""

    def __init__(self, authorisation: Authorisation) -> None:
        self._authorisation = authorisation
        self._authentication = authorisation.authentication

    async def show(self, request: Request) -> SessionResponse:
        """The signed-in user and their permissions."""
        return self._answer(identity_of(request))

    async def sign_in(self, body: SignInRequest, request: Request, response: Response) -> SessionResponse:
        """Begin a session; its cookie is only for the page."""
        name, address = body.name or "local", address_of(request)
        try:
            entry = await self._enter(body, address)
        except NotNowError as error:
            raise _not_now(error) from None
        except ConfigError as error:
            raise ProblemError(
                503, "cannot_enrol", str(error), f"Run: maker users totp {name} --file FILE"
            ) from None
        if entry.lacks is not None:
            raise _lacking(entry)
        if entry.identity is None:
            self._authorisation.audit(request, "sign_in_failed", name)
            raise _wrong(is_code=body.code is not None)
        self._authorisation.audit(request, "signed_in", entry.identity.name, entry.identity.method)
        set_cookie(request, response, self._authentication, entry.identity)
        return self._answer(entry.identity)

    async def _enter(self, body: SignInRequest, address: str) -> Entry:
        if body.code is not None:
            return Entry(await self._authentication.sign_in_once(body.code, address))
        return await self._authentication.sign_in(
            body.name or "", body.password or "", body.second_factor, address
        )

    async def sign_out(self, request: Request, response: Response) -> None:
        """End the session in every browser window."""
        identity = identity_of(request)
        await self._authentication.end(identity.name, identity.session)
        self._authorisation.audit(request, "signed_out", identity.name)
        response.delete_cookie(
            cookie_name(request), path="/", secure=request.app.state.secure_cookies, httponly=True
        )

    async def token(self, body: TokenRequest, request: Request) -> TokenResponse:
        """A signed token for a program, with the user's permissions."""
        identity = identity_of(request)
        if identity.method == "token":
            raise ProblemError(
                403, "not_permitted", "A token cannot create tokens.", "Sign in and try again."
            )
        made = await self._authentication.begin_program(identity, address_of(request))
        self._authorisation.audit(request, "token_made", identity.name, made.identity.session)
        return _tokens(made)

    async def refresh(self, body: RefreshRequest, request: Request) -> TokenResponse:
        """The next token of a program with its refresh token. Reuse of a refresh token ends both."""
        made = await self._authentication.refresh_program(body.refresh_token, address_of(request))
        if made is None:
            raise ProblemError(
                401,
                "refresh_refused",
                "This refresh token has expired, was used before, or is not of this engine.",
                "Get a new one with POST /api/v1/session/token or `maker token --refresh`.",
            )
        self._authorisation.audit(
            request, "token_made", made.identity.name, f"{made.identity.session} refreshed"
        )
        return _tokens(made)

    async def list(self, request: Request) -> SessionsResponse:
        """The user's sessions, including programs acting for them."""
        identity = identity_of(request)
        return SessionsResponse(
            sessions=tuple(
                SessionViewModel(
                    session=each.session,
                    method=each.method,
                    address=each.address,
                    began_ms=each.began_s * 1000,
                    ends_ms=each.ends_s * 1000,
                    is_this=each.session == identity.session,
                )
                for each in await self._authentication.sessions.of(identity.name)
            )
        )

    async def end(self, session: str, request: Request) -> None:
        """End one of the user's sessions, with its streams, wherever it is."""
        identity = identity_of(request)
        if session not in {each.session for each in await self._authentication.sessions.of(identity.name)}:
            raise ProblemError(
                404, "no_such_session", f"{identity.name} has no session {session}.", "GET /api/v1/sessions"
            )
        await self._authentication.end(identity.name, session)
        self._authorisation.audit(request, "signed_out", identity.name, f"ended {session}")

    def _answer(self, identity: Identity) -> SessionResponse:
        return SessionResponse(
            name=identity.name,
            roles=identity.roles,
            scope=identity.scope,
            permissions=permissions(identity.roles),
            method=identity.method,
            sign_in="one_time" if self._authentication.is_one_time else "users",
            expires_ms=identity.expires_s * 1000,
        )


def _not_now(error: NotNowError) -> ProblemError:
    wait_s = math.ceil(error.wait_s)
    detail = "Other sign-ins are in progress." if error.is_busy else "Too many failed sign-ins."
    return ProblemError(
        503 if error.is_busy else 429,
        "busy" if error.is_busy else "too_many_attempts",
        f"{detail} Try again in {wait_s} s.",
        "Wait, and check the name.",
        {"Retry-After": str(wait_s)},
    )


def _lacking(entry: Entry) -> ProblemError:
    """The password was correct; the document says what else is required."""
    if entry.lacks == "second_factor":
        return ProblemError(
            401,
            "second_factor_needed",
            "The password is correct; the roles risk and admin also need a second factor.",
            "Send second_factor: the six digits shown by your app.",
        )
    return ProblemError(
        401,
        "second_factor_enrolment",
        "The password is correct; the roles risk and admin need a second factor, which is not set up yet.",
        "Add the address in otpauth to an app such as FreeOTP and send its six digits as second_factor.",
        members={"otpauth": entry.enrol_with},
    )


def _wrong(*, is_code: bool) -> ProblemError:
    hint = (
        "A code is valid once, for 10 minutes; the line with the page's URL says how to get another."
        if is_code
        else "Both are case-sensitive; the digits of a second factor are valid once."
    )
    return ProblemError(401, "wrong_credentials", "The sign-in failed.", hint)


def _tokens(made: ProgramTokens) -> TokenResponse:
    return TokenResponse(
        token=made.token,
        expires_ms=made.expires_s * 1000,
        refresh_token=made.refresh_token,
        refresh_expires_ms=made.refresh_expires_s * 1000,
    )


def make_router(authorisation: Authorisation) -> APIRouter:
    """The routes under /session and /sessions."""
    reception = _Reception(authorisation)
    router = APIRouter(route_class=StrictRoute, tags=["session"])
    inside = [authorisation.requires(None)]
    router.get("/session", responses=REFUSALS, dependencies=inside)(reception.show)
    router.post("/session", responses=documented(401, 422, 429, 503))(reception.sign_in)
    router.delete("/session", status_code=204, responses=REFUSALS, dependencies=inside)(reception.sign_out)
    router.post("/session/token", responses=REFUSALS, dependencies=inside)(reception.token)
    router.post("/session/refresh", responses=documented(401, 422))(reception.refresh)
    router.get("/sessions", responses=REFUSALS, dependencies=inside)(reception.list)
    router.delete(
        "/sessions/{session}", status_code=204, responses=REFUSALS | documented(404), dependencies=inside
    )(reception.end)
    return router
