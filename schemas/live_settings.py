"""Configuration values that may change while the engine runs, and who has to agree.

A parameter is changed by one person, within the bounds of its field. The same goes for tightening a limit;
loosening one takes two people (RTS 6 Art. 15). Everything else needs a restart.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from pydantic import ValidationError

from schemas.config import Config
from schemas.control import SettingChange
from schemas.numbers import decimal_of, shortened
from schemas.process import ConfigApplied, LiveValue, SettingApplied
from schemas.recent_keys import RecentKeys
from schemas.topics import INVENTORY, QUOTE, RISK, ROUTER

_CHANGES_MAX = 1_000


@dataclass(frozen=True, slots=True)
class LiveSetting:
    """A value that may change, and the processes that read it."""

    unit: str
    processes: tuple[str, ...]
    tighter: Literal["lower", "higher"] | None = None
    """For a limit: the direction that needs one person only. None: a parameter."""


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
    """The value in a configuration, in text form."""
    section, _, name = key.partition(".")
    return str(getattr(getattr(config, section), name))


def changed(config: Config, key: str, value: str) -> Config:
    """The configuration with another value; raises ValueError where that is not allowed.

    It depends only on configuration and value, so all processes judge alike. As a float a tiny number would
    become 0, so the text is checked too.
    """
    if key not in LIVE_SETTINGS:
        raise ValueError(f"{key} cannot be changed while the engine runs: change the file, and start again")
    section_name, _, name = key.partition(".")
    section = getattr(config, section_name)
    try:
        decimal_of(value)
        checked = type(section).model_validate({**section.model_dump(), name: value})
        changed_section = section.model_copy(update={name: getattr(checked, name)})
        after = config.model_copy(update={section_name: changed_section})
        for symbol in after.per_symbol:
            after.of_symbol(symbol)
    except ValidationError as error:
        message = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise ValueError(f"{key} cannot be {shortened(value)!r}: {message}") from None
    except ValueError as error:
        raise ValueError(f"{key} cannot be {shortened(value)!r}: {error}") from None
    return after


def is_looser(config: Config, key: str, value: str) -> bool:
    """Is `value` a looser limit than in `config`? Never for a parameter.

    Raises ValueError where it may not be changed to that.
    """
    after = changed(config, key, value)
    tighter = LIVE_SETTINGS[key].tighter
    if tighter is None:
        return False
    now, then = Decimal(value_of(config, key)), Decimal(value_of(after, key))
    return then > now if tighter == "lower" else then < now


def overlaid(file: Config, live: Sequence[LiveValue]) -> tuple[Config, tuple[LiveValue, ...]]:
    """The configuration in force over `file`, and the live values that still apply.

    A live change applies until the file's value of that key changes, or no longer allows it; `fallen` gives
    the reasons of those that lapsed.
    """
    judged = _judged(file, live)
    return judged.config, judged.standing


def fallen(file: Config, live: Sequence[LiveValue]) -> tuple[tuple[LiveValue, str], ...]:
    """The live values that no longer apply over `file`, each with the reason, for operators."""
    return _judged(file, live).fallen


def file_of(began: ConfigApplied) -> Config:
    """The files' configuration when a process began: its configuration without live changes."""
    config = began.config
    for value in began.live_settings:
        if value.setting_key in LIVE_SETTINGS:
            config = changed(config, value.setting_key, value.file_value)
    return config


def file_value_of(began: ConfigApplied, key: str) -> str:
    """The files' value of a key at that time."""
    before = (each.file_value for each in began.live_settings if each.setting_key == key)
    return next(before, None) or value_of(began.config, key)


def with_change(
    began: ConfigApplied, live: Sequence[LiveValue], change: SettingApplied
) -> tuple[LiveValue, ...]:
    """The live values after a process that began with `began` applied a change; `live` are those before it.

    A value equal to the file's is no live value: it follows the file from then on.
    """
    key = change.setting_key
    if change.refused_because is not None:
        return tuple(live)
    file_value = file_value_of(began, key)
    others = tuple(each for each in live if each.setting_key != key)
    if _same(change.value, file_value):
        return others
    return (*others, LiveValue(setting_key=key, value=change.value, file_value=file_value))


def live_values_of(processes: Mapping[str, Sequence[LiveValue]]) -> tuple[LiveValue, ...]:
    """The live values in force, from those of each kind of process.

    A process records the changes of what it reads; of other keys it has the values with which it began.
    """
    found = {}
    for process, values in processes.items():
        for value in values:
            setting = LIVE_SETTINGS.get(value.setting_key)
            readers = set() if setting is None else processes.keys() & set(setting.processes)
            if process in readers or not readers:
                found[value.setting_key] = value
    return tuple(found.values())


@dataclass(frozen=True, slots=True)
class _Judged:
    config: Config
    standing: tuple[LiveValue, ...]
    fallen: tuple[tuple[LiveValue, str], ...]


def _judged(file: Config, live: Sequence[LiveValue]) -> _Judged:
    """Each value in turn, in the order of the changes."""
    config = file
    standing: list[LiveValue] = []
    fell: list[tuple[LiveValue, str]] = []
    for each in live:
        because = _file_changed(file, each)
        if because is None:
            try:
                config = changed(config, each.setting_key, each.value)
            except ValueError as error:
                because = str(error)
        if because is None:
            standing.append(each)
        else:
            fell.append((each, because))
    return _Judged(config, tuple(standing), tuple(fell))


def _file_changed(file: Config, live: LiveValue) -> str | None:
    """Why the file's value applies again; None where the file is unchanged since the live change."""
    if live.setting_key not in LIVE_SETTINGS:
        return f"{live.setting_key} can no longer be changed while the engine runs"
    now = value_of(file, live.setting_key)
    return None if _same(now, live.file_value) else f"the file changed from {live.file_value} to {now}"


def _same(one: str, other: str) -> bool:
    """Are two values the same number, however written?"""
    try:
        return decimal_of(one) == decimal_of(other)
    except ValueError:
        return one == other


def _no_trial(config: Config) -> None:
    """For a process that derives nothing."""


@dataclass(slots=True)
class LiveSettings:
    """The configuration of one process while it runs. Part of a core's state."""

    process: str
    config: Config
    _seen: RecentKeys = field(default_factory=lambda: RecentKeys(_CHANGES_MAX))

    def apply(
        self, change: SettingChange, trial: Callable[[Config], object] = _no_trial
    ) -> SettingApplied | None:
        """Apply a change, or refuse it; None where it does not concern this process, or is repeated.

        `trial` computes whatever the process derives from a configuration, changing nothing: if that fails,
        the change is refused. All processes refuse alike by the field's bounds; a trial is the second line,
        and where one process refused and another applied a change, risk-service halts the account.
        """
        setting = LIVE_SETTINGS.get(change.setting_key)
        if setting is None or self.process not in setting.processes:
            return None
        if not self._seen.add(change.change_id):
            return None
        because = self._refusal(change, trial)
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

    def _refusal(self, change: SettingChange, trial: Callable[[Config], object]) -> str | None:
        key, value = change.setting_key, change.value
        try:
            looser = is_looser(self.config, key, value)
        except ValueError as error:
            return str(error)
        if looser and change.approver in (None, change.requester):
            return f"{key} {value} is looser: a second person has to agree"
        now = value_of(self.config, key)
        if change.approved_digest not in (None, change.held_digest(now)):
            return f"{key} is {now}: {change.approver} was shown another change than this"
        try:
            trial(changed(self.config, key, value))
        except Exception as error:
            return f"{key} cannot be {value!r}: {self.process} cannot work with it ({type(error).__name__})"
        return None
