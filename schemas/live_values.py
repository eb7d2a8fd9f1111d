"""Values changed live, over those of the configuration's files: which still apply at a start."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from schemas.config import Config
from schemas.live_settings import changed, is_beyond, live_setting, value_of
from schemas.numbers import decimal_of
from schemas.process import ConfigApplied, LiveValue, SettingApplied
from schemas.setting_keys import OF_ACCOUNT, SettingKey


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
        if live_setting(value.setting_key) is not None:
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
    account = SettingKey.of(key).of_account
    setting = live_setting(key)
    is_own_limit = account != key and setting is not None and setting.tighter is not None
    account_value = file_value_of(began, account) if is_own_limit else ""
    value = LiveValue(setting_key=key, value=change.value, file_value=file_value, account_value=account_value)
    return (*others, value)


def live_values_of(processes: Mapping[str, Sequence[LiveValue]]) -> tuple[LiveValue, ...]:
    """The live values in force, from those of each kind of process.

    A process records the changes of what it reads; of other keys it has the values with which it began.
    """
    found = {}
    for process, values in processes.items():
        for value in values:
            setting = live_setting(value.setting_key)
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
    if live_setting(live.setting_key) is None:
        return f"{live.setting_key} can no longer be changed while the engine runs"
    now = value_of(file, live.setting_key)
    if not _same(now, live.file_value):
        return f"the file changed from {live.file_value} to {now}"
    return _tightened(file, live)


def _tightened(file: Config, live: LiveValue) -> str | None:
    """Why a symbol's own limit is void: the file has a tighter one for all symbols than when it was set."""
    account = SettingKey.of(live.setting_key).of_account
    if not live.account_value or live.value == OF_ACCOUNT:
        return None
    now = value_of(file, account)
    key = live.setting_key
    if is_beyond(key, live.account_value, now) and is_beyond(key, live.value, now):
        return f"the file's {account} was tightened from {live.account_value} to {now}"
    return None


def _same(one: str, other: str) -> bool:
    """Are two values the same number, however written?"""
    try:
        return decimal_of(one) == decimal_of(other)
    except ValueError:
        return one == other
