"""The router's state of one symbol, shared by all its decisions."""

from dataclasses import dataclass, field

from quote_service.routing.contract_versions import ContractVersions
from quote_service.routing.desired.desired_quotes import DesiredQuotes
from quote_service.routing.desired.recent_actions import RecentActions
from quote_service.routing.gate.contract_terms import ContractTerms
from quote_service.routing.gate.gate_memory import GateMemory
from quote_service.routing.market_view import MarketView
from quote_service.routing.orders.order_table import OrderTable
from quote_service.routing.orders.own_position import OwnPosition
from quote_service.routing.protection.symbol_protection import SymbolProtection
from quote_service.routing.rates.usage import SymbolUsage
from schemas.control import Command
from schemas.market import Book, Instrument
from schemas.orders import VenueReport
from schemas.risk import TradingState


@dataclass(frozen=True, slots=True)
class Removal:
    """An operator removes the symbol: nothing is placed any more."""

    command_id: str
    is_forced: bool
    """Although a position is held."""


@dataclass(slots=True)
class RoutedSymbol:
    """The parts; each is written by its own package only."""

    key: str
    venue: str
    symbol: str
    orders: OrderTable
    contract: ContractVersions
    market: MarketView = field(default_factory=MarketView)
    quotes: DesiredQuotes = field(default_factory=DesiredQuotes)
    recent: RecentActions = field(default_factory=RecentActions)
    position: OwnPosition = field(default_factory=OwnPosition)
    protection: SymbolProtection = field(default_factory=SymbolProtection)
    gate: GateMemory = field(default_factory=GateMemory)
    usage: SymbolUsage = field(default_factory=SymbolUsage)
    balance_sequence: int = 0
    """Of the newest decision of the balancer that was acted on."""
    risk: TradingState | None = None
    flattens: bool = False
    """Of its halt, see RiskState."""
    removal: Removal | None = None
    excludes_own: bool = False
    """A real venue's book includes our own orders: they are subtracted before it serves as reference."""

    @classmethod
    def new(cls, key: str, venue: str, symbol: str) -> "RoutedSymbol":
        """A symbol without any state."""
        contract = ContractVersions()
        return cls(key, venue, symbol, OrderTable.of(key, contract), contract)

    def observe_instrument(self, instrument: Instrument, terms: ContractTerms | None) -> None:
        """A contract comes into force; `terms` None: it is not tradable."""
        before = self.contract.terms
        self.contract.announce(instrument, terms)
        if before is None or terms is None or before.version != terms.version:
            self.recent.refused_prices.clear()
        if terms is not None and before is not None and before.version in self.contract.other_units:
            self.protection.convert(self.contract, before.version, terms.version)

    def observe_book(self, book: Book) -> None:
        """The newest book."""
        has_own = self.excludes_own and self.orders.open
        self.market.observe_book(book, self.orders.lots_by_price() if has_own else {})

    def follow(self, command: Command) -> bool:
        """An operator removes the symbol, or takes it back; false: the command is about something else."""
        if command.action not in ("remove", "start"):
            return False
        self.removal = Removal(command.command_id, command.force) if command.action == "remove" else None
        return True

    def close(self) -> None:
        """Its market data has ended: no book and no target count any more."""
        self.removal, self.market, self.quotes = None, MarketView(), DesiredQuotes()

    def mid_in(self, version: int) -> int | None:
        """The last sound mid in half ticks of a version."""
        mid = self.market.mid_half_ticks
        return None if mid is None else self.contract.half_ticks_in(mid, self.market.mid_version, version)

    def mid_before(self, report: VenueReport, version: int) -> int | None:
        """The mid just before an execution, in half ticks of a version; None: not known.

        The venue's word where it gives one, else the last book that was received before the time it states.
        """
        if report.mid_half_ticks:
            return report.mid_half_ticks
        mid = None if report.executed_ns is None else self.market.mid_before(report.executed_ns)
        return None if mid is None else self.contract.half_ticks_in(mid.half_ticks, mid.version, version)

    def worst_lots(self) -> int:
        """Largest absolute position that fills of open orders can lead to."""
        lots, orders = self.position.lots, self.orders
        return max(
            abs(lots), abs(lots + orders.reserved_lots("buy")), abs(lots - orders.reserved_lots("sell"))
        )
