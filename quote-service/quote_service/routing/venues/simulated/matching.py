"""One symbol of the simulated venue: our resting orders and how the market fills them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from quote_service.routing.orders.client_ids import count_from
from quote_service.routing.venues.simulated.queue import Probability, QueuePlace
from schemas.market import Book, Trade
from schemas.message import Side
from schemas.units import side_sign


class Execution(NamedTuple):
    """A fill of ours; price in ticks, size in lots."""

    client_order_id: str
    side: Side
    price_ticks: int
    size_lots: int
    mid_half_ticks: int
    """Of the book before it; 0: there was none."""


class Taken(NamedTuple):
    """A part of a taker's execution."""

    price_ticks: int
    size_lots: int
    client_order_id: str | None
    """Our resting order that was hit; None: size of the feed's book."""


@dataclass(slots=True)
class RestingOrder:
    """An order of ours at the venue."""

    client_order_id: str
    side: Side
    price_ticks: int
    size_lots: int
    """Total size, including the filled part."""
    place: QueuePlace
    filled_lots: int = 0
    instrument_version: int = 1
    """Instrument version of price and sizes."""

    @property
    def remaining_lots(self) -> int:
        """What is still open."""
        return self.size_lots - self.filled_lots


class SimulatedMarket:
    """Our orders in one market. Orders at a price are kept in order of arrival."""

    def __init__(
        self, venue: str, symbol: str, probability: Probability | None, through_share: float = 1.0
    ) -> None:
        self.venue = venue
        self.symbol = symbol
        self.orders: dict[str, RestingOrder] = {}
        self._probability = probability
        self._through_share = through_share
        self._book: Book | None = None
        self._printed: dict[Side, int] = {}
        """By the taker's side, the price of the newest trade since the newest book."""
        self._consumed: dict[tuple[Side, int], int] = {}
        """Size of the newest book already taken, by taker side and price."""
        self._trades = 0

    def new_trade_id(self, now_ns: int) -> str:
        """An id never used before, not even by a venue whose state is lost: it is at least the time, in units
        of a client order id's count.
        """
        self._trades = max(self._trades + 1, count_from(now_ns))
        return f"sim-{self.symbol}-{self._trades}"

    def skip_trade_ids(self, given: Iterable[str]) -> None:
        """Skip ids that were used before."""
        start = f"sim-{self.symbol}-"
        numbers = (trade_id.removeprefix(start) for trade_id in given if trade_id.startswith(start))
        self._trades = max((self._trades, *(int(number) for number in numbers if number.isdecimal())))

    def would_take(self, side: Side, price_ticks: int) -> bool:
        """Would an order match at once? Assumed not, while there is no sound book.

        A taker's trade since that book shows what stood on the other side: the order would have met it.
        """
        book, met_ticks = self._book, self._printed.get(side)
        if book is None:
            return False
        best_ticks = book.ask_prices[0] if side == "buy" else book.bid_prices[0]
        prices = (best_ticks,) if met_ticks is None else (best_ticks, met_ticks)
        return any(side_sign(side) * (price_ticks - each) >= 0 for each in prices)

    def add(self, client_order_id: str, side: Side, price_ticks: int, size_lots: int) -> RestingOrder:
        """A new order, behind all size shown at its price."""
        place = self._back_of_queue(side, price_ticks)
        order = RestingOrder(client_order_id, side, price_ticks, size_lots, place)
        self.orders[client_order_id] = order
        return order

    def amend(self, order: RestingOrder, price_ticks: int, size_lots: int) -> None:
        """Less size at the same price keeps queue position; any other change goes to the back."""
        if price_ticks != order.price_ticks or size_lots > order.size_lots:
            order.place = self._back_of_queue(order.side, price_ticks)
            del self.orders[order.client_order_id]
            self.orders[order.client_order_id] = order
        order.price_ticks = price_ticks
        order.size_lots = size_lots

    def execute(self, side: Side, limit_ticks: int | None, size_lots: int) -> Iterator[Taken]:
        """Match a taker: best price first; at a price the feed's size first, then our orders in queue order.

        `limit_ticks` None takes any price. Size taken from the feed's book is gone until its next update.
        An order of ours is first yielded with size 0: the caller may remove it, or stop there.
        """
        left_lots = size_lots
        for price_ticks in self._prices_for(side, limit_ticks):
            for taken in self._fill_at(side, price_ticks, left_lots):
                left_lots -= taken.size_lots
                yield taken
            if left_lots <= 0:
                return

    def available_lots(self, side: Side, limit_ticks: int | None) -> int:
        """Size a taker could get, our orders included."""
        prices = self._prices_for(side, limit_ticks)
        ours = (order for order in self.orders.values() if order.side != side)
        of_feed = sum(self._left_of_feed(side, price) for price in prices)
        return of_feed + sum(order.remaining_lots for order in ours if order.price_ticks in prices)

    def _prices_for(self, side: Side, limit_ticks: int | None) -> list[int]:
        """Prices within a taker's reach, best first."""
        sign = side_sign(side)
        prices = {order.price_ticks for order in self.orders.values() if order.side != side}
        if self._book is not None:
            prices.update(self._book.ask_prices if side == "buy" else self._book.bid_prices)
        reached = (price for price in prices if limit_ticks is None or sign * (limit_ticks - price) >= 0)
        return sorted(reached, key=lambda price: sign * price)

    def _fill_at(self, side: Side, price_ticks: int, size_lots: int) -> Iterator[Taken]:
        of_feed = min(size_lots, self._left_of_feed(side, price_ticks))
        if of_feed:
            self._consumed[side, price_ticks] = self._consumed.get((side, price_ticks), 0) + of_feed
            yield Taken(price_ticks, of_feed, None)
        left_lots = size_lots - of_feed
        for order in [o for o in self.orders.values() if o.side != side and o.price_ticks == price_ticks]:
            if left_lots <= 0:
                return
            yield Taken(price_ticks, 0, order.client_order_id)
            if order.client_order_id in self.orders:
                lots = min(left_lots, order.remaining_lots)
                self._fill(order, lots, self.mid_half_ticks)
                left_lots -= lots
                yield Taken(price_ticks, lots, order.client_order_id)

    def _left_of_feed(self, side: Side, price_ticks: int) -> int:
        """The feed's size at a price, less what takers of that side took."""
        shown = self._shown_lots(_other(side), price_ticks) or 0
        return max(0, shown - self._consumed.get((side, price_ticks), 0))

    def observe_book(self, book: Book) -> Iterable[Execution]:
        """A new book: orders its other side reaches are filled, queue places of the others updated.

        A book that is not live fills nothing and updates nothing.
        """
        if book.status != "live" or not book.bid_prices or not book.ask_prices:
            self._book = None
            return ()
        before, self._book = self.mid_half_ticks, book
        self._consumed.clear()
        self._printed.clear()
        if not self.orders:
            return ()
        executions = []
        for order in tuple(self.orders.values()):
            if self.would_take(order.side, order.price_ticks):
                executions.append(self._fill(order, order.remaining_lots, before))
            elif order.place.front != 0:
                shown = self._shown_lots(order.side, order.price_ticks)
                if shown is not None:
                    order.place.observe_depth(shown, self._probability)
        return executions

    def observe_trade(self, trade: Trade) -> Iterable[Execution]:
        """A public trade: fills orders at better prices than its own, then those at its price, by queue.

        Its size is allocated by price, then time, and never filled twice.
        """
        if trade.side is not None:
            self._printed[trade.side] = trade.price_ticks
        if not self.orders:
            return ()
        left_lots, mid = trade.size_lots, self.mid_half_ticks
        executions = []
        for order in self._reached_by(trade):
            if order.price_ticks == trade.price_ticks:
                reached = order.place.observe_trade(left_lots)
            else:
                order.place.observe_trade_through()
                reached = left_lots if self._through_share == 1.0 else int(left_lots * self._through_share)
            size_lots = min(reached, order.remaining_lots)
            if size_lots > 0:
                executions.append(self._fill(order, size_lots, mid))
                left_lots -= size_lots
        return executions

    def _reached_by(self, trade: Trade) -> list[RestingOrder]:
        """Orders within the trade's reach, best price first, then in order of arrival.

        A trade strictly through a price reaches it whoever the taker was: price priority. At the price itself
        only a taker of the other side does, or one whose side is unknown.
        """
        price_ticks = trade.price_ticks
        reached = []
        for order in self.orders.values():
            through = side_sign(order.side) * (order.price_ticks - price_ticks)
            if through > 0 or (through == 0 and trade.side != order.side):
                reached.append(order)
        if len(reached) > 1:
            reached.sort(key=lambda order: -side_sign(order.side) * order.price_ticks)
        return reached

    @property
    def mid_half_ticks(self) -> int:
        """Twice the mid of the newest sound book; 0: there is none."""
        book = self._book
        return 0 if book is None else book.bid_prices[0] + book.ask_prices[0]

    def _fill(self, order: RestingOrder, size_lots: int, mid_half_ticks: int) -> Execution:
        order.filled_lots += size_lots
        if order.filled_lots >= order.size_lots:
            del self.orders[order.client_order_id]
        return Execution(order.client_order_id, order.side, order.price_ticks, size_lots, mid_half_ticks)

    def _back_of_queue(self, side: Side, price_ticks: int) -> QueuePlace:
        shown = self._shown_lots(side, price_ticks)
        return QueuePlace(front=shown, shown=shown)

    def _shown_lots(self, side: Side, price_ticks: int) -> int | None:
        """Size shown by the newest sound book at a price; None beyond the book's depth."""
        book = self._book
        if book is None:
            return None
        prices, sizes = (
            (book.bid_prices, book.bid_sizes) if side == "buy" else (book.ask_prices, book.ask_sizes)
        )
        if price_ticks in prices:
            return sizes[prices.index(price_ticks)]
        is_beyond = side_sign(side) * (prices[-1] - price_ticks) > 0
        return None if is_beyond else 0


def _other(side: Side) -> Side:
    return "sell" if side == "buy" else "buy"
