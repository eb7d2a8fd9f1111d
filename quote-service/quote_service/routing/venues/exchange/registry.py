"""The registry of our orders at the venue and of booked trades; publishes the reports to the router.

The venue's order and trade ids are unique per symbol only.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable
from decimal import Decimal

import structlog

from quote_service.routing.orders.client_ids import count_from, count_of
from quote_service.routing.venues.exchange.facts import OrderFacts, TradeFacts, VenueContract, VenueOrderKey
from quote_service.routing.venues.exchange.ids import OrderKey, VenueClientIds
from quote_service.routing.venues.exchange.tracker import ToldTrade, TrackedOrder, VenueOrder
from schemas.orders import ReportKind, VenueReport
from schemas.recent_keys import RecentKeys
from schemas.units import NS_PER_MS, NS_PER_S

_TRADES_KEPT = 50_000
_ENDED_KEPT = 5_000

logger = structlog.get_logger()


class OrderRegistry:
    """Tracks orders and books trades."""

    def __init__(
        self,
        ids: VenueClientIds,
        publish: Callable[[VenueReport], None],
        now_ns: Callable[[], int],
        began_ns: Callable[[], int] = lambda: 0,
    ) -> None:
        """`publish` receives the reports to the router. `began_ns`: start of the account's first known
        session; earlier trades are booked, but not reported.
        """
        self.ids = ids
        self.clock_offset_s = 0.0
        """The venue's clock minus ours."""
        self._first_offset_s: float | None = None
        """The first measured offset, by which trades from before this log are dated."""
        self.observe_recovered: Callable[[TradeFacts], None] = lambda trade: None
        """Called for each trade that a request returned before the stream delivered it."""
        self._publish = publish
        self.now_ns = now_ns
        """Engine time, which is unaffected when the machine's clock is set."""
        self._began_ns = began_ns
        self._tracked: dict[str, TrackedOrder] = {}
        self._ended: OrderedDict[str, TrackedOrder] = OrderedDict()
        self._by_venue_key: dict[VenueOrderKey, TrackedOrder] = {}
        self._booked: dict[VenueOrderKey, Decimal] = {}
        """Booked size by venue order, in base units."""
        self._trade_ids = RecentKeys(_TRADES_KEPT)
        self._refused_trades = RecentKeys(_TRADES_KEPT)
        """Trades that contradicted their orders, as `symbol/trade id`."""
        self._reported_before: set[str] = set()
        """Trades reported in an earlier session, as `symbol/trade id`."""
        self._unmatched: dict[str, tuple[VenueContract, TradeFacts]] = {}
        """Trades whose venue order is not known yet, by `symbol/trade id`."""

    def now_s(self) -> float:
        """The same in seconds."""
        return self.now_ns() / NS_PER_S

    def observe_clock(self, offset_s: float) -> None:
        """Set the newly measured offset of the venue's clock."""
        self.clock_offset_s = offset_s
        if self._first_offset_s is None:
            self._first_offset_s = offset_s

    def live_orders(self) -> Iterable[TrackedOrder]:
        """Orders whose end has not been reported."""
        return tuple(self._tracked.values())

    def has_live_orders(self) -> bool:
        """Whether an order of ours may be open at the venue."""
        return bool(self._tracked)

    def add_known_trades(self, symbol: str, trade_ids: Iterable[str]) -> None:
        """Trades reported in an earlier session: booked, but not reported again."""
        self._reported_before |= {f"{symbol}/{trade_id}" for trade_id in trade_ids}

    def get(self, client_order_id: str) -> TrackedOrder | None:
        """A tracked or recently ended order."""
        return self._tracked.get(client_order_id) or self._ended.get(client_order_id)

    def add(self, tracked: TrackedOrder) -> TrackedOrder:
        """Start tracking an order."""
        self._tracked[tracked.client_order_id] = tracked
        self._ended.pop(tracked.client_order_id, None)
        self.ids.add_symbol(tracked.contract.key)
        return tracked

    def find(self, facts: OrderFacts) -> tuple[TrackedOrder, VenueOrder] | None:
        """The tracked order of a venue order; None where it is not tracked."""
        tracked = self._by_venue_key.get(facts.venue_key)
        if tracked is None:
            order_key = self.key_of(facts)
            tracked = None if order_key is None else self.get(order_key.client_order_id)
        if tracked is None:
            return None
        for venue_order in tracked.venue_orders:
            if facts.venue_id == venue_order.venue_id:
                return tracked, venue_order
            if (
                facts.venue_client_id == venue_order.venue_client_id
                and venue_order.venue_id is None
                and self.matches(tracked, venue_order, facts)
            ):
                return tracked, venue_order
        return None

    def contract_of(self, venue_client_id: str | None, in_force: VenueContract) -> VenueContract:
        """The contract of a venue order: that of its tracked order, else the one in force."""
        order_key = self.ids.from_venue(venue_client_id or "")
        tracked = None if order_key is None else self.get(order_key.client_order_id)
        if tracked is None or tracked.contract.key != in_force.key:
            return in_force
        return tracked.contract

    def key_of(self, facts: OrderFacts) -> OrderKey | None:
        """The order that its client order id names; None for a foreign id, or for another symbol's."""
        order_key = self.ids.from_venue(facts.venue_client_id or "")
        if order_key is None or order_key.key.partition(":")[2] != facts.symbol:
            return None
        return order_key

    def matches(self, tracked: TrackedOrder, venue_order: VenueOrder, facts: OrderFacts) -> bool:
        """Whether it is the order we requested: its id may have been used before, by anyone."""
        if facts.venue_id == venue_order.venue_id:
            return True
        if facts.side == tracked.side and venue_order.matches(facts, self.clock_offset_s):
            return True
        logger.error("client_order_id_collision", order=venue_order.venue_client_id, venue_id=facts.venue_id)
        return False

    def update(self, tracked: TrackedOrder, venue_order: VenueOrder, facts: OrderFacts) -> None:
        """Apply the venue's state to an order, and book the trades that were waiting for its venue id."""
        venue_key = facts.venue_key
        if venue_order.venue_id is None:
            venue_order.booked_lots = tracked.contract.lots(self._booked.get(venue_key, Decimal(0)))
        venue_order.update(facts)
        self._by_venue_key[venue_key] = tracked
        for key, (contract, trade) in tuple(self._unmatched.items()):
            if trade.venue_key == venue_key:
                del self._unmatched[key]
                if not self._is_refused(tracked, trade):
                    self._book(tracked, contract, trade, recovered=False)

    def book(self, contract: VenueContract, trade: TradeFacts, *, recovered: bool = False) -> bool:
        """Book and report a trade once, whatever its source; False while its order is unknown, or where it
        contradicts its order: then it has to be read again.
        """
        tracked = self._by_venue_key.get(trade.venue_key)
        if _trade_key(trade) not in self._trade_ids and tracked and self._is_refused(tracked, trade):
            return False
        if self._trade_ids.add(_trade_key(trade)):
            if recovered and _trade_key(trade) not in self._reported_before:
                self.observe_recovered(trade)
            if tracked is None:
                self._unmatched[_trade_key(trade)] = (contract, trade)
            else:
                self._book(tracked, contract, trade, recovered=recovered)
        return _trade_key(trade) not in self._unmatched

    def unmatched_trades(self) -> list[tuple[VenueContract, TradeFacts]]:
        """Trades of the account whose order is unknown: ours, or others'."""
        return list(self._unmatched.values())

    def drop_unmatched(self, trade: TradeFacts) -> None:
        """Drop a trade whose order is not ours."""
        self._unmatched.pop(_trade_key(trade), None)

    def _is_refused(self, tracked: TrackedOrder, trade: TradeFacts) -> bool:
        """Whether a trade contradicts its order; reported once."""
        venue_order = next((each for each in tracked.venue_orders if each.venue_id == trade.venue_id), None)
        text = None if venue_order is None else self._contradiction(tracked, venue_order, trade)
        if text is None:
            return False
        if self._refused_trades.add(_trade_key(trade)):
            logger.error("trade_refused", order=tracked.client_order_id, trade=trade.trade_id, because=text)
            because = f"trade {trade.trade_id} cannot be true: {text}"
            self._publish_fill(tracked, tracked.contract, trade, recovered=False, reason=because)
        return True

    def _contradiction(self, tracked: TrackedOrder, venue_order: VenueOrder, trade: TradeFacts) -> str | None:
        if trade.side != tracked.side:
            return f"it is a {trade.side}, of a {tracked.side} order"
        contract, filled = tracked.contract, self._booked.get(trade.venue_key, Decimal(0)) + trade.size
        is_maker = trade.liquidity == "maker"
        return venue_order.contradiction(
            ToldTrade(trade.side, contract.ticks(trade.price), contract.lots(filled), is_maker)
        )

    def _book(
        self, tracked: TrackedOrder, contract: VenueContract, trade: TradeFacts, *, recovered: bool
    ) -> None:
        venue_key = trade.venue_key
        self._booked[venue_key] = self._booked.get(venue_key, Decimal(0)) + trade.size
        for venue_order in tracked.venue_orders:
            if venue_order.venue_id == trade.venue_id:
                venue_order.booked_lots = tracked.contract.lots(self._booked[venue_key])
                venue_order.filled_lots = max(venue_order.filled_lots, venue_order.booked_lots)
        if _trade_key(trade) in self._reported_before or self._is_of_earlier_log(tracked, trade):
            return
        if tracked.contract.is_whole(trade.price, trade.size):
            contract = tracked.contract
        elif not contract.is_whole(trade.price, trade.size):
            logger.error("trade_off_tick_or_lot", trade=_trade_key(trade), price=trade.price, size=trade.size)
        self._publish_fill(tracked, contract, trade, recovered=recovered)

    def _publish_fill(
        self,
        tracked: TrackedOrder,
        contract: VenueContract,
        trade: TradeFacts,
        *,
        recovered: bool,
        reason: str | None = None,
    ) -> None:
        self._publish(
            VenueReport(
                event_time_ns=self.now_ns(),
                venue=contract.venue,
                symbol=contract.symbol,
                kind="fill",
                client_order_id=tracked.client_order_id,
                side=trade.side,
                price_ticks=contract.ticks(trade.price),
                size_lots=contract.lots(trade.size),
                instrument_version=contract.version,
                venue_trade_id=trade.trade_id,
                liquidity=trade.liquidity,
                fee=trade.fee,
                fee_currency=trade.fee_currency,
                base_fee=trade.base_fee,
                executed_ns=_executed_ns(trade, self.clock_offset_s),
                recovered=recovered,
                reason=reason,
            )
        )

    def _is_of_earlier_log(self, tracked: TrackedOrder, trade: TradeFacts) -> bool:
        """Whether it is a trade from before this log, of an earlier log's order.

        Trades of this log's own orders always count: a change of the venue's clock must not lose them.
        """
        began_ns = self._began_ns()
        if count_of(tracked.client_order_id) >= count_from(began_ns):
            return False
        executed_ns = _executed_ns(trade, self._first_offset_s or 0.0)
        return executed_ns is not None and executed_ns < began_ns

    def report(self, tracked: TrackedOrder, kind: ReportKind, reason: str | None = None) -> None:
        """Report a change of an order to the router, with the venue's price and total size."""
        live = tracked.live_order
        contract = tracked.contract
        self._publish(
            VenueReport(
                event_time_ns=self.now_ns(),
                venue=contract.venue,
                symbol=contract.symbol,
                kind=kind,
                client_order_id=tracked.client_order_id,
                side=tracked.side,
                price_ticks=0 if live is None else live.price_ticks,
                size_lots=0 if live is None else tracked.total_lots,
                instrument_version=contract.version,
                reason=reason,
            )
        )

    def revive(self, tracked: TrackedOrder) -> TrackedOrder:
        """Track an order again that was reported as ended but is live at the venue."""
        again = self.add(TrackedOrder(tracked.contract, tracked.client_order_id, tracked.side))
        again.venue_orders = [
            venue_order for venue_order in tracked.venue_orders if venue_order.state == "open"
        ]
        for venue_order in again.venue_orders:
            if venue_order.venue_id is not None:
                self._by_venue_key[VenueOrderKey(tracked.contract.symbol, venue_order.venue_id)] = again
        return again

    def end(self, tracked: TrackedOrder) -> None:
        """Move an order to the ended ones, where late trades still find it."""
        tracked.ended_ns = self.now_ns()
        self._tracked.pop(tracked.client_order_id, None)
        self._ended[tracked.client_order_id] = tracked
        while len(self._ended) > _ENDED_KEPT:
            _, oldest = self._ended.popitem(last=False)
            for venue_order in oldest.venue_orders:
                if venue_order.venue_id is not None:
                    venue_key = VenueOrderKey(oldest.contract.symbol, venue_order.venue_id)
                    self._by_venue_key.pop(venue_key, None)
                    self._booked.pop(venue_key, None)


def _trade_key(trade: TradeFacts) -> str:
    return f"{trade.symbol}/{trade.trade_id}"


def _executed_ns(trade: TradeFacts, clock_offset_s: float) -> int | None:
    """Execution time on our clock; `clock_offset_s`: the venue's minus ours at that time."""
    if trade.executed_ms is None:
        return None
    return max(0, trade.executed_ms * NS_PER_MS - round(clock_offset_s * NS_PER_S))
