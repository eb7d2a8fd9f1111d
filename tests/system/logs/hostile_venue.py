"""A venue that answers late, twice, not at all, or what cannot be, and charges fees in any currency.

It is the simulated one with a malicious line in between: reports get lost, repeated and changed, and some are
made up, of orders that are open, that ended, or that never were. A seed gives the same malice every time.
"""

import random
from collections import deque
from decimal import Decimal

from quote_service.routing.venues.simulated.venue import SimulatedVenue

from schemas.config import VenueConfig
from schemas.market import Book
from schemas.message import Event
from schemas.orders import OrderEvent, ReportKind, VenueReport
from schemas.units import NS_PER_MS

_KINDS: tuple[ReportKind, ...] = (
    "accepted", "amended", "amend_rejected", "cancelled", "cancel_rejected", "rejected", "fill", "fill",
    "unknown", "orphan", "orphan",
)  # fmt: skip
_ORDERS_KEPT = 400
_DELAY_NS_MAX = 400 * NS_PER_MS


class HostileVenue(SimulatedVenue):
    """Deterministic in its seed and in what it saw."""

    def __init__(self, config: VenueConfig, seed: int, malice: float = 0.2) -> None:
        super().__init__(config)
        self._random = random.Random(seed)
        self._malice = malice
        self._intents: deque[OrderEvent] = deque(maxlen=_ORDERS_KEPT)
        self._late: list[VenueReport] = []
        self._trades = 0

    def on_event(self, event: Event) -> None:
        """Remember what orders there were."""
        super().on_event(event)
        if isinstance(event, OrderEvent) and event.kind in ("place_intent", "amend_intent"):
            self._intents.append(event)
        elif isinstance(event, Book) and self._intents and self._random.random() < self._malice / 4:
            self._late.append(self._made_up(event.event_time_ns + _DELAY_NS_MAX))

    def next_due_ns(self) -> int | None:
        """The earliest of what is due, and of what was held back."""
        dues = [each.event_time_ns for each in self._late]
        due_ns = super().next_due_ns()
        return min((*dues, *(() if due_ns is None else (due_ns,))), default=None)

    def poll_due(self, now_ns: int) -> list[VenueReport]:
        """What the venue says, and what becomes of it on the way."""
        said: list[VenueReport] = []
        for report in super().poll_due(now_ns):
            said += self._tampered(report)
        late = [each for each in self._late if each.event_time_ns <= now_ns]
        self._late = [each for each in self._late if each.event_time_ns > now_ns]
        return sorted([*said, *late], key=lambda each: each.event_time_ns)

    def _tampered(self, report: VenueReport) -> list[VenueReport]:
        report = self._charged(report)
        if not self._intents or self._random.random() > self._malice:
            return [report]
        made_up = self._made_up(report.event_time_ns)
        first = self._random.choice(([report], [report], self._held_back(report)))
        return [*first, *self._random.choice(([], [made_up], [made_up], [report]))]

    def _held_back(self, report: VenueReport) -> list[VenueReport]:
        """It comes late; a few only after the router has given the order up for unknown."""
        wait_ns = self._random.choice((_DELAY_NS_MAX, _DELAY_NS_MAX, 20 * _DELAY_NS_MAX))
        wait_ns = self._random.randrange(wait_ns)
        self._late.append(report.model_copy(update={"event_time_ns": report.event_time_ns + wait_ns}))
        return []

    def _charged(self, report: VenueReport) -> VenueReport:
        """A fill's fee: unsaid, in the quote currency, in one with a market, or in one without."""
        if report.kind != "fill":
            return report
        currency = self._random.choice((None, "USDT", "LTC", "BNB"))
        fee = None if currency is None else Decimal(self._random.randrange(-50, 200)) / 10_000
        return report.model_copy(update={"fee": fee, "fee_currency": currency})

    def _made_up(self, now_ns: int) -> VenueReport:
        """A report of some order, of any kind and size, as if it had happened."""
        chance, intent = self._random, self._random.choice(self._intents)
        self._trades += 1
        size_lots = chance.choice((0, 1, intent.size_lots // 2, intent.size_lots, 2 * intent.size_lots))
        order_id = intent.client_order_id if chance.random() < 0.9 else f"{intent.client_order_id}9"
        return self._charged(
            VenueReport(
                event_time_ns=now_ns,
                venue=intent.venue,
                symbol=intent.symbol,
                kind=chance.choice(_KINDS),
                client_order_id=order_id,
                side=chance.choice((intent.side, intent.side, intent.side, None)),
                price_ticks=chance.choice((intent.price_ticks, intent.price_ticks + 3, 0)),
                size_lots=size_lots,
                venue_trade_id=chance.choice((f"made-up-{self._trades}", "made-up-1", None)),
                liquidity=chance.choice(("maker", "taker", None)),
                recovered=chance.random() < 0.3,
            )
        )
