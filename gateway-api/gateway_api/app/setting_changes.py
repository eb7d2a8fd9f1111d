"""Changes of settings, account-wide or of one symbol: who may, what they touch, and how they are sent."""

from dataclasses import dataclass

from fastapi import Request

from gateway_api.access.identity import Identity
from gateway_api.access.roles import Permission
from gateway_api.app.authorisation import ACCOUNT_KEY, Authorisation
from gateway_api.app.current import Current, CurrentConfig
from gateway_api.app.new_symbols import new_key
from gateway_api.app.problems import ProblemError
from gateway_api.app.proposal_routes import ControlResponse
from gateway_api.app.proposals import Proposals
from gateway_api.app.reading import find_key, symbol_keys
from gateway_api.app.sent import Asked, SentControls
from runtime.process.definition import GatewayContext
from runtime.text import nearest
from schemas.config import Config
from schemas.control import ProposedSetting, SettingChange
from schemas.live_settings import (
    LIVE_SETTINGS,
    SYMBOL_SETTINGS,
    is_looser,
    live_setting,
    needs_second_person,
    touched_by,
    value_of,
)
from schemas.message import ALL_SYMBOLS
from schemas.setting_keys import own_key, symbol_of


def check_key(key: str) -> None:
    """Raises ProblemError 404, with the nearest, for a key of no live setting."""
    if live_setting(key) is not None:
        return
    symbol = symbol_of(key)
    known = LIVE_SETTINGS if symbol is None else [own_key(symbol, each) for each in SYMBOL_SETTINGS]
    raise ProblemError(
        404,
        "unknown_setting",
        f"{key} cannot be changed while the engine runs{nearest(key, known)}.",
        "GET /api/v1/maker/settings lists those that can, with ?symbol= those of one symbol; others are set "
        "in the configuration file.",
    )


def judged(config: Config, key: str, value: str) -> bool:
    """Whether a second person has to agree to a value. Raises ProblemError for an invalid change."""
    check_key(key)
    try:
        return needs_second_person(config, key, value)
    except ValueError as error:
        hint = "Its bounds are in docs/PARAMETERS.md."
        raise ProblemError(422, "invalid_value", str(error), hint) from None


def symbols_in(context: GatewayContext) -> tuple[str, ...]:
    """The known symbols, without their venues."""
    return tuple(dict.fromkeys(key.partition(":")[2] for key in symbol_keys(context.store)))


def _check_plain(symbol: str, key: str) -> None:
    """A setting is of a symbol at every venue: under a name with a venue nothing would read it."""
    name = key.partition(":")[2]
    if symbol != name:
        raise ProblemError(
            422,
            "invalid_request",
            f"{symbol} names a venue, and settings are of a symbol without one.",
            f"Write {own_key(name, 'SECTION.KEY')}.",
        )


@dataclass(slots=True)
class SettingChanges:
    """Sends changes of settings, or proposes them."""

    context: GatewayContext
    authorisation: Authorisation
    sent: SentControls
    proposals: Proposals
    current: CurrentConfig

    def keys_of(self, symbol: str, identity: Identity) -> list[str]:
        """Every `venue:symbol` of a symbol, of one that could be started too.

        Raises ProblemError 404, with the nearest, for an unknown one.
        """
        found = [key for key in symbol_keys(self.context.store) if key.partition(":")[2] == symbol]
        if found:
            return found
        new = new_key(self.context.config, symbol, None, identity)
        key = find_key(self.context.store, symbol, None, identity) if new is None else new
        _check_plain(symbol, key)
        return [key]

    def check(self, request: Request, identity: Identity, key: str, value: str) -> bool:
        """Whether a change takes a second person. Raises ProblemError where it is invalid or forbidden."""
        check_key(key)
        symbol = symbol_of(key)
        keys = [ACCOUNT_KEY] if symbol is None else self.keys_of(symbol, identity)
        config = self.current.read().config
        by_two = judged(config, key, value)
        self.authorisation.check(request, identity, _permission(config, key, value, by_two=by_two))
        for each in keys:
            self.authorisation.check_scope(request, identity, each)
        return by_two

    def send(
        self, asked: Asked, request: Request, identity: Identity, key: str, value: str, reason: str
    ) -> ControlResponse:
        """Send a change, or propose it to a second person. Raises ProblemError, see `check`."""
        by_two = self.check(request, identity, key, value)
        was = value_of(self.current.read().config, key)
        symbol = symbol_of(key)
        place = ACCOUNT_KEY if symbol is None else self.keys_of(symbol, identity)[0]
        if by_two:
            setting = ProposedSetting(setting_key=key, value=value, was=was)
            venue, _, name = place.partition(":")
            found = self.proposals.propose(asked, identity, (venue, name), reason, setting)
            return self._answer(found, "proposed", key, was)
        change = SettingChange(
            event_time_ns=self.context.now_ns(),
            venue=ALL_SYMBOLS,
            symbol=ALL_SYMBOLS,
            change_id=asked.identifier,
            setting_key=key,
            value=value,
            was=was,
            requester=identity.name,
            reason=reason,
            request=asked.request,
            scope=identity.scope_at(place),
        )
        self.sent.send(asked, change.change_id, change)
        return self._answer(change.change_id, "sent", key, was)

    def _answer(self, command_id: str, status: str, key: str, was: str) -> ControlResponse:
        symbols = symbols_in(self.context)
        touches = touched_by(self.current.read().config, key, symbols)
        keeps = () if symbol_of(key) else tuple(each for each in symbols if each not in touches)
        return ControlResponse.model_validate(
            {"command_id": command_id, "status": status, "was": was, "touches": touches, "keeps": keeps}
        )

    def restored(self, change_id: str) -> tuple[str, str]:
        """Key and value from before a change; raises ProblemError where it cannot be taken back."""
        current: Current = self.current.read()
        found = next(
            (view for view in current.newest.values() if view.change.change_id == change_id),
            None,
        )
        if found is None:
            raise ProblemError(
                409,
                "not_in_force",
                f"{change_id} is no change in force: it was refused, is pending, or another followed.",
                "GET /api/v1/maker/settings gives, for each setting, the change in force.",
            )
        if found.change.was is None:
            raise ProblemError(
                409,
                "no_value_before",
                f"The change {change_id} does not say which value it replaced: an earlier version sent it.",
                "Change the setting to the value that is wanted.",
            )
        return found.change.setting_key, found.change.was


def _permission(config: Config, key: str, value: str, *, by_two: bool) -> Permission:
    if by_two:
        return "loosen_propose"
    setting = live_setting(key)
    if setting is None or setting.tighter is None:
        return "parameters"
    return "loosen" if is_looser(config, key, value) else "tighten"
