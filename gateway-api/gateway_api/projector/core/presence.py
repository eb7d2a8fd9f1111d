"""Our orders as acknowledged by the venue: open orders per side, and the time with both sides quoted."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from gateway_api.projector.core.integral import TimeIntegral
from schemas.orders import TERMINAL_STATUSES, OrderEvent, OrderEventKind
from schemas.tallies import Counters
from schemas.units import bps

_ACKNOWLEDGING: frozenset[OrderEventKind] = frozenset(
    {"accepted", "amended", "amend_rejected", "cancel_rejected", "partial_fill"}
)
"""Events in which the venue confirms an open order, at the price of the event."""


@dataclass(slots=True)
class Presence:
    """Orders of one symbol, and the time with orders on both sides.

    An order counts from its acknowledgement to its end: while an amend or cancel is pending it is still
    open at its old price. An order sent but not acknowledged does not count.
    """

    orders: dict[str, OrderEvent] = field(default_factory=dict)
    """The newest event of each open order, by client order id."""
    bids: dict[str, int] = field(default_factory=dict)
    """Prices (ticks) of the acknowledged buys, by client order id."""
    asks: dict[str, int] = field(default_factory=dict)
    two_sided_ns: TimeIntegral = field(default_factory=TimeIntegral)
    spread_bps_ns: TimeIntegral = field(default_factory=TimeIntegral)
    """Own best ask minus own best bid, in bps of their midpoint, integrated over the two-sided time."""
    finished: int = 0
    """Orders acknowledged by the venue that were later filled or cancelled."""
    finished_with_fill: int = 0

    def follow(self, event: OrderEvent) -> None:
        """Apply the next event of an order."""
        identity = event.client_order_id
        standing = self.bids if event.side == "buy" else self.asks
        if event.status in TERMINAL_STATUSES:
            self._end(event)
            if standing.pop(identity, None) is not None:
                self._measure(event.event_time_ns)
            return
        self.orders[identity] = event
        if event.kind in _ACKNOWLEDGING and standing.get(identity) != event.price_ticks:
            standing[identity] = event.price_ticks
            self._measure(event.event_time_ns)

    def standing(self) -> tuple[tuple[str, int], ...]:
        """(client order id, price in ticks) of acknowledged orders."""
        return (*self.bids.items(), *self.asks.items())

    def restore(
        self,
        known: Counters,
        orders: Iterable[OrderEvent],
        standing: Iterable[tuple[str, int]],
        began_ns: int,
    ) -> None:
        """Restore the counters and the orders that may still be at the venue.

        The time from the end of the previous session to `began_ns` was not observed and counts as absence.
        """
        self.finished, self.finished_with_fill = known.orders_finished, known.orders_with_fill
        self.two_sided_ns.settled, self.spread_bps_ns.settled = known.two_sided_ns, known.spread_bps_ns
        self.orders = {event.client_order_id: event for event in orders}
        for identity, price_ticks in standing:
            event = self.orders.get(identity)
            if event is not None:
                (self.bids if event.side == "buy" else self.asks)[identity] = price_ticks
        self._measure(began_ns)

    def _end(self, event: OrderEvent) -> None:
        known = self.orders.pop(event.client_order_id, None)
        if known is not None and event.status in {"filled", "cancelled"}:
            self.finished += 1
            self.finished_with_fill += event.filled_lots > 0

    def _measure(self, now_ns: int) -> None:
        two_sided = bool(self.bids and self.asks)
        self.two_sided_ns.change(two_sided, now_ns)
        self.spread_bps_ns.change(self._spread_bps() if two_sided else 0.0, now_ns)

    def _spread_bps(self) -> float:
        bid, ask = max(self.bids.values()), min(self.asks.values())
        return bps(ask - bid, (ask + bid) / 2)
