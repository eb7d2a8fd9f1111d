"""Values that a start brings for its symbol: at most as loose as this deployment allows."""

from collections.abc import Mapping
from uuid import uuid4

from fastapi import Request

from gateway_api.access.identity import Identity
from gateway_api.app.owner_responses import StartedWith
from gateway_api.app.problems import ProblemError
from gateway_api.app.sent import Asked
from gateway_api.app.setting_changes import SettingChanges
from schemas.config import Config
from schemas.live_settings import changed, envelope_of, is_beyond, value_of
from schemas.message import ALL_SYMBOLS
from schemas.setting_keys import SettingKey, own_key


def send(
    changes: SettingChanges,
    request: Request,
    identity: Identity,
    symbol: str,
    values: Mapping[str, str],
    reason: str,
) -> tuple[StartedWith, ...]:
    """Send each value as a change of the symbol's own setting; all are checked before one is sent.

    `values` is by account-wide key. Raises ProblemError: 422 for an invalid value, for one that is looser
    than the deployment allows, and for values of all symbols at once.
    """
    if values and symbol == ALL_SYMBOLS:
        names = ", ".join(SettingKey.of(key).name for key in values)
        raise ProblemError(
            422,
            "invalid_request",
            f"{names}: such values are of one symbol, and the start is of all.",
            "Start symbol by symbol, or leave them out.",
        )
    keyed = {own_key(symbol, key): value for key, value in values.items()}
    config = changes.current.read().config
    for key, value in keyed.items():
        changes.check(request, identity, key, value)
        _check_envelope(config, key, value)
    because = reason or "start"
    return tuple(_send(changes, request, identity, key, value, because) for key, value in keyed.items())


def _check_envelope(config: Config, key: str, value: str) -> None:
    bound = envelope_of(config, key)
    if not is_beyond(key, value, bound):
        return
    symbol, _, name = SettingKey.of(key)
    raise ProblemError(
        422,
        "beyond_envelope",
        f"{name} {value} is looser than {bound}, the most that this deployment allows for {symbol}.",
        f"Give {bound} or tighter; a looser one takes a change of {key}, with a second person.",
    )


def _send(
    changes: SettingChanges, request: Request, identity: Identity, key: str, value: str, reason: str
) -> StartedWith:
    config = changes.current.read().config
    if value_of(changed(config, key, value), key) == value_of(config, key):
        return StartedWith(setting_key=key, value=value, status="kept", change_id=None)
    each = Asked(identity.name, None, uuid4().hex)
    answer = changes.send(each, request, identity, key, value, reason)
    return StartedWith(setting_key=key, value=value, status=answer.status, change_id=answer.command_id)


def words(own: StartedWith) -> str:
    """One value, for display."""
    name = SettingKey.of(own.setting_key).name
    awaits = " is looser than the one in force and awaits a second person" if own.status == "proposed" else ""
    return f"{name} {own.value}{awaits}"
