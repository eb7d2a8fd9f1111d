"""One symbol's market events, from a recording or from an engine's log."""

from collections.abc import Iterator
from pathlib import Path

from monitor_service.core.monitor import MonitorCore
from monitor_service.feeds.recorded import RecordedFeed

from runtime.errors import ConfigError
from runtime.log.logfile import read_log
from runtime.text import nearest
from schemas.config import Config
from schemas.envelope import decode
from schemas.market import Book, Instrument, Refusal, Trade
from schemas.message import ALL_SYMBOLS, Event
from schemas.refusals import RefusalTally
from schemas.signals import Signal

_READ: tuple[type[Event], ...] = (Instrument, Book, Trade, Signal, Refusal)
_MESSAGES = {each.type_name: each for each in _READ}


_NEVER = 1e12
"""Depths of a side that no burst of takers has."""


def config_with_bursts() -> Config:
    """The default configuration, with signals that state the volume of takers of the last moment."""
    return Config.model_validate({"reaction": {"burst_depths": _NEVER}})


def market_of(source: str, symbol: str, config: Config, refused: RefusalTally) -> Iterator[Event]:
    """Instrument, books, trades, signals of `symbol` (or `venue:symbol`) in order; a folder is a log.

    What was refused of it, and what names no known symbol, is counted in `refused`. Raises ConfigError, at
    the end, where the source has no such symbol.
    """
    known: dict[str, None] = {}
    is_found = False
    for event in _events(Path(source), config):
        name = event.key.partition(":")[2]
        if isinstance(event, Refusal):
            if name == ALL_SYMBOLS or symbol in (event.key, name):
                refused.apply(event)
            continue
        known.setdefault(name)
        if symbol in (event.key, name):
            is_found = True
            yield event
    if not is_found:
        raise ConfigError(f"{source} holds no symbol {symbol}{nearest(symbol, known)}")


def _events(source: Path, config: Config) -> Iterator[Event]:
    if source.is_dir():
        for record in read_log(source):
            model = _MESSAGES.get(record.envelope.type_name)
            if model is not None:
                yield decode(model, record.payload)
        return
    feed_config = config.feed.model_copy(update={"paths": (str(source),)})
    feed = RecordedFeed(config.model_copy(update={"feed": feed_config}), needs_rates=False)
    core = MonitorCore(config)
    while (due_ns := feed.next_due_ns()) is not None:
        for event in feed.poll_due(due_ns):
            yield from core.on_event(event)
