"""Changed settings, proposals for a second person, acknowledged alerts."""

from collections.abc import Callable
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import uuid4

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from chassis.process import GatewayContext
from chassis.settings import config_hash
from chassis.text import nearest
from gateway_api.access.roles import Permission
from gateway_api.app.command_routes import IdempotencyKey
from gateway_api.app.current import CurrentConfig
from gateway_api.app.entrance import ACCOUNT_KEY, Entrance, identity_of
from gateway_api.app.numbers import milliseconds
from gateway_api.app.preview import preview
from gateway_api.app.problems import ProblemError, documented
from gateway_api.app.reading import account_of, find_key, view_of
from gateway_api.app.responses import Answer, ExplainedSide
from gateway_api.app.sent import Sent
from schemas.control import (
    PROPOSAL_S_MAX,
    Acknowledgement,
    ControlEvent,
    Decision,
    Override,
    Proposal,
    ProposedOrder,
    ProposedSetting,
    SettingChange,
)
from schemas.live_settings import LIVE_SETTINGS, changed, is_looser, value_of
from schemas.message import ALL_SYMBOLS, Side
from schemas.units import NS_PER_S, to_units

_PROBLEMS = documented(401, 403, 404, 409, 422)
Text = Annotated[str, Field(max_length=1000)]
Reason = Annotated[str, Field(min_length=1, max_length=1000, pattern=r"\S")]
"""Whoever changes a limit says why."""


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SettingRequest(_Body):
    """Another value for a setting."""

    value: Annotated[str, Field(min_length=1, max_length=64)]
    reason: Reason


class PreviewRequest(_Body):
    """What would a setting do to the newest quote of a symbol?"""

    key: Annotated[str, Field(max_length=128)]
    value: Annotated[str, Field(min_length=1, max_length=64)]
    symbol: Annotated[str, Field(max_length=128)]
    venue: Annotated[str | None, Field(max_length=64)] = None


class DecisionRequest(_Body):
    """Why somebody agrees, or does not."""

    reason: Text = ""


class AcknowledgeRequest(_Body):
    """What is being done about an alert."""

    note: Text = ""


class OverrideRequest(_Body):
    """One order that is to pass limits of the gate, if a second person agrees."""

    symbol: Annotated[str, Field(min_length=1, max_length=128)]
    venue: Annotated[str | None, Field(max_length=64)] = None
    side: Side
    price: Annotated[str, Field(max_length=32, pattern=r"^[0-9]+(\.[0-9]+)?$")]
    size: Annotated[str, Field(max_length=32, pattern=r"^[0-9]+(\.[0-9]+)?$")]
    codes: Annotated[tuple[str, ...], Field(min_length=1, max_length=16)]
    valid_s: Annotated[int, Field(ge=1, le=300)] = 60
    reason: Reason


class ControlResponse(Answer):
    """It was sent, or waits for a second person; whether it is in force shows in the changes."""

    command_id: str
    status: Literal["sent", "proposed"]


class Setting(Answer):
    """A value that may change while the engine runs."""

    key: str
    value: str
    """In force, as far as the processes have said."""
    default: str
    kind: Literal["limit", "parameter"]
    tighter: Literal["lower", "higher"] | None
    unit: str
    description: str
    changed_by: str | None
    changed_ms: float | None
    pending: str | None
    """Asked for, and not yet in force."""
    applies: Literal["live"] = "live"


class SettingsResponse(Answer):
    """All of them."""

    config_hash: str
    settings: tuple[Setting, ...]


class PreviewSides(Answer):
    """Both sides of a quote."""

    bid: ExplainedSide
    ask: ExplainedSide


class PreviewResponse(Answer):
    """The newest quote of a symbol by the setting in force, and by another."""

    before: PreviewSides
    after: PreviewSides


class _Desk:
    """The answers."""

    def __init__(self, context: GatewayContext, entrance: Entrance, sent: Sent) -> None:
        self._context = context
        self._entrance = entrance
        self._current = CurrentConfig(context)
        self._sent = sent

    async def settings(self) -> SettingsResponse:
        """The settings that may change, as they are in force, with what is asked for."""
        current = self._current.read()
        return SettingsResponse(
            config_hash=config_hash(current.config),
            settings=tuple(self._setting(key) for key in LIVE_SETTINGS),
        )

    def _setting(self, key: str) -> Setting:
        live, current = LIVE_SETTINGS[key], self._current.read()
        newest = current.newest.get(key)
        section, _, name = key.partition(".")
        field = type(getattr(self._context.config, section)).model_fields[name]
        return Setting(
            key=key,
            value=value_of(current.config, key),
            default=str(field.get_default(call_default_factory=True)),
            kind="parameter" if live.tighter is None else "limit",
            tighter=live.tighter,
            unit=live.unit,
            description=field.description or "",
            changed_by=None if newest is None else newest.change.requester,
            changed_ms=None if newest is None else milliseconds(newest.event_time_ns),
            pending=current.pending.get(key),
        )

    async def change(
        self, key: str, body: SettingRequest, request: Request, idempotency_key: IdempotencyKey = None
    ) -> ControlResponse:
        """Change a parameter, tighten a limit, or propose to loosen one."""
        identity = identity_of(request)
        config = self._current.read().config
        looser = _judged(config, key, body.value)
        self._entrance.check(request, identity, _permission(key, looser=looser))
        self._entrance.check_scope(request, identity, ACCOUNT_KEY)
        about = self._about(idempotency_key)
        if looser:
            setting = ProposedSetting(setting_key=key, value=body.value)
            return self._propose(about, identity.name, body.reason, setting)
        self._sent.once(
            about["id"],
            SettingChange(
                **about["event"],
                change_id=about["id"],
                setting_key=key,
                value=body.value,
                requester=identity.name,
                reason=body.reason,
            ),
        )
        return ControlResponse(command_id=about["id"], status="sent")

    async def preview(self, body: PreviewRequest, request: Request) -> PreviewResponse:
        """The newest quote of a symbol, and what it would be."""
        store = self._context.store
        key = find_key(store, body.symbol, body.venue)
        self._entrance.check_scope(request, identity_of(request), key)
        view = view_of(store, key)
        config = self._current.read().config
        _judged(config, body.key, body.value)
        if view is None or view.book is None or view.signal is None or view.instrument is None:
            raise ProblemError(
                404, "no_quote_yet", f"{key} has no market to quote from yet.", "Ask again in a second."
            )
        account, other = account_of(store), changed(config, body.key, body.value)
        before, after = (preview(view, account, each) for each in (config, other))
        return PreviewResponse(
            before=PreviewSides.model_validate(before), after=PreviewSides.model_validate(after)
        )

    async def override(
        self, body: OverrideRequest, request: Request, idempotency_key: IdempotencyKey = None
    ) -> ControlResponse:
        """Ask that one order passes limits of the gate: another person has to agree."""
        store, identity = self._context.store, identity_of(request)
        key = find_key(store, body.symbol, body.venue)
        self._entrance.check_scope(request, identity, key)
        view = view_of(store, key)
        if view is None or view.instrument is None:
            raise ProblemError(404, "unknown_symbol", f"{key} has no contract yet.", "Ask again in a second.")
        instrument = view.instrument
        try:
            order = ProposedOrder(
                instrument_version=instrument.version,
                side=body.side,
                price_ticks=to_units(Decimal(body.price), instrument.tick_size),
                size_lots=to_units(Decimal(body.size), instrument.lot_size),
                codes=body.codes,
                valid_s=body.valid_s,
            )
        except ValueError as error:
            raise ProblemError(422, "invalid_request", str(error), "Use whole ticks and lots.") from None
        about = self._about(idempotency_key, view.venue, view.symbol)
        return self._propose(about, identity.name, body.reason, order)

    async def approve(self, proposal_id: str, body: DecisionRequest, request: Request) -> ControlResponse:
        """A second person agrees: what was proposed is sent with both names."""
        proposal = self._proposal(proposal_id)
        identity = identity_of(request)
        self._entrance.check(request, identity, _second_permission(proposal))
        self._entrance.check_scope(request, identity, proposal.key)
        if identity.name == proposal.requester:
            raise ProblemError(
                403,
                "same_person",
                f"{identity.name} asked for it, and cannot agree to it.",
                "It takes a second person.",
            )
        self._decide(proposal, identity.name, body.reason, approved=True)
        self._context.send_control(self._approved(proposal, identity.name))
        return ControlResponse(command_id=proposal_id, status="sent")

    async def reject(self, proposal_id: str, body: DecisionRequest, request: Request) -> ControlResponse:
        """Whoever asked takes it back, or a second person does not agree."""
        proposal = self._proposal(proposal_id)
        identity = identity_of(request)
        if identity.name != proposal.requester:
            self._entrance.check(request, identity, _second_permission(proposal))
        self._decide(proposal, identity.name, body.reason, approved=False)
        return ControlResponse(command_id=proposal_id, status="sent")

    async def acknowledge(self, alert_id: str, body: AcknowledgeRequest, request: Request) -> ControlResponse:
        """Say that somebody has seen an alert."""
        account, identity = account_of(self._context.store), identity_of(request)
        alerts = account.alerts if account else ()
        alert = next((each for each in alerts if each.alert_id == alert_id), None)
        if alert is None:
            raise ProblemError(
                404, "unknown_alert", f"There is no alert {alert_id}.", "GET /api/v1/maker/risk/alerts"
            )
        self._entrance.check_scope(request, identity, alert.key)
        self._sent.once(
            f"ack {alert_id}",
            Acknowledgement(
                event_time_ns=self._context.now_ns(),
                venue=alert.venue,
                symbol=alert.symbol,
                alert_id=alert_id,
                principal=identity.name,
                note=body.note,
            ),
        )
        return ControlResponse(command_id=alert_id, status="sent")

    def _about(
        self, idempotency_key: str | None, venue: str = ALL_SYMBOLS, symbol: str = ALL_SYMBOLS
    ) -> dict[str, Any]:
        event = {"event_time_ns": self._context.now_ns(), "venue": venue, "symbol": symbol}
        return {"id": idempotency_key or uuid4().hex, "event": event}

    def _propose(
        self, about: dict[str, Any], requester: str, reason: str, subject: ProposedSetting | ProposedOrder
    ) -> ControlResponse:
        proposal = Proposal(
            **about["event"],
            proposal_id=about["id"],
            requester=requester,
            reason=reason,
            valid_until_ns=about["event"]["event_time_ns"] + PROPOSAL_S_MAX * NS_PER_S,
            subject=subject,
        )
        self._sent.once(about["id"], proposal)
        return ControlResponse(command_id=about["id"], status="proposed")

    def _proposal(self, proposal_id: str) -> Proposal:
        account, now_ns = account_of(self._context.store), self._context.now_ns()
        for proposal in account.proposals if account else ():
            if proposal.proposal_id == proposal_id and proposal.valid_until_ns > now_ns:
                return proposal
        raise ProblemError(
            409,
            "no_such_proposal",
            f"No proposal {proposal_id} waits for a second person.",
            f"It was decided, or is older than {PROPOSAL_S_MAX} s: whoever wanted it asks again.",
        )

    def _decide(self, proposal: Proposal, principal: str, reason: str, *, approved: bool) -> None:
        self._sent.once(
            f"decision {proposal.proposal_id}",
            Decision(
                event_time_ns=self._context.now_ns(),
                venue=proposal.venue,
                symbol=proposal.symbol,
                proposal_id=proposal.proposal_id,
                principal=principal,
                approved=approved,
                reason=reason,
            ),
        )

    def _approved(self, proposal: Proposal, approver: str) -> ControlEvent:
        """What a proposal asks for, with the names of both people."""
        now_ns = self._context.now_ns()
        people = {"requester": proposal.requester, "approver": approver, "reason": proposal.reason or "-"}
        event = {"event_time_ns": now_ns, "venue": proposal.venue, "symbol": proposal.symbol}
        subject = proposal.subject
        fields = subject.model_dump(exclude={"kind", "valid_s"})
        if isinstance(subject, ProposedSetting):
            return SettingChange(**event, **people, **fields, change_id=proposal.proposal_id)
        until_ns = now_ns + subject.valid_s * NS_PER_S
        return Override(
            **event, **people, **fields, override_id=proposal.proposal_id, valid_until_ns=until_ns
        )


def _judged(config: Any, key: str, value: str) -> bool:
    """Is a value looser than the one in force? Raises ProblemError where it cannot be changed to that."""
    if key not in LIVE_SETTINGS:
        raise ProblemError(
            404,
            "unknown_setting",
            f"{key} cannot be changed while the engine runs{nearest(key, LIVE_SETTINGS)}.",
            "GET /api/v1/maker/settings lists those that can; others stand in the configuration's file.",
        )
    try:
        return is_looser(config, key, value)
    except ValueError as error:
        hint = "Its bounds stand in schemas/config.py."
        raise ProblemError(422, "invalid_value", str(error), hint) from None


def _second_permission(proposal: Proposal) -> Permission:
    return "loosen" if isinstance(proposal.subject, ProposedSetting) else "override_approve"


def _permission(key: str, *, looser: bool) -> Permission:
    if looser:
        return "loosen_propose"
    return "parameters" if LIVE_SETTINGS[key].tighter is None else "tighten"


def make_router(context: GatewayContext, entrance: Entrance, sent: Sent) -> APIRouter:
    """The routes under /maker for settings, proposals and alerts."""
    desk = _Desk(context, entrance, sent)
    router = APIRouter(prefix="/maker", tags=["settings"])
    routes: tuple[tuple[str, str, Permission | None, Callable[..., Any]], ...] = (
        ("GET", "/settings", "view", desk.settings),
        ("POST", "/settings/preview", "view", desk.preview),
        ("PUT", "/settings/{key}", None, desk.change),  # which permission depends on key and value
        ("POST", "/overrides", "override_request", desk.override),
        ("POST", "/proposals/{proposal_id}/approve", None, desk.approve),
        ("POST", "/proposals/{proposal_id}/reject", None, desk.reject),
        ("POST", "/risk/alerts/{alert_id}/ack", "acknowledge", desk.acknowledge),
    )
    for method, path, permission, endpoint in routes:
        status = 200 if method == "GET" or endpoint == desk.preview else 202
        router.add_api_route(
            path,
            endpoint,
            methods=[method],
            status_code=status,
            responses=_PROBLEMS,
            dependencies=[entrance.requires(permission)],
        )
    return router
