"""Can the account pay for all our orders at once?

Spot only: derivatives need margin, which the venue checks. The worst case counts: every order the venue
may hold, at its more expensive price, plus any fee.
"""

from collections.abc import Mapping
from decimal import Decimal

from quote_service.routing.gate import codes
from quote_service.routing.gate.contract_terms import ContractTerms
from quote_service.routing.gate.request import Request
from quote_service.routing.symbol_state import RoutedSymbol
from schemas.orders import VenueBalance
from schemas.units import BPS_PER_UNIT

Money = dict[str, Decimal]
NOTHING = Decimal(0)


def committed(symbol: RoutedSymbol) -> Money:
    """The most that a symbol's orders may spend, by currency."""
    terms = symbol.contract.terms
    if terms is None or not terms.is_spot or not symbol.orders.open:
        return {}
    bought = sum(
        o.reserved_lots * o.most_generous_ticks for o in symbol.orders.open.values() if o.side == "buy"
    )
    sold = symbol.orders.reserved_lots("sell")
    return {terms.fee_currency: bought * _with_fee(terms), terms.base_currency: sold * terms.base_per_lot}


def funds_codes(
    request: Request,
    terms: ContractTerms,
    balances: Mapping[str, VenueBalance] | None,
    committed_now: Money,
) -> list[str]:
    """INSUFFICIENT_BALANCE where an order needs more than is left; without balances nothing is checked."""
    if balances is None or not terms.is_spot:
        return []
    currency, needed = _needed(request, terms)
    balance = balances.get(currency)
    if balance is None:
        return [codes.INSUFFICIENT_BALANCE]
    others = committed_now.get(currency, NOTHING) - _released(request, terms)
    held_by_us = min(balance.locked, committed_now.get(currency, NOTHING))
    return [codes.INSUFFICIENT_BALANCE] if others + needed > balance.free + held_by_us else []


def spendable(
    currency: str, balances: Mapping[str, VenueBalance], committed_now: Money, own: Money
) -> Decimal:
    """What is left of a currency to the orders of one symbol, which may spend `own` now."""
    balance = balances.get(currency)
    if balance is None:
        return NOTHING
    total = committed_now.get(currency, NOTHING)
    return balance.free + min(balance.locked, total) - (total - own.get(currency, NOTHING))


def _needed(request: Request, terms: ContractTerms) -> tuple[str, Decimal]:
    if request.side == "buy":
        return terms.fee_currency, request.price_ticks * request.size_lots * _with_fee(terms)
    return terms.base_currency, request.size_lots * terms.base_per_lot


def _released(request: Request, terms: ContractTerms) -> Decimal:
    """What the order to amend holds now."""
    order = request.replaces
    if order is None:
        return NOTHING
    if request.side == "buy":
        return order.reserved_lots * order.most_generous_ticks * _with_fee(terms)
    return order.reserved_lots * terms.base_per_lot


def _with_fee(terms: ContractTerms) -> Decimal:
    """Money of one tick times one lot, plus a maker fee that is a cost."""
    return terms.money_per_tick_lot * (1 + max(NOTHING, terms.maker_fee_bps) / BPS_PER_UNIT)
