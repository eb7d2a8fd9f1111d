"""Overrides, proposals that take a second person, and acknowledgements of alerts."""

from collections import OrderedDict
from collections.abc import Callable
from decimal import Decimal
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from gateway_api.access.roles import Permission
from gateway_api.app.authorisation import Authorisation, identity_of
from gateway_api.app.bodies import StrictRoute, WholeNumber
from gateway_api.app.problems import ProblemError, documented
from gateway_api.app.proposals import Proposals, second_permission
from gateway_api.app.reading import account_of, contract_of, find_key
from gateway_api.app.responses import Answer
from gateway_api.app.sent import IdempotencyKey, SentControls, asked
from runtime.process.definition import GatewayContext
from schemas.control import Acknowledgement, Digest, ProposedOrder
from schemas.market import Instrument
from schemas.message import Side
from schemas.names import Reason, Words
from schemas.tallies import RequestSeen
from schemas.units import order_units

_PROBLEMS = documented(401, 403, 404, 409, 422, 429, 503)
_ACKNOWLEDGED_MAX = 1_000
GateCode = Annotated[str, Field(pattern=r"^[A-Z_]{1,32}$")]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ApproveRequest(_Body):
    """Approval of a proposal as shown."""

    shown: Digest | None = None
    """The `digest` of the proposal as it was read; required for an approval."""
    reason: Words = ""


class RejectRequest(_Body):
    """The reason of a rejection."""

    reason: Words = ""


class AcknowledgeRequest(_Body):
    """A note on what is being done about an alert."""

    note: Words = ""


class OverrideRequest(_Body):
    """One order that may exceed pre-trade limits if a second person approves."""

    symbol: Annotated[str, Field(min_length=1, max_length=128)]
    venue: Annotated[str | None, Field(max_length=64)] = None
    side: Side
    price: Annotated[str, Field(max_length=32, pattern=r"^[0-9]+(\.[0-9]+)?$")]
    size: Annotated[str, Field(max_length=32, pattern=r"^[0-9]+(\.[0-9]+)?$")]
    codes: Annotated[tuple[GateCode, ...], Field(min_length=1, max_length=16)]
    valid_s: Annotated[WholeNumber, Field(ge=1, le=300)] = 60
    reason: Reason


class ControlResponse(Answer):
    """It was sent or awaits a second person; the changes show when it is in force."""

    command_id: str
    status: Literal["sent", "proposed"]
    was: str | None = None
    """Of a setting: the value in force when it was requested."""
    touches: tuple[str, ...] = ()
    """Of a setting: the symbols for which the new value holds."""
    keeps: tuple[str, ...] = ()
    """Of an account-wide setting: the symbols that keep a value of their own."""


def answer_as_before(earlier: RequestSeen) -> ControlResponse:
    """The same request gets the same answer."""
    is_proposal = earlier.kind == "control.proposal.v1"
    return ControlResponse(command_id=earlier.identifier, status="proposed" if is_proposal else "sent")


class _SecondPerson:
    """Request handlers."""

    def __init__(
        self, context: GatewayContext, authorisation: Authorisation, sent: SentControls, proposals: Proposals
    ) -> None:
        self._context = context
        self._authorisation = authorisation
        self._sent = sent
        self._proposals = proposals
        self._acknowledged: OrderedDict[tuple[str, str], None] = OrderedDict()

    async def override(
        self, body: OverrideRequest, request: Request, idempotency_key: IdempotencyKey = None
    ) -> ControlResponse:
        """Propose that one order may exceed pre-trade limits."""
        store, identity = self._context.store, identity_of(request)
        key = find_key(store, body.symbol, body.venue, identity)
        self._authorisation.check_scope(request, identity, key)
        requested = asked(identity.name, idempotency_key, request, body)
        earlier = self._sent.answered(requested)
        if earlier is not None:
            return answer_as_before(earlier)
        contract = contract_of(store, key)
        place = (contract.venue, contract.symbol)
        found = self._proposals.propose(requested, identity, place, body.reason, _order(body, contract))
        return ControlResponse(command_id=found, status="proposed")

    async def approve(self, proposal_id: str, body: ApproveRequest, request: Request) -> ControlResponse:
        """A second person approves a proposal as shown: it is sent with both names."""
        proposal = self._proposals.find(proposal_id)
        identity = identity_of(request)
        self._authorisation.check(request, identity, second_permission(proposal))
        self._authorisation.check_scope(request, identity, proposal.key)
        if identity.name == proposal.requester:
            raise ProblemError(
                403,
                "same_person",
                f"{identity.name} requested it and cannot approve it.",
                "It takes a second person.",
            )
        if body.shown is None:
            raise ProblemError(
                422,
                "shown_missing",
                "The approval does not state which proposal was read.",
                "Send the proposal's digest, from the list of proposals, as `shown`.",
            )
        if body.shown != proposal.shown_digest():
            raise ProblemError(
                409,
                "shown_differs",
                f"Proposal {proposal_id} is not what was shown: its digest is {proposal.shown_digest()}.",
                "Read it again and approve that version.",
            )
        self._proposals.check_asker(proposal)
        if self._proposals.decide(proposal, identity, body.reason, approved=True):
            self._context.send_control(self._proposals.approved(proposal, identity))
        return ControlResponse(command_id=proposal_id, status="sent")

    async def reject(self, proposal_id: str, body: RejectRequest, request: Request) -> ControlResponse:
        """The requester takes a proposal back, or a second person rejects it."""
        proposal = self._proposals.find(proposal_id)
        identity = identity_of(request)
        if identity.name != proposal.requester:
            self._authorisation.check(request, identity, second_permission(proposal))
            self._authorisation.check_scope(request, identity, proposal.key)
        self._proposals.decide(proposal, identity, body.reason, approved=False)
        return ControlResponse(command_id=proposal_id, status="sent")

    async def acknowledge(self, alert_id: str, body: AcknowledgeRequest, request: Request) -> ControlResponse:
        """Acknowledge an alert. Each user acknowledges it for themselves."""
        account, identity = account_of(self._context.store), identity_of(request)
        alerts = account.alerts if account else ()
        alert = next((each for each in alerts if each.alert_id == alert_id), None)
        if alert is None:
            raise ProblemError(
                404, "unknown_alert", f"There is no alert {alert_id}.", "GET /api/v1/maker/risk/alerts"
            )
        self._authorisation.check_scope(request, identity, alert.key)
        if (alert_id, identity.name) not in self._acknowledged:
            self._context.send_control(
                Acknowledgement(
                    event_time_ns=self._context.now_ns(),
                    venue=alert.venue,
                    symbol=alert.symbol,
                    alert_id=alert_id,
                    principal=identity.name,
                    note=body.note,
                    scope=identity.scope_at(alert.key),
                )
            )
            self._acknowledged[alert_id, identity.name] = None
            if len(self._acknowledged) > _ACKNOWLEDGED_MAX:
                self._acknowledged.popitem(last=False)
        return ControlResponse(command_id=alert_id, status="sent")


def _order(body: OverrideRequest, instrument: Instrument) -> ProposedOrder:
    try:
        return ProposedOrder(
            instrument_version=instrument.version,
            side=body.side,
            price_ticks=order_units(Decimal(body.price), instrument.tick_size),
            size_lots=order_units(Decimal(body.size), instrument.lot_size),
            codes=body.codes,
            valid_s=body.valid_s,
        )
    except ValueError as error:
        raise ProblemError(422, "invalid_request", str(error), "Use whole ticks and lots.") from None


def make_router(
    context: GatewayContext, authorisation: Authorisation, sent: SentControls, proposals: Proposals
) -> APIRouter:
    """The routes under /maker for overrides, proposals and alerts."""
    desk = _SecondPerson(context, authorisation, sent, proposals)
    router = APIRouter(route_class=StrictRoute, prefix="/maker", tags=["settings"])
    routes: tuple[tuple[str, Permission | None, Callable[..., Any]], ...] = (
        ("/overrides", "override_request", desk.override),
        ("/proposals/{proposal_id}/approve", None, desk.approve),  # the permission depends on the subject
        ("/proposals/{proposal_id}/reject", None, desk.reject),
        ("/risk/alerts/{alert_id}/ack", "acknowledge", desk.acknowledge),
    )
    for path, permission, endpoint in routes:
        router.post(
            path, status_code=202, responses=_PROBLEMS, dependencies=[authorisation.requires(permission)]
        )(endpoint)
    return router
