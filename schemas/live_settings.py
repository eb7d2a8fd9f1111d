"""Configuration values that may change while the engine runs, and who has to agree.

A parameter is changed by one person, within the bounds of its field. The same goes for tightening a limit;
loosening one takes two people (RTS 6 Art. 15). Everything else needs a restart.

What `per_symbol` may override can be changed for one symbol, under the key that it has in the configuration:
`per_symbol.BTC/USDT.pricing.min_edge_bps`. The value `account` takes the symbol's own value away. Where one
person ends halts (`risk_limits.resume_people` 1), one may also loosen a symbol's own limit, as far as the
account-wide one reaches.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Literal

from pydantic import ValidationError

from schemas.config import Config
from schemas.control import SettingChange
from schemas.message import ALL_SYMBOLS
from schemas.names import is_name
from schemas.numbers import decimal_of, shortened
from schemas.process import SettingApplied
from schemas.quoting_settings import ONLY_OF_SYMBOLS, SymbolSettings
from schemas.recent_keys import RecentKeys
from schemas.setting_keys import OF_ACCOUNT, SettingKey, own_key, text_of, value_from
from schemas.setting_units import unit_of
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
_GATE = (QUOTE, ROUTER)
"""Limits of the gate, which quoting keeps to."""
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
    "risk_limits.max_position": LiveSetting("base units", (QUOTE, *_LIMITS), "lower"),
    "risk_limits.max_position_notional": LiveSetting("reporting currency", (QUOTE, *_LIMITS), "lower"),
    "risk_limits.max_loss": LiveSetting("reporting currency", (RISK,), "higher"),
    "risk_limits.account_max_loss": LiveSetting("reporting currency", (RISK,), "higher"),
    "risk_limits.max_drawdown": LiveSetting("fraction of equity", (RISK,), "higher"),
    "risk_limits.max_exposure": LiveSetting("fraction of equity", _LIMITS, "lower"),
    "risk_limits.warn_at": LiveSetting("fraction of a limit", (RISK,), "lower"),
    "routing.price_collar": LiveSetting("fraction of the mid", _GATE, "lower"),
    "routing.order_value_max": LiveSetting("reporting currency", _GATE, "lower"),
}
"""By the dotted key of the configuration."""


_AT_START = frozenset({"market_making.update_frequency"})
"""Of a symbol in the file alone: the process's clock ticks as often as it needed when it began."""


def _symbol_settings() -> Mapping[str, LiveSetting]:
    found = {}
    for section in SymbolSettings.model_fields:
        allowed = ONLY_OF_SYMBOLS.get(section)
        for name in getattr(Config(), section).__class__.model_fields:
            key = f"{section}.{name}"
            if key not in _AT_START and (allowed is None or name in allowed):
                readers = (INVENTORY,) if section == "inventory" else _QUOTES
                found[key] = LIVE_SETTINGS.get(key) or LiveSetting(unit_of(key) or "", readers)
    return found


SYMBOL_SETTINGS: Mapping[str, LiveSetting] = _symbol_settings()
"""By the account-wide key: what may change for one symbol."""


def live_setting(key: str) -> LiveSetting | None:
    """What a key, account-wide or of one symbol, stands for; None: it cannot change while the engine runs."""
    parts = SettingKey.of(key)
    if parts.symbol is None:
        return LIVE_SETTINGS.get(key)
    is_one = is_name(parts.symbol) and ALL_SYMBOLS not in parts.symbol
    return SYMBOL_SETTINGS.get(parts.of_account) if is_one else None


def value_of(config: Config, key: str) -> str:
    """The value in a configuration, in text form; of a symbol without a value of its own `account`."""
    symbol, section, name = SettingKey.of(key)
    if symbol is None:
        return str(getattr(getattr(config, section), name))
    own = config.per_symbol.get(symbol)
    values = {} if own is None else getattr(own, section)
    return text_of(values[name]) if name in values else OF_ACCOUNT


def effective_of(config: Config, key: str) -> str:
    """The value that decides: a symbol's own, or else the account-wide one, in text form."""
    parts = SettingKey.of(key)
    if parts.symbol is not None:
        own = value_of(config, key)
        return own if own != OF_ACCOUNT else _account_text(config, parts)
    return value_of(config, key)


def _account_text(config: Config, parts: SettingKey) -> str:
    section = getattr(config, parts.section)
    return text_of(section.model_dump(mode="json", include={parts.name})[parts.name])


def touched_by(config: Config, key: str, symbols: Iterable[str]) -> tuple[str, ...]:
    """Those of `symbols` that a change of a key concerns: of an account-wide one, those without an own
    value.
    """
    parts = SettingKey.of(key)
    if parts.symbol is not None:
        return (parts.symbol,)
    may_own = key in SYMBOL_SETTINGS
    return tuple(
        each for each in symbols if not may_own or value_of(config, own_key(each, key)) == OF_ACCOUNT
    )


def changed(config: Config, key: str, value: str) -> Config:
    """The configuration with another value; raises ValueError where that is not allowed.

    It depends only on configuration and value, so all processes judge alike. As a float a tiny number would
    become 0, so the text is checked too.
    """
    if live_setting(key) is None:
        raise ValueError(f"{key} cannot be changed while the engine runs: change the file, and start again")
    parts = SettingKey.of(key)
    try:
        if parts.symbol is not None:
            return _with_own(config, parts.symbol, parts, value)
        return _with_account(config, parts, value)
    except ValidationError as error:
        message = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise ValueError(f"{key} cannot be {shortened(value)!r}: {message}") from None
    except ValueError as error:
        text = str(error).removeprefix(f"{key}: ")
        raise ValueError(f"{key} cannot be {shortened(value)!r}: {text}") from None


def _with_account(config: Config, parts: SettingKey, value: str) -> Config:
    section = getattr(config, parts.section)
    decimal_of(value)
    checked = type(section).model_validate({**section.model_dump(), parts.name: value})
    changed_section = section.model_copy(update={parts.name: getattr(checked, parts.name)})
    after = config.model_copy(update={parts.section: changed_section})
    for symbol in after.per_symbol:
        after.of_symbol(symbol)
    return after


def _with_own(config: Config, symbol: str, parts: SettingKey, value: str) -> Config:
    own = config.per_symbol.get(symbol, SymbolSettings())
    values = {name: each for name, each in getattr(own, parts.section).items() if name != parts.name}
    if value != OF_ACCOUNT:
        _check_scale(value)
        values[parts.name] = value_from(value)
    own = own.model_copy(update={parts.section: values})
    others = {each: settings for each, settings in config.per_symbol.items() if each != symbol}
    after = config.model_copy(update={"per_symbol": {**others, symbol: own} if own else others})
    own.write_alike(after.checked_symbol(symbol))
    return after


def _check_scale(text: str) -> None:
    """Raises ValueError for a number out of scale; words are the field's to judge."""
    try:
        Decimal(text)
    except InvalidOperation:
        return
    decimal_of(text)


def is_looser(config: Config, key: str, value: str) -> bool:
    """Is `value` a looser limit than in `config`? Never for a parameter.

    Raises ValueError where it may not be changed to that.
    """
    after = changed(config, key, value)
    return is_beyond(key, effective_of(after, key), effective_of(config, key))


def needs_second_person(config: Config, key: str, value: str) -> bool:
    """Has a second person to agree to a value? Raises ValueError where it may not be changed to that."""
    if not is_looser(config, key, value):
        return False
    parts = SettingKey.of(key)
    if parts.symbol is None or config.risk_limits.resume_people > 1:
        return True
    then = effective_of(changed(config, key, value), key)
    return is_beyond(key, then, _account_text(config, parts))


def envelope_of(config: Config, key: str) -> str:
    """The loosest value of a symbol's limit that is agreed to: the account-wide one, or its own where that
    is looser.
    """
    account, own = _account_text(config, SettingKey.of(key)), effective_of(config, key)
    return own if is_beyond(key, own, account) else account


def is_beyond(key: str, value: str, bound: str) -> bool:
    """Is a limit looser than another? Never a parameter."""
    setting = live_setting(key)
    if setting is None or setting.tighter is None:
        return False
    now, then = Decimal(bound), Decimal(value)
    return then > now if setting.tighter == "lower" else then < now


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
        setting = live_setting(change.setting_key)
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
            needs_second = needs_second_person(self.config, key, value)
        except ValueError as error:
            return str(error)
        if needs_second and change.approver in (None, change.requester):
            return f"{key} {value} is looser: a second person has to agree"
        now = value_of(self.config, key)
        if change.approved_digest not in (None, change.held_digest(now)):
            return f"{key} is {now}: {change.approver} was shown another change than this"
        try:
            trial(changed(self.config, key, value))
        except Exception as error:
            return f"{key} cannot be {value!r}: {self.process} cannot work with it ({type(error).__name__})"
        return None
