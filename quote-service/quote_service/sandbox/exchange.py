"""The exchange itself, without a network: accounts, orders, trades, over the matching of the simulated venue.

Prices are ticks, sizes lots, money Decimal. It is told the time, so that it is a function of what it is told.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from itertools import count

from quote_service.routing.venues.market import Execution, SimulatedMarket
from quote_service.sandbox import errors
from quote_service.sandbox.accounts import Account, Order, OrderStatus, Trade, held_for
from quote_service.sandbox.errors import VenueError
from schemas.market import Book, Instrument
from schemas.market import Trade as MarketTrade
from schemas.message import Side
from schemas.units import BPS_PER_UNIT, NS_PER_MS

PRICE_BAND = Decimal(5)
"""PERCENT_PRICE_BY_SIDE: multiple of the mid up, and one in so many down."""
OPEN_ORDERS_MAX = 200
Listener = Callable[[str, Order, str, Trade | None], None]
"""Is told account, order, execution type and trade."""


@dataclass(frozen=True, slots=True)
class NewOrder:
    """What an account asks for."""

    symbol: str
    side: Side
    order_type: str
    time_in_force: str
    price_ticks: int
    size_lots: int
    client_id: str
    stp_mode: str = "EXPIRE_MAKER"


@dataclass(slots=True)
class Market:
    """One symbol."""

    instrument: Instrument
    matching: SimulatedMarket
    book: Book | None = None

    @property
    def mid_ticks(self) -> Decimal | None:
        """Of the feed's book."""
        if self.book is None or not self.book.bid_prices or not self.book.ask_prices:
            return None
        return Decimal(self.book.bid_prices[0] + self.book.ask_prices[0]) / 2


class Exchange:
    """All markets and accounts."""

    def __init__(self, now_ns: Callable[[], int], listener: Listener) -> None:
        self.markets: dict[str, Market] = {}
        self.accounts: dict[str, Account] = {}
        self.is_open = True
        """False: maintenance."""
        self._now_ns = now_ns
        self._listener = listener
        self._order_ids = count(1)
        self._trade_ids = count(1)
        self._orders: dict[int, tuple[Account, Order]] = {}

    def _now_ms(self) -> int:
        return self._now_ns() // NS_PER_MS

    def see_instrument(self, instrument: Instrument) -> None:
        """A contract is traded, or its terms have changed."""
        market = self.markets.get(instrument.symbol)
        if market is None:
            matching = SimulatedMarket(instrument.venue, instrument.symbol, None)
            self.markets[instrument.symbol] = Market(instrument, matching)
        else:
            market.instrument = instrument

    def see_book(self, book: Book) -> None:
        """The feed's book moves, and may reach resting orders."""
        market = self.markets[book.symbol]
        market.book = book if book.status == "live" else None
        for execution in market.matching.see_book(book):
            self._fill_resting(market, execution)

    def see_trade(self, trade: MarketTrade) -> None:
        """Somebody of the feed trades, and may meet resting orders."""
        market = self.markets[trade.symbol]
        for execution in market.matching.see_trade(trade):
            self._fill_resting(market, execution)

    def force_fill(self, order_id: int, size_lots: int) -> None:
        """A taker meets this order alone: for tests."""
        account, order = self._orders[order_id]
        market = self.markets[order.symbol]
        resting = market.matching.orders.get(str(order_id))
        lots = min(size_lots, order.remaining_lots)
        if resting is None or lots <= 0:
            return
        resting.filled_lots += lots
        if resting.remaining_lots <= 0:
            del market.matching.orders[str(order_id)]
        self._trade(market, account, order, order.price_ticks, lots, is_maker=True)

    def place(self, account: Account, new: NewOrder) -> Order:
        """A new order; raises VenueError."""
        market = self._open_market(new.symbol)
        price_ticks = self._lock_ticks(market, new)
        self._check(account, market, new, price_ticks)
        currency, amount = held_for(market.instrument, new.side, price_ticks, new.size_lots)
        account.lock(currency, amount)
        now_ns = self._now_ns()
        order = Order(
            next(self._order_ids),
            new.client_id,
            account.name,
            new.symbol,
            new.side,
            new.order_type,
            new.time_in_force,
            price_ticks,
            new.size_lots,
            new.stp_mode,
            now_ns,
        )
        order.note(order.created_ms, "NEW")
        account.orders[order.order_id] = order
        account.by_client_id[order.client_id] = order
        self._orders[order.order_id] = (account, order)
        self._listener(account.name, order, "NEW", None)
        self._match(market, account, order)
        return order

    def _open_market(self, symbol: str) -> Market:
        market = self.markets.get(symbol)
        if market is None:
            raise VenueError(-1121, "Invalid symbol.")
        if not self.is_open:
            raise VenueError(-1013, "Market is closed.")
        return market

    def _lock_ticks(self, market: Market, new: NewOrder) -> int:
        if new.order_type != "MARKET":
            return new.price_ticks
        book = market.book
        if book is None:
            raise errors.refused("Market order rejected: no book.")
        return book.ask_prices[-1] if new.side == "buy" else book.bid_prices[-1]

    def _check(self, account: Account, market: Market, new: NewOrder, price_ticks: int) -> None:
        known = account.by_client_id.get(new.client_id)
        if known is not None and known.is_live:
            raise errors.refused(errors.DUPLICATE)
        instrument = market.instrument
        if new.size_lots <= 0:
            raise errors.filter_failure("LOT_SIZE")
        if price_ticks <= 0:
            raise errors.filter_failure("PRICE_FILTER")
        if price_ticks * new.size_lots * instrument.money_per_tick_lot < instrument.min_notional:
            raise errors.filter_failure("NOTIONAL")
        mid = market.mid_ticks
        if new.order_type == "MARKET":
            mid = None
        if mid is not None and not mid / PRICE_BAND <= price_ticks <= mid * PRICE_BAND:
            raise errors.filter_failure("PERCENT_PRICE_BY_SIDE")
        if len(account.live(new.symbol)) >= OPEN_ORDERS_MAX:
            raise errors.filter_failure("MAX_NUM_ORDERS")
        if new.order_type == "LIMIT_MAKER" and self._would_take(market, new):
            raise errors.refused(errors.WOULD_TAKE)

    def _would_take(self, market: Market, new: NewOrder) -> bool:
        if market.matching.would_take(new.side, new.price_ticks):
            return True
        return any(
            order.side != new.side
            and (
                order.price_ticks <= new.price_ticks
                if new.side == "buy"
                else order.price_ticks >= new.price_ticks
            )
            for order in market.matching.orders.values()
        )

    def _match(self, market: Market, account: Account, order: Order) -> None:
        limit = None if order.order_type == "MARKET" else order.price_ticks
        if order.order_type != "LIMIT_MAKER":
            if self._lacks_for_all(market, order, limit):
                self._end(market, account, order, "EXPIRED")
                return
            self._take(market, account, order, limit)
        if not order.is_live:
            return
        if order.order_type == "MARKET" or order.time_in_force in {"IOC", "FOK"}:
            self._end(market, account, order, "EXPIRED")
        else:
            market.matching.add(str(order.order_id), order.side, order.price_ticks, order.remaining_lots)

    @staticmethod
    def _lacks_for_all(market: Market, order: Order, limit_ticks: int | None) -> bool:
        """Fill or kill: is there less than it wants?"""
        if order.time_in_force != "FOK":
            return False
        return market.matching.available_lots(order.side, limit_ticks) < order.size_lots

    def _take(self, market: Market, account: Account, order: Order, limit_ticks: int | None) -> None:
        """Meet what stands there, until the taker is filled or gone."""
        for taken in market.matching.take(order.side, limit_ticks, order.remaining_lots):
            if taken.client_order_id is None:
                self._trade(market, account, order, taken.price_ticks, taken.size_lots, is_maker=False)
                continue
            owner, maker = self._orders[int(taken.client_order_id)]
            if taken.size_lots == 0:
                if owner is account and not self._prevent_self_trade(market, account, order, maker):
                    return
                continue
            self._trade(market, account, order, taken.price_ticks, taken.size_lots, is_maker=False)
            self._trade(market, owner, maker, taken.price_ticks, taken.size_lots, is_maker=True)

    def _prevent_self_trade(self, market: Market, account: Account, order: Order, maker: Order) -> bool:
        """An account is about to meet itself. By the taker's mode; false where the taker is gone."""
        if order.stp_mode in {"EXPIRE_MAKER", "EXPIRE_BOTH"}:
            self._take_off(market, account, maker, "EXPIRED_IN_MATCH")
        if order.stp_mode in {"EXPIRE_TAKER", "EXPIRE_BOTH"}:
            self._end(market, account, order, "EXPIRED_IN_MATCH")
            return False
        return True

    def cancel(self, account: Account, order: Order) -> Order:
        """Take an order off the book; raises VenueError where it is not there."""
        if not order.is_live:
            raise errors.unknown_order()
        self._take_off(self.markets[order.symbol], account, order, "CANCELED")
        return order

    def shrink(self, account: Account, order: Order, size_lots: int) -> Order:
        """Less size, which keeps the place in the queue; raises VenueError."""
        if not order.is_live:
            raise errors.unknown_order()
        if not order.filled_lots < size_lots < order.size_lots:
            raise VenueError(-2038, "Order amend is rejected: the new quantity must be below the old one.")
        market = self.markets[order.symbol]
        currency, amount = held_for(
            market.instrument, order.side, order.price_ticks, order.size_lots - size_lots
        )
        account.unlock(currency, amount)
        resting = market.matching.orders[str(order.order_id)]
        resting.size_lots -= order.size_lots - size_lots
        order.size_lots = size_lots
        order.note(self._now_ms(), "REPLACED")
        self._listener(account.name, order, "REPLACED", None)
        return order

    def find(self, account: Account, order_id: int | None, client_id: str | None) -> Order | None:
        """By the venue's id or by the account's own."""
        if order_id is not None:
            return account.orders.get(order_id)
        return account.by_client_id.get(client_id or "")

    def _take_off(self, market: Market, account: Account, order: Order, status: OrderStatus) -> None:
        market.matching.orders.pop(str(order.order_id), None)
        self._end(market, account, order, status)

    def _end(self, market: Market, account: Account, order: Order, status: OrderStatus) -> None:
        currency, amount = held_for(market.instrument, order.side, order.price_ticks, order.remaining_lots)
        account.unlock(currency, amount)
        order.status = status
        order.note(self._now_ms(), status)
        self._listener(account.name, order, status, None)

    def _fill_resting(self, market: Market, execution: Execution) -> None:
        account, order = self._orders[int(execution.client_order_id)]
        self._trade(market, account, order, execution.price_ticks, execution.size_lots, is_maker=True)

    def _trade(
        self, market: Market, account: Account, order: Order, price_ticks: int, lots: int, *, is_maker: bool
    ) -> None:
        """Settle one execution: what was held is paid, what was bought comes in less the fee."""
        instrument = market.instrument
        size, money = instrument.lot_size * lots, instrument.money_per_tick_lot * price_ticks * lots
        held_currency, held = held_for(instrument, order.side, order.price_ticks, lots)
        fee_bps = instrument.maker_fee_bps if is_maker else instrument.taker_fee_bps
        paid, got = (money, size) if order.side == "buy" else (size, money)
        got_currency = instrument.base_currency if order.side == "buy" else instrument.quote_currency
        fee = got * fee_bps / BPS_PER_UNIT
        account.locked[held_currency] -= held
        account.free[held_currency] += held - paid
        account.free[got_currency] += got - fee
        now_ms = self._now_ms()
        order.filled_lots += lots
        order.quote_filled += money
        order.status = "FILLED" if order.remaining_lots == 0 else "PARTIALLY_FILLED"
        order.note(now_ms, order.status)
        trade = Trade(
            next(self._trade_ids),
            order.order_id,
            order.client_id,
            order.symbol,
            order.side,
            price_ticks,
            lots,
            is_maker,
            fee,
            got_currency,
            now_ms,
        )
        account.trades.append(trade)
        self._listener(account.name, order, "TRADE", trade)
