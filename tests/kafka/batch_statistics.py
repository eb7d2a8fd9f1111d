"""Statistics of minutes as a batch makes them, from whole lists of messages: what the worker is judged by."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise

from schemas.market import Book, Trade
from schemas.message import SymbolEvent
from schemas.orders import Fill, OrderEvent
from schemas.quoting import QuoteTarget
from schemas.statistics import MinuteStatistics
from tests.kafka.counted_messages import MINUTE

Keyed = dict[tuple[str, int], MinuteStatistics]


class Batch:
    """Recomputes a minute from its whole list: looks up what held in the middle of each least interval."""

    def __init__(self, messages: list[SymbolEvent], start_ns: int) -> None:
        self.messages = messages
        self.start_ns = start_ns
        self.books = [message for message in messages if isinstance(message, Book)]
        self.targets = [message for message in messages if isinstance(message, QuoteTarget)]

    def _pieces(self) -> Iterator[tuple[int, Book | None, QuoteTarget | None]]:
        times = {self.start_ns, self.start_ns + MINUTE}
        times |= {message.event_time_ns for message in (*self.books, *self.targets)}
        times |= {min(message.valid_until_ns, self.start_ns + MINUTE) for message in self.targets}
        ordered = sorted(times)
        book_times = [message.event_time_ns for message in self.books]
        target_times = [message.event_time_ns for message in self.targets]
        for begin, end in pairwise(ordered):
            book_at, target_at = bisect_right(book_times, begin), bisect_right(target_times, begin)
            book = self.books[book_at - 1] if book_at else None
            target = self.targets[target_at - 1] if target_at else None
            is_live = book is not None and book.status == "live"
            is_valid = target is not None and target.valid_until_ns > begin
            yield end - begin, book if is_live else None, target if is_valid else None

    def total(self) -> MinuteStatistics:
        times: dict[str, int] = defaultdict(int)
        spread = mid = Fraction(0)
        for lasts, book, target in self._pieces():
            bids = target.bid.prices if target else ()
            asks = target.ask.prices if target else ()
            times["quoting_ns"] += lasts if bids or asks else 0
            times["two_sided_ns"] += lasts if bids and asks else 0
            if book is not None:
                times["book_ns"] += lasts
                spread += lasts * Fraction(book.ask_prices[0] - book.bid_prices[0])
                mid += lasts * Fraction(book.ask_prices[0] + book.bid_prices[0], 2)
                times["bid_at_top_ns"] += lasts if bids and bids[0] >= book.bid_prices[0] else 0
                times["ask_at_top_ns"] += lasts if asks and asks[0] <= book.ask_prices[0] else 0
        fills = [message for message in self.messages if isinstance(message, Fill)]
        first = self.messages[0]
        quoting_s = Fraction(times["quoting_ns"], 10**9)
        rates = {
            "spread_bps": float(spread / mid * 10_000) if mid else None,
            "fills_per_quoting_s": float(len(fills) / quoting_s) if quoting_s else None,
        }
        return MinuteStatistics.model_validate(
            {
                "event_time_ns": self.messages[-1].event_time_ns,
                "venue": first.venue,
                "symbol": first.symbol,
                "window_start_ns": self.start_ns,
                "version": len(self.messages),
                "fills": len(fills),
                "bought_lots": sum(fill.size_lots for fill in fills if fill.side == "buy"),
                "sold_lots": sum(fill.size_lots for fill in fills if fill.side == "sell"),
            }
            | {name: times[name] for name in MinuteStatistics.model_fields if name.endswith("at_top_ns")}
            | {name: times[name] for name in ("book_ns", "quoting_ns", "two_sided_ns")}
            | rates
            | self._flow()
            | self._orders()
        )

    def _flow(self) -> dict[str, int]:
        trades = [message for message in self.messages if isinstance(message, Trade)]
        sizes = {
            side: sum(trade.size_lots for trade in trades if trade.side == side)
            for side in ("buy", "sell", None)
        }
        return {
            "trades": len(trades),
            "taker_buy_lots": sizes["buy"],
            "taker_sell_lots": sizes["sell"],
            "unknown_side_lots": sizes[None],
            "flow_lots": sizes["buy"] - sizes["sell"],
        }

    def _orders(self) -> dict[str, int]:
        ended = [
            message
            for message in self.messages
            if isinstance(message, OrderEvent) and message.status in ("filled", "cancelled")
        ]
        filled = [event for event in ended if event.filled_lots]
        return {
            "orders_ended": len({event.client_order_id for event in ended}),
            "orders_with_fill": len({event.client_order_id for event in filled}),
        }


def batch_totals(messages: list[SymbolEvent]) -> Keyed:
    minutes: dict[tuple[str, int], list[SymbolEvent]] = defaultdict(list)
    for message in messages:
        minutes[message.symbol, message.event_time_ns // MINUTE * MINUTE].append(message)
    return {place: Batch(found, place[1]).total() for place, found in minutes.items()}
