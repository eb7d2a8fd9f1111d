"""What a feed has received and the core has not consumed yet: in order, and fair to every symbol when late.

While the engine keeps up, events leave as they came. Once the oldest has waited for `RELIEVE_AFTER_NS`, the
queue is relieved: of each symbol's book updates one is left, which has the same effect as all of them; trades
and everything else stay, in their order; and the symbols take turns, so that none waits for another's crowd.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from schemas.market import FeedBook, FeedLag, FeedRefused, FeedTrade
from schemas.message import ALL_SYMBOLS, SymbolEvent
from schemas.process import TopicLag
from schemas.units import NS_PER_MS, NS_PER_S

TAKEN_MAX = 500
"""Events per turn: the core's other inputs must not wait for long."""
RELIEVE_AFTER_NS = 50 * NS_PER_MS
TRADES_MAX = 200_000
"""Waiting trades, some 200 MB: beyond it they are refused and counted, as memory is not endless."""
_CROWD = 5_000
"""Arrivals after which a queue that nobody takes from is relieved, so that books do not fill the memory."""
_WINDOW_NS = NS_PER_S
_MERGED_MIN = 20
"""In a window: a quiet symbol whose few updates met in the queue is not overloaded."""


@dataclass(slots=True)
class _Conflation:
    """One symbol's book updates since the last report."""

    since_ns: int
    merged: int = 0
    """Updates that left as a part of a newer one."""
    passed: int = 0
    lag_ns: int = 0
    """How long the oldest had waited."""


class FeedQueue:
    """One feed's events. Sequence numbers of books stay without gaps: merged updates count as one."""

    def __init__(self, lag_ms_max: float) -> None:
        self._lag_ns_max = int(lag_ms_max * NS_PER_MS)
        self._events: deque[SymbolEvent] = deque()
        self._arrived = 0
        """Events since it was last relieved."""
        self._trades = 0
        self._sequences: dict[str, int] = {}
        """By key: the sequence number of the newest book update that left."""
        self._conflations: dict[str, _Conflation] = {}
        self._overloaded: dict[str, None] = {}
        """Keys of symbols whose last report named merged updates."""
        self._late: dict[str, None] = {}
        """Keys of symbols that were last reported as beyond `lag_ms_max`."""

    def __len__(self) -> int:
        return len(self._events)

    def __iter__(self) -> Iterator[SymbolEvent]:
        return iter(self._events)

    def clear(self) -> None:
        """Drop everything."""
        self._events.clear()
        self._trades = 0

    @property
    def holds_trades_max(self) -> bool:
        """Whether no further trade fits."""
        return self._trades >= TRADES_MAX

    @property
    def head_ns(self) -> int | None:
        """When the first event was received; None: nothing waits."""
        return self._events[0].event_time_ns if self._events else None

    def lag(self, now_ns: int) -> TopicLag:
        """What waits, and for how long the first of it has."""
        head_ns = self.head_ns
        age_ns = 0 if head_ns is None else max(0, now_ns - head_ns)
        return TopicLag(topic="market.feed", records=len(self._events), age_ms=round(age_ns / NS_PER_MS, 3))

    def put(self, event: SymbolEvent) -> None:
        """Append an event; its time is that of its receipt."""
        self._events.append(event)
        self._trades += type(event) is FeedTrade
        self._arrived += 1
        if self._arrived >= _CROWD:
            self._relieve(event.event_time_ns)

    def pop_due(self, now_ns: int, behind_ns: int | None = None) -> list[SymbolEvent]:
        """The next events received up to then, at most `TAKEN_MAX`, with reports on lag.

        `behind_ns`: since when events are due that the feed has not put in yet.
        """
        head_ns = self.head_ns
        if head_ns is None or head_ns > now_ns:
            return []
        is_late = now_ns - head_ns > RELIEVE_AFTER_NS
        if is_late and self._arrived:
            self._relieve(now_ns)
        taken: list[SymbolEvent] = []
        while self._events and len(taken) < TAKEN_MAX and self._events[0].event_time_ns <= now_ns:
            taken.append(self.numbered(self._events.popleft()))
        self._trades -= sum(type(event) is FeedTrade for event in taken)
        if not (is_late or self._late or self._conflations):
            return taken
        return self._with_reports(taken, now_ns, now_ns if behind_ns is None else min(behind_ns, now_ns))

    def numbered(self, event: SymbolEvent) -> SymbolEvent:
        """A book update with the number after the one before, whether that was queued or not; a snapshot may
        begin anywhere.
        """
        if type(event) is not FeedBook or event.sequence is None:
            return event
        before = self._sequences.get(event.key)
        expected = event.sequence if before is None else before + 1
        self._sequences[event.key] = expected
        return event if event.sequence == expected else event.model_copy(update={"sequence": expected})

    def _relieve(self, now_ns: int) -> None:
        """Merge the books of each symbol, and let the symbols take turns."""
        self._arrived = 0
        by_key: dict[str, list[SymbolEvent]] = {}
        newer: deque[SymbolEvent] = deque()
        for event in self._events:
            if event.event_time_ns > now_ns:
                newer.append(event)
            else:
                by_key.setdefault(event.key, []).append(event)
        left = [self._conflated(key, events, now_ns) for key, events in by_key.items()]
        self._events = deque(event for turn in zip_longest(*left) for event in turn if event is not None)
        self._events.extend(newer)

    def _conflated(self, key: str, events: list[SymbolEvent], now_ns: int) -> list[SymbolEvent]:
        """A run of book updates ends where one was lost or the units may change."""
        left: list[SymbolEvent] = []
        run: list[FeedBook] = []
        for event in events:
            if isinstance(event, FeedBook):
                run.append(event)
                continue
            if not _leaves_books_whole(event):
                left += self._merged(key, run, now_ns)
                run = []
            left.append(event)
        return left + self._merged(key, run, now_ns)

    def _merged(self, key: str, run: list[FeedBook], now_ns: int) -> list[FeedBook]:
        if len(run) <= 1:
            return run
        counted = self._conflations.setdefault(key, _Conflation(now_ns))
        counted.merged += len(run) - 1
        counted.lag_ns = max(counted.lag_ns, now_ns - run[0].event_time_ns)
        return [merged(run)]

    def _with_reports(self, taken: list[SymbolEvent], now_ns: int, behind_ns: int) -> list[SymbolEvent]:
        """A symbol that stays late is reported before its events, everything else after them."""
        for event in taken:
            if isinstance(event, FeedBook) and event.key in self._conflations:
                self._conflations[event.key].passed += 1
        waiting = self._waiting(taken, now_ns, behind_ns)
        before = [
            self._report(key, now_ns, left_ns) for key, left_ns in waiting.items() if key not in self._late
        ]
        recovered = [key for key in self._late if key not in waiting]
        self._late = dict.fromkeys(waiting)
        windows = [key for key, each in self._conflations.items() if now_ns - each.since_ns >= _WINDOW_NS]
        due = [key for key in windows if self._is_overload(key) or key in self._overloaded]
        after = [self._report(key, now_ns, waiting.get(key, 0)) for key in dict.fromkeys((*recovered, *due))]
        for key in windows:
            if key not in self._overloaded:
                self._conflations.pop(key, None)
        return [*before, *taken, *after]

    def _is_overload(self, key: str) -> bool:
        """Were more updates merged than left?"""
        counted = self._conflations.get(key)
        return counted is not None and counted.merged > max(counted.passed, _MERGED_MIN)

    def _waiting(self, taken: Iterable[SymbolEvent], now_ns: int, behind_ns: int) -> dict[str, int]:
        """Of symbols that have waited for more than the maximum: for how long, ns. After its turn's events a
        symbol's oldest comes first.
        """
        oldest: dict[str, int] = {}
        for event in self._events:
            if event.symbol != ALL_SYMBOLS:
                oldest.setdefault(event.key, event.event_time_ns)
        for event in taken:
            if event.symbol != ALL_SYMBOLS:
                oldest.setdefault(event.key, behind_ns)
        late_before_ns = now_ns - self._lag_ns_max
        return {key: now_ns - time_ns for key, time_ns in oldest.items() if time_ns < late_before_ns}

    def _report(self, key: str, now_ns: int, left_ns: int) -> FeedLag:
        """The report on one symbol, with which the next one's counts begin."""
        venue, _, symbol = key.partition(":")
        is_overload = self._is_overload(key)
        counted = self._conflations.pop(key, None) or _Conflation(now_ns)
        if is_overload:
            self._overloaded[key] = None
            self._conflations[key] = _Conflation(now_ns)  # so that its end is reported
        else:
            self._overloaded.pop(key, None)
        return FeedLag(
            event_time_ns=now_ns,
            venue=venue,
            symbol=symbol,
            lag_ms=max(counted.lag_ns if is_overload else 0, left_ns) // NS_PER_MS,
            left_ms=left_ns // NS_PER_MS,
            conflated=counted.merged if is_overload else 0,
        )


def _leaves_books_whole(event: SymbolEvent) -> bool:
    """A trade, or what was refused without the loss of a book update."""
    return isinstance(event, FeedTrade) or (isinstance(event, FeedRefused) and event.event_type != "book")


def merged(run: Sequence[FeedBook]) -> FeedBook:
    """One update with the effect of all of these, with the times of the newest."""
    first = next((number for number in reversed(range(len(run))) if run[number].snapshot), 0)
    newest = run[-1]
    bids = _levels((each.bid_prices, each.bid_sizes) for each in run[first:])
    asks = _levels((each.ask_prices, each.ask_sizes) for each in run[first:])
    return newest.model_copy(
        update={
            "snapshot": run[first].snapshot,
            "bid_prices": tuple(bids),
            "bid_sizes": tuple(bids.values()),
            "ask_prices": tuple(asks),
            "ask_sizes": tuple(asks.values()),
        }
    )


def _levels(updates: Iterable[tuple[tuple[int, ...], tuple[int, ...]]]) -> dict[int, int]:
    """By price, the newest size; 0 stays, as it removes a level."""
    levels: dict[int, int] = {}
    for prices, sizes in updates:
        levels.update(zip(prices, sizes, strict=True))
    return levels
