"""A seeded market that behaves like one: volatility regimes, clustered trades, a book that reacts.

The same seed, configuration and start give the same events.
"""

import heapq
from collections.abc import Callable, Iterable

from monitor_service.feeds.instruments import announce
from monitor_service.feeds.synthetic_symbol import SyntheticMarket
from schemas.config import Config
from schemas.message import Event

VENUE = "synthetic"


class SyntheticFeed:
    """All symbols of `feed.symbols`, each event at its own time. An Adapter of the chassis."""

    def __init__(
        self, config: Config, start_time_ns: int, serves: Callable[[str], bool] = lambda key: True
    ) -> None:
        self._opening: list[Event] = []
        self._due: list[tuple[int, int, SyntheticMarket]] = []
        for number, (symbol, settings) in enumerate(config.feed.symbols.items()):
            if not serves(f"{VENUE}:{symbol}"):
                continue
            instrument = announce(VENUE, symbol, config, start_time_ns)
            market = SyntheticMarket(instrument, settings, config.feed.seed, start_time_ns)
            self._opening += [instrument, market.snapshot(start_time_ns)]
            heapq.heappush(self._due, (market.next_time_ns, number, market))
        self._start_time_ns = start_time_ns

    def on_event(self, event: Event) -> None:
        """Our own quotes do not move this market."""

    def next_due_ns(self) -> int | None:
        """Time of the next event of any symbol; None where no symbol is configured."""
        if self._opening:
            return self._start_time_ns
        return self._due[0][0] if self._due else None

    def take_due(self, now_ns: int) -> Iterable[Event]:
        """What happens in the symbol whose turn it is; first of all, every instrument and its book."""
        if self._opening:
            opening, self._opening = self._opening, []
            return opening
        if not self._due or self._due[0][0] > now_ns:
            return ()
        time_ns, number, market = self._due[0]
        events = market.advance(time_ns)
        heapq.heapreplace(self._due, (market.next_time_ns, number, market))
        return events

    def close(self) -> None:
        """Nothing to give back."""
