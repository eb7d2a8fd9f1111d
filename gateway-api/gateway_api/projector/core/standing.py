"""State in force until something ends it, however many messages follow: settings, alerts, commands.

The lists on the page are windows of the latest messages. State in force is not a window: a setting followed
by a hundred other changes is still in force, and an unacknowledged alert is still open.

It is derived from the same messages as the windows and not part of the state digest, so older logs replay.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from schemas.carried.view import CarriedChange
from schemas.control import SWITCHES, Acknowledgement, Command, CommandAction, SettingChange
from schemas.live_settings import live_setting
from schemas.message import ALL_SYMBOLS, Event
from schemas.process import SettingApplied
from schemas.risk import RiskAlert
from schemas.views import ChangeView

_ASKED_MAX = 16
"""Limit of unanswered changes per setting: the oldest are dropped."""
_OPEN_ALERTS_MAX = 5_000
_KEYS_MAX = 10_000

_E = TypeVar("_E", bound=Event)


@dataclass(slots=True)
class StandingSettings:
    """For each setting: the change in force, and the pending ones."""

    _in_force: dict[str, ChangeView] = field(default_factory=dict)
    _asked: dict[str, dict[str, ChangeView]] = field(default_factory=dict)
    """By setting, then by change id, oldest first."""

    def apply_change(self, change: SettingChange) -> None:
        """A requested change."""
        key = change.setting_key
        if live_setting(key) is None:
            return
        asked = self._asked.setdefault(key, {})
        in_force = self._in_force.get(key)
        if change.change_id in asked or (in_force and in_force.change.change_id == change.change_id):
            return
        asked[change.change_id] = ChangeView(event_time_ns=change.event_time_ns, change=change)
        if len(asked) > _ASKED_MAX:
            del asked[next(iter(asked))]

    def apply_applied(self, applied: SettingApplied) -> None:
        """A process applied or refused a change."""
        asked = self._asked.get(applied.setting_key, {})
        view = asked.get(applied.change_id)
        if view is None:
            return
        others = tuple(each for each in view.applied if each.process != applied.process)
        view = asked[applied.change_id] = view.model_copy(update={"applied": (*others, applied)})
        if view.is_in_force:
            self._in_force[applied.setting_key] = view
            ids = list(asked)
            for earlier in ids[: ids.index(applied.change_id) + 1]:
                del asked[earlier]
        elif applied.refused_because is not None:
            del asked[applied.change_id]

    def carried(self) -> tuple[list[CarriedChange], list[CarriedChange]]:
        """Changes in force, and pending ones."""
        asked = [view for views in self._asked.values() for view in views.values()]
        return carried_changes(self._in_force.values()), carried_changes(asked)

    def restore(self, in_force: Iterable[CarriedChange], asked: Iterable[CarriedChange]) -> None:
        """Restore the state at the end of the previous session."""
        for each in in_force:
            self._in_force[each.change.setting_key] = _change_view(each)
        for each in asked:
            views = self._asked.setdefault(each.change.setting_key, {})
            views[each.change.change_id] = _change_view(each)

    def changes(self) -> tuple[ChangeView, ...]:
        """Oldest first."""
        asked = (view for views in self._asked.values() for view in views.values())
        return tuple(sorted((*self._in_force.values(), *asked), key=_time))


@dataclass(slots=True)
class StandingAlerts:
    """The newest alert of each name and key, until it is acknowledged."""

    _open: dict[tuple[str, str], RiskAlert] = field(default_factory=dict)

    def apply_alert(self, alert: RiskAlert) -> None:
        """It is open and replaces the previous one."""
        place = (alert.name, alert.key)
        self._open.pop(place, None)
        if alert.severity == "info":
            return
        self._open[place] = alert
        if len(self._open) > _OPEN_ALERTS_MAX:
            del self._open[self._least()]

    def _least(self) -> tuple[str, str]:
        """The first to be dropped where there are too many: the oldest that is not critical."""
        lesser = (place for place, alert in self._open.items() if alert.severity != "critical")
        return next(lesser, next(iter(self._open)))

    def apply_acknowledgement(self, seen: Acknowledgement) -> None:
        """Close the acknowledged alert."""
        for place, alert in self._open.items():
            if alert.alert_id == seen.alert_id:
                del self._open[place]
                return

    def restore(self, alerts: Iterable[RiskAlert]) -> None:
        """Restore the unacknowledged alerts of the previous session."""
        for alert in alerts:
            self.apply_alert(alert)

    def alerts(self) -> tuple[RiskAlert, ...]:
        """Oldest first."""
        return tuple(self._open.values())


@dataclass(slots=True)
class StandingCommands:
    """The newest command of each action and key, and which symbols are stopped."""

    all_stopped: bool = False
    _newest: dict[tuple[CommandAction, str], Command] = field(default_factory=dict)
    _stopped: dict[str, bool] = field(default_factory=dict)
    """Start or stop by key, since the latest command for all symbols."""

    def apply(self, command: Command) -> None:
        """Apply a command."""
        place = (command.action, command.key)
        self._newest.pop(place, None)
        self._newest[place] = command
        if len(self._newest) > _KEYS_MAX:
            del self._newest[next(iter(self._newest))]
        if command.action not in SWITCHES:
            return
        stopped = command.action != "start"
        if command.symbol == ALL_SYMBOLS:
            self.all_stopped = stopped
            self._stopped.clear()
        else:
            self._stopped[command.key] = stopped
            if len(self._stopped) > _KEYS_MAX:
                del self._stopped[next(iter(self._stopped))]

    def carried(self) -> tuple[tuple[Command, ...], tuple[tuple[str, bool], ...]]:
        """The newest commands, and the stopped symbols besides `all_stopped`."""
        return tuple(self._newest.values()), tuple(self._stopped.items())

    def restore(
        self, newest: Iterable[Command], stopped: Iterable[tuple[str, bool]], *, all_stopped: bool
    ) -> None:
        """Restore the state at the end of the previous session."""
        self._newest.update({(command.action, command.key): command for command in newest})
        self._stopped.update(stopped)
        self.all_stopped = self.all_stopped or all_stopped

    def is_stopped(self, key: str) -> bool:
        """Whether a symbol, known or not, is stopped."""
        return self._stopped.get(key, self.all_stopped)

    def commands(self) -> tuple[Command, ...]:
        """Oldest first."""
        return tuple(sorted(self._newest.values(), key=_time))


def carried_changes(views: Iterable[ChangeView]) -> list[CarriedChange]:
    """In the form carried to the next session."""
    return [CarriedChange(change=view.change, applied=view.applied) for view in views]


def _change_view(carried: CarriedChange) -> ChangeView:
    return ChangeView(
        event_time_ns=carried.change.event_time_ns, change=carried.change, applied=carried.applied
    )


def with_standing(standing: Iterable[_E], newest: Iterable[_E], name: str) -> tuple[_E, ...]:
    """Entries in force that have left the window, then the window; `name` is the identifying field."""
    window = tuple(newest)
    known = {getattr(each, name) for each in window}
    return (*(each for each in standing if getattr(each, name) not in known), *window)


def _time(event: Event) -> int:
    return event.event_time_ns
