"""What happened in one symbol's market, from a recording or from an engine's log."""

from collections.abc import Iterator
from pathlib import Path

from chassis.bus.logfile import read_log
from chassis.errors import ConfigError
from chassis.text import nearest
from monitor_service.core.monitor import MonitorCore
from monitor_service.feeds.recorded import RecordedFeed
from schemas.config import Config
from schemas.envelope import decode
from schemas.market import Book, Instrument, Trade
from schemas.message import Event
from schemas.signals import Signal

_TOPICS: dict[str, type[Event]] = {
    "market.instrument": Instrument,
    "market.book": Book,
    "market.trade": Trade,
    "market.signal": Signal,
}


def market_of(source: str, symbol: str, config: Config) -> Iterator[Event]:
    """Instrument, books, trades, signals of `symbol` (or `venue:symbol`) in order; a folder is a log.

    Raises ConfigError, at the end, where the source has no such symbol.
    """
    known: dict[str, None] = {}
    is_found = False
    for event in _events(Path(source), config):
        name = event.key.partition(":")[2]
        known.setdefault(name)
        if symbol in (event.key, name):
            is_found = True
            yield event
    if not is_found:
        raise ConfigError(f"{source} holds no symbol {symbol}{nearest(symbol, known)}")


def _events(source: Path, config: Config) -> Iterator[Event]:
    if source.is_dir():
        for record in read_log(source):
            model = _TOPICS.get(record.topic)
            if model is not None:
                yield decode(model, record.payload)
        return
    feed_config = config.feed.model_copy(update={"paths": (str(source),)})
    feed = RecordedFeed(config.model_copy(update={"feed": feed_config}))
    core = MonitorCore(config)
    while (due_ns := feed.next_due_ns()) is not None:
        for event in feed.take_due(due_ns):
            yield from core.on_event(event)
