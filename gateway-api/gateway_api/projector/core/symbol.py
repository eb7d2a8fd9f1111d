"""What one symbol's messages add up to."""

from collections import deque
from dataclasses import dataclass, field

from gateway_api.projector.core.integral import TimeIntegral
from gateway_api.projector.core.presence import Presence
from schemas.inventory import Position
from schemas.market import Book, Instrument, Refusal, Trade
from schemas.message import Side
from schemas.orders import Fill, OrderEvent, OrderEventKind
from schemas.quoting import QuoteTarget
from schemas.risk import RiskState
from schemas.signals import Signal
from schemas.views import Counters, SymbolView

_TRADES_MAX = 50
_FILLS_MAX = 50
_REFUSALS_MAX = 20
_COUNTED_AS: dict[OrderEventKind, str] = {
    "place_intent": "orders",
    "amend_intent": "amends",
    "cancel_intent": "cancels",
    "rejected": "rejects",
    "amend_rejected": "rejects",
    "denied": "denials",
}


@dataclass(slots=True)
class SymbolFold:
    """The newest of each level message of a symbol, folds of its ledgers, and its counters."""

    venue: str
    symbol: str
    newest_ns: int = 0
    first_book_ns: int | None = None
    instrument: Instrument | None = None
    book: Book | None = None
    signal: Signal | None = None
    target: QuoteTarget | None = None
    position: Position | None = None
    risk: RiskState | None = None
    stopped: bool = False
    halted: bool = False
    """The symbol's own state or the account's is HALT."""
    presence: Presence = field(default_factory=Presence)
    inventory_notional_ns: TimeIntegral = field(default_factory=TimeIntegral)
    denials: dict[Side, OrderEvent] = field(default_factory=dict)
    """The newest order of a side that the gate did not let out, if none was accepted since."""
    last_trades: deque[Trade] = field(default_factory=lambda: deque(maxlen=_TRADES_MAX))
    last_fills: deque[Fill] = field(default_factory=lambda: deque(maxlen=_FILLS_MAX))
    last_refusals: deque[Refusal] = field(default_factory=lambda: deque(maxlen=_REFUSALS_MAX))
    refusals_by_reason: dict[str, int] = field(default_factory=dict)
    books: int = 0
    trades: int = 0
    quotes: int = 0
    fills: int = 0
    halts: int = 0
    order_counts: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(("orders", "amends", "cancels", "rejects", "denials"), 0)
    )

    def take_target(self, target: QuoteTarget) -> None:
        """A new quote target."""
        self.target = target
        self.quotes += bool(target.bid.prices or target.ask.prices)

    def take_order_event(self, event: OrderEvent) -> None:
        """A step in the life of one of our orders."""
        counter = _COUNTED_AS.get(event.kind)
        if counter is not None:
            self.order_counts[counter] += 1
        self.presence.follow(event)
        if event.kind == "denied":
            self.denials[event.side] = event
        elif event.kind == "accepted":
            self.denials.pop(event.side, None)

    def take_position(self, position: Position) -> None:
        """A new position or mark."""
        self.position = position
        self.inventory_notional_ns.change(self._notional(position), position.event_time_ns)

    def take_refusal(self, refusal: Refusal) -> None:
        """A market event of this symbol that was not accepted."""
        self.last_refusals.append(refusal)
        self.refusals_by_reason[refusal.reason] = self.refusals_by_reason.get(refusal.reason, 0) + 1

    def take_halted(self, *, halted: bool) -> None:
        """Whether trading of this symbol is halted now, by itself or with the account."""
        self.halts += halted and not self.halted
        self.halted = halted

    def _notional(self, position: Position) -> float:
        if position.mark_half_ticks is None or self.instrument is None:
            return 0.0
        half_tick_lots = abs(position.position_lots * position.mark_half_ticks)
        return half_tick_lots * float(self.instrument.money_per_tick_lot) / 2

    def view(self) -> SymbolView:
        """The document, built from messages that were checked when they were made."""
        return SymbolView.model_construct(
            event_time_ns=self.newest_ns,
            venue=self.venue,
            symbol=self.symbol,
            instrument=self.instrument,
            book=self.book,
            signal=self.signal,
            target=self.target,
            position=self.position,
            risk=self.risk,
            live_orders=tuple(self.presence.orders.values()),
            denials=tuple(self.denials.values()),
            last_trades=tuple(self.last_trades),
            last_fills=tuple(self.last_fills),
            last_refusals=tuple(self.last_refusals),
            refusals_by_reason=self.refusals_by_reason,
            stopped=self.stopped,
            counters=self._counters(),
        )

    def _counters(self) -> Counters:
        now_ns = self.newest_ns
        presence = self.presence
        return Counters.model_construct(
            event_time_ns=now_ns,
            books=self.books,
            trades=self.trades,
            refused_events=sum(self.refusals_by_reason.values()),
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
