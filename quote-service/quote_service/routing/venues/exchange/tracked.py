"""One order of ours and what the venue holds of it: one order there, or one for each revision."""

import asyncio
from dataclasses import dataclass, field
from typing import Literal

from quote_service.routing.venues.exchange.facts import Contract, OrderFacts
from schemas.message import Side

WireState = Literal["sent", "open", "ended", "absent"]
"""sent: asked for, and nothing is known. absent: the venue never had it."""


@dataclass(slots=True)
class WireOrder:
    """One order at the venue."""

    wire_id: str
    revision: int
    price_ticks: int
    size_lots: int
    sent_at_s: float
    """When the newest request about it went out that may still take effect; of the wall clock."""
    state: WireState = "sent"
    venue_id: str | None = None
    filled_lots: int = 0
    """As the venue stated it, or as its trades show."""
    booked_lots: int = 0
    """Of its trades, those that were reported to the router."""

    def doubt(self, now_s: float) -> None:
        """It is no longer known what the venue has of it: from now on it is to be asked for."""
        self.state = "sent"
        self.sent_at_s = now_s

    def learn(self, facts: OrderFacts) -> None:
        """Take over what the venue says; what has ended stays so, and fills do not shrink."""
        self.venue_id = facts.venue_id
        self.price_ticks = facts.price_ticks or self.price_ticks
        self.size_lots = facts.size_lots or self.size_lots
        self.filled_lots = max(self.filled_lots, facts.filled_lots)
        if self.state != "ended":
            self.state = facts.state


@dataclass(slots=True)
class Tracked:
    """An order of the router with all its orders at the venue, oldest first."""

    contract: Contract
    client_order_id: str
    side: Side
    wires: list[WireOrder] = field(default_factory=list)
    ended_ns: int | None = None
    """When the router was told that it is gone; None: it counts as open."""
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Requests about one order go out one after another."""

    @property
    def is_ended(self) -> bool:
        """Has the router been told that it is gone?"""
        return self.ended_ns is not None

    @property
    def newest(self) -> WireOrder:
        """The order of the newest revision."""
        return self.wires[-1]

    @property
    def total_lots(self) -> int:
        """Total size in the router's sense: what earlier revisions filled, and all of the one that lives."""
        living = self.living
        before = sum(wire.filled_lots for wire in self.wires if wire is not living)
        return before + (0 if living is None else living.size_lots)

    @property
    def living(self) -> WireOrder | None:
        """The order that is open at the venue."""
        return next((wire for wire in reversed(self.wires) if wire.state == "open"), None)

    @property
    def missing_lots(self) -> int:
        """Filled by the venue's word, and no trade of it was booked."""
        return sum(max(0, wire.filled_lots - wire.booked_lots) for wire in self.wires)

    @property
    def is_settled(self) -> bool:
        """Is it known of each order at the venue whether it lives?"""
        return all(wire.state != "sent" for wire in self.wires)
