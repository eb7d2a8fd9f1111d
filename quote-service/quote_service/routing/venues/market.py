"""One symbol of the simulated venue: our resting orders and how the market fills them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from quote_service.routing.venues.queue import Probability, QueuePlace
from schemas.market import Book, Trade
from schemas.message import Side
from schemas.units import side_sign


class Execution(NamedTuple):
    """A fill of ours; price in ticks, size in lots."""

    client_order_id: str
    side: Side
    price_ticks: int
    size_lots: int


class Taken(NamedTuple):
    """A part of what a taker got."""

    price_ticks: int
    size_lots: int
    client_order_id: str | None
    """Of the order of ours that it met; None: somebody of the feed's book."""


@dataclass(slots=True)
class RestingOrder:
    """An order of ours at the venue."""

    client_order_id: str
    side: Side
    price_ticks: int
    size_lots: int
    """Total size, the filled part included."""
    place: QueuePlace
    filled_lots: int = 0

    @property
    def remaining_lots(self) -> int:
        """What is still open."""
        return self.size_lots - self.filled_lots


class SimulatedMarket:
    """Our orders in one market. Orders of a price stand in the order of their arrival."""

    def __init__(self, venue: str, symbol: str, probability: Probability | None) -> None:
        self.venue = venue
        self.symbol = symbol
        self.orders: dict[str, RestingOrder] = {}
        self._probability = probability
        self._book: Book | None = None
        self._consumed: dict[tuple[Side, int], int] = {}
        """What takers took of the newest book, by their side and the price."""
        self._trades = 0

    def new_trade_id(self) -> str:
        """An id never given before."""
        self._trades += 1
        return f"sim-{self.symbol}-{self._trades}"

    def would_take(self, side: Side, price_ticks: int) -> bool:
        """Would an order match at once? Not known, so no, while there is no sound book."""
        book = self._book
        if book is None:
            return False
        if side == "buy":
            return price_ticks >= book.ask_prices[0]
        return price_ticks <= book.bid_prices[0]

    def add(self, client_order_id: str, side: Side, price_ticks: int, size_lots: int) -> RestingOrder:
        """A new order, behind all that is shown at its price."""
        place = self._back_of_queue(side, price_ticks)
        order = RestingOrder(client_order_id, side, price_ticks, size_lots, place)
        self.orders[client_order_id] = order
        return order

    def amend(self, order: RestingOrder, price_ticks: int, size_lots: int) -> None:
        """Less size at the same price keeps the place in the queue; anything else goes to the back."""
        if price_ticks != order.price_ticks or size_lots > order.size_lots:
            order.place = self._back_of_queue(order.side, price_ticks)
            del self.orders[order.client_order_id]
            self.orders[order.client_order_id] = order
        order.price_ticks = price_ticks
        order.size_lots = size_lots

    def take(self, side: Side, limit_ticks: int | None, size_lots: int) -> Iterator[Taken]:
        """Match a taker: best price first, at a price what the feed shows, then our orders in their turn.

        `limit_ticks` None takes any price. What is taken of the feed's book is gone until its next update.
        An order of ours is met with size 0 first: whoever takes may remove it, or stop there.
        """
        left_lots = size_lots
        for price_ticks in self._prices_for(side, limit_ticks):
            for taken in self._take_at(side, price_ticks, left_lots):
                left_lots -= taken.size_lots
                yield taken
            if left_lots <= 0:
                return

    def available_lots(self, side: Side, limit_ticks: int | None) -> int:
        """What a taker could get, orders of ours included."""
        prices = self._prices_for(side, limit_ticks)
        ours = (order for order in self.orders.values() if order.side != side)
        of_feed = sum(self._left_of_feed(side, price) for price in prices)
        return of_feed + sum(order.remaining_lots for order in ours if order.price_ticks in prices)

    def _prices_for(self, side: Side, limit_ticks: int | None) -> list[int]:
        """Prices that a taker reaches, best first."""
        sign = side_sign(side)
        prices = {order.price_ticks for order in self.orders.values() if order.side != side}
        if self._book is not None:
            prices.update(self._book.ask_prices if side == "buy" else self._book.bid_prices)
        reached = (price for price in prices if limit_ticks is None or sign * (limit_ticks - price) >= 0)
        return sorted(reached, key=lambda price: sign * price)

    def _take_at(self, side: Side, price_ticks: int, size_lots: int) -> Iterator[Taken]:
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
                self._fill(order, lots)
                left_lots -= lots
                yield Taken(price_ticks, lots, order.client_order_id)

    def _left_of_feed(self, side: Side, price_ticks: int) -> int:
        """What the feed shows at a price less what takers of that side took of it."""
        shown = self._shown_lots(_other(side), price_ticks) or 0
        return max(0, shown - self._consumed.get((side, price_ticks), 0))

    def see_book(self, book: Book) -> Iterable[Execution]:
        """A new book: orders that its other side reaches are filled, the others' places are updated.

        A book that is not live fills nothing, and nothing is judged by it.
        """
        if book.status != "live" or not book.bid_prices or not book.ask_prices:
            self._book = None
            return ()
        self._book = book
        self._consumed.clear()
        if not self.orders:
            return ()
        executions = []
        for order in tuple(self.orders.values()):
            if self.would_take(order.side, order.price_ticks):
                executions.append(self._fill(order, order.remaining_lots))
            elif order.place.front != 0:
                shown = self._shown_lots(order.side, order.price_ticks)
                if shown is not None:
                    order.place.see_depth(shown, self._probability)
        return executions

    def see_trade(self, trade: Trade) -> Iterable[Execution]:
        """A public trade: it fills orders at better prices than its own, then those at it, by their queue.

        Its size is shared by price, then time, and never filled twice.
        """
        if not self.orders:
            return ()
        left_lots = trade.size_lots
        executions = []
        for order in self._reached_by(trade):
            if order.price_ticks == trade.price_ticks:
                reached = order.place.see_trade(left_lots)
            else:
                reached = order.place.see_trade_through(left_lots)
            size_lots = min(reached, order.remaining_lots)
            if size_lots > 0:
                executions.append(self._fill(order, size_lots))
                left_lots -= size_lots
        return executions

    def _reached_by(self, trade: Trade) -> list[RestingOrder]:
        """Orders that the trade's price reaches, best price first, then in order of arrival.

        Strictly through a price any trade reaches it, whoever was the taker: price priority. At the price
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

    def _fill(self, order: RestingOrder, size_lots: int) -> Execution:
        order.filled_lots += size_lots
        if order.filled_lots >= order.size_lots:
            del self.orders[order.client_order_id]
        return Execution(order.client_order_id, order.side, order.price_ticks, size_lots)

    def _back_of_queue(self, side: Side, price_ticks: int) -> QueuePlace:
        shown = self._shown_lots(side, price_ticks)
        return QueuePlace(front=shown, shown=shown)

    def _shown_lots(self, side: Side, price_ticks: int) -> int | None:
        """Size that the newest sound book shows at a price; None where the book does not reach that far."""
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
