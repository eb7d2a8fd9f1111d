"""One of our orders with its venue orders: a single one, or one per revision."""

import asyncio
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from quote_service.routing.venues.exchange.facts import OrderFacts, VenueContract
from schemas.message import Side

CREATED_MARGIN_S = 2.0
"""Clock tolerance: how long before it was sent an order may seem to have been created."""
VenueOrderState = Literal["sent", "open", "ended", "absent"]
"""sent: in flight, or outcome unknown. absent: never arrived at the venue."""


class ToldTrade(NamedTuple):
    """A trade as the venue reports it, in the units of its order."""

    side: Side
    price_ticks: int
    filled_lots: int
    """The order's filled size with it."""
    is_maker: bool


@dataclass(slots=True)
class VenueOrder:
    """One order at the venue."""

    venue_client_id: str
    revision: int
    price_ticks: int
    size_lots: int
    sent_at_s: float
    """When the newest request that may still take effect was sent, on the engine's clock."""
    state: VenueOrderState = "sent"
    venue_id: str | None = None
    filled_lots: int = 0
    """As reported by the venue, or by its trades if they are more."""
    booked_lots: int = 0
    """Total size of its booked trades."""
    requested: list[tuple[int, int]] = field(default_factory=list)
    """Further (price in ticks, size in lots) requested under this id."""
    first_sent_s: float | None = None
    """When it was first sent, on the engine's clock; None: in an earlier session."""
    counts_earlier_fills: bool = False
    """Whether `size_lots` is the router's total, which includes fills of revisions before this one."""

    lots_max: int = field(init=False)
    """The largest size that it had or was requested to have."""
    ticks_min: int = field(init=False)
    """The lowest price that it had or was requested to have, in ticks; `ticks_max`: the highest."""
    ticks_max: int = field(init=False)

    def __post_init__(self) -> None:
        self.lots_max = self.size_lots
        self.ticks_min = self.ticks_max = self.price_ticks

    def add_requested(self, price_ticks: int, size_lots: int) -> None:
        """Record another price or size requested under the same id."""
        self.requested.append((price_ticks, size_lots))
        self._widen(price_ticks, size_lots)

    def matches(self, facts: OrderFacts, clock_offset_s: float) -> bool:
        """Whether it is the order we requested, and not an older one with the same id.

        `clock_offset_s`: the venue's clock minus ours.
        """
        if facts.price_ticks and facts.size_lots and not self._requested(facts.price_ticks, facts.size_lots):
            return False
        if facts.created_ms is None or self.first_sent_s is None:
            return True
        return facts.created_ms / 1e3 - clock_offset_s > self.first_sent_s - CREATED_MARGIN_S

    def _requested(self, price_ticks: int, size_lots: int) -> bool:
        if self.counts_earlier_fills and price_ticks == self.price_ticks:
            return size_lots <= self.size_lots
        return (price_ticks, size_lots) in [(self.price_ticks, self.size_lots), *self.requested]

    def contradiction(self, trade: "ToldTrade") -> str | None:
        """Why a trade cannot be one of this order; None where it can.

        A maker's trade is at a price that the order had; a taker's may be better. What was requested in
        an earlier session is not all known, and then only the price itself is checked.
        """
        if trade.price_ticks <= 0:
            return f"its price is {trade.price_ticks} ticks"
        if self.first_sent_s is None:
            return None
        if trade.filled_lots > self.lots_max:
            return f"it makes {trade.filled_lots} lots, of an order of {self.lots_max}"
        least, most = self.ticks_min, self.ticks_max
        is_below, is_above = trade.price_ticks < least, trade.price_ticks > most
        is_worse = is_above if trade.side == "buy" else is_below
        if is_worse or (trade.is_maker and (is_below or is_above)):
            return f"its price is {trade.price_ticks} ticks, of an order at {least} to {most}"
        return None

    def _widen(self, price_ticks: int, size_lots: int) -> None:
        self.lots_max = max(self.lots_max, size_lots)
        self.ticks_min = min(self.ticks_min, price_ticks)
        self.ticks_max = max(self.ticks_max, price_ticks)

    def mark_unknown(self, now_s: float) -> None:
        """Mark its state as unknown, so that it is looked up."""
        self.state = "sent"
        self.sent_at_s = now_s

    def update(self, facts: OrderFacts) -> None:
        """Apply the venue's state; an ended order stays ended, and its filled size never decreases. A filled
        size beyond the order's is no fact: trades of it would be searched for without end.
        """
        self.venue_id = facts.venue_id
        self.price_ticks = facts.price_ticks or self.price_ticks
        self.size_lots = facts.size_lots or self.size_lots
        self._widen(self.price_ticks, self.size_lots)
        self.filled_lots = max(self.filled_lots, min(facts.filled_lots, self.lots_max))
        if self.state != "ended":
            self.state = facts.state


@dataclass(slots=True)
class TrackedOrder:
    """A router order with all its venue orders, oldest first."""

    contract: VenueContract
    client_order_id: str
    side: Side
    venue_orders: list[VenueOrder] = field(default_factory=list)
    ended_ns: int | None = None
    """When its end was reported to the router; None: it counts as open."""
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Serialises the requests about one order."""

    @property
    def is_ended(self) -> bool:
        """Whether its end has been reported to the router."""
        return self.ended_ns is not None

    @property
    def newest(self) -> VenueOrder:
        """The venue order of the newest revision."""
        return self.venue_orders[-1]

    @property
    def total_lots(self) -> int:
        """Total size as the router counts it: fills of earlier revisions, plus all of the live one."""
        live = self.live_order
        before = sum(venue_order.filled_lots for venue_order in self.venue_orders if venue_order is not live)
        return before + (0 if live is None else live.size_lots)

    @property
    def live_order(self) -> VenueOrder | None:
        """The venue order that is open."""
        return next(
            (venue_order for venue_order in reversed(self.venue_orders) if venue_order.state == "open"), None
        )

    @property
    def missing_lots(self) -> int:
        """Size that is filled according to the venue, but not booked."""
        return sum(
            max(0, venue_order.filled_lots - venue_order.booked_lots) for venue_order in self.venue_orders
        )

    @property
    def is_settled(self) -> bool:
        """Whether each of its venue orders is known to be live or ended."""
        return all(venue_order.state != "sent" for venue_order in self.venue_orders)
