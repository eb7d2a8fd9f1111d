"""The newest session of a log: its configuration and the live changes made since."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import structlog

from runtime.errors import LogDamagedError
from runtime.log.finding import find_records
from runtime.log.logfile import LoggedRecord
from runtime.process.names import kind_of
from runtime.replay.start_points import carried_before
from runtime.text import iso_time
from schemas.config import Config
from schemas.control import SettingChange
from schemas.envelope import decode
from schemas.live_values import file_of, live_values_of, with_change
from schemas.process import ConfigApplied, LiveValue, SettingApplied

_TYPES = (ConfigApplied.type_name, SettingApplied.type_name, SettingChange.type_name)

logger = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class NewestSession:
    """The session that a start on the log would resume or follow."""

    applied: ConfigApplied
    """The configuration applied when it began or was last resumed."""
    live: tuple[LiveValue, ...]
    """Settings changed live, in this session or before, that are still in force."""
    changes: Mapping[str, SettingChange]
    """The change behind each, by setting key; missing where its log is no longer here."""

    @property
    def file(self) -> Config:
        """The configuration from its files."""
        return file_of(self.applied)

    def words_of(self, value: LiveValue) -> str:
        """Who changed a setting, when and why, and the value in the file."""
        change = self.changes.get(value.setting_key)
        if change is None:
            who = "in an earlier log"
        else:
            agreed = "" if change.approver is None else f", {change.approver} agreed"
            why = f": {change.reason}" if change.reason else ""
            who = f"by {change.requester}{agreed} at {iso_time(change.event_time_ns)}{why}"
        return f"changed live {who}; the file says {value.file_value}"


def newest_session(log: Path) -> NewestSession | None:
    """None: the log has no session, as after a failed start.

    Raises ConfigError where the folder contains no log.
    """
    applied: ConfigApplied | None = None
    live: dict[str, tuple[LiveValue, ...]] = {}
    requested: dict[str, SettingChange] = {}
    changes: dict[str, SettingChange] = {}
    for record in chain(_carried(log), find_records(log, _TYPES, past_damage=True)):
        type_name, payload = record.envelope.type_name, record.payload
        if type_name == SettingChange.type_name:
            change = decode(SettingChange, payload)
            requested[change.change_id] = change
        elif type_name == ConfigApplied.type_name:
            begun = decode(ConfigApplied, payload)
            if applied is None or begun.session_began_ns != applied.session_began_ns:
                live.clear()
            live.setdefault(kind_of(begun.process), begun.live_settings)
            applied = begun
        elif applied is not None:
            taken = decode(SettingApplied, payload)
            process = kind_of(taken.process)
            live[process] = with_change(applied, live.get(process, ()), taken)
            if taken.refused_because is None and taken.change_id in requested:
                changes[taken.setting_key] = requested[taken.change_id]
    return None if applied is None else NewestSession(applied, live_values_of(live), changes)


def _carried(log: Path) -> Iterator[LoggedRecord]:
    try:
        yield from carried_before(log, _TYPES)
    except LogDamagedError as error:
        logger.warning("log_damaged", because=str(error), then="reading continues with what is left")
