"""One symbol's ledger, and its published position."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from inventory_service.core.adverse import NO_MOVE, AdverseMoves, ExpectedMove, PastExecution
from inventory_service.core.balancer import Balancer, Spread
from inventory_service.core.fee_rates import FeeRates, OpenFees
from inventory_service.core.ledger import Ledger
from inventory_service.core.units import factors, plain, scaled, tick_factor
from inventory_service.core.versions import Versions
from schemas.inventory_settings import InventoryLimits
from schemas.market import Instrument
from schemas.orders import AccountChange, Fill
from schemas.recent_keys import RecentKeys
from schemas.units import side_sign

TRADE_IDS_MAX = 100_000
"""Venue trade ids kept per symbol: a fill repeated within this many changes nothing."""
CHANGE_IDS_MAX = 1_000
"""Adjustments kept per symbol."""


def unit_of(contract: Instrument) -> str:
    """The unit of sizes."""
    return contract.base_currency if contract.contract_kind == "spot" else "contracts"


def command_text(symbol: str) -> str:
    """The command that sets a ledger's holdings."""
    return f'`maker positions adjust {symbol} --size NEW --price P --reason "..."`'


class BookedExecution(NamedTuple):
    """A fill in the ledger's ticks and lots."""

    sign: int
    size_lots: int | Decimal
    price_ticks: int | Decimal
    mid_half_ticks: int | Decimal
    """Just before it."""
    mark_half_ticks: int | Decimal
    """When its report arrived."""


def execution_of(fill: Fill, own_contract: Instrument, contract: Instrument) -> BookedExecution | None:
    """A fill in the units of `contract`; None where they cannot express it."""
    sign = side_sign(fill.side)
    if own_contract.has_units_of(contract):
        return BookedExecution(
            sign, fill.size_lots, fill.price_ticks, fill.mid_half_ticks, fill.mark_half_ticks
        )
    by = factors(own_contract, contract)
    if by is None:
        return None
    size, price = scaled(fill.size_lots, by.lots), scaled(fill.price_ticks, by.ticks)
    mid, mark = scaled(fill.mid_half_ticks, by.ticks), scaled(fill.mark_half_ticks, by.ticks)
    if size is None or price is None or mid is None or mark is None:
        return None
    return BookedExecution(sign, plain(size), plain(price), plain(mid), plain(mark))


@dataclass(slots=True)
class SymbolInventory:
    """The inventory state of one symbol."""

    contract: Instrument | None = None
    """The contract whose units the ledger counts in."""
    in_force: Instrument | None = None
    """The contract in force, where the ledger could not be converted to its units."""
    lacks: str = ""
    """What the ledger should hold but could not book; empty: nothing known."""
    versions: Versions = field(default_factory=Versions)
    ledger: Ledger = field(default_factory=Ledger)
    trade_ids: RecentKeys = field(default_factory=lambda: RecentKeys(TRADE_IDS_MAX))
    change_ids: RecentKeys = field(default_factory=lambda: RecentKeys(CHANGE_IDS_MAX))
    adjustments: int = 0
    fees: Decimal = Decimal(0)
    """Booked, in the quote currency."""
    open_fees: dict[str, OpenFees] = field(default_factory=dict)
    """By currency: not booked, for lack of a rate."""
    balance_pnl: Decimal = Decimal(0)
    """Of fills that took liquidity to reduce the position, less their fees, in the quote currency."""
    balancer: Balancer = field(default_factory=Balancer)
    spread: Spread | None = None
    peak: Decimal = Decimal(0)
    """Peak profit after fees at the end of any moment, in the quote currency; starts at 0."""
    max_drawdown: Decimal = Decimal(0)
    """Likewise: of the events of one moment the last one counts."""
    moment_ns: int = 0
    """The present moment, whose profit may still change."""
    quote_total: Decimal | None = None
    """Of the quote currency at the venue; None: not stated, or not needed."""
    published_mark: int | Decimal | None = None
    adverse: AdverseMoves = field(default_factory=AdverseMoves)
    published_adverse: tuple[ExpectedMove, ExpectedMove] = (NO_MOVE, NO_MOVE)
    waiting: list[Fill | AccountChange] = field(default_factory=list)
    """Events ahead of their contract, or in units the ledger cannot book: none is lost."""

    def pass_to(self, now_ns: int) -> None:
        """An event follows: if it is of a later moment, the profit of the one before counts."""
        if now_ns > self.moment_ns:
            self.moment_ns = now_ns
            if self.has_begun:
                self.peak, self.max_drawdown = self.extremes()

    def extremes(self) -> tuple[Decimal, Decimal]:
        """Peak profit and largest drawdown, this moment included."""
        pnl = self.pnl
        peak = max(self.peak, pnl)
        return peak, max(self.max_drawdown, peak - pnl)

    @property
    def pnl(self) -> Decimal:
        """Profit after fees, in the ledger's currency; 0 before the first contract."""
        contract = self.contract
        if contract is None:
            return Decimal(0)
        return self.ledger.profit(contract.money_per_tick_lot / 2) - self.fees

    @property
    def has_old_units(self) -> bool:
        """Does the ledger count in a contract that is no longer in force?"""
        return self.in_force is not None

    @property
    def has_begun(self) -> bool:
        """Was anything booked?"""
        return self.ledger.fills > 0 or self.adjustments > 0

    @property
    def has_news(self) -> bool:
        """Did the value of the holdings, or the quality of fills, change since it was published?"""
        if self.adverse.by_side() != self.published_adverse:
            return True
        return self.ledger.position_lots != 0 and self.ledger.mark_half_ticks != self.published_mark

    @property
    def money(self) -> Instrument | None:
        """The contract that values the ledger's money."""
        contract, in_force = self.contract, self.in_force
        if contract is None or in_force is None or in_force.quote_currency != contract.quote_currency:
            return contract
        return in_force

    def own_contract(self, event: Fill | AccountChange, contract: Instrument) -> Instrument:
        """The contract of an event's ticks and lots."""
        return self.versions.own_contract(event.instrument_version, contract)

    def mark(self, mid_half_ticks: int, now_ns: int, own: InventoryLimits) -> None:
        """The market's mid, in ticks of the contract in force."""
        self.adverse.observe_mid(mid_half_ticks, now_ns, own)
        if self.in_force is None or self.contract is None:
            self.ledger.mark(mid_half_ticks)
            return
        by = tick_factor(self.in_force, self.contract)
        mid = None if by is None else scaled(mid_half_ticks, by)
        if mid is not None:
            self.ledger.mark(plain(mid))

    def book(
        self, fill: Fill, contract: Instrument, rates: FeeRates, now_ns: int, own: InventoryLimits
    ) -> None:
        """Book a fill and its fee, or keep it where the ledger's units cannot express it."""
        own_contract = self.own_contract(fill, contract)
        execution = execution_of(fill, own_contract, contract)
        if execution is None:
            self.wait(fill, own_contract)
            return
        sign, size_lots, price_ticks, mid, mark = execution
        self.ledger.fill(sign, price_ticks, size_lots, mid, mark)
        if self.in_force is None and isinstance(mid, int) and isinstance(size_lots, int):
            executed_ns = fill.executed_ns or fill.event_time_ns
            self.adverse.observe_fill(PastExecution(executed_ns, sign, size_lots, mid), now_ns, own)
        fees_before = self.fees
        self._pay_fee(fill, own_contract, contract, mark, rates)
        if fill.purpose == "balance":
            captured = sign * size_lots * (mid - 2 * price_ticks)
            self.balance_pnl += captured * contract.money_per_tick_lot / 2 - (self.fees - fees_before)

    def wait(self, event: Fill | AccountChange, own_contract: Instrument) -> None:
        """Keep an event the ledger cannot express: until it is settled the ledger must not be traded on."""
        self.waiting.append(event)
        lots = event.size_lots if isinstance(event, Fill) else event.size_change_lots
        self.lacks = (
            f"UNITS_DIFFER: {lots * own_contract.lot_size:f} {unit_of(own_contract)} of {event.symbol} are "
            f"told in version {own_contract.version} of the contract, in which the ledger does not count; "
            f"say what it holds: {command_text(event.symbol)}"
        )

    def _pay_fee(
        self,
        fill: Fill,
        own_contract: Instrument,
        contract: Instrument,
        mark_half_ticks: int | Decimal,
        rates: FeeRates,
    ) -> None:
        """Book the fee in the quote currency, or keep it open where its currency has no rate.

        A fee in a spot contract's base currency is valued at the mid, and reduces the holdings.
        """
        if fill.base_fee and contract.contract_kind == "spot":
            lots = fill.base_fee / (contract.lot_size * contract.multiplier)
            self.ledger.transfer(lots, mark_half_ticks)
            self.fees += fill.base_fee * fill.mark_half_ticks * own_contract.tick_size / 2
            return
        value = rates.value(fill.fee, fill.fee_currency, self.money or contract)
        if value is not None:
            self.fees += value
        elif fill.fee:
            self.open_fees.setdefault(fill.fee_currency, OpenFees()).add(fill, own_contract)

    def pay_open_fees(self, rates: FeeRates) -> bool:
        """Book open fees whose currency has a rate now; were there any?"""
        money = self.money
        if money is None:
            return False
        before = len(self.open_fees)
        for currency, fees in tuple(self.open_fees.items()):
            value = rates.value(fees.amount, currency, money)
            if value is not None:
                self.fees += value
                del self.open_fees[currency]
        return len(self.open_fees) < before
