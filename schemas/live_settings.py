"""Which values of the configuration may change while the engine runs, and who has to agree.

A parameter is changed by one person, within the bounds of its field. So is a limit that is made tighter;
one that is loosened takes two people (RTS 6 Art. 15). Everything else waits for a restart.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from pydantic import ValidationError

from schemas.config import Config
from schemas.control import SettingChange
from schemas.process import SettingApplied
from schemas.recent_keys import RecentKeys
from schemas.topics import INVENTORY, QUOTE, RISK, ROUTER

_CHANGES_MAX = 1_000


@dataclass(frozen=True, slots=True)
class LiveSetting:
    """A value that may change, and the processes that read it."""

    unit: str
    processes: tuple[str, ...]
    tighter: Literal["lower", "higher"] | None = None
    """Of a limit: the way that needs one person only. None: a parameter."""


_QUOTES = (QUOTE,)
_LIMITS = (ROUTER, RISK)
LIVE_SETTINGS: Mapping[str, LiveSetting] = {
    "market_making.base_spread": LiveSetting("fraction of the price", _QUOTES),
    "market_making.volatility_multiplier": LiveSetting("standard deviations", _QUOTES),
    "market_making.volatility_horizon_s": LiveSetting("seconds", _QUOTES),
    "market_making.inventory_sensitivity": LiveSetting("fraction of the price", _QUOTES),
    "market_making.requote_threshold_bps": LiveSetting("bps", _QUOTES),
    "market_making.requote_size_change": LiveSetting("fraction", _QUOTES),
    "pricing.pressure_threshold": LiveSetting("imbalance, 0 to 1", _QUOTES),
    "pricing.adjustment_speed": LiveSetting("fraction of the price", _QUOTES),
    "pricing.emergency_multiplier": LiveSetting("multiple", _QUOTES),
    "pricing.emergency_flow_threshold": LiveSetting("imbalance, 0 to 1", _QUOTES),
    "pricing.min_spread_bps": LiveSetting("bps", _QUOTES),
    "pricing.skew_half_spreads_max": LiveSetting("half-spreads", _QUOTES),
    "pricing.depth_fraction": LiveSetting("fraction", _QUOTES),
    "pricing.order_notional_max": LiveSetting("reporting currency", _QUOTES),
    "pricing.order_notional_min": LiveSetting("reporting currency", _QUOTES),
    "pricing.high_regime_size_factor": LiveSetting("fraction", _QUOTES),
    "model.inventory_deviation": LiveSetting("part of the maximum inventory", _QUOTES),
    "model.impact_bps": LiveSetting("bps", _QUOTES),
    "shape.levels": LiveSetting("levels", _QUOTES),
    "shape.level_step_bps": LiveSetting("bps", _QUOTES),
    "shape.level_size_factor": LiveSetting("multiple", _QUOTES),
    "shape.bid_spread_factor": LiveSetting("multiple", _QUOTES),
    "shape.ask_spread_factor": LiveSetting("multiple", _QUOTES),
    "shape.narrow_after_ms": LiveSetting("milliseconds", _QUOTES),
    "shape.filled_order_delay_ms": LiveSetting("milliseconds", _QUOTES),
    "inventory.target_inventory": LiveSetting("base units", (INVENTORY,)),
    "inventory.rebalance_threshold": LiveSetting("base units", (INVENTORY,)),
    "inventory.max_inventory": LiveSetting("base units", (QUOTE, INVENTORY), "lower"),
    "inventory.max_inventory_notional": LiveSetting("reporting currency", (QUOTE, INVENTORY), "lower"),
    "risk_limits.max_position": LiveSetting("base units", _LIMITS, "lower"),
    "risk_limits.max_position_notional": LiveSetting("reporting currency", _LIMITS, "lower"),
    "risk_limits.max_loss": LiveSetting("reporting currency", (RISK,), "higher"),
    "risk_limits.account_max_loss": LiveSetting("reporting currency", (RISK,), "higher"),
    "risk_limits.max_drawdown": LiveSetting("fraction of equity", (RISK,), "higher"),
    "risk_limits.max_exposure": LiveSetting("fraction of equity", _LIMITS, "lower"),
    "risk_limits.warn_at": LiveSetting("fraction of a limit", (RISK,), "lower"),
    "routing.price_collar": LiveSetting("fraction of the mid", (ROUTER,), "lower"),
    "routing.order_value_max": LiveSetting("reporting currency", (ROUTER,), "lower"),
}
"""By the dotted key of the configuration."""


def value_of(config: Config, key: str) -> str:
    """The value in a configuration, as people write it."""
    section, _, name = key.partition(".")
    return str(getattr(getattr(config, section), name))


def changed(config: Config, key: str, value: str) -> Config:
    """The configuration with another value; raises ValueError where it may not be changed to that."""
    if key not in LIVE_SETTINGS:
        raise ValueError(f"{key} cannot be changed while the engine runs: change the file, and start again")
    section_name, _, name = key.partition(".")
    section = getattr(config, section_name)
    try:
        checked = type(section).model_validate({**section.model_dump(), name: value})
    except ValidationError as error:
        raise ValueError(f"{key} cannot be {value!r}: {error.errors()[0]['msg']}") from None
    return config.model_copy(update={section_name: section.model_copy(update={name: getattr(checked, name)})})


def is_looser(config: Config, key: str, value: str) -> bool:
    """Does a limit allow more with `value` than in `config`? A parameter never does.

    Raises ValueError where it may not be changed to that.
    """
    after = changed(config, key, value)
    tighter = LIVE_SETTINGS[key].tighter
    if tighter is None:
        return False
    now, then = Decimal(value_of(config, key)), Decimal(value_of(after, key))
    return then > now if tighter == "lower" else then < now


@dataclass(slots=True)
class LiveSettings:
    """The configuration of one process while it runs. Part of a core's state."""

    process: str
    config: Config
    _seen: RecentKeys = field(default_factory=lambda: RecentKeys(_CHANGES_MAX))

    def take(self, change: SettingChange) -> SettingApplied | None:
        """Take a change over, or refuse it; None where it is no concern of this process, or comes again."""
        setting = LIVE_SETTINGS.get(change.setting_key)
        if setting is None or self.process not in setting.processes:
            return None
        if not self._seen.is_new(change.change_id):
            return None
        because = self._refusal(change)
        if because is None:
            self.config = changed(self.config, change.setting_key, change.value)
        return SettingApplied(
            event_time_ns=change.event_time_ns,
            process=self.process,
            change_id=change.change_id,
            setting_key=change.setting_key,
            value=value_of(self.config, change.setting_key),
            refused_because=because,
        )

    def _refusal(self, change: SettingChange) -> str | None:
        try:
            looser = is_looser(self.config, change.setting_key, change.value)
        except ValueError as error:
            return str(error)
        if looser and change.approver in (None, change.requester):
            return f"{change.setting_key} {change.value} is looser: a second person has to agree"
        return None
