"""One symbol's state while its lines are built from an engine's log."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from inventory_service.core.units import factors
from inventory_service.core.versions import Versions

from research.attribution.symbol import TRADE_IDS_MAX
from research.pnl.own_orders import OwnOrders
from schemas.market import Instrument
from schemas.orders import Fill
from schemas.recent_keys import RecentKeys


@dataclass(slots=True)
class LogSymbol:
    """The state of one symbol."""

    contract: Instrument
    """The contract of the ledger's multiplier and currency."""
    in_force: Instrument
    """The contract of the market's ticks and lots."""
    versions: Versions = field(default_factory=Versions)
    has_begun: bool = False
    """Is anything booked?"""
    held: Decimal = Decimal(0)
    """Base units."""
    waiting: list[Fill] = field(default_factory=list)
    """Fills in a contract that the ledger does not count in."""
    trade_ids: RecentKeys = field(default_factory=lambda: RecentKeys(TRADE_IDS_MAX))
    open_fees: dict[str, Decimal] = field(default_factory=dict)
    """By currency: without a rate so far."""
    mid_half_ticks: int | None = None
    """Of the newest mid line that marks the account; None: emit the next in any case."""
    book_half_ticks: int | None = None
    """Of the newest live book."""
    best: tuple[int | None, int | None] = (None, None)
    """Displayed bid and ask."""
    orders: OwnOrders = field(default_factory=OwnOrders)
    lots: dict[int, Decimal] = field(default_factory=dict)
    """Base units per lot, by contract version: an order keeps the one it began with."""
    quoted: tuple[Any, ...] = ()
    """The state in the newest quote line."""

    def price(self, ticks: int) -> Decimal:
        """A price in the quote currency."""
        return ticks * self.in_force.tick_size

    def price_if(self, ticks: int | None) -> Decimal | None:
        """The same, for an optional price."""
        return None if ticks is None else self.price(ticks)

    def mid(self, half_ticks: int) -> Decimal | None:
        """None where the market's currency is not the ledger's."""
        if self.in_force.quote_currency != self.contract.quote_currency:
            return None
        return mid_price(half_ticks, self.in_force)

    def size(self, lots: int) -> Decimal:
        """Base units."""
        return base_size(lots, self.in_force)

    @property
    def money(self) -> Instrument:
        """The contract that values the ledger's money."""
        is_same = self.in_force.quote_currency == self.contract.quote_currency
        return self.in_force if is_same else self.contract

    def trade_as(self, contract: Instrument) -> None:
        """The contract changed; a ledger that cannot be converted keeps counting in the old one."""
        self.versions.announce(contract)
        is_flat_in_it = not self.held and contract.quote_currency == self.contract.quote_currency
        if not self.has_begun or is_flat_in_it or factors(self.contract, contract) is not None:
            self.contract = contract
        if not contract.has_units_of(self.in_force):
            self.mid_half_ticks = self.book_half_ticks = None
        self.in_force = contract

    def try_again(self) -> bool:
        """Can a ledger in other units be converted now that its holdings changed?"""
        if self.contract is self.in_force:
            return False
        self.trade_as(self.in_force)
        return self.contract is self.in_force


def mid_price(half_ticks: int, contract: Instrument) -> Decimal:
    """A mid in the quote currency."""
    return Decimal(half_ticks) / 2 * contract.tick_size


def base_size(lots: int, contract: Instrument) -> Decimal:
    """Lots in base units."""
    return lots * contract.lot_size * contract.multiplier
