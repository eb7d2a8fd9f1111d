"""quote-service's state of one symbol."""

from dataclasses import dataclass, field

from quote_service.quoting.carried_state import bursts_after, memory_after, side_carried, units_of
from quote_service.quoting.fair_value.reference_market import Reference
from quote_service.quoting.ladder.shape import ShapeMemory
from quote_service.quoting.reaction.bursts import TakerBursts
from quote_service.quoting.reaction.touch import QueueFront
from quote_service.quoting.sizing import SizeLimits
from schemas.balancing import BalanceOrder
from schemas.carried.quoter import QuoterCarried
from schemas.gating import GateRoom
from schemas.inventory import Position
from schemas.market import Book, Instrument
from schemas.quoting import QuoteTarget
from schemas.reaction_settings import Reaction
from schemas.risk import RiskState
from schemas.signals import Signal
from schemas.topics import QUOTE


@dataclass(slots=True)
class QuotedSymbol:
    """The newest facts of one symbol, and its current quote target."""

    venue: str
    symbol: str
    instrument: Instrument | None = None
    limits: SizeLimits | None = None
    """None with an instrument present: its terms are unusable."""
    book: Book | None = None
    signal: Signal | None = None
    position: Position | None = None
    risk: RiskState | None = None
    room: GateRoom | None = None
    balance: BalanceOrder | None = None
    stopped: bool = False
    target: QuoteTarget | None = None
    sequence: int = 0
    priced_ns: int = 0
    memory: ShapeMemory = field(default_factory=ShapeMemory)
    reference: Reference = field(default_factory=Reference)
    bursts: TakerBursts = field(default_factory=TakerBursts)
    fronts: tuple[QueueFront, QueueFront] = field(default_factory=lambda: (QueueFront(), QueueFront()))
    """Bid and ask."""
    carried: QuoterCarried | None = None
    """From the last session, kept until the contract in whose units it is becomes known."""

    @property
    def version(self) -> int:
        """Version of the instrument in force."""
        return 1 if self.instrument is None else self.instrument.version

    @property
    def position_lots(self) -> int:
        """In units of the instrument in force; 0 while the position is in another version's."""
        position = self.position
        return (
            0 if position is None or position.instrument_version != self.version else position.position_lots
        )

    @property
    def target_in_force(self) -> QuoteTarget | None:
        """The current target, where it is in units of the instrument in force."""
        target = self.target
        return None if target is None or target.instrument_version != self.version else target

    @property
    def room_in_force(self) -> GateRoom | None:
        """The router's newest word, where it is in units of the instrument in force."""
        room = self.room
        return None if room is None or room.instrument_version != self.version else room

    def has_book_of(self, signal: Signal) -> bool:
        """Has the book come that a signal describes?"""
        return self.book is not None and signal.book_time_ns <= self.book.event_time_ns

    def observe_queues(self, book: Book, reaction: Reaction) -> None:
        """How much of the queue at a live book's best prices is ahead of our quotes, where it matters."""
        if reaction.queue_join_share is None:
            return
        target = self.target
        bids, asks = ((), ()) if target is None else (target.bid.prices, target.ask.prices)
        self.fronts[0].observe(bids, book.bid_prices[0], book.bid_sizes[0])
        self.fronts[1].observe(asks, book.ask_prices[0], book.ask_sizes[0])

    def balance_in_force(self, now_ns: int) -> BalanceOrder | None:
        """The balancer's newest decision, while it is valid and asks for more than leaning."""
        decision = self.balance
        if decision is None or decision.stage == "lean" or decision.instrument_version != self.version:
            return None
        return None if now_ns > decision.valid_until_ns else decision

    def replace_instrument(self, instrument: Instrument, limits: SizeLimits | None) -> None:
        """A change of terms voids book and signal: their ticks and lots are in the old units."""
        before = self.instrument
        self.instrument, self.limits = instrument, limits
        if before is None:
            if self.carried is not None:
                self.bursts = bursts_after(self.carried)
            self.memory, self.carried = memory_after(self.memory, self.carried, instrument), None
        elif before != instrument.model_copy(update={"event_time_ns": before.event_time_ns}):
            self.book = self.signal = None
            self.memory, self.reference.log_ratio = ShapeMemory(), None
            self.fronts = (QueueFront(), QueueFront())

    def as_carried(self, now_ns: int) -> QuoterCarried:
        """The state to carry over; state still waiting for its contract is passed on unchanged."""
        tick_size, lot_size = units_of(self.instrument)
        fills, band = self.memory.after_fills, self.memory.band
        own = QuoterCarried(
            event_time_ns=now_ns,
            process=QUOTE,
            venue=self.venue,
            symbol=self.symbol,
            tick_size=tick_size,
            lot_size=lot_size,
            bid=side_carried(fills.bid, self.bursts.bid),
            ask=side_carried(fills.ask, self.bursts.ask),
            band_reference_ticks=band.reference_ticks,
            band_since_ns=band.since_ns,
        )
        updates = {"event_time_ns": now_ns, "stopped": self.stopped, "sequence": self.sequence}
        return (self.carried or own).model_copy(update=updates)
