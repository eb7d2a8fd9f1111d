"""A contract with units other than the ledger's: converted where that is exact, otherwise explained.

Ticks and lots convert by factors. Another multiplier or currency makes it a different contract: holdings of
the old one have no defined equivalent, and an operator has to state them.
"""

from dataclasses import replace
from decimal import Decimal

from inventory_service.core.fee_rates import OpenFees
from inventory_service.core.ledger import Ledger
from inventory_service.core.symbol import SymbolInventory, command_text, execution_of
from inventory_service.core.units import WIDE, factors, many_digits, plain, scaled, tick_factor, whole
from schemas.market import Instrument
from schemas.orders import Fill
from schemas.units import to_units

_SAME = Decimal(1)
_SIZE_STEP = Decimal("1e-18")
"""Holdings may be no finite number of contracts of another size; operators state the difference to this."""


def half_money(contract: Instrument) -> Decimal:
    """Value of half a tick times a lot, in the quote currency."""
    return contract.money_per_tick_lot / 2


def base_lot(contract: Instrument) -> Decimal:
    """Base units in a lot."""
    return contract.lot_size * contract.multiplier


def trade_as(symbol: SymbolInventory, contract: Instrument) -> None:
    """The contract changed; a ledger that cannot be converted keeps counting in the old one."""
    symbol.versions.announce(contract)
    known = symbol.contract
    if known is None or contract.has_units_of(known):
        _convert(symbol, contract)
    elif not symbol.has_begun:
        symbol.ledger = Ledger(mark_half_ticks=_mark(symbol.ledger, known, contract))
        symbol.adverse.rescale(0.0)
        _convert(symbol, contract)
    else:
        _adopt(symbol, known, contract)


def _convert(symbol: SymbolInventory, contract: Instrument) -> None:
    symbol.contract, symbol.in_force = contract, None


def _adopt(symbol: SymbolInventory, known: Instrument, contract: Instrument) -> None:
    by = factors(known, contract)
    ledger = None
    if by is not None:
        ledger = symbol.ledger.rescaled(by, half_money(known), base_lot(known))
    elif symbol.ledger.is_flat and known.quote_currency == contract.quote_currency:
        ledger = _replaced(symbol, known, contract)
    if ledger is None:
        before, symbol.in_force = symbol.in_force or known, contract
        if not contract.has_units_of(before):
            symbol.adverse.rescale(1.0)
        return
    symbol.ledger = ledger
    symbol.adverse.rescale(0.0 if by is None else float(by.lots))
    _convert(symbol, contract)


def because(symbol: SymbolInventory) -> str:
    """Why the ledger is not in the units of the contract in force, and how to settle it; empty: it is."""
    known, contract, ledger = symbol.contract, symbol.in_force, symbol.ledger
    if known is None or contract is None:
        return ""
    by = factors(known, contract)
    held = f"{ledger.position_lots * base_lot(known):f} {known.base_currency}"
    if known.quote_currency != contract.quote_currency:
        why = f"its money is {known.quote_currency}, and that of the contract {contract.quote_currency}"
    elif by is None:
        why = (
            f"one of them was {known.multiplier:f} {known.base_currency}, and is {contract.multiplier:f} now"
        )
    elif whole(scaled(ledger.position_lots, by.lots)) is None:
        why = f"that is no whole number of lots of {contract.lot_size:f}"
    else:
        why = f"its cost or its fees are no exact number of ticks of {contract.tick_size:f} and lots of "
        why += f"{contract.lot_size:f}"
    return (
        f"UNITS_CHANGED: the ledger of {known.symbol} holds {held}, but {why}; "
        f"say what it holds: {command_text(known.symbol)}"
    )


def settle(
    symbol: SymbolInventory,
    known: Instrument,
    contract: Instrument,
    size_change: Decimal,
    price: Decimal | None,
) -> None:
    """An operator states the holdings of a ledger in units of `known`: convert it to the contract in force.

    The change is in contracts of the new one. Events that wait for that contract are included in the
    stated holdings, and booked after it. Raises ValueError, in words, where it is no whole number of lots, or
    the money has no rate.
    """
    held = symbol.ledger.position_lots * base_lot(known) / contract.multiplier
    size = (held + size_change).quantize(_SIZE_STEP, context=WIDE).normalize()
    position_lots = to_units(size, contract.lot_size) - _waiting_lots(symbol, contract)
    if known.reporting_rate <= 0 or contract.reporting_rate <= 0:
        raise ValueError(f"{known.quote_currency} and {contract.quote_currency} need a rate: reporting.rates")
    ledger = _settled_exactly(symbol.ledger, known, contract, position_lots, price)
    if ledger is None:
        cost = _cost(symbol.ledger, known, contract, position_lots, price)
        ledger = _replaced(symbol, known, contract)
        if position_lots:
            ledger.adjust(position_lots, None if cost is None else cost / contract.tick_size)
    symbol.ledger = ledger
    symbol.adverse.rescale(0.0)
    _convert(symbol, contract)


def _waiting_lots(symbol: SymbolInventory, contract: Instrument) -> int:
    """The sum of fills that wait for a contract, in its lots, signed."""
    lots = Decimal(0)
    for event in symbol.waiting:
        if isinstance(event, Fill):
            execution = execution_of(event, symbol.own_contract(event, contract), contract)
            lots += 0 if execution is None else execution.sign * execution.size_lots
    return int(lots)


def _settled_exactly(
    ledger: Ledger, known: Instrument, contract: Instrument, position_lots: int, price: Decimal | None
) -> Ledger | None:
    """The ledger after a change in its old units, converted; None where only a new cost can express it."""
    by = factors(known, contract)
    if by is None:
        return None
    before = whole(scaled(position_lots, 1 / by.lots))
    if before is None:
        return None
    changed = replace(ledger)
    if before != ledger.position_lots:
        changed.adjust(before - ledger.position_lots, None if price is None else price / known.tick_size)
    return changed.rescaled(by, half_money(known), base_lot(known))


def _cost(
    ledger: Ledger, known: Instrument, contract: Instrument, position_lots: int, price: Decimal | None
) -> Decimal | None:
    """Cost per base unit of all holdings after a change at a price; None: the mark."""
    if price is None and ledger.mark_half_ticks is not None:
        price = ledger.mark_half_ticks * known.tick_size / 2
    if price is None or ledger.cost_ticks is None or factors(known, contract) is None:
        return price
    before, after = ledger.position_lots * known.lot_size, position_lots * contract.lot_size
    cost = ledger.cost_ticks * known.tick_size
    if before * after <= 0:
        return price
    if abs(after) <= abs(before):
        return cost
    return (before * cost + (after - before) * price) / after


def _replaced(symbol: SymbolInventory, known: Instrument, contract: Instrument) -> Ledger:
    """An empty ledger of the contract with the profit so far, in its currency, at the mark if any."""
    mark, rate = _mark(symbol.ledger, known, contract), _SAME
    if known.quote_currency != contract.quote_currency:
        rate = known.reporting_rate / contract.reporting_rate
        _exchange(symbol, rate)
    return symbol.ledger.replaced(mark, half_money(known), base_lot(known), rate)


def _mark(ledger: Ledger, known: Instrument, contract: Instrument) -> int | Decimal | None:
    """The mark in half ticks of the contract; None where it has no equivalent."""
    by, mark = tick_factor(known, contract), ledger.mark_half_ticks
    converted = None if by is None or mark is None else scaled(mark, by)
    return None if converted is None else plain(converted)


def _exchange(symbol: SymbolInventory, rate: Decimal) -> None:
    """Convert the amounts kept beside the ledger to the new currency."""
    with many_digits():
        symbol.fees, symbol.peak = symbol.fees * rate, symbol.peak * rate
        symbol.max_drawdown *= rate
        symbol.open_fees = {
            currency: OpenFees(fees.amount, fees.reserve * rate)
            for currency, fees in symbol.open_fees.items()
        }
