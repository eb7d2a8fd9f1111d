"""Live settings: their values, previews and changes."""

from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from gateway_api.access.roles import Permission
from gateway_api.access.visibility import Sight, sight_of
from gateway_api.app.authorisation import ACCOUNT_KEY, Authorisation, identity_of
from gateway_api.app.bodies import StrictRoute
from gateway_api.app.current import CurrentConfig
from gateway_api.app.numbers import milliseconds
from gateway_api.app.problems import ProblemError, documented
from gateway_api.app.proposal_routes import ControlResponse, answer_as_before
from gateway_api.app.proposals import Proposals
from gateway_api.app.responses import Answer
from gateway_api.app.sent import IdempotencyKey, SentControls, asked
from runtime.config.settings import config_hash
from runtime.process.definition import GatewayContext
from runtime.text import nearest
from schemas.control import ProposedSetting, SettingChange
from schemas.live_settings import LIVE_SETTINGS, is_looser, value_of
from schemas.message import ALL_SYMBOLS
from schemas.names import Reason

_PROBLEMS = documented(401, 403, 404, 409, 422, 429, 503)


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SettingRequest(_Body):
    """A new value for a setting."""

    value: Annotated[str, Field(min_length=1, max_length=64)]
    reason: Reason


class Setting(Answer):
    """A setting that can be changed live."""

    key: str
    value: str
    """In force, as reported by the processes."""
    default: str
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


class SettingsResponse(Answer):
    """All live settings."""

    config_hash: str
    settings: tuple[Setting, ...]


class _Desk:
    """Request handlers."""

    def __init__(
        self, context: GatewayContext, authorisation: Authorisation, sent: SentControls, proposals: Proposals
    ) -> None:
        self._context = context
        self._authorisation = authorisation
        self._current = CurrentConfig(context)
        self._sent = sent
        self._proposals = proposals

    async def settings(self, request: Request) -> SettingsResponse:
        """The live settings, with values in force and requested values."""
        current, sight = self._current.read(), sight_of(identity_of(request))
        return SettingsResponse(
            config_hash=config_hash(current.config),
            settings=tuple(self._setting(key, sight) for key in LIVE_SETTINGS),
        )

    def _setting(self, key: str, sight: Sight) -> Setting:
        live, current = LIVE_SETTINGS[key], self._current.read()
        newest = current.newest.get(key)
        known = newest if newest is not None and sight.sees_event(newest.change) else None
        section, _, name = key.partition(".")
        field = type(getattr(self._context.config, section)).model_fields[name]
        return Setting(
            key=key,
            value=value_of(current.config, key),
            default=str(field.get_default(call_default_factory=True)),
            kind="parameter" if live.tighter is None else "limit",
            tighter=live.tighter,
            unit=live.unit,
            description=field.description or "",
            changed_by=None if known is None else known.change.requester,
            changed_ms=None if newest is None else milliseconds(newest.event_time_ns),
            pending=current.pending.get(key),
        )

    async def change(
        self, key: str, body: SettingRequest, request: Request, idempotency_key: IdempotencyKey = None
    ) -> ControlResponse:
        """Change a parameter, tighten a limit, or propose to loosen one."""
        identity = identity_of(request)
        requested = asked(identity.name, idempotency_key, request, body)
        earlier = self._sent.answered(requested)
        if earlier is not None:
            return answer_as_before(earlier)
        config = self._current.read().config
        looser = judged(config, key, body.value)
        self._authorisation.check(request, identity, _permission(key, looser=looser))
        self._authorisation.check_scope(request, identity, ACCOUNT_KEY)
        if looser:
            setting = ProposedSetting(setting_key=key, value=body.value, was=value_of(config, key))
            account = (ALL_SYMBOLS, ALL_SYMBOLS)
            found = self._proposals.propose(requested, identity, account, body.reason, setting)
            return ControlResponse(command_id=found, status="proposed")
        change = SettingChange(
            event_time_ns=self._context.now_ns(),
            venue=ALL_SYMBOLS,
            symbol=ALL_SYMBOLS,
            change_id=requested.identifier,
            setting_key=key,
            value=body.value,
            requester=identity.name,
            reason=body.reason,
            request=requested.request,
            scope=identity.scope_at(ACCOUNT_KEY),
        )
        self._sent.send(requested, change.change_id, change)
        return ControlResponse(command_id=change.change_id, status="sent")


def judged(config: Any, key: str, value: str) -> bool:
    """Whether a value is looser than the one in force. Raises ProblemError for an invalid change."""
    if key not in LIVE_SETTINGS:
        raise ProblemError(
            404,
            "unknown_setting",
            f"{key} cannot be changed while the engine runs{nearest(key, LIVE_SETTINGS)}.",
            "GET /api/v1/maker/settings lists those that can; others are set in the configuration file.",
        )
    try:
        return is_looser(config, key, value)
    except ValueError as error:
        hint = "Its bounds are in schemas/config.py."
        raise ProblemError(422, "invalid_value", str(error), hint) from None


def _permission(key: str, *, looser: bool) -> Permission:
    if looser:
        return "loosen_propose"
    return "parameters" if LIVE_SETTINGS[key].tighter is None else "tighten"


def make_router(
    context: GatewayContext, authorisation: Authorisation, sent: SentControls, proposals: Proposals
) -> APIRouter:
    """The routes under /maker for settings."""
    desk = _Desk(context, authorisation, sent, proposals)
    router = APIRouter(route_class=StrictRoute, prefix="/maker", tags=["settings"])
    routes: tuple[tuple[str, str, Permission | None, Callable[..., Any]], ...] = (
        ("GET", "/settings", "view", desk.settings),
        ("PUT", "/settings/{key}", None, desk.change),  # the permission depends on key and value
    )
    for method, path, permission, endpoint in routes:
        status = 200 if method == "GET" else 202
        router.add_api_route(
            path,
            endpoint,
            methods=[method],
            status_code=status,
            responses=_PROBLEMS,
            dependencies=[authorisation.requires(permission)],
        )
    return router
