"""Which of our orders the venue holds, which trades were booked, and what the router is told of it."""

from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from quote_service.routing.venues.exchange.facts import Contract, OrderFacts, TradeFacts
from quote_service.routing.venues.exchange.ids import WireIds
from quote_service.routing.venues.exchange.tracked import Tracked, WireOrder
from schemas.orders import ReportKind, VenueReport
from schemas.recent_keys import RecentKeys

_TRADES_KEPT = 50_000
_ENDED_KEPT = 5_000


@dataclass(frozen=True, slots=True)
class _Place:
    symbol: str
    venue_id: str


class Register:
    """All tracked orders. `say` takes what the router is to hear."""

    def __init__(self, ids: WireIds, say: Callable[[VenueReport], None], now_ns: Callable[[], int]) -> None:
        self.ids = ids
        self._say = say
        self._now_ns = now_ns
        self._tracked: dict[str, Tracked] = {}
        self._ended: OrderedDict[str, Tracked] = OrderedDict()
        self._by_place: dict[_Place, Tracked] = {}
        self._booked_lots: dict[_Place, int] = {}
        """What was booked of each order at the venue."""
        self._trade_ids = RecentKeys(_TRADES_KEPT)
        self._unplaced: dict[str, tuple[Contract, TradeFacts]] = {}
        """Trades of orders whose id at the venue is not known yet, by trade id."""

    def living(self) -> Iterable[Tracked]:
        """Orders that have not ended."""
        return tuple(self._tracked.values())

    def get(self, client_order_id: str) -> Tracked | None:
        """An order, the newest ended ones included."""
        return self._tracked.get(client_order_id) or self._ended.get(client_order_id)

    def add(self, tracked: Tracked) -> Tracked:
        """Begin to track an order."""
        self._tracked[tracked.client_order_id] = tracked
        self._ended.pop(tracked.client_order_id, None)
        self.ids.learn(tracked.contract.key)
        return tracked

    def find(self, facts: OrderFacts) -> tuple[Tracked, WireOrder] | None:
        """Whose order it is at the venue; None where it is not one that is tracked."""
        tracked = self._by_place.get(_Place(facts.symbol, facts.venue_id))
        if tracked is None and facts.wire_id is not None:
            order_key = self.ids.from_wire(facts.wire_id)
            tracked = None if order_key is None else self.get(order_key.client_order_id)
        if tracked is None:
            return None
        for wire in tracked.wires:
            if facts.venue_id == wire.venue_id or (facts.wire_id == wire.wire_id and wire.venue_id is None):
                return tracked, wire
        return None

    def learn(self, tracked: Tracked, wire: WireOrder, facts: OrderFacts) -> None:
        """Take over what the venue says, and book trades that waited for it."""
        place = _Place(facts.symbol, facts.venue_id)
        if wire.venue_id is None:
            wire.booked_lots = self._booked_lots.get(place, 0)
        wire.learn(facts)
        self._by_place[place] = tracked
        for trade_id, (contract, trade) in tuple(self._unplaced.items()):
            if trade.venue_id == facts.venue_id:
                del self._unplaced[trade_id]
                self._book(tracked, contract, trade, recovered=False)

    def book(self, contract: Contract, trade: TradeFacts, *, recovered: bool = False) -> None:
        """Report a trade, once, whoever brought it."""
        if not self._trade_ids.is_new(f"{trade.symbol}/{trade.trade_id}"):
            return
        tracked = self._by_place.get(_Place(trade.symbol, trade.venue_id))
        if tracked is None:
            self._unplaced[trade.trade_id] = (contract, trade)
        else:
            self._book(tracked, contract, trade, recovered=recovered)

    def unplaced(self) -> list[tuple[Contract, TradeFacts]]:
        """Trades of ours, or of others in the account, whose order is not known."""
        return list(self._unplaced.values())

    def drop_unplaced(self, trade: TradeFacts) -> None:
        """It is a trade of an order that is not ours."""
        self._unplaced.pop(trade.trade_id, None)

    def _book(self, tracked: Tracked, contract: Contract, trade: TradeFacts, *, recovered: bool) -> None:
        place = _Place(trade.symbol, trade.venue_id)
        self._booked_lots[place] = self._booked_lots.get(place, 0) + trade.size_lots
        for wire in tracked.wires:
            if wire.venue_id == trade.venue_id:
                wire.booked_lots = self._booked_lots[place]
                wire.filled_lots = max(wire.filled_lots, wire.booked_lots)
        self._say(
            VenueReport(
                event_time_ns=self._now_ns(),
                venue=contract.venue,
                symbol=contract.symbol,
                kind="fill",
                client_order_id=tracked.client_order_id,
                side=trade.side,
                price_ticks=trade.price_ticks,
                size_lots=trade.size_lots,
                venue_trade_id=trade.trade_id,
                liquidity=trade.liquidity,
                fee=trade.fee,
                fee_currency=trade.fee_currency,
                base_fee=trade.base_fee,
                recovered=recovered,
            )
        )

    def report(self, tracked: Tracked, kind: ReportKind, reason: str | None = None) -> None:
        """Tell the router what became of an order; with it, price and total size as the venue holds them."""
        living = tracked.living
        contract = tracked.contract
        self._say(
            VenueReport(
                event_time_ns=self._now_ns(),
                venue=contract.venue,
                symbol=contract.symbol,
                kind=kind,
                client_order_id=tracked.client_order_id,
                side=tracked.side,
                price_ticks=0 if living is None else living.price_ticks,
                size_lots=0 if living is None else tracked.total_lots,
                reason=reason,
            )
        )

    def revive(self, tracked: Tracked) -> Tracked:
        """An order that counted as ended lives at the venue: what lives of it is tracked again."""
        again = self.add(Tracked(tracked.contract, tracked.client_order_id, tracked.side))
        again.wires = [wire for wire in tracked.wires if wire.state == "open"]
        for wire in again.wires:
            if wire.venue_id is not None:
                self._by_place[_Place(tracked.contract.symbol, wire.venue_id)] = again
        return again

    def end(self, tracked: Tracked) -> None:
        """An order has ended; late trades still find it."""
        tracked.ended_ns = self._now_ns()
        self._tracked.pop(tracked.client_order_id, None)
        self._ended[tracked.client_order_id] = tracked
        while len(self._ended) > _ENDED_KEPT:
            _, oldest = self._ended.popitem(last=False)
            for wire in oldest.wires:
                if wire.venue_id is not None:
                    place = _Place(oldest.contract.symbol, wire.venue_id)
                    self._by_place.pop(place, None)
                    self._booked_lots.pop(place, None)
