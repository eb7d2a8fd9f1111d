"""A market that is faster than the engine: one crowded symbol among quiet ones, in real time."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from monitor_service.feeds.feed_queue import FeedQueue

from schemas.market import FeedBook, FeedTrade
from schemas.message import Event, SymbolEvent
from schemas.process import TopicLag
from schemas.units import NS_PER_S
from tests.kit.messages import feed_book, feed_instrument, feed_trade

CROWDED = "BTC/USDT"
TICK, LOT = Decimal("0.1"), Decimal("0.00001")


@dataclass(frozen=True)
class Crowd:
    """What happens in it."""

    quiet: int
    """Symbols beside the crowded one, each with two updates a second."""
    updates_per_s: int
    """Of the crowded one."""
    lasts_s: float
    trades_at_s: float | None = None
    """When `trades` of the crowded symbol arrive at once."""
    trades: int = 0


class CrowdFeed:
    """An Adapter of the runtime: what has happened by now is in its queue, however late the engine is."""

    def __init__(self, crowd: Crowd, now_ns: Callable[[], int], lag_ms_max: float) -> None:
        self._crowd = crowd
        self._now_ns = now_ns
        self._queue = FeedQueue(lag_ms_max)
        self._updates: Iterator[tuple[int, SymbolEvent]] | None = None
        self._next: tuple[int, SymbolEvent] | None = None

    def _receive(self) -> None:
        now_ns = self._now_ns()
        if self._updates is None:
            self._updates = _updates(self._crowd, now_ns)
            self._next = next(self._updates)
        while self._next is not None and self._next[0] <= now_ns:
            self._queue.put(self._next[1])
            self._next = next(self._updates, None)

    def next_due_ns(self) -> int | None:
        """When the oldest waiting event came, or the next will; None: it is over."""
        self._receive()
        head_ns = self._queue.head_ns
        return head_ns if head_ns is not None else None if self._next is None else self._next[0]

    def poll_due(self, now_ns: int) -> Iterable[Event]:
        """The next turn of what has come."""
        return self._queue.pop_due(now_ns)

    def lag(self, now_ns: int) -> TopicLag:
        """See MeasuresLag."""
        return self._queue.lag(now_ns)

    def on_event(self, event: Event) -> None:
        """Nothing moves it."""

    def close(self) -> None:
        """Nothing to release."""


def quiet_symbols(crowd: Crowd) -> list[str]:
    """Their names."""
    return [f"Q{number}/USDT" for number in range(crowd.quiet)]


def _updates(crowd: Crowd, start_ns: int) -> Iterator[tuple[int, SymbolEvent]]:
    """By time: contracts with a snapshot each, then updates of the one, and in between of the others."""
    quiet = quiet_symbols(crowd)
    books = {symbol: _book(symbol, 0, start_ns, snapshot=True) for symbol in (CROWDED, *quiet)}
    for symbol, snapshot in books.items():
        yield (
            start_ns,
            feed_instrument(symbol, time_ns=start_ns, venue="synthetic", tick_size=TICK, lot_size=LOT),
        )
        yield start_ns, snapshot
    is_traded = crowd.trades_at_s is None
    for number in range(1, int(crowd.lasts_s * crowd.updates_per_s)):
        time_ns = start_ns + number * NS_PER_S // crowd.updates_per_s
        yield time_ns, _book(CROWDED, number, time_ns)
        if not is_traded and time_ns - start_ns >= (crowd.trades_at_s or 0) * NS_PER_S:
            is_traded = True
            yield from ((time_ns, _trade(each, time_ns)) for each in range(crowd.trades))
        turn, place = divmod(number, max(1, crowd.updates_per_s // (2 * len(quiet))))
        if place == 0:
            symbol, count = quiet[turn % len(quiet)], 1 + turn // len(quiet)
            yield time_ns, _book(symbol, count, time_ns)


def _book(symbol: str, number: int, time_ns: int, *, snapshot: bool = False) -> FeedBook:
    """The size at a level far from the best says which update it is."""
    bids, asks = {100_000: 50_000, 99_000: number + 1}, {100_040: 50_000}
    return feed_book(
        bids if snapshot else {99_000: number + 1},
        asks if snapshot else None,
        snapshot=snapshot,
        sequence=number + 1,
        symbol=symbol,
        time_ns=time_ns,
        venue="synthetic",
    )


def _trade(number: int, time_ns: int) -> FeedTrade:
    return feed_trade(100_020, trade_id=str(number), symbol=CROWDED, time_ns=time_ns, venue="synthetic")
