"""Control messages: proposals, changed settings, acknowledged alerts."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from schemas.carried.view import CarriedChange
from schemas.control import (
    OPEN_PROPOSALS_MAX,
    Acknowledgement,
    Command,
    Decision,
    Proposal,
    SettingChange,
)
from schemas.process import SettingApplied
from schemas.risk import RiskAlert
from schemas.tallies import RequestSeen
from schemas.views import ChangeView, RequestsView

_CHANGES_MAX = 100
_ACKNOWLEDGEMENTS_MAX = 10_000
"""More than the alerts in the view, or an acknowledged one would reopen."""
_REQUESTS_MAX = 200
"""Per user."""

_T = TypeVar("_T")
PeopleEvent = SettingChange | SettingApplied | Proposal | Decision | Acknowledgement


@dataclass(slots=True)
class PeopleFold:
    """Bounded windows: the oldest entries are dropped first, but none that is open.

    State in force is in standing.py.
    """

    _proposals: dict[str, Proposal] = field(default_factory=dict)
    _changes: dict[str, SettingChange] = field(default_factory=dict)
    _applied: dict[str, dict[str, SettingApplied]] = field(default_factory=dict)
    _acknowledged: dict[str, Acknowledgement] = field(default_factory=dict)

    def apply(self, event: PeopleEvent) -> None:
        """Each counts once, by its natural key; the first message stands."""
        if isinstance(event, Proposal):
            self._propose(event)
        elif isinstance(event, Decision):
            self._proposals.pop(event.proposal_id, None)
        elif isinstance(event, Acknowledgement):
            _keep(self._acknowledged, f"{event.alert_id} {event.principal}", event, _ACKNOWLEDGEMENTS_MAX)
        elif isinstance(event, SettingApplied):
            self._applied.setdefault(event.change_id, {})[event.process] = event
        else:
            _keep(self._changes, event.change_id, event, _CHANGES_MAX)
            self._forget_applied()

    def _propose(self, proposal: Proposal) -> None:
        """The first message under an id stands; the number open per user is limited as in the gateway."""
        now_ns = proposal.event_time_ns
        for key in [key for key, each in self._proposals.items() if not _is_open(each, now_ns)]:
            del self._proposals[key]
        open_of_same = sum(each.requester == proposal.requester for each in self._proposals.values())
        if open_of_same < OPEN_PROPOSALS_MAX:
            self._proposals.setdefault(proposal.proposal_id, proposal)

    def _forget_applied(self) -> None:
        for change_id in [each for each in self._applied if each not in self._changes]:
            del self._applied[change_id]

    def open_proposals(self, now_ns: int) -> tuple[Proposal, ...]:
        """Proposals still awaiting a second person."""
        return tuple(each for each in self._proposals.values() if _is_open(each, now_ns))

    def changes(self) -> tuple[ChangeView, ...]:
        """The changed settings, oldest first, with the responses of the processes."""
        return tuple(
            ChangeView(
                event_time_ns=change.event_time_ns,
                change=change,
                applied=tuple(self._applied.get(change.change_id, {}).values()),
            )
            for change in self._changes.values()
        )

    def restore_change(self, carried: CarriedChange) -> None:
        """Restore a recent change of the previous session."""
        self.apply(carried.change)
        for applied in carried.applied:
            self.apply(applied)

    def acknowledgements(self, alerts: Iterable[RiskAlert]) -> tuple[Acknowledgement, ...]:
        """Acknowledgements of these alerts, the first of each user."""
        shown = {alert.alert_id for alert in alerts}
        return tuple(each for each in self._acknowledged.values() if each.alert_id in shown)


class RequestsFold:
    """Requests with idempotency keys per user, so that every gateway knows the answers of the others."""

    def __init__(self) -> None:
        self.of_person: dict[str, dict[str, RequestSeen]] = {}
        """The newest requests, by user and digest of the key."""
        self._dirty: dict[str, None] = {}

    def apply(self, event: Command | SettingChange | Proposal) -> None:
        """The first request with a key stands."""
        if event.request is None:
            return
        principal = event.principal if isinstance(event, Command) else event.requester
        seen = RequestSeen(
            event_time_ns=event.event_time_ns,
            request=event.request,
            identifier=_identifier(event),
            kind=event.type_name,
        )
        self._keep(principal, seen)

    def carried(self) -> Iterator[tuple[str, RequestSeen]]:
        """(user, request), oldest first per user."""
        for principal, seen in self.of_person.items():
            for each in seen.values():
                yield principal, each

    def restore(self, principal: str, seen: RequestSeen) -> None:
        """Restore a request of the previous session."""
        self._keep(principal, seen)

    def _keep(self, principal: str, seen: RequestSeen) -> None:
        key_digest = seen.request.partition("-")[0]
        _keep(self.of_person.setdefault(principal, {}), key_digest, seen, _REQUESTS_MAX)
        self._dirty[principal] = None

    def mark_all_dirty(self) -> None:
        """The store may be empty."""
        self._dirty = dict.fromkeys(self.of_person)

    def pop_changed(self) -> dict[str, RequestsView]:
        """Changes since the last call, by user."""
        found = {name: self._view(name) for name in self._dirty}
        self._dirty.clear()
        return found

    def _view(self, name: str) -> RequestsView:
        seen = tuple(self.of_person[name].values())
        return RequestsView(event_time_ns=seen[-1].event_time_ns, seen=seen)


def _identifier(event: Command | SettingChange | Proposal) -> str:
    if isinstance(event, Command):
        return event.command_id
    return event.change_id if isinstance(event, SettingChange) else event.proposal_id


def _is_open(proposal: Proposal, now_ns: int) -> bool:
    return proposal.valid_until_ns > now_ns


def _keep(into: dict[str, _T], key: str, value: _T, limit: int) -> None:
    if key in into:
        return
    into[key] = value
    if len(into) > limit:
        del into[next(iter(into))]
