"""Commands: start, stop and flatten a symbol, halt and resume a symbol or all."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request

from gateway_api.access.identity import Identity
from gateway_api.access.roles import Permission
from gateway_api.app import start_values
from gateway_api.app.authorisation import ACCOUNT_KEY, identity_of
from gateway_api.app.bodies import StrictRoute
from gateway_api.app.command_bodies import (
    FlattenApproval,
    FlattenRequest,
    HaltRequest,
    RemoveRequest,
    ResumeRequest,
    StartRequest,
    SwitchRequest,
)
from gateway_api.app.new_symbols import FOLLOW, REMOVAL, new_key
from gateway_api.app.numbers import size_text
from gateway_api.app.owner_responses import CommandResponse, StartedWith
from gateway_api.app.problems import ProblemError, documented
from gateway_api.app.reading import account_of, find_key, symbol_keys, view_of
from gateway_api.app.sent import Asked, IdempotencyKey, asked
from gateway_api.app.setting_changes import SettingChanges
from gateway_api.app.symbol_status import position_contract
from runtime.process.definition import GatewayContext
from runtime.text import iso_time
from schemas.control import Command, CommandAction
from schemas.message import ALL_SYMBOLS
from schemas.risk import RiskState
from schemas.tallies import RequestSeen

_PROBLEMS = documented(401, 403, 404, 409, 413, 422, 429, 503)

QuerySymbol = Annotated[str | None, Query(min_length=1, max_length=128)]


class _Commander:
    """Sends commands without waiting for their effect, which the status shows."""

    def __init__(self, context: GatewayContext, changes: SettingChanges) -> None:
        self._context = context
        self._authorisation = changes.authorisation
        self._sent = changes.sent
        self._changes = changes

    async def start(
        self, body: StartRequest, request: Request, idempotency_key: IdempotencyKey = None
    ) -> CommandResponse:
        """Start quoting a symbol, also one not traded yet if a feed has it; with values of its own."""
        return self._send("start", body, request, idempotency_key)

    async def stop(
        self,
        request: Request,
        body: SwitchRequest | None = None,
        symbol: QuerySymbol = None,
        idempotency_key: IdempotencyKey = None,
    ) -> CommandResponse:
        """Stop quoting a symbol and cancel its quotes. The symbol is in the query or in the body."""
        return self._send("stop", _stop_of(body, symbol), request, idempotency_key)

    async def remove(
        self, body: RemoveRequest, request: Request, idempotency_key: IdempotencyKey = None
    ) -> CommandResponse:
        """Stop a symbol and, once the venue shows none of its orders, follow it no more: until a start."""
        if body.symbol == ALL_SYMBOLS:
            detail = "symbol: all symbols cannot be removed at once."
            raise ProblemError(422, "invalid_request", detail, "Give one symbol.")
        return self._send("remove", body, request, idempotency_key, force=body.force)

    async def halt(
        self, body: HaltRequest, request: Request, idempotency_key: IdempotencyKey = None
    ) -> CommandResponse:
        """Latch a risk halt of a symbol or of the account."""
        return self._send("halt", body, request, idempotency_key)

    async def flatten(
        self, body: FlattenRequest, request: Request, idempotency_key: IdempotencyKey = None
    ) -> CommandResponse:
        """Stop quoting a symbol, or all, and trade away what is held by IOC orders within `balance`.

        With `halt` it is halted as well, and only those orders go out: where two people end a halt, once a
        second person has approved.
        """
        return self._send("halt_flatten" if body.halt else "flatten", body, request, idempotency_key)

    async def approve_flatten(
        self, body: FlattenApproval, request: Request, idempotency_key: IdempotencyKey = None
    ) -> CommandResponse:
        """Approve a flatten under a halt that another person has requested."""
        return self._send("approve_flatten", body, request, idempotency_key, body.halt_sequence)

    async def resume_request(
        self, body: ResumeRequest, request: Request, idempotency_key: IdempotencyKey = None
    ) -> CommandResponse:
        """Request the end of a risk halt: another person has to approve."""
        return self._send("resume_request", body, request, idempotency_key, body.halt_sequence)

    async def resume(
        self, body: ResumeRequest, request: Request, idempotency_key: IdempotencyKey = None
    ) -> CommandResponse:
        """End a risk halt; where two people are needed, one whose end another person has requested."""
        return self._send("resume", body, request, idempotency_key, body.halt_sequence)

    def _send(
        self,
        action: CommandAction,
        body: SwitchRequest | HaltRequest | RemoveRequest | FlattenRequest | FlattenApproval,
        request: Request,
        idempotency_key: str | None,
        halt_sequence: int | None = None,
        *,
        force: bool = False,
    ) -> CommandResponse:
        identity = identity_of(request)
        venue, symbol = self._scope(action, body.symbol or ALL_SYMBOLS, body.venue, identity)
        key = f"{venue}:{symbol}"
        self._authorisation.check_scope(request, identity, key)
        held = self._held(key) if action == "remove" else None
        if held is not None and not force:
            raise ProblemError(
                409,
                "not_flat",
                f"{key} holds {held}.",
                "Reduce the position first, or remove it with force: true; it then stays in the ledger.",
            )
        self._check_flatten(action, key, identity)
        requested = asked(identity.name, idempotency_key, request, body)
        seen = self._answered(action, requested)
        command = Command(
            event_time_ns=self._context.now_ns(),
            venue=venue,
            symbol=symbol,
            command_id=requested.identifier,
            action=action,
            principal=identity.name,
            reason=body.reason,
            halt_sequence=halt_sequence,
            agrees_with=self._agrees_with(action, key),
            force=force,
            request=requested.request,
            scope=identity.scope_at(key),
        )
        own: tuple[StartedWith, ...] = ()
        if seen is None and isinstance(body, StartRequest):
            own = start_values.send(self._changes, request, identity, symbol, body.values(), body.reason)
        if seen is None or action == "halt":  # a halt is never dropped as a duplicate
            self._sent.send(requested, command.command_id, command)
        message = _message(command, own, self._limits_of(action, key))
        return _answer(command, seen, self._follow(action, key, held), own, message)

    def _check_flatten(self, action: CommandAction, key: str, identity: Identity) -> None:
        """Raises ProblemError where it would come to nothing."""
        because = self._halted_because(key) if action == "flatten" else ""
        if because:
            raise ProblemError(
                409,
                "halted",
                f"{_plain(key)} is halted ({because}): no order goes out.",
                "Send halt: true, so that orders that reduce what is held go out under the halt.",
            )
        account = self._risk(ACCOUNT_KEY)
        is_shut = account is not None and account.state == "HALT" and not account.flattens
        if action == "halt_flatten" and key != ACCOUNT_KEY and is_shut:
            raise ProblemError(
                409,
                "halted",
                f"All symbols are halted: no order of {_plain(key)} goes out under that.",
                "Send symbol: null, which flattens all of them, or end the halt of all first.",
            )
        if action != "approve_flatten":
            return
        risk = self._risk(key)
        asker = None if risk is None else risk.flatten_asked_by
        if asker in (None, identity.name):
            detail = f"No flatten of {_plain(key)} waits for a second person."
            if asker is not None:
                detail = f"You asked for the flatten of {_plain(key)} yourself: a second person has to agree."
            raise ProblemError(
                409, "nothing_to_approve", detail, "POST /maker/flatten with halt: true asks for one."
            )

    def _follow(self, action: CommandAction, key: str, held: str | None) -> str | None:
        """Where the effect of the command can be seen, if not in the symbol's status alone."""
        if action == "remove":
            return REMOVAL.format(symbol=key, held=held or "nothing")
        is_new = action == "start" and key not in (ACCOUNT_KEY, *symbol_keys(self._context.store))
        return FOLLOW.format(symbol=key) if is_new else None

    def _held(self, key: str) -> str | None:
        """The position of a symbol in words; None: it is flat."""
        view = view_of(self._context.store, key)
        if view is None or view.position is None or not view.position.position_lots:
            return None
        contract = position_contract(view)
        lots = view.position.position_lots
        if contract is None:
            return f"{lots} lots"
        return f"{size_text(lots, contract)} {contract.base_currency}"

    def _answered(self, action: CommandAction, requested: Asked) -> RequestSeen | None:
        """A halt under a used idempotency key is still a halt."""
        return self._sent.has_answered(requested) if action == "halt" else self._sent.answered(requested)

    def _agrees_with(self, action: CommandAction, key: str) -> str | None:
        """Whose request a command approves: none where the first person no longer has the permission.

        None where no request is visible yet: risk-service knows whether there is one.
        """
        found = self._risk(key)
        if found is None or action not in ("resume_request", "resume", "approve_flatten"):
            return None
        is_flatten = action == "approve_flatten"
        asker = found.flatten_asked_by if is_flatten else found.resume_asked_by
        permission: Permission = "flatten" if is_flatten else "resume_request"
        if asker is None or self._authorisation.may_still(asker, permission, key):
            return asker
        return ""

    def _risk(self, key: str) -> RiskState | None:
        view = account_of(self._context.store) if key == ACCOUNT_KEY else view_of(self._context.store, key)
        return None if view is None else view.risk

    def _limits_of(self, action: CommandAction, key: str) -> str:
        """What the command does not do by itself; empty: it does it all."""
        because = self._halted_because(key) if action == "start" else ""
        if because:
            return f"it is halted ({because}) and not quoted before a resume"
        awaits = action == "halt_flatten" and self._context.config.risk_limits.resume_people > 1
        return "nothing is traded before a second person has approved that" if awaits else ""

    def _halted_because(self, key: str) -> str:
        """The reasons of the halts under which a start quotes nothing; empty where there is none."""
        known = (self._risk(ACCOUNT_KEY), self._risk(key))
        halts = (risk for risk in known if risk is not None and risk.state == "HALT")
        return ", ".join(dict.fromkeys(reason for risk in halts for reason in risk.reasons))

    def _scope(
        self, action: CommandAction, symbol: str, venue: str | None, identity: Identity
    ) -> tuple[str, str]:
        if symbol == ALL_SYMBOLS:
            if venue not in (None, ALL_SYMBOLS):
                raise ProblemError(
                    422,
                    "invalid_request",
                    f"venue: all symbols of one venue cannot be selected (got {venue!r})",
                    "Omit venue, or give a symbol.",
                )
            return ALL_SYMBOLS, ALL_SYMBOLS
        found_venue, _, found_symbol = self._find(action, symbol, venue, identity).partition(":")
        return found_venue, found_symbol

    def _find(self, action: CommandAction, symbol: str, venue: str | None, identity: Identity) -> str:
        try:
            return find_key(self._context.store, symbol, venue, identity)
        except ProblemError as problem:
            may_be_new = action == "start" and problem.code == "unknown_symbol"
            key = new_key(self._context.config, symbol, venue, identity) if may_be_new else None
            if key is None:
                raise
            return key


def _stop_of(body: SwitchRequest | None, symbol: str | None) -> SwitchRequest:
    """The request, however it was written; raises ProblemError where it names no symbol, or two."""
    if body is not None and symbol in (None, body.symbol):
        return body
    if body is None and symbol is not None:
        return SwitchRequest(symbol=symbol)
    what = "no symbol is given" if body is None else f"the query says {symbol}, the body {body.symbol}"
    raise ProblemError(
        422, "invalid_request", f"symbol: {what}", "Give it once: /maker/stop?symbol=BTC/USDT."
    )


_STATUS: Mapping[CommandAction, Literal["started", "stopped"]] = {"start": "started", "stop": "stopped"}
_MESSAGES: Mapping[CommandAction, str] = {
    "start": "Quoting of {symbol} is switched on; its status shows the quotes",
    "stop": "Quoting of {symbol} is switched off, and its orders are cancelled",
    "remove": "{symbol} is being removed: its orders are cancelled, and its market data end",
    "halt": "The halt of {symbol} is sent, and all its orders are cancelled",
    "flatten": "Quoting of {symbol} is switched off, and what is held is traded away within balance",
    "halt_flatten": "The halt of {symbol} is sent: its orders are cancelled, and what is held is traded away",
    "approve_flatten": "Orders that reduce what is held of {symbol} are let out under its halt",
    "resume_request": "The end of the halt of {symbol} is requested: a second person has to agree",
    "resume": "The end of the halt of {symbol} is sent",
}


def _plain(key: str) -> str:
    return "all symbols" if key == ACCOUNT_KEY else key.partition(":")[2]


def _message(command: Command, own: tuple[StartedWith, ...], limits: str) -> str:
    symbol = _plain(command.key)
    parts = [_MESSAGES[command.action].format(symbol=symbol), *map(start_values.words, own)]
    if limits:
        parts.append(limits)
    return "; ".join(parts) + "."


def _answer(
    command: Command,
    seen: RequestSeen | None,
    follow: str | None,
    own: tuple[StartedWith, ...],
    message: str,
) -> CommandResponse:
    """The response; a repeated request repeats no settings."""
    return CommandResponse(
        command_id=command.command_id if seen is None else seen.identifier,
        action=command.action,
        symbol=command.symbol,
        venue=command.venue,
        status=_STATUS.get(command.action, "sent"),
        message=message,
        settings=own,
        event_time=iso_time(command.event_time_ns if seen is None else seen.event_time_ns),
        follow=follow,
    )


def make_router(context: GatewayContext, changes: SettingChanges) -> APIRouter:
    """The POST routes under /maker."""
    commander = _Commander(context, changes)
    router = APIRouter(route_class=StrictRoute, prefix="/maker", tags=["commands"])
    routes: tuple[tuple[str, Permission, Callable[..., Any]], ...] = (
        ("/start", "start", commander.start),
        ("/stop", "stop", commander.stop),
        ("/remove", "stop", commander.remove),
        ("/flatten", "flatten", commander.flatten),
        ("/flatten/approve", "approve_flatten", commander.approve_flatten),
        ("/risk/halt", "halt", commander.halt),
        ("/risk/resume-request", "resume_request", commander.resume_request),
        ("/risk/resume", "resume", commander.resume),
    )
    for path, permission, endpoint in routes:
        router.post(
            path,
            status_code=202,
            responses=_PROBLEMS,
            dependencies=[changes.authorisation.requires(permission)],
        )(endpoint)
    return router
