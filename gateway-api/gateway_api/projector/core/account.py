"""Account-level state: alerts, commands, control messages, progress of mass cancels."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from gateway_api.projector.core.people import PeopleEvent, PeopleFold, RequestsFold
from gateway_api.projector.core.standing import (
    StandingAlerts,
    StandingCommands,
    StandingSettings,
    carried_changes,
    with_standing,
)
from gateway_api.projector.core.symbol import SymbolFold
from schemas.carried.view import CarriedChange, ViewCarried
from schemas.control import Acknowledgement, Command, Proposal, SettingChange
from schemas.live_settings import live_setting
from schemas.live_values import file_value_of
from schemas.market import Refusal
from schemas.orders import KillReport
from schemas.process import ConfigApplied, SettingApplied
from schemas.recent_keys import RecentKeys
from schemas.refusals import RefusalTally
from schemas.risk import RiskAlert, RiskState
from schemas.topics import PROJECTOR
from schemas.views import AccountView, ChangeView

_ALERTS_MAX = 200
_COMMANDS_MAX = 50
_COMMAND_IDS_MAX = 10_000
"""A repeated command is recognised within this many newer ones."""
_PART_MAX = 500
"""Entries of each kind in one carried message: brokers accept one megabyte."""


class AccountFold:
    """The account-level state. The core selects what is digested."""

    def __init__(self) -> None:
        self.risk: RiskState | None = None
        self.alerts: deque[RiskAlert] = deque(maxlen=_ALERTS_MAX)
        self.commands: deque[Command] = deque(maxlen=_COMMANDS_MAX)
        self.command_ids = RecentKeys(_COMMAND_IDS_MAX)
        self.refusals_without_symbol = 0
        self.refusals = RefusalTally()
        """The same by reason; sessions of older code counted the sum alone."""
        self.mass_cancels: dict[str, KillReport] = {}
        self.people = PeopleFold()
        self.requests = RequestsFold()
        self.in_force = StandingCommands()
        self.applied: ConfigApplied | None = None
        """Configuration at the start of the session."""
        self._settings = StandingSettings()
        self._open_alerts = StandingAlerts()

    @property
    def session_began_ns(self) -> int:
        """0: recorded before sessions existed."""
        return 0 if self.applied is None else self.applied.session_began_ns

    def apply_alert(self, alert: RiskAlert) -> None:
        """Apply an alert."""
        self.alerts.append(alert)
        self._open_alerts.apply_alert(alert)

    def apply_refusal(self, refusal: Refusal) -> None:
        """Count a market event that names no known symbol."""
        self.refusals_without_symbol += 1
        self.refusals.apply(refusal)

    def apply_kill_report(self, report: KillReport) -> None:
        """Apply the progress of a mass cancel."""
        if report.state == "none":
            self.mass_cancels.pop(report.key, None)
        else:
            self.mass_cancels[report.key] = report

    def apply_people(self, event: PeopleEvent) -> None:
        """Apply a control message."""
        if isinstance(event, SettingChange | Proposal):
            self.requests.apply(event)
        self.people.apply(event)
        if isinstance(event, SettingChange):
            self._settings.apply_change(event)
        elif isinstance(event, SettingApplied):
            self._settings.apply_applied(event)
        elif isinstance(event, Acknowledgement):
            self._open_alerts.apply_acknowledgement(event)

    def apply_command(self, command: Command) -> bool:
        """Apply a command; whether it is new."""
        self.requests.apply(command)
        if not self.command_ids.add(command.command_id):
            return False
        self.commands.append(command)
        self.in_force.apply(command)
        return True

    def _alerts_shown(self) -> tuple[RiskAlert, ...]:
        return with_standing(self._open_alerts.alerts(), self.alerts, "alert_id")

    def view(self, now_ns: int, symbols: Mapping[str, SymbolFold]) -> AccountView:
        """The document."""
        alerts = self._alerts_shown()
        return AccountView.model_construct(
            event_time_ns=now_ns,
            risk=self.risk,
            alerts=alerts,
            last_commands=with_standing(self.in_force.commands(), self.commands, "command_id"),
            proposals=self.people.open_proposals(now_ns),
            changes=with_standing(self._settings.changes(), self.people.changes(), "change_id"),
            acknowledgements=self.people.acknowledgements(alerts),
            symbols=tuple(symbols),
            removed=tuple(key for key, fold in symbols.items() if fold.is_gone),
            withdrawals=tuple(self.mass_cancels.values()),
            session_began_ns=self.session_began_ns,
            refusals_without_symbol=self.refusals_without_symbol,
            refusals_by_reason=self.refusals.counts,
            first_refusals=self.refusals.first,
        )

    def carried(self, newest_ns: int, now_ns: int) -> Iterator[ViewCarried]:
        """State that the next session's messages do not repeat, in parts; the first has the scalar values."""
        in_force, asked = self._settings.carried()
        commands, stopped = self.in_force.carried()
        lists: dict[str, tuple[Any, ...]] = {
            "alerts": tuple(self.alerts),
            "open_alerts": self._open_alerts.alerts(),
            "acknowledgements": self.people.acknowledgements(self._alerts_shown()),
            "commands": tuple(self.commands),
            "commands_in_force": commands,
            "stopped": stopped,
            "proposals": self.people.open_proposals(newest_ns),
            "changes": self._of_file(carried_changes(self.people.changes())),
            "settings_in_force": self._of_file(in_force),
            "settings_asked": self._of_file(asked),
            "requests": tuple(self.requests.carried()),
        }
        once = {
            "refusals_without_symbol": self.refusals_without_symbol,
            "refusals_by_reason": self.refusals.counts,
            "first_refusals": self.refusals.first,
            "all_stopped": self.in_force.all_stopped,
        }
        for start in range(0, max(1, *map(len, lists.values())), _PART_MAX):
            part = {name: items[start : start + _PART_MAX] for name, items in lists.items()}
            about = {"event_time_ns": now_ns, "process": PROJECTOR, "newest_ns": newest_ns}
            yield ViewCarried(**about, **({} if start else once), **part)

    def restore(self, carried: ViewCarried) -> None:
        """Restore one part of it."""
        self.refusals_without_symbol += carried.refusals_without_symbol
        if carried.refusals_by_reason:  # the first part has them
            self.refusals.restore(carried.refusals_by_reason, carried.first_refusals)
        self.alerts.extend(carried.alerts)
        self._open_alerts.restore(carried.open_alerts)
        self.commands.extend(carried.commands)
        for command in (*carried.commands_in_force, *carried.commands):
            self.command_ids.add(command.command_id)  # it counts once
        self.in_force.restore(carried.commands_in_force, carried.stopped, all_stopped=carried.all_stopped)
        for proposal in carried.proposals:
            self.people.apply(proposal)
        for seen in carried.acknowledgements:
            self.people.apply(seen)
        for change in filter(self._stands, carried.changes):
            self.people.restore_change(change)
        self._settings.restore(
            filter(self._stands, carried.settings_in_force), filter(self._stands, carried.settings_asked)
        )
        for person, request in carried.requests:
            self.requests.restore(person, request)

    def _of_file(self, changes: Iterable[CarriedChange]) -> tuple[CarriedChange, ...]:
        """Completed with the value of each key in the configuration file."""
        return tuple(
            each.model_copy(update={"file_value": self._file_value(each.change.setting_key)})
            for each in changes
        )

    def _file_value(self, key: str) -> str | None:
        if self.applied is None or live_setting(key) is None:
            return None
        return file_value_of(self.applied, key)

    def _stands(self, carried: CarriedChange) -> bool:
        """A live change stays until the file's value changes; an undecided one stays pending."""
        change = carried.change
        if live_setting(change.setting_key) is None:
            return False
        view = ChangeView(event_time_ns=change.event_time_ns, change=change, applied=carried.applied)
        return not view.is_in_force or carried.file_value == self._file_value(change.setting_key)
