"""The configuration in force: the file's, with the live changes that the processes have applied."""

from dataclasses import dataclass, field

from gateway_api.app.reading import account_of
from runtime.process.definition import GatewayContext
from schemas.config import Config
from schemas.live_settings import changed
from schemas.views import ChangeView


@dataclass(frozen=True, slots=True)
class Current:
    """A snapshot of the configuration in force."""

    config: Config
    newest: dict[str, ChangeView] = field(default_factory=dict)
    """The newest change in force, by key."""
    pending: dict[str, str] = field(default_factory=dict)
    """The value sent but not in force yet, by key."""


class CurrentConfig:
    """Reads the changes from the store; unchanged ones are folded only once."""

    def __init__(self, context: GatewayContext) -> None:
        self._context = context
        self._changes: tuple[ChangeView, ...] = ()
        self._current = Current(context.config)

    def read(self) -> Current:
        """The current state of the store."""
        account = account_of(self._context.store)
        changes = account.changes if account else ()
        if changes != self._changes:
            self._changes = changes
            self._current = current_of(self._context.config, changes)
        return self._current


def current_of(config: Config, changes: tuple[ChangeView, ...]) -> Current:
    """The configuration of the start with these changes, oldest first."""
    newest: dict[str, ChangeView] = {}
    pending: dict[str, str] = {}
    for view in changes:
        key, value = view.change.setting_key, view.change.value
        if view.is_in_force:
            config = changed(config, key, value)
            newest[key] = view
            pending.pop(key, None)
        elif not any(each.refused_because for each in view.applied):
            pending[key] = value
    return Current(config, newest, pending)
