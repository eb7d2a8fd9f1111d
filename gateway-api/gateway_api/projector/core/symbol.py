"""The state of one symbol, folded from its messages."""

from collections import deque
from dataclasses import dataclass, field

from gateway_api.projector.core.integral import TimeIntegral
from gateway_api.projector.core.presence import Presence
from gateway_api.projector.core.profit import ProfitFold
from schemas.balancing import BalanceOrder
from schemas.carried.view import CarriedProfit, ViewCarried
from schemas.inventory import Position
from schemas.market import Book, Instrument, MarketLag, Refusal, SymbolRemoved, Trade
from schemas.message import Side
from schemas.orders import Fill, OrderEvent, OrderEventKind
from schemas.quoting import QuoteTarget
from schemas.refusals import RefusalTally
from schemas.risk import RiskState
from schemas.signals import Signal
from schemas.statistics import MinuteStatistics
from schemas.tallies import Counters
from schemas.topics import PROJECTOR
from schemas.views import SymbolView

_TRADES_MAX = 50
_FILLS_MAX = 50
_REFUSALS_MAX = 20
_COUNTED_AS: dict[OrderEventKind, str] = {
    "accepted": "orders",
    "amended": "amends",
    "cancelled": "cancels",
    "rejected": "rejects",
    "amend_rejected": "rejects",
    "denied": "denials",
}


@dataclass(slots=True)
class SymbolFold:
    """The latest messages of a symbol, its ledger folds and counters."""

    venue: str
    symbol: str
    newest_ns: int = 0
    first_book_ns: int | None = None
    instrument: Instrument | None = None
    book: Book | None = None
    signal: Signal | None = None
    lag: MarketLag | None = None
    books_conflated: int = 0
    target: QuoteTarget | None = None
    position: Position | None = None
    risk: RiskState | None = None
    balance: BalanceOrder | None = None
    slice_denied: OrderEvent | None = None
    """The balancer's newest order, if the gate denied it."""
    stopped: bool = False
    removed_ns: int | None = None
    """When an operator removed it; None: it is followed."""
    halted: bool = False
    """The symbol's own state or the account's is HALT."""
    presence: Presence = field(default_factory=Presence)
    inventory_notional_ns: TimeIntegral = field(default_factory=TimeIntegral)
    denials: dict[Side, OrderEvent] = field(default_factory=dict)
    """The latest order of a side denied by pre-trade checks, if none was accepted since."""
    last_trades: deque[Trade] = field(default_factory=lambda: deque(maxlen=_TRADES_MAX))
    last_fills: deque[Fill] = field(default_factory=lambda: deque(maxlen=_FILLS_MAX))
    last_refusals: deque[Refusal] = field(default_factory=lambda: deque(maxlen=_REFUSALS_MAX))
    refusals_by_reason: RefusalTally = field(default_factory=RefusalTally)
    books: int = 0
    trades: int = 0
    quotes: int = 0
    fills: int = 0
    halts: int = 0
    order_counts: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(("orders", "amends", "cancels", "rejects", "denials"), 0)
    )

    def apply_target(self, target: QuoteTarget) -> None:
        """A new quote target."""
        self.target = target
        self.quotes += bool(target.bid.prices or target.ask.prices)

    def apply_order_event(self, event: OrderEvent) -> None:
        """An event of one of our orders."""
        counter = _COUNTED_AS.get(event.kind)
        if counter is not None:
            self.order_counts[counter] += 1
        self.presence.follow(event)
        if event.time_in_force == "ioc":
            self.slice_denied = event if event.kind == "denied" else None
        elif event.kind == "denied":
            self.denials[event.side] = event
        elif event.kind in {"accepted", "amended"}:
            self.denials.pop(event.side, None)

    def apply_position(self, position: Position) -> None:
        """A new position or mark."""
        self.position = position
        self.inventory_notional_ns.change(self._notional(position), position.event_time_ns)

    def apply_refusal(self, refusal: Refusal) -> None:
        """A rejected market event of this symbol."""
        self.last_refusals.append(refusal)
        self.refusals_by_reason.apply(refusal)

    def apply_removal(self, removed: SymbolRemoved) -> None:
        """Its market has ended here."""
        self.removed_ns = removed.event_time_ns
        self.book = self.signal = self.target = self.lag = None

    @property
    def is_gone(self) -> bool:
        """Removed, and nothing is held."""
        return self.removed_ns is not None and (self.position is None or not self.position.position_lots)

    def apply_lag(self, lag: MarketLag) -> None:
        """How far the engine is behind the feed."""
        self.lag = lag
        self.books_conflated += lag.conflated

    def apply_halted(self, *, halted: bool) -> None:
        """Whether trading of this symbol is halted, by its own halt or the account's."""
        self.halts += halted and not self.halted
        self.halted = halted

    def _notional(self, position: Position) -> float:
        if position.mark_half_ticks is None or self.instrument is None:
            return 0.0
        half_tick_lots = abs(position.position_lots * position.mark_half_ticks)
        return half_tick_lots * float(self.instrument.money_per_tick_lot) / 2

    def carried(
        self, profit: CarriedProfit, minutes: tuple[MinuteStatistics, ...], now_ns: int
    ) -> ViewCarried:
        """State that the next session's messages do not repeat."""
        return ViewCarried(
            event_time_ns=now_ns,
            process=PROJECTOR,
            venue=self.venue,
            symbol=self.symbol,
            newest_ns=self.newest_ns,
            first_book_ns=self.first_book_ns,
            counters=self._counters(),
            refusals_by_reason=self.refusals_by_reason.counts,
            first_refusals=self.refusals_by_reason.first,
            halted=self.halted,
            removed_ns=self.removed_ns,
            profit=profit,
            live_orders=tuple(self.presence.orders.values()),
            standing_orders=self.presence.standing(),
            minutes=minutes,
        )

    def restore(self, carried: ViewCarried, began_ns: int) -> None:
        """Restore the counters of the previous session; its orders count from `began_ns`."""
        self.newest_ns = carried.newest_ns
        self.first_book_ns = carried.first_book_ns
        self.halted, self.removed_ns = carried.halted, carried.removed_ns
        self.refusals_by_reason.restore(carried.refusals_by_reason, carried.first_refusals)
        known = carried.counters
        if known is None:
            return
        self.books, self.trades, self.quotes = known.books, known.trades, known.quotes
        self.fills, self.halts, self.books_conflated = known.fills, known.halts, known.books_conflated
        self.order_counts = {name: getattr(known, name) for name in self.order_counts}
        self.inventory_notional_ns.settled = known.inventory_notional_ns
        self.inventory_notional_ns.since_ns = carried.newest_ns
        self.presence.restore(known, carried.live_orders, carried.standing_orders, began_ns)

    def view(self, profit: ProfitFold) -> SymbolView:
        """The document, built without validation from messages that are already validated."""
        position = profit.marked()
        return SymbolView.model_construct(
            event_time_ns=self.newest_ns,
            venue=self.venue,
            symbol=self.symbol,
            instrument=self.instrument,
            book=self.book,
            signal=self.signal,
            lag=self.lag,
            target=self.target,
            position=position,
            position_contract=profit.contract,
            profits=profit.view(position),
            risk=self.risk,
            balance=self.balance,
            slice_denied=self.slice_denied,
            live_orders=tuple(self.presence.orders.values()),
            denials=tuple(self.denials.values()),
            last_trades=tuple(self.last_trades),
            last_fills=tuple(self.last_fills),
            last_refusals=tuple(self.last_refusals),
            refusals_by_reason=self.refusals_by_reason.counts,
            first_refusals=self.refusals_by_reason.first,
            stopped=self.stopped,
            removed=self.removed_ns is not None,
            counters=self._counters(),
        )

    def _counters(self) -> Counters:
        now_ns = self.newest_ns
        presence = self.presence
        return Counters.model_construct(
            event_time_ns=now_ns,
            books=self.books,
            trades=self.trades,
            refused_events=sum(self.refusals_by_reason.counts.values()),
            books_conflated=self.books_conflated,
            quotes=self.quotes,
            fills=self.fills,
            halts=self.halts,
            time_ns=0 if self.first_book_ns is None else now_ns - self.first_book_ns,
            two_sided_ns=int(presence.two_sided_ns.at(now_ns)),
            spread_bps_ns=presence.spread_bps_ns.at(now_ns),
            orders_finished=presence.finished,
            orders_with_fill=presence.finished_with_fill,
            inventory_notional_ns=self.inventory_notional_ns.at(now_ns),
            orders=self.order_counts["orders"],
            amends=self.order_counts["amends"],
            cancels=self.order_counts["cancels"],
            rejects=self.order_counts["rejects"],
            denials=self.order_counts["denials"],
        )
