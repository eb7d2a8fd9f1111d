"""Corrections of a ledger that differs from the account, by one person or two where required."""

from decimal import ROUND_FLOOR, Decimal
from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from gateway_api.access.identity import Identity
from gateway_api.app.authorisation import Authorisation, identity_of
from gateway_api.app.bodies import StrictRoute
from gateway_api.app.numbers import plain
from gateway_api.app.problems import ProblemError, documented
from gateway_api.app.proposal_routes import ControlResponse, answer_as_before
from gateway_api.app.proposals import Proposals
from gateway_api.app.reading import contract_of, find_key
from gateway_api.app.sent import Asked, IdempotencyKey, SentControls, asked
from runtime.process.definition import GatewayContext
from schemas.control import Adjustment, AdjustmentKind, ProposedAdjustment
from schemas.market import Instrument
from schemas.names import Reason

_PROBLEMS = documented(401, 403, 404, 409, 422, 429, 503)
_TWO = 2


class AdjustmentRequest(BaseModel):
    """A correction of a ledger, at no profit or loss."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    symbol: Annotated[str, Field(min_length=1, max_length=128)]
    venue: Annotated[str | None, Field(max_length=64)] = None
    kind: AdjustmentKind
    size_change: Annotated[str, Field(max_length=32, pattern=r"^[+-]?[0-9]+(\.[0-9]+)?$")]
    """Signed, in whole lots: base units of a spot contract, contracts of a derivative."""
    price: Annotated[str | None, Field(max_length=32, pattern=r"^[0-9]+(\.[0-9]+)?$")] = None
    """Booking price in the quote currency; default: the mark."""
    reason: Reason


class _Adjuster:
    """Request handler."""

    def __init__(
        self, context: GatewayContext, authorisation: Authorisation, sent: SentControls, proposals: Proposals
    ) -> None:
        self._context = context
        self._authorisation = authorisation
        self._sent = sent
        self._proposals = proposals

    async def adjust(
        self, body: AdjustmentRequest, request: Request, idempotency_key: IdempotencyKey = None
    ) -> ControlResponse:
        """Correct a ledger; where two people are needed, propose it to a second one."""
        store, identity = self._context.store, identity_of(request)
        key = find_key(store, body.symbol, body.venue, identity)
        self._authorisation.check_scope(request, identity, key)
        requested = asked(identity.name, idempotency_key, request, body)
        earlier = self._sent.answered(requested)
        if earlier is not None:
            return answer_as_before(earlier)
        contract = contract_of(store, key)
        subject = ProposedAdjustment(
            how=body.kind,
            size_change=_whole_lots(Decimal(body.size_change), contract),
            price=_positive(body.price),
        )
        place = (contract.venue, contract.symbol)
        if self._needs_two() or not identity.may("adjust"):
            found = self._proposals.propose(requested, identity, place, body.reason, subject)
            return ControlResponse(command_id=found, status="proposed")
        self._send(requested, identity, place, body.reason, subject)
        return ControlResponse(command_id=requested.identifier, status="sent")

    def _needs_two(self) -> bool:
        return self._context.config.risk_limits.resume_people == _TWO

    def _send(
        self,
        requested: Asked,
        identity: Identity,
        place: tuple[str, str],
        reason: str,
        subject: ProposedAdjustment,
    ) -> None:
        adjustment = Adjustment(
            event_time_ns=self._context.now_ns(),
            venue=place[0],
            symbol=place[1],
            adjustment_id=requested.identifier,
            kind=subject.how,
            size_change=subject.size_change,
            price=subject.price,
            principal=identity.name,
            reason=reason,
            request=requested.request,
            scope=identity.scope_at(":".join(place)),
        )
        self._sent.send(requested, adjustment.adjustment_id, adjustment)


def _whole_lots(size: Decimal, instrument: Instrument) -> Decimal:
    lot = instrument.lot_size
    below = (size / lot).to_integral_value(ROUND_FLOOR) * lot
    if size and size == below:
        return size
    raise ProblemError(
        422,
        "invalid_request",
        f"size_change {plain(size)} is not a non-zero whole number of lots of {plain(lot)}.",
        f"Nearest: {plain(below if below else -lot)} and {plain(below + lot)}.",
    )


def _positive(price: str | None) -> Decimal | None:
    if price is None:
        return None
    if not Decimal(price):
        raise ProblemError(422, "invalid_request", "price is 0.", "Omit it to book at the mark.")
    return Decimal(price)


def make_router(
    context: GatewayContext, authorisation: Authorisation, sent: SentControls, proposals: Proposals
) -> APIRouter:
    """POST /maker/positions/adjust."""
    adjuster = _Adjuster(context, authorisation, sent, proposals)
    router = APIRouter(route_class=StrictRoute, prefix="/maker", tags=["commands"])
    router.post(
        "/positions/adjust",
        status_code=202,
        responses=_PROBLEMS,
        dependencies=[authorisation.requires("adjust_propose")],
    )(adjuster.adjust)
    return router
