"""The exchange without a network: accounts, orders and trades, on the simulated venue's matching.

Prices in ticks, sizes in lots, money Decimal. Time is passed in, so it is a function of its inputs.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from quote_service.routing.venues.simulated.matching import Execution, SimulatedMarket

from sandbox import errors
from sandbox.accounts import Account, OrderStatus, SandboxOrder, SandboxTrade, held_for
from sandbox.errors import VenueError
from sandbox.fees import charge
from sandbox.markets import NewOrder, Prevented, SandboxMarket
from schemas.market import Book, Instrument
from schemas.market import Trade as MarketTrade
from schemas.units import NS_PER_MS


@dataclass(frozen=True, slots=True)
class Happening:
    """An event of an order, for its execution report."""

    account: Account
    order: SandboxOrder
    execution: str
    """Execution type: NEW, TRADE, CANCELED, REPLACED, EXPIRED, TRADE_PREVENTION."""
    trade: SandboxTrade | None = None
    prevented: Prevented | None = None
    request_id: str | None = None
    """Client id of the cancel."""
    replaced_id: str | None = None
    """Client id of the order before an amend."""
    expiry_reason: str | None = None


Listener = Callable[[Happening], None]


class SandboxExchange:
    """All markets and accounts."""

    def __init__(
        self, now_ns: Callable[[], int], listener: Listener, steady_ns: Callable[[], int] | None = None
    ) -> None:
        """`now_ns`: the exchange's clock; `steady_ns`: a clock that is never set."""
        self.markets: dict[str, SandboxMarket] = {}
        self.accounts: dict[str, Account] = {}
        self.is_open = True
        """False: maintenance."""
        self._now_ns = now_ns
        self._steady_ns = steady_ns or now_ns
        self._listener = listener

    def _now_ms(self) -> int:
        return self._now_ns() // NS_PER_MS

    def observe_instrument(self, instrument: Instrument) -> None:
        """A contract is listed, or its terms have changed."""
        market = self.markets.get(instrument.symbol)
        if market is None:
            matching = SimulatedMarket(instrument.venue, instrument.symbol, None)
            self.markets[instrument.symbol] = SandboxMarket(instrument, matching)
        else:
            market.instrument = instrument

    def observe_book(self, book: Book) -> None:
        """The feed's book moves, and may fill resting orders."""
        market = self.markets[book.symbol]
        market.book = book if book.status == "live" else None
        for execution in market.matching.observe_book(book):
            self._fill_resting(market, execution)

    def observe_trade(self, trade: MarketTrade) -> None:
        """A public trade of the feed, which may fill resting orders."""
        market = self.markets[trade.symbol]
        for execution in market.matching.observe_trade(trade):
            self._fill_resting(market, execution)

    def force_fill(self, order: SandboxOrder, size_lots: int) -> None:
        """A taker fills this order alone."""
        market = self.markets[order.symbol]
        account, _ = market.orders[order.order_id]
        resting = market.matching.orders.get(str(order.order_id))
        lots = min(size_lots, order.remaining_lots)
        if resting is None or lots <= 0:
            return
        resting.filled_lots += lots
        if resting.remaining_lots <= 0:
            del market.matching.orders[str(order.order_id)]
        self._trade(
            market, account, order, order.price_ticks, lots, is_maker=True, trade_id=next(market.trade_ids)
        )

    def check(self, account: Account, new: NewOrder) -> None:
        """Checks before matching; raises VenueError."""
        market = self.markets.get(new.symbol)
        if market is None:
            raise VenueError(-1121, "Invalid symbol.")
        if not self.is_open or market.status != "TRADING":
            raise VenueError(-1013, "Market is closed.")
        market.check_filters(account, new)

    def place(self, account: Account, new: NewOrder) -> SandboxOrder:
        """A new order, with all checks; raises VenueError."""
        self.check(account, new)
        return self.enter(account, new)

    def enter(self, account: Account, new: NewOrder) -> SandboxOrder:
        """A checked order enters matching; raises VenueError."""
        market = self.markets[new.symbol]
        self._admit(account, market, new)
        price_ticks = market.worst_ticks(new)
        currency, amount = held_for(market.instrument, new.side, price_ticks, new.size_lots)
        account.lock(currency, amount)
        order = SandboxOrder(
            next(market.order_ids),
            new.client_id,
            account.name,
            new.symbol,
            new.side,
            new.order_type,
            new.time_in_force,
            price_ticks,
            new.size_lots,
            new.stp_mode,
            self._now_ns(),
        )
        account.orders[order.symbol, order.order_id] = order
        account.by_client_id[order.symbol, order.client_id] = order
        market.orders[order.order_id] = (account, order)
        self._notify(market, account, order, "NEW")
        self._match(market, account, order)
        return order

    @staticmethod
    def _admit(account: Account, market: SandboxMarket, new: NewOrder) -> None:
        known = account.by_client_id.get((new.symbol, new.client_id))
        if not account.can_trade:
            raise errors.refused(errors.DISABLED)
        if known is not None and known.is_live:
            raise errors.refused(errors.DUPLICATE)
        if new.order_type == "LIMIT_MAKER" and market.would_take(new):
            raise errors.refused(errors.WOULD_TAKE)

    def _notify(
        self, market: SandboxMarket, account: Account, order: SandboxOrder, execution: str, **more: Any
    ) -> None:
        """Record an order's event and publish it."""
        order.record(
            self._now_ms(), self._steady_ns(), execution if execution == "REPLACED" else order.status
        )
        order.execution_id = next(market.execution_ids)
        account.record_balances(self._steady_ns())
        self._listener(Happening(account, order, execution, **more))

    def _match(self, market: SandboxMarket, account: Account, order: SandboxOrder) -> None:
        limit = None if order.order_type == "MARKET" else order.price_ticks
        if order.order_type != "LIMIT_MAKER":
            if self._lacks_for_all(market, order, limit):
                self._end(market, account, order, "EXPIRED", "UNFILLED_FOK_ORDER_EXPIRED")
                return
            self._execute(market, account, order, limit)
        if not order.is_live:
            return
        if order.order_type == "MARKET" or order.time_in_force in {"IOC", "FOK"}:
            because = "INSUFFICIENT_LIQUIDITY" if limit is None else "UNFILLED_IOC_QUANTITY_EXPIRED"
            self._end(market, account, order, "EXPIRED", because)
        else:
            market.matching.add(str(order.order_id), order.side, order.price_ticks, order.remaining_lots)

    @staticmethod
    def _lacks_for_all(market: SandboxMarket, order: SandboxOrder, limit_ticks: int | None) -> bool:
        """Fill or kill: is less available than it needs?"""
        if order.time_in_force != "FOK":
            return False
        return market.matching.available_lots(order.side, limit_ticks) < order.size_lots

    def _execute(
        self, market: SandboxMarket, account: Account, order: SandboxOrder, limit_ticks: int | None
    ) -> None:
        """Match what rests there, until the taker is filled or gone."""
        for taken in market.matching.execute(order.side, limit_ticks, order.remaining_lots):
            if taken.size_lots == 0:
                owner, maker = market.orders[int(taken.client_order_id or 0)]
                if owner is account and not self._prevent_self_trade(market, account, order, maker):
                    return
                continue
            what = (taken.price_ticks, taken.size_lots)
            trade_id = next(market.trade_ids)
            self._trade(market, account, order, *what, is_maker=False, trade_id=trade_id)
            if taken.client_order_id is not None:
                owner, maker = market.orders[int(taken.client_order_id)]
                self._trade(market, owner, maker, *what, is_maker=True, trade_id=trade_id)

    def _prevent_self_trade(
        self, market: SandboxMarket, account: Account, order: SandboxOrder, maker: SandboxOrder
    ) -> bool:
        """An account is about to trade with itself; act by the taker's mode. False: the taker is gone."""
        if order.stp_mode == "NONE":
            return True
        lots = min(order.remaining_lots, maker.remaining_lots)
        match = (next(market.match_ids), maker.price_ticks, lots)
        if order.stp_mode in {"EXPIRE_MAKER", "EXPIRE_BOTH"}:
            self._prevent(market, account, maker, *match, order.order_id, is_maker=True)
        if order.stp_mode in {"EXPIRE_TAKER", "EXPIRE_BOTH"}:
            self._prevent(market, account, order, *match, maker.order_id, is_maker=False)
            return False
        return True

    def prevent(self, account: Account, order: SandboxOrder) -> None:
        """The order would have matched one of another account in its trade group, so it expires."""
        market = self.markets[order.symbol]
        counter_id = next(market.order_ids)
        match = (next(market.match_ids), order.price_ticks, order.remaining_lots)
        self._prevent(market, account, order, *match, counter_id, is_maker=True)

    def _prevent(
        self,
        market: SandboxMarket,
        account: Account,
        order: SandboxOrder,
        match_id: int,
        price_ticks: int,
        lots: int,
        counter_id: int,
        *,
        is_maker: bool,
    ) -> None:
        taker_id, maker_id = (counter_id, order.order_id) if is_maker else (order.order_id, counter_id)
        prevented = Prevented(
            match_id, price_ticks, lots, order.symbol, counter_id, taker_id, maker_id, self._now_ms()
        )
        market.prevented.append(prevented)
        order.prevented_lots = order.remaining_lots
        self._remove(market, account, order, "EXPIRED_IN_MATCH")
        self._notify(market, account, order, "TRADE_PREVENTION", prevented=prevented)

    def cancel(self, account: Account, order: SandboxOrder, request_id: str | None = None) -> SandboxOrder:
        """Remove an order from the book; raises VenueError where it is not open."""
        if not order.is_live:
            raise errors.unknown_order()
        market = self.markets[order.symbol]
        self._remove(market, account, order, "CANCELED")
        self._notify(market, account, order, "CANCELED", request_id=request_id)
        return order

    def shrink(self, account: Account, order: SandboxOrder, size_lots: int, client_id: str) -> SandboxOrder:
        """Reduce the size, keeping queue position; the order continues under the given client id.

        Raises VenueError.
        """
        if not order.is_live:
            raise errors.amend_rejected("Unknown order sent.")
        if size_lots == order.size_lots:
            raise errors.amend_rejected("The requested action would change no state; rejecting.")
        if size_lots > order.size_lots:
            raise errors.amend_rejected("SandboxOrder amend (quantity increase) is not supported.")
        if size_lots <= order.filled_lots:
            raise errors.filter_failure("LOT_SIZE")
        market = self.markets[order.symbol]
        less_lots = order.size_lots - size_lots
        account.unlock(*held_for(market.instrument, order.side, order.price_ticks, less_lots))
        market.matching.orders[str(order.order_id)].size_lots -= less_lots
        order.size_lots, replaced_id = size_lots, order.client_id
        account.by_client_id.pop((order.symbol, replaced_id), None)
        order.client_id = client_id
        account.by_client_id[order.symbol, client_id] = order
        self._notify(market, account, order, "REPLACED", replaced_id=replaced_id)
        return order

    def find(
        self, account: Account, symbol: str, order_id: int | None, client_id: str | None
    ) -> SandboxOrder | None:
        """By the venue's id or the account's own; both have to match where both are given."""
        if order_id is None:
            return account.by_client_id.get((symbol, client_id or ""))
        order = account.orders.get((symbol, order_id))
        return order if order is None or client_id in {None, "", order.client_id} else None

    def stop_trading(self, symbol: str) -> None:
        """The symbol's status becomes BREAK: resting orders expire."""
        market = self.markets[symbol]
        market.status = "BREAK"
        for account, order in tuple(market.orders.values()):
            if order.is_live:
                market.matching.orders.pop(str(order.order_id), None)
                self._end(market, account, order, "EXPIRED", "EXCHANGE_CANCELED")

    def deposit(self, account: Account, currency: str, amount: Decimal) -> None:
        """A deposit, or a withdrawal where negative."""
        account.free[currency] += amount
        account.record_balances(self._steady_ns())

    def _remove(
        self, market: SandboxMarket, account: Account, order: SandboxOrder, status: OrderStatus
    ) -> None:
        market.matching.orders.pop(str(order.order_id), None)
        account.unlock(*held_for(market.instrument, order.side, order.price_ticks, order.remaining_lots))
        order.status = status

    def _end(
        self, market: SandboxMarket, account: Account, order: SandboxOrder, status: OrderStatus, because: str
    ) -> None:
        self._remove(market, account, order, status)
        self._notify(market, account, order, status, expiry_reason=because)

    def _fill_resting(self, market: SandboxMarket, execution: Execution) -> None:
        account, order = market.orders[int(execution.client_order_id)]
        what = (execution.price_ticks, execution.size_lots)
        self._trade(market, account, order, *what, is_maker=True, trade_id=next(market.trade_ids))

    def _mid_of(self, currency: str, quote: str) -> Decimal | None:
        market = self.markets.get(f"{currency}/{quote}")
        return None if market is None else market.mid

    def _trade(
        self,
        market: SandboxMarket,
        account: Account,
        order: SandboxOrder,
        price_ticks: int,
        lots: int,
        *,
        is_maker: bool,
        trade_id: int,
    ) -> None:
        """Settle one execution: locked funds are paid, bought ones credited, the commission charged."""
        instrument = market.instrument
        fee = charge(
            instrument,
            order.side,
            price_ticks,
            lots,
            is_maker=is_maker,
            third=account.commission,
            held=lambda currency: account.free[currency],
            mid_of=self._mid_of,
        )
        size, money = instrument.lot_size * lots, instrument.money_per_tick_lot * price_ticks * lots
        held_currency, held = held_for(instrument, order.side, order.price_ticks, lots)
        paid, got = (money, size) if order.side == "buy" else (size, money)
        got_currency = instrument.base_currency if order.side == "buy" else instrument.quote_currency
        account.locked[held_currency] -= held
        account.free[held_currency] += held - paid
        account.free[got_currency] += got
        account.free[fee.currency] -= fee.amount
        if order.filled_lots == 0:
            account.order_counts.record_first_fill(self._now_ms())
        order.filled_lots += lots
        order.quote_filled += money
        order.status = "FILLED" if order.remaining_lots == 0 else "PARTIALLY_FILLED"
        trade = SandboxTrade(
            trade_id,
            order.order_id,
            order.client_id,
            order.symbol,
            order.side,
            price_ticks,
            lots,
            is_maker,
            fee.amount,
            fee.currency,
            self._now_ms(),
            self._steady_ns(),
        )
        account.trades.append(trade)
        self._notify(market, account, order, "TRADE", trade=trade)
