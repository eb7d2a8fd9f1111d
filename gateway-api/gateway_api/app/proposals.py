"""Four-eyes proposals: requested by one person, approved by another as shown."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from uuid import uuid4

from gateway_api.access.identity import Identity
from gateway_api.access.roles import Permission
from gateway_api.app.authorisation import Authorisation
from gateway_api.app.problems import ProblemError
from gateway_api.app.reading import account_of
from gateway_api.app.sent import Asked, SentControls
from runtime.process.definition import GatewayContext
from schemas.control import (
    OPEN_PROPOSALS_MAX,
    PROPOSAL_S_MAX,
    Adjustment,
    ControlEvent,
    Decision,
    Override,
    Proposal,
    ProposedAdjustment,
    ProposedOrder,
    ProposedSetting,
    SettingChange,
)
from schemas.message import ALL_SYMBOLS
from schemas.units import NS_PER_S

_SETTLE_NS = 2 * NS_PER_S
"""How long a proposal of this gateway counts as open before the state store has it."""


_PERMISSIONS: Mapping[str, tuple[Permission, Permission]] = {
    "setting": ("loosen_propose", "loosen"),
    "override": ("override_request", "override_approve"),
    "adjustment": ("adjust_propose", "adjust"),
}
"""Permissions by subject: to propose, and to approve."""


def asking_permission(proposal: Proposal) -> Permission:
    """Permission required of the requester."""
    return _PERMISSIONS[proposal.subject.kind][0]


def second_permission(proposal: Proposal) -> Permission:
    """Permission required to approve or reject."""
    return _PERMISSIONS[proposal.subject.kind][1]


@dataclass(slots=True)
class Proposals:
    """The open proposals: those in the state store, and this gateway's newest, which may not be there yet."""

    context: GatewayContext
    authorisation: Authorisation
    sent: SentControls
    _newest: dict[str, Proposal] = field(default_factory=dict)
    _decided: dict[str, Decision] = field(default_factory=dict)

    def propose(
        self,
        asked: Asked,
        identity: Identity,
        place: tuple[str, str],
        reason: str,
        subject: ProposedSetting | ProposedOrder | ProposedAdjustment,
    ) -> str:
        """Publish a proposal; returns its id. Raises ProblemError where too many are open."""
        now_ns = self.context.now_ns()
        self._check_cap(identity.name, now_ns)
        proposal = Proposal(
            event_time_ns=now_ns,
            venue=place[0],
            symbol=place[1],
            proposal_id=uuid4().hex,
            requester=identity.name,
            reason=reason,
            valid_until_ns=now_ns + PROPOSAL_S_MAX * NS_PER_S,
            subject=subject,
            request=asked.request,
            scope=identity.scope_at(":".join(place)),
        )
        self._newest[proposal.proposal_id] = proposal
        self.sent.send(asked, proposal.proposal_id, proposal)
        return proposal.proposal_id

    def find(self, proposal_id: str) -> Proposal:
        """An open proposal published by one of our gateways; raises ProblemError."""
        for proposal in self._stored():
            if proposal.proposal_id == proposal_id and proposal.valid_until_ns > self.context.now_ns():
                return proposal
        raise ProblemError(
            409,
            "no_such_proposal",
            f"There is no open proposal {proposal_id}.",
            f"It was decided or is older than {PROPOSAL_S_MAX} s: request it again.",
        )

    def check_asker(self, proposal: Proposal) -> None:
        """Raises ProblemError where the requester no longer has the permission."""
        if not self.authorisation.may_still(proposal.requester, asking_permission(proposal), proposal.key):
            raise ProblemError(
                409,
                "requester_gone",
                f"{proposal.requester} may no longer request this, so it cannot be approved.",
                "A user with the permission has to request it again.",
            )

    def decide(self, proposal: Proposal, identity: Identity, reason: str, *, approved: bool) -> bool:
        """Publish a decision; False where the same one was made before. The first decision stands."""
        known = self._decided.get(proposal.proposal_id)
        if known is not None:
            if (known.principal, known.approved) == (identity.name, approved):
                return False
            raise ProblemError(
                409,
                "already_decided",
                f"{known.principal} has already {'approved' if known.approved else 'rejected'} it.",
                "GET /api/v1/maker/settings shows what is in force.",
            )
        decision = Decision(
            event_time_ns=self.context.now_ns(),
            venue=proposal.venue,
            symbol=proposal.symbol,
            proposal_id=proposal.proposal_id,
            principal=identity.name,
            approved=approved,
            reason=reason,
            approved_digest=proposal.shown_digest(),
            scope=identity.scope_at(proposal.key),
        )
        self.context.send_control(decision)
        self._decided = {key: each for key, each in self._decided.items() if self._is_recent(each)} | {
            proposal.proposal_id: decision
        }
        return True

    def approved(self, proposal: Proposal, approver: Identity) -> ControlEvent:
        """The proposed message, with both names and the digest shown to the second person."""
        now_ns = self.context.now_ns()
        subject = proposal.subject
        agreed = {
            "event_time_ns": now_ns,
            "venue": proposal.venue,
            "symbol": proposal.symbol,
            "approver": approver.name,
            "reason": proposal.reason,
            "scope": approver.scope_at(proposal.key),
            "approved_digest": proposal.shown_digest(),
        }
        asked_by = {"requester": proposal.requester, **subject.model_dump(exclude={"kind"})}
        if isinstance(subject, ProposedSetting):
            account = {"venue": ALL_SYMBOLS, "symbol": ALL_SYMBOLS}
            return SettingChange(**agreed | account, **asked_by, change_id=proposal.proposal_id)
        if isinstance(subject, ProposedAdjustment):
            return Adjustment(
                **agreed,
                adjustment_id=proposal.proposal_id,
                principal=proposal.requester,
                kind=subject.how,
                size_change=subject.size_change,
                price=subject.price,
            )
        until_ns = now_ns + subject.valid_s * NS_PER_S
        return Override(**agreed, **asked_by, override_id=proposal.proposal_id, valid_until_ns=until_ns)

    def _check_cap(self, requester: str, now_ns: int) -> None:
        self._newest = {
            key: each for key, each in self._newest.items() if now_ns - each.event_time_ns < _SETTLE_NS
        }
        found = {
            each.proposal_id
            for each in (*self._stored(), *self._newest.values())
            if each.requester == requester and each.valid_until_ns > now_ns
        }
        waiting = len(found - self._decided.keys())
        if waiting >= OPEN_PROPOSALS_MAX:
            raise ProblemError(
                429,
                "too_many_proposals",
                f"{waiting} proposals of {requester} await a second person: no more than "
                f"{OPEN_PROPOSALS_MAX} may.",
                "Take one back, or wait until one is decided.",
            )

    def _stored(self) -> Iterable[Proposal]:
        account = account_of(self.context.store)
        return (each for each in account.proposals if self.context.is_ours(each)) if account else ()

    def _is_recent(self, decision: Decision) -> bool:
        return self.context.now_ns() - decision.event_time_ns < PROPOSAL_S_MAX * NS_PER_S
