"""What a start would change against the newest session of its log, reported beforehand."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from maker.newest_session import NewestSession
from runtime.config.settings import deciding, flat
from runtime.process.session import Start
from runtime.version import code_version
from schemas.config import Config
from schemas.live_settings import live_setting
from schemas.live_values import fallen, overlaid
from schemas.process import LiveValue

Kind = Literal["live", "restart", "deployment"]
"""live: can also be changed while the engine runs; deployment: no decision depends on it."""

_FILLED_IN = frozenset({"engine.log_dir", "control.public_keys"})
"""Keys that every start reports itself."""


def _shown(live: LiveValue) -> dict[str, str]:
    return live.model_dump(include={"setting_key", "value", "file_value"})


@dataclass(frozen=True, slots=True)
class KeyChange:
    """A key with a different value in the files; None: absent."""

    key: str
    old: Any
    new: Any
    kind: Kind


@dataclass(frozen=True, slots=True)
class Changes:
    """The differences, and what a start would do about them."""

    keys: tuple[KeyChange, ...]
    stays: tuple[LiveValue, ...]
    """Changed live, and still in force after the start."""
    falls: tuple[tuple[LiveValue, str], ...]
    """Changed live, and no longer in force after the start, with the reason."""
    symbols_come: tuple[str, ...]
    symbols_go: tuple[str, ...]
    code: tuple[str, str] | None
    """Versions of the session's code and of this code; None: the same code."""
    begins_session: bool

    @property
    def is_any(self) -> bool:
        """Whether there is a difference."""
        return bool(self.keys or self.falls or self.code or self.begins_session)

    def as_json(self) -> dict[str, Any]:
        """One JSON object."""
        return {
            "keys": [asdict(each) for each in self.keys],
            "live": [
                *({**_shown(each), "stays": True, "because": None} for each in self.stays),
                *({**_shown(each), "stays": False, "because": why} for each, why in self.falls),
            ],
            "symbols": {"come": list(self.symbols_come), "go": list(self.symbols_go)},
            "code": None if self.code is None else {"old": self.code[0], "new": self.code[1]},
            "begins_session": self.begins_session,
        }

    def in_words(self, log: Path) -> str:
        """The effect of the start, in one line."""
        if self.begins_session:
            return f"a start would begin a new session of {log}, carrying over positions, orders and halts"
        return f"a start would resume the session of {log}"


def changes_of(session: NewestSession, config: Config, sources_hash: str) -> Changes:
    """The changes of a start with this configuration from files and the code of that hash."""
    old, new = session.file, config
    is_other_code = session.applied.sources_hash != sources_hash
    _, stays = overlaid(config, session.live)
    before, after = symbols_of(old), symbols_of(new)
    return Changes(
        keys=tuple(_keys(old, new)),
        stays=stays,
        falls=fallen(config, session.live),
        symbols_come=tuple(symbol for symbol in after if symbol not in before),
        symbols_go=tuple(symbol for symbol in before if symbol not in after),
        code=(session.applied.code_version, code_version()) if is_other_code else None,
        begins_session=not Start(config, sources_hash).resumes(session.applied),
    )


def symbols_of(config: Config) -> Sequence[str]:
    """The traded symbols; for a recording they are read from its files."""
    if config.feed.kind == "live":
        return config.exchange.symbols
    return tuple(config.feed.symbols) if config.feed.kind == "synthetic" else ()


def _keys(old: Config, new: Config) -> list[KeyChange]:
    before, after = (dict(flat(each.model_dump(mode="json"))) for each in (old, new))
    decides = {*dict(flat(deciding(old))), *dict(flat(deciding(new)))}
    return [
        KeyChange(key, before.get(key), after.get(key), _kind(key, is_deciding=key in decides))
        for key in dict.fromkeys((*before, *after))
        if before.get(key) != after.get(key) and key not in _FILLED_IN
    ]


def _kind(key: str, *, is_deciding: bool) -> Kind:
    if not is_deciding:
        return "deployment"
    return "restart" if live_setting(key) is None else "live"
