"""What can be commanded: start and stop of a symbol, halt and resume of a symbol or of all."""

from collections import OrderedDict
from typing import Annotated, Any
from uuid import uuid4

from fastapi import APIRouter, Header
from pydantic import BaseModel, ConfigDict, Field

from chassis.process import GatewayContext
from chassis.text import iso_time
from gateway_api.app.problems import Problem, ProblemError
from gateway_api.app.reading import find_key
from gateway_api.app.responses import CommandResponse
from schemas.control import Command, CommandAction
from schemas.message import ALL_SYMBOLS

_PRINCIPAL = "local"
_KEYS_REMEMBERED = 1_024
_PROBLEMS: dict[int | str, dict[str, Any]] = {code: {"model": Problem} for code in (403, 404, 409, 413, 422)}

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

    def __init__(self, context: GatewayContext) -> None:
        self._context = context
        self._sent: OrderedDict[str, Command] = OrderedDict()

    async def start(self, request: SwitchRequest, idempotency_key: IdempotencyKey = None) -> CommandResponse:
        """Let a symbol be quoted again."""
        return self._send("start", request, idempotency_key)

    async def stop(self, request: SwitchRequest, idempotency_key: IdempotencyKey = None) -> CommandResponse:
        """Take a symbol's quotes out of the market."""
        return self._send("stop", request, idempotency_key)

    async def halt(self, request: HaltRequest, idempotency_key: IdempotencyKey = None) -> CommandResponse:
        """Latch a risk halt of a symbol or of the account."""
        return self._send("halt", request, idempotency_key)

    async def resume(self, request: ResumeRequest, idempotency_key: IdempotencyKey = None) -> CommandResponse:
        """End a risk halt."""
        sequence = request.halt_sequence
        return self._send("resume", request, idempotency_key, sequence)

    def _send(
        self,
        action: CommandAction,
        request: SwitchRequest | HaltRequest,
        idempotency_key: str | None,
        halt_sequence: int | None = None,
    ) -> CommandResponse:
        venue, symbol = self._scope(request.symbol, request.venue)
        command = Command(
            event_time_ns=self._context.now_ns(),
            venue=venue,
            symbol=symbol,
            command_id=idempotency_key or uuid4().hex,
            action=action,
            principal=_PRINCIPAL,
            reason=request.reason,
            halt_sequence=halt_sequence,
        )
        return _answer(self._send_once(command))

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

    def _send_once(self, command: Command) -> Command:
        """Send, or find the command that the same key already sent.

        The engine knows each command id too; this memory answers a repeated request with the same time.
        """
        known = self._sent.get(command.command_id)
        if known is None:
            self._sent[command.command_id] = command
            if len(self._sent) > _KEYS_REMEMBERED:
                self._sent.popitem(last=False)
            self._context.send_command(command)
            return command
        if known != command.model_copy(update={"event_time_ns": known.event_time_ns}):
            raise ProblemError(
                422,
                "idempotency_key_reused",
                f"Idempotency-Key {command.command_id!r} already belongs to: {known.action} {known.key}.",
                "Use a new key for a new command.",
            )
        return known


def _answer(command: Command) -> CommandResponse:
    return CommandResponse(
        command_id=command.command_id,
        action=command.action,
        symbol=command.symbol,
        venue=command.venue,
        event_time=iso_time(command.event_time_ns),
    )


def make_router(context: GatewayContext) -> APIRouter:
    """The POST routes under /maker."""
    commander = _Commander(context)
    router = APIRouter(prefix="/maker", tags=["commands"])
    for path, endpoint in (
        ("/start", commander.start),
        ("/stop", commander.stop),
        ("/risk/halt", commander.halt),
        ("/risk/resume", commander.resume),
    ):
        router.post(path, status_code=202, responses=_PROBLEMS)(endpoint)
    return router
