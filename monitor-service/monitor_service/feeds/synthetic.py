"""A seeded synthetic market with realistic behaviour: volatility regimes, clustered trades, a reacting book.

The same seed, configuration and start give the same events.
"""

import heapq
from collections import deque
from collections.abc import Callable, Iterable, Set

from monitor_service.feeds.instruments import announce
from monitor_service.feeds.started import NEVER_NS, Carried, Started, StartedSymbols, elsewhere
from monitor_service.feeds.synthetic_symbol import SyntheticMarket
from runtime.config.known_symbols import check_known, configured_keys
from runtime.errors import ConfigError
from runtime.text import nearest
from schemas.config import Config
from schemas.feed_settings import Feed, SyntheticSymbol
from schemas.market import FeedInstrument, SymbolRemoved
from schemas.message import Event, SymbolEvent

VENUE = "synthetic"


class SyntheticFeed:
    """All symbols of `feed.symbols`, each event at its own time. An Adapter of the runtime.

    Symbols that operators start later open at that time, with the market settings of the configuration, or of
    the engine's built-in five.
    """

    def __init__(
        self,
        config: Config,
        start_time_ns: int,
        serves: Callable[[str], bool] = lambda key: True,
        carried: Carried = lambda: (),
    ) -> None:
        check_known(config, configured_keys(config))
        self._config = config
        self._waiting: deque[SymbolEvent] = deque()
        """Contracts with their first books, and refusals: they come before everything else."""
        self._due: list[tuple[int, int, SyntheticMarket]] = []
        self._followed: dict[str, None] = {}
        self._started = StartedSymbols(carried, serves)
        self._start_time_ns = start_time_ns
        self._has_begun = False
        self._opened = 0
        self._may_return = False
        """Markets were closed, and an operator may open them again: without any, the feed has not ended."""
        for symbol, settings in config.feed.symbols.items():
            if serves(f"{VENUE}:{symbol}"):
                self._open(announce(VENUE, symbol, config, start_time_ns), settings, start_time_ns)

    def _open(self, instrument: FeedInstrument, settings: SyntheticSymbol, now_ns: int) -> None:
        market = SyntheticMarket(instrument, settings, self._config.feed.seed, now_ns)
        self._waiting += [instrument, market.snapshot(now_ns)]
        heapq.heappush(self._due, (market.next_time_ns, self._opened, market))
        self._opened += 1
        self._followed[instrument.key] = None

    def _open_started(self, now_ns: int) -> None:
        for started in self._started.pop_new(self._followed):
            try:
                self._open(*self._market_of(started, now_ns), now_ns)
            except ConfigError as error:
                self._waiting.append(started.refused(now_ns, str(error)))

    def _market_of(self, started: Started, now_ns: int) -> tuple[FeedInstrument, SyntheticSymbol]:
        """Raises ConfigError where neither describes the symbol."""
        because = elsewhere(started, VENUE)
        if because is not None:
            raise ConfigError(because)
        markets = Feed().symbols | self._config.feed.symbols
        if started.symbol not in markets:
            near = nearest(started.symbol, markets)
            raise ConfigError(f"the synthetic feed has no {started.symbol}, and feed.symbols neither{near}")
        instruments = Config().instruments | self._config.instruments
        config = self._config.model_copy(update={"instruments": instruments})
        return announce(VENUE, started.symbol, config, now_ns), markets[started.symbol]

    def on_event(self, event: Event) -> None:
        """Our own quotes do not move this market; a symbol that an operator starts is opened."""
        if isinstance(event, SymbolRemoved):
            self._close({event.key})
        elif self._has_begun and self._started.may_follow(event):
            self._open_started(event.event_time_ns)

    def _close(self, keys: Set[str]) -> None:
        """These markets end."""
        self._followed = {key: None for key in self._followed if key not in keys}
        self._waiting = deque(event for event in self._waiting if event.key not in keys)
        self._due = [each for each in self._due if each[2].key not in keys]
        heapq.heapify(self._due)
        self._may_return = self._config.feed.speed != "max"

    def next_due_ns(self) -> int | None:
        """Time of the next event of any symbol; None where no symbol is configured."""
        if self._waiting:
            return self._waiting[0].event_time_ns
        if self._due:
            return self._due[0][0]
        return NEVER_NS if self._may_return else None

    def poll_due(self, now_ns: int) -> Iterable[SymbolEvent]:
        """The events of the next symbol; before the first, every instrument and its book."""
        if not self._has_begun:
            self._has_begun = True
            self._close(self._started.removed())
            self._open_started(self._start_time_ns)
        if self._waiting:
            opening = tuple(self._waiting)
            self._waiting.clear()
            return opening
        if not self._due or self._due[0][0] > now_ns:
            return ()
        time_ns, number, market = self._due[0]
        events = market.advance(time_ns)
        heapq.heapreplace(self._due, (market.next_time_ns, number, market))
        return events

    def close(self) -> None:
        """Nothing to release."""
