"""Signing in and out, and tokens for programs."""

import math
from typing import Annotated, Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field, model_validator

from gateway_api.access.identity import Identity, Method
from gateway_api.access.roles import Permission, Role, permissions
from gateway_api.app.entrance import COOKIE, REFUSALS, Entrance, address_of, identity_of, set_cookie
from gateway_api.app.problems import ProblemError, documented
from gateway_api.app.responses import Answer


class SignInRequest(BaseModel):
    """The code that the start printed, or name and password."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    code: Annotated[str | None, Field(min_length=1, max_length=128)] = None
    name: Annotated[str | None, Field(min_length=1, max_length=64)] = None
    password: Annotated[str | None, Field(min_length=1, max_length=1024)] = None

    @model_validator(mode="after")
    def _one_way(self) -> "SignInRequest":
        if (self.code is None) == (self.name is None) or (self.name is None) != (self.password is None):
            raise ValueError("give the code alone, or name and password")
        return self


class SessionResponse(Answer):
    """Who is signed in."""

    name: str
    roles: tuple[Role, ...]
    scope: tuple[str, ...]
    permissions: tuple[Permission, ...]
    method: Method
    sign_in: Literal["one_time", "users"]
    expires_ms: float


class TokenRequest(BaseModel):
    """A token for a program that acts for whoever asks."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    minutes: Annotated[int, Field(ge=1, le=525_600)] = 15


class TokenResponse(Answer):
    """To be sent as Authorization: Bearer."""

    token: str
    expires_ms: float


class _Reception:
    """The answers under /session."""

    def __init__(self, entrance: Entrance) -> None:
        self._entrance = entrance
        self._door = entrance.door

    async def show(self, request: Request) -> SessionResponse:
        """Who is signed in, and what they may do."""
        return self._answer(identity_of(request))

    async def sign_in(self, body: SignInRequest, request: Request, response: Response) -> SessionResponse:
        """Begin a session: its cookie is for the page alone."""
        name, address = body.name or "local", address_of(request)
        wait_s = self._door.wait_s(name, address)
        if wait_s > 0:
            raise ProblemError(
                429,
                "too_many_attempts",
                f"Too many sign-ins failed; the next one counts in {math.ceil(wait_s)} s.",
                "Wait, and look whether the name is right.",
                {"Retry-After": str(math.ceil(wait_s))},
            )
        identity = await self._identify(body, address)
        if identity is None:
            self._entrance.tell(request, "sign_in_failed", name)
            hint = "A code counts once: the engine printed the next."
            hint = hint if body.code else "Both are case-sensitive."
            raise ProblemError(401, "wrong_credentials", "That does not sign anybody in.", hint)
        self._entrance.tell(request, "signed_in", identity.name, identity.method)
        set_cookie(response, self._door, identity, secure=request.app.state.secure_cookies)
        return self._answer(identity)

    async def _identify(self, body: SignInRequest, address: str) -> Identity | None:
        if body.code is not None:
            return self._door.sign_in_once(body.code, address)
        return await self._door.sign_in(body.name or "", body.password or "", address)

    async def sign_out(self, request: Request, response: Response) -> None:
        """End the session, at every window that has it."""
        identity = identity_of(request)
        self._door.end(identity)
        self._entrance.tell(request, "signed_out", identity.name)
        response.delete_cookie(COOKIE, path="/")

    async def token(self, body: TokenRequest, request: Request) -> TokenResponse:
        """A signed token for a program, with the rights of whoever asks."""
        identity = identity_of(request)
        if identity.method == "token":
            raise ProblemError(403, "not_permitted", "A token makes no token.", "Sign in, and ask again.")
        token, expires_s = self._door.token_for(identity, body.minutes * 60)
        self._entrance.tell(request, "token_made", identity.name, f"{body.minutes} minutes")
        return TokenResponse(token=token, expires_ms=expires_s * 1000)

    def _answer(self, identity: Identity) -> SessionResponse:
        return SessionResponse(
            name=identity.name,
            roles=identity.roles,
            scope=identity.scope,
            permissions=permissions(identity.roles),
            method=identity.method,
            sign_in="one_time" if self._door.is_one_time else "users",
            expires_ms=identity.expires_s * 1000,
        )


def make_router(entrance: Entrance) -> APIRouter:
    """The routes under /session."""
    reception = _Reception(entrance)
    router = APIRouter(prefix="/session", tags=["session"])
    inside = [entrance.requires(None)]
    router.get("", responses=REFUSALS, dependencies=inside)(reception.show)
    router.post("", responses=documented(401, 422, 429))(reception.sign_in)
    router.delete("", status_code=204, responses=REFUSALS, dependencies=inside)(reception.sign_out)
    router.post("/token", responses=REFUSALS, dependencies=inside)(reception.token)
    return router
