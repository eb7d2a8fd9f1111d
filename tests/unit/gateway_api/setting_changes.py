"""Changes of live settings, and the processes that take them over."""

from schemas.control import SettingChange
from schemas.live_settings import live_setting
from schemas.process import SettingApplied
from tests.unit.gateway_api.conftest import Messages

SPREAD, LIMIT, OTHER = "market_making.base_spread", "risk_limits.max_exposure", "model.impact_bps"


def change(account: Messages, number: int, key: str, value: str) -> SettingChange:
    name = f"{key}-{number}"
    return SettingChange(
        **account.at(number / 1_000), change_id=name, setting_key=key, value=value, requester="ann"
    )


def applied(change: SettingChange, process: str, because: str | None = None) -> SettingApplied:
    return SettingApplied(
        event_time_ns=change.event_time_ns,
        process=process,
        change_id=change.change_id,
        setting_key=change.setting_key,
        value=change.value,
        refused_because=because,
    )


def taken(change: SettingChange) -> list[SettingApplied]:
    """Every process that reads the setting took it over."""
    setting = live_setting(change.setting_key)
    assert setting is not None
    return [applied(change, process) for process in setting.processes]
