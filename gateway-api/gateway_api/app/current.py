"""The configuration in force: the file's, with what people changed and the processes took over."""

from dataclasses import dataclass, field

from chassis.process import GatewayContext
from gateway_api.app.reading import account_of
from schemas.config import Config
from schemas.live_settings import LIVE_SETTINGS, changed
from schemas.views import ChangeView


@dataclass(frozen=True, slots=True)
class Current:
    """One reading."""

    config: Config
    newest: dict[str, ChangeView] = field(default_factory=dict)
    """By key: the newest change that is in force."""
    pending: dict[str, str] = field(default_factory=dict)
    """By key: the value that was sent and is not yet in force."""


def is_in_force(view: ChangeView) -> bool:
    """Has every process that reads the setting taken it over?"""
    setting = LIVE_SETTINGS.get(view.change.setting_key)
    taken = {each.process for each in view.applied if each.refused_because is None}
    return setting is not None and taken.issuperset(setting.processes)


class CurrentConfig:
    """Reads the changes from the store; the same ones are folded once."""

    def __init__(self, context: GatewayContext) -> None:
        self._context = context
        self._changes: tuple[ChangeView, ...] = ()
        self._current = Current(context.config)

    def read(self) -> Current:
        """As the store has it now."""
        account = account_of(self._context.store)
        changes = account.changes if account else ()
        if changes != self._changes:
            self._changes = changes
            self._current = _folded(self._context.config, changes)
        return self._current


def _folded(config: Config, changes: tuple[ChangeView, ...]) -> Current:
    newest: dict[str, ChangeView] = {}
    pending: dict[str, str] = {}
    for view in changes:
        key, value = view.change.setting_key, view.change.value
        if is_in_force(view):
            config = changed(config, key, value)
            newest[key] = view
            pending.pop(key, None)
        elif not any(each.refused_because for each in view.applied):
            pending[key] = value
    return Current(config, newest, pending)
