"""The totals of one symbol and minute: a function of the set of its records alone.

Nothing carries over from the minute before, so a restart needs only the minute's own records; and records are
ordered by event time, so the interleaving of topics does not matter.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from schemas.market import Book, Trade
from schemas.message import SymbolEvent
from schemas.orders import Fill, OrderEvent, OrderStatus
from schemas.quoting import QuoteTarget
from schemas.statistics import MINUTE_NS, MinuteStatistics
from schemas.units import BPS_PER_UNIT, NS_PER_S

COUNTED = (Book, Trade, QuoteTarget, OrderEvent, Fill)
"""The messages that totals are computed from."""
_ENDED: frozenset[OrderStatus] = frozenset({"filled", "cancelled"})
"""Rejected and denied orders never rested at the venue."""


class MinuteStep(NamedTuple):
    """Best prices, in ticks, from one record."""

    time_ns: int
    offset: int
    until_ns: int
    """They hold until the next record of their kind, and at most this long."""
    bid: int | None
    ask: int | None


class Span(NamedTuple):
    """Best prices, in ticks, and when they held."""

    from_ns: int
    to_ns: int
    bid: int | None
    ask: int | None


def minute_of(time_ns: int) -> int:
    """The start of the minute containing a time, ns UTC."""
    return time_ns - time_ns % MINUTE_NS


def spans(steps: Iterable[MinuteStep]) -> list[Span]:
    """When each step held, in order; at equal times the later record holds."""
    ordered = sorted(steps)
    ends = [step.time_ns for step in ordered[1:]]
    return [
        Span(step.time_ns, min(step.until_ns, next_ns), step.bid, step.ask)
        for step, next_ns in zip(ordered, [*ends, ordered[-1].until_ns] if ordered else (), strict=True)
        if min(step.until_ns, next_ns) > step.time_ns
    ]


def overlaps(one: list[Span], other: list[Span]) -> Iterator[tuple[Span, Span, int]]:
    """Overlaps of two ordered lists of spans, with their lengths in ns."""
    left = right = 0
    while left < len(one) and right < len(other):
        first, second = one[left], other[right]
        together_ns = min(first.to_ns, second.to_ns) - max(first.from_ns, second.from_ns)
        if together_ns > 0:
            yield first, second, together_ns
        if first.to_ns <= second.to_ns:
            left += 1
        else:
            right += 1


def _lasting_ns(some: Iterable[Span]) -> int:
    return sum(span.to_ns - span.from_ns for span in some)


def _spread_bps(market: list[Span]) -> float | None:
    """Both means share a divisor, so one division of whole numbers is the only rounding."""
    spread = middle = 0
    for from_ns, to_ns, bid, ask in market:
        if bid is not None and ask is not None:
            spread += (ask - bid) * (to_ns - from_ns)
            middle += (ask + bid) * (to_ns - from_ns)
    return 2 * BPS_PER_UNIT * spread / middle if middle else None


@dataclass(slots=True)
class MinuteSums:
    """Gathers the records of one symbol and minute."""

    venue: str
    symbol: str
    start_ns: int
    records: int = 0
    """All added records, including repeats of a natural key."""
    newest_ns: int = 0
    _books: list[MinuteStep] = field(default_factory=list)
    _targets: list[MinuteStep] = field(default_factory=list)
    _trades: set[str] = field(default_factory=set)
    _volume: dict[str | None, int] = field(default_factory=lambda: {"buy": 0, "sell": 0, None: 0})
    """Lots by the taker's side."""
    _fills: set[str] = field(default_factory=set)
    _filled: dict[str, int] = field(default_factory=lambda: {"buy": 0, "sell": 0})
    """Lots by our side."""
    _ended: dict[str, bool] = field(default_factory=dict)
    """Ended orders: was any of it filled?"""

    def add(self, offset: int, message: SymbolEvent) -> None:
        """Add a record of this minute; `offset` orders it among those of its kind."""
        self.records += 1
        self.newest_ns = max(self.newest_ns, message.event_time_ns)
        _ADD[type(message)](self, offset, message)

    def add_book(self, offset: int, book: Book) -> None:
        """The market's best prices from now on, or that they are unknown."""
        is_known = book.status == "live" and book.bid_prices and book.ask_prices
        bid, ask = (book.bid_prices[0], book.ask_prices[0]) if is_known else (None, None)
        self._books.append(MinuteStep(book.event_time_ns, offset, self.start_ns + MINUTE_NS, bid, ask))

    def add_target(self, offset: int, target: QuoteTarget) -> None:
        """Our best prices from now on, for as long as the target is valid."""
        until_ns = min(target.valid_until_ns, self.start_ns + MINUTE_NS)
        bid = target.bid.prices[0] if target.bid.prices else None
        ask = target.ask.prices[0] if target.ask.prices else None
        self._targets.append(MinuteStep(target.event_time_ns, offset, until_ns, bid, ask))

    def add_trade(self, offset: int, trade: Trade) -> None:
        """A public trade, once."""
        if trade.trade_id not in self._trades:
            self._trades.add(trade.trade_id)
            self._volume[trade.side] += trade.size_lots

    def add_fill(self, offset: int, fill: Fill) -> None:
        """An execution of ours, once."""
        if fill.venue_trade_id not in self._fills:
            self._fills.add(fill.venue_trade_id)
            self._filled[fill.side] += fill.size_lots

    def add_order(self, offset: int, event: OrderEvent) -> None:
        """An order's end, once, whatever follows it."""
        if event.status in _ENDED:
            order = event.client_order_id
            self._ended[order] = event.filled_lots > 0 or self._ended.get(order, False)

    def total(self) -> MinuteStatistics:
        """The totals of the records so far."""
        market = [span for span in spans(self._books) if span.bid is not None]
        own = spans(self._targets)
        quoting_ns = _lasting_ns(span for span in own if span.bid is not None or span.ask is not None)
        bid_ns, ask_ns = _at_top_ns(own, market)
        return MinuteStatistics(
            event_time_ns=self.newest_ns,
            venue=self.venue,
            symbol=self.symbol,
            window_start_ns=self.start_ns,
            version=self.records,
            book_ns=_lasting_ns(market),
            spread_bps=_spread_bps(market),
            trades=len(self._trades),
            taker_buy_lots=self._volume["buy"],
            taker_sell_lots=self._volume["sell"],
            unknown_side_lots=self._volume[None],
            flow_lots=self._volume["buy"] - self._volume["sell"],
            quoting_ns=quoting_ns,
            two_sided_ns=_lasting_ns(span for span in own if span.bid is not None and span.ask is not None),
            bid_at_top_ns=bid_ns,
            ask_at_top_ns=ask_ns,
            fills=len(self._fills),
            bought_lots=self._filled["buy"],
            sold_lots=self._filled["sell"],
            orders_ended=len(self._ended),
            orders_with_fill=sum(self._ended.values()),
            fills_per_quoting_s=len(self._fills) * NS_PER_S / quoting_ns if quoting_ns else None,
        )


def _at_top_ns(own: list[Span], market: list[Span]) -> tuple[int, int]:
    bid_ns = ask_ns = 0
    for mine, best, together_ns in overlaps(own, market):
        if mine.bid is not None and best.bid is not None and mine.bid >= best.bid:
            bid_ns += together_ns
        if mine.ask is not None and best.ask is not None and mine.ask <= best.ask:
            ask_ns += together_ns
    return bid_ns, ask_ns


_ADD: dict[type[SymbolEvent], Callable[[MinuteSums, int, Any], None]] = {
    Book: MinuteSums.add_book,
    QuoteTarget: MinuteSums.add_target,
    Trade: MinuteSums.add_trade,
    Fill: MinuteSums.add_fill,
    OrderEvent: MinuteSums.add_order,
}
