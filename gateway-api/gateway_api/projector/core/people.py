"""What people asked for and agreed to: proposals, changed settings, acknowledged alerts."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from schemas.control import Acknowledgement, Decision, Proposal, SettingChange
from schemas.process import SettingApplied
from schemas.risk import RiskAlert
from schemas.views import ChangeView

_PROPOSALS_MAX = 100
_CHANGES_MAX = 100
_ACKNOWLEDGEMENTS_MAX = 1_000

_T = TypeVar("_T")
PeopleEvent = SettingChange | SettingApplied | Proposal | Decision | Acknowledgement


@dataclass(slots=True)
class PeopleFold:
    """Bounded: what is forgotten first is what was said first."""

    _proposals: dict[str, Proposal] = field(default_factory=dict)
    _changes: dict[str, SettingChange] = field(default_factory=dict)
    _applied: dict[str, dict[str, SettingApplied]] = field(default_factory=dict)
    _acknowledged: dict[str, Acknowledgement] = field(default_factory=dict)

    def take(self, event: PeopleEvent) -> None:
        """Each counts once, by its natural key; the first word stays."""
        if isinstance(event, Proposal):
            _keep(self._proposals, event.proposal_id, event, _PROPOSALS_MAX)
        elif isinstance(event, Decision):
            self._proposals.pop(event.proposal_id, None)
        elif isinstance(event, Acknowledgement):
            _keep(self._acknowledged, event.alert_id, event, _ACKNOWLEDGEMENTS_MAX)
        elif isinstance(event, SettingApplied):
            self._applied.setdefault(event.change_id, {})[event.process] = event
        else:
            _keep(self._changes, event.change_id, event, _CHANGES_MAX)
            self._forget_applied()

    def _forget_applied(self) -> None:
        for change_id in [each for each in self._applied if each not in self._changes]:
            del self._applied[change_id]

    def open_proposals(self, now_ns: int) -> tuple[Proposal, ...]:
        """Those that still wait for a second person."""
        return tuple(each for each in self._proposals.values() if each.valid_until_ns > now_ns)

    def changes(self) -> tuple[ChangeView, ...]:
        """The changed settings, oldest first, with what the processes made of them."""
        return tuple(
            ChangeView(
                event_time_ns=change.event_time_ns,
                change=change,
                applied=tuple(self._applied.get(change.change_id, {}).values()),
            )
            for change in self._changes.values()
        )

    def acknowledgements(self, alerts: Iterable[RiskAlert]) -> tuple[Acknowledgement, ...]:
        """Of these alerts."""
        known = self._acknowledged
        return tuple(known[alert.alert_id] for alert in alerts if alert.alert_id in known)


def _keep(into: dict[str, _T], key: str, value: _T, limit: int) -> None:
    if key in into:
        return
    into[key] = value
    if len(into) > limit:
        del into[next(iter(into))]
