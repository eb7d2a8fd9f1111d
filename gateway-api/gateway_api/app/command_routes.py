"""What can be commanded: start and stop of a symbol, halt and resume of a symbol or of all."""

from collections.abc import Callable
from typing import Annotated, Any
from uuid import uuid4

from fastapi import APIRouter, Header, Request
from pydantic import BaseModel, ConfigDict, Field

from chassis.process import GatewayContext
from chassis.text import iso_time
from gateway_api.access.roles import Permission
from gateway_api.app.entrance import Entrance, identity_of
from gateway_api.app.problems import ProblemError, documented
from gateway_api.app.reading import find_key
from gateway_api.app.responses import CommandResponse
from gateway_api.app.sent import Sent
from schemas.control import Command, CommandAction
from schemas.message import ALL_SYMBOLS

_PROBLEMS = documented(401, 403, 404, 409, 413, 422)

Symbol = Annotated[str, Field(min_length=1, max_length=128, description="a symbol, or * for all")]
IdempotencyKey = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=128,
        pattern=r"^[\x21-\x7e]+$",
        description="becomes the command id: the same key twice is one command",
    ),
]


class SwitchRequest(BaseModel):
    """Start or stop the quoting of a symbol."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    symbol: Symbol
    venue: Annotated[str | None, Field(max_length=64)] = None
    reason: Annotated[str, Field(max_length=1000)] = ""


class HaltRequest(BaseModel):
    """Stop trading, until a resume."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    symbol: Symbol
    venue: Annotated[str | None, Field(max_length=64)] = None
    reason: Annotated[str, Field(min_length=1, max_length=1000, pattern=r"\S")]


class ResumeRequest(HaltRequest):
    """End a halt."""

    halt_sequence: Annotated[int | None, Field(ge=0)] = None
    """The halt that it ends, so that a newer one stays; none: the current one."""


class _Commander:
    """Sends commands. It never waits for their effect: that shows in the status."""

    def __init__(self, context: GatewayContext, entrance: Entrance, sent: Sent) -> None:
        self._context = context
        self._entrance = entrance
        self._sent = sent

    async def start(
        self, body: SwitchRequest, request: Request, idempotency_key: IdempotencyKey = None
    ) -> CommandResponse:
        """Let a symbol be quoted again."""
        return self._send("start", body, request, idempotency_key)

    async def stop(
        self, body: SwitchRequest, request: Request, idempotency_key: IdempotencyKey = None
    ) -> CommandResponse:
        """Take a symbol's quotes out of the market."""
        return self._send("stop", body, request, idempotency_key)

    async def halt(
        self, body: HaltRequest, request: Request, idempotency_key: IdempotencyKey = None
    ) -> CommandResponse:
        """Latch a risk halt of a symbol or of the account."""
        return self._send("halt", body, request, idempotency_key)

    async def resume_request(
        self, body: ResumeRequest, request: Request, idempotency_key: IdempotencyKey = None
    ) -> CommandResponse:
        """Ask for the end of a risk halt: another person has to agree."""
        return self._send("resume_request", body, request, idempotency_key, body.halt_sequence)

    async def resume(
        self, body: ResumeRequest, request: Request, idempotency_key: IdempotencyKey = None
    ) -> CommandResponse:
        """End a risk halt; where two people are needed, one that another person has asked to end."""
        return self._send("resume", body, request, idempotency_key, body.halt_sequence)

    def _send(
        self,
        action: CommandAction,
        body: SwitchRequest | HaltRequest,
        request: Request,
        idempotency_key: str | None,
        halt_sequence: int | None = None,
    ) -> CommandResponse:
        venue, symbol = self._scope(body.symbol, body.venue)
        identity = identity_of(request)
        self._entrance.check_scope(request, identity, f"{venue}:{symbol}")
        command = Command(
            event_time_ns=self._context.now_ns(),
            venue=venue,
            symbol=symbol,
            command_id=idempotency_key or uuid4().hex,
            action=action,
            principal=identity.name,
            reason=body.reason,
            halt_sequence=halt_sequence,
        )
        return _answer(self._sent.once(command.command_id, command))

    def _scope(self, symbol: str, venue: str | None) -> tuple[str, str]:
        if symbol == ALL_SYMBOLS:
            if venue not in (None, ALL_SYMBOLS):
                raise ProblemError(
                    422,
                    "invalid_request",
                    f"venue: all symbols of one venue cannot be named (got {venue!r})",
                    "Leave venue out, or name a symbol.",
                )
            return ALL_SYMBOLS, ALL_SYMBOLS
        found_venue, _, found_symbol = find_key(self._context.store, symbol, venue).partition(":")
        return found_venue, found_symbol


def _answer(command: Command) -> CommandResponse:
    return CommandResponse(
        command_id=command.command_id,
        action=command.action,
        symbol=command.symbol,
        venue=command.venue,
        event_time=iso_time(command.event_time_ns),
    )


def make_router(context: GatewayContext, entrance: Entrance, sent: Sent) -> APIRouter:
    """The POST routes under /maker."""
    commander = _Commander(context, entrance, sent)
    router = APIRouter(prefix="/maker", tags=["commands"])
    routes: tuple[tuple[str, Permission, Callable[..., Any]], ...] = (
        ("/start", "start", commander.start),
        ("/stop", "stop", commander.stop),
        ("/risk/halt", "halt", commander.halt),
        ("/risk/resume-request", "resume_request", commander.resume_request),
        ("/risk/resume", "resume", commander.resume),
    )
    for path, permission, endpoint in routes:
        router.post(path, status_code=202, responses=_PROBLEMS, dependencies=[entrance.requires(permission)])(
            endpoint
        )
    return router
