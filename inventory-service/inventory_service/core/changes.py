"""Ledger changes other than trades: opening balances, and adjustments by operators."""

from dataclasses import dataclass
from decimal import Decimal

from inventory_service.core.symbol import SymbolInventory, execution_of, unit_of
from inventory_service.core.takeover import base_lot, settle
from inventory_service.core.units import factors, scaled, whole
from schemas.control import Adjustment
from schemas.inventory_settings import InventoryLimits
from schemas.market import Instrument
from schemas.numbers import UNITS_MAX
from schemas.orders import AccountChange, Fill
from schemas.units import to_units

_PRICE_TICKS_MAX = 10**15
"""Larger prices are absurd, and arithmetic would lose digits."""
STATED_ID = "inventory.opening_positions"


@dataclass(frozen=True, slots=True)
class Change:
    """A change of holdings, in base units of a spot contract, or in contracts of a derivative."""

    change_id: str
    size: Decimal
    price: Decimal | None
    """In quote currency; None: the mark."""
    is_of_person: bool = False
    """By an operator? A ledger lacking what account or file state must not be traded on."""


def of_person(adjustment: Adjustment) -> Change:
    """An operator's adjustment."""
    return Change(adjustment.adjustment_id, adjustment.size_change, adjustment.price, is_of_person=True)


def of_account(symbol: SymbolInventory, change: AccountChange, contract: Instrument) -> Change | None:
    """A change the router found in the account; None where the ledger's units cannot express it."""
    own_contract = symbol.own_contract(change, contract)
    by = factors(own_contract, contract)
    if by is None or whole(scaled(change.size_change_lots, by.lots)) is None:
        return None
    size = change.size_change_lots * own_contract.lot_size
    return Change(change.change_id, size, change.price)


def can_tell(symbol: SymbolInventory, event: Fill | AccountChange, contract: Instrument) -> bool:
    """Can a ledger in the units of `contract` book it exactly?"""
    if isinstance(event, AccountChange):
        return of_account(symbol, event, contract) is not None
    return execution_of(event, symbol.own_contract(event, contract), contract) is not None


def stated(contract: Instrument, own: InventoryLimits) -> Change | None:
    """The configured opening position; None: none for this symbol."""
    position = own.opening_positions.get(contract.symbol)
    if position is None or not position.size:
        return None
    return Change(STATED_ID, position.size, position.price)


def held(symbol: SymbolInventory) -> Decimal:
    """Base units that the ledger holds, exact."""
    return Decimal(0) if symbol.contract is None else symbol.ledger.held_lots * base_lot(symbol.contract)


def mid_of(symbol: SymbolInventory) -> Decimal | None:
    """The mark as a price."""
    mark, contract = symbol.ledger.mark_half_ticks, symbol.contract
    return None if mark is None or contract is None else mark * contract.tick_size / 2


def book_change(symbol: SymbolInventory, change: Change) -> str:
    """Book it; on failure nothing changes, and the reason is returned."""
    contract, in_force = symbol.contract, symbol.in_force
    if contract is None:
        return "no contract of it is known"
    at = in_force or contract
    try:
        _check(change, at)
        if in_force is not None:
            settle(symbol, contract, in_force, change.size, change.price)
        else:
            lots = _lots(change, contract)
            symbol.ledger.adjust(lots, None if change.price is None else change.price / contract.tick_size)
    except ValueError as error:
        return f"{error}: give a size in whole lots of {at.lot_size:f} {unit_of(at)}"
    symbol.adjustments += 1
    return ""


def _lots(change: Change, contract: Instrument) -> int:
    lots = to_units(change.size, contract.lot_size)
    if not lots:
        raise ValueError("a change of 0 changes nothing")
    return lots


def _check(change: Change, contract: Instrument) -> None:
    """Raises ValueError, in words, for absurd values."""
    if abs(change.size) / contract.lot_size > UNITS_MAX:
        raise ValueError(f"{change.size:f} is more than {UNITS_MAX:.0e} lots")
    if change.price is not None and change.price / contract.tick_size > _PRICE_TICKS_MAX:
        raise ValueError(
            f"the price {change.price:f} is more than {_PRICE_TICKS_MAX:.0e} ticks of {contract.tick_size:f}"
        )
