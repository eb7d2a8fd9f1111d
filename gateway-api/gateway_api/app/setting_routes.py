"""Live settings: their values, previews and changes."""

from collections.abc import Callable, Iterator
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict

from gateway_api.access.roles import Permission
from gateway_api.access.visibility import Sight, sight_of
from gateway_api.app.authorisation import identity_of
from gateway_api.app.bodies import StrictRoute
from gateway_api.app.current import Current
from gateway_api.app.numbers import milliseconds
from gateway_api.app.problems import documented
from gateway_api.app.proposal_routes import ControlResponse, answer_as_before
from gateway_api.app.responses import Answer
from gateway_api.app.sent import IdempotencyKey, asked
from gateway_api.app.setting_changes import SettingChanges, symbols_in
from runtime.config.settings import config_hash
from runtime.process.definition import GatewayContext
from schemas.config import Config
from schemas.control import Identifier, SettingText
from schemas.live_settings import LIVE_SETTINGS, SYMBOL_SETTINGS, effective_of, live_setting, value_of
from schemas.names import Reason
from schemas.setting_keys import OF_ACCOUNT, SettingKey, own_key

_PROBLEMS = documented(401, 403, 404, 409, 422, 429, 503)


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SettingRequest(_Body):
    """A new value for a setting."""

    value: SettingText
    """For a symbol's setting also `account`: its own value goes, and the account-wide one holds."""
    reason: Reason


class RevertRequest(_Body):
    """Restore the value from before a change."""

    change_id: Identifier
    reason: Reason


class Setting(Answer):
    """A setting that can be changed live."""

    key: str
    value: str
    """In force, as reported by the processes."""
    default: str
    """Of a symbol's setting the account-wide value."""
    kind: Literal["limit", "parameter"]
    tighter: Literal["lower", "higher"] | None
    unit: str
    description: str
    changed_by: str | None
    """None also for users without access to the audit."""
    changed_ms: float | None
    pending: str | None
    """Requested, not in force yet."""
    applies: Literal["live"] = "live"
    symbol: str | None = None
    """The symbol whose setting it is; None: it is account-wide."""
    is_own: bool = False
    """Whether the symbol has a value of its own."""
    change_id: str | None = None
    """The change in force, for a revert; None also for users without access to the audit."""
    was: str | None = None
    """The value from before that change."""
    own: dict[str, str]
    """Of an account-wide setting: the symbols with a value of their own, which a change does not touch."""


class SettingsResponse(Answer):
    """All live settings."""

    config_hash: str
    settings: tuple[Setting, ...]


Symbol = Annotated[
    str | None, Query(max_length=64, description="the settings of this symbol, not the account-wide ones")
]


class _Desk:
    """Request handlers."""

    def __init__(self, context: GatewayContext, changes: SettingChanges) -> None:
        self._context = context
        self._changes = changes

    async def settings(self, request: Request, symbol: Symbol = None) -> SettingsResponse:
        """The live settings, account-wide or of a symbol, with values in force and requested values."""
        identity = identity_of(request)
        current, sight = self._changes.current.read(), sight_of(identity)
        if symbol is not None:
            for key in self._changes.keys_of(symbol, identity):
                self._changes.authorisation.check_scope(request, identity, key)
        return SettingsResponse(
            config_hash=config_hash(current.config),
            settings=tuple(self._settings(current, symbol, sight)),
        )

    def _settings(self, current: Current, symbol: str | None, sight: Sight) -> Iterator[Setting]:
        config, defaults = current.config, Config()
        seen = [each for each in symbols_in(self._context) if sight.reaches_symbol(each)]
        own_config = config if symbol is None else config.of_symbol(symbol)
        for account_key in LIVE_SETTINGS if symbol is None else SYMBOL_SETTINGS:
            key = account_key if symbol is None else own_key(symbol, account_key)
            own = {each: effective_of(config, own_key(each, key)) for each in _with_own(config, key, seen)}
            default = value_of(defaults, key) if symbol is None else effective_of(config, account_key)
            yield self._setting(current, sight, key, {"own": own, "default": default}, own_config)

    def _setting(
        self, current: Current, sight: Sight, key: str, about: dict[str, Any], own_config: Config
    ) -> Setting:
        parts, live = SettingKey.of(key), live_setting(key)
        newest = current.newest.get(key)
        known = newest if newest is not None and sight.sees_event(newest.change) else None
        field = type(getattr(own_config, parts.section)).model_fields[parts.name]
        tighter = None if live is None else live.tighter
        return Setting(
            key=key,
            value=effective_of(current.config, key),
            kind="parameter" if tighter is None else "limit",
            tighter=tighter,
            unit="" if live is None else live.unit,
            description=field.description or "",
            changed_by=None if known is None else known.change.requester,
            changed_ms=None if newest is None else milliseconds(newest.event_time_ns),
            pending=current.pending.get(key),
            symbol=parts.symbol,
            is_own=parts.symbol is not None and value_of(current.config, key) != OF_ACCOUNT,
            change_id=None if known is None else known.change.change_id,
            was=None if known is None else known.change.was,
            **about,
        )

    async def change(
        self, key: str, body: SettingRequest, request: Request, idempotency_key: IdempotencyKey = None
    ) -> ControlResponse:
        """Change a parameter, tighten a limit, or propose to loosen one; account-wide or of one symbol."""
        identity = identity_of(request)
        requested = asked(identity.name, idempotency_key, request, body)
        earlier = self._changes.sent.answered(requested)
        if earlier is not None:
            return answer_as_before(earlier)
        return self._changes.send(requested, request, identity, key, body.value, body.reason)

    async def revert(
        self, body: RevertRequest, request: Request, idempotency_key: IdempotencyKey = None
    ) -> ControlResponse:
        """Restore the value from before a change in force, under the rules of any change."""
        identity = identity_of(request)
        requested = asked(identity.name, idempotency_key, request, body)
        earlier = self._changes.sent.answered(requested)
        if earlier is not None:
            return answer_as_before(earlier)
        key, value = self._changes.restored(body.change_id)
        return self._changes.send(requested, request, identity, key, value, body.reason)


def _with_own(config: Config, key: str, symbols: list[str]) -> list[str]:
    """The symbols with a value of their own of an account-wide setting."""
    if key not in SYMBOL_SETTINGS:
        return []
    return [each for each in symbols if value_of(config, own_key(each, key)) != OF_ACCOUNT]


def make_router(context: GatewayContext, changes: SettingChanges) -> APIRouter:
    """The routes under /maker for settings."""
    desk = _Desk(context, changes)
    router = APIRouter(route_class=StrictRoute, prefix="/maker", tags=["settings"])
    routes: tuple[tuple[str, str, Permission | None, Callable[..., Any]], ...] = (
        ("GET", "/settings", "view", desk.settings),
        ("POST", "/settings/revert", "tighten", desk.revert),  # and whatever key and value take
        ("PUT", "/settings/{key:path}", None, desk.change),  # the permission depends on key and value
    )
    for method, path, permission, endpoint in routes:
        status = 200 if method == "GET" else 202
        router.add_api_route(
            path,
            endpoint,
            methods=[method],
            status_code=status,
            responses=_PROBLEMS,
            dependencies=[changes.authorisation.requires(permission)],
        )
    return router
