"""Can the account pay for every order of ours at once?

Spot only: what a derivative needs is margin, which the venue judges. The worst case counts: every order
that the venue may hold, at its more expensive price, with the fee where there is one.
"""

from collections.abc import Mapping
from decimal import Decimal

from quote_service.routing.core import codes
from quote_service.routing.core.request import Request
from quote_service.routing.core.symbol_state import SymbolState
from quote_service.routing.core.terms import ContractTerms
from schemas.orders import VenueBalance
from schemas.units import BPS_PER_UNIT

Money = dict[str, Decimal]
NOTHING = Decimal(0)


def committed(symbol: SymbolState) -> Money:
    """What the orders of a symbol may take, by currency."""
    terms = symbol.terms
    if terms is None or not terms.is_spot or not symbol.orders:
        return {}
    bought = sum(o.reserved_lots * o.most_generous_ticks for o in symbol.orders.values() if o.side == "buy")
    sold = symbol.reserved_lots("sell")
    return {terms.fee_currency: bought * _with_fee(terms), terms.base_currency: sold * terms.base_per_lot}


def funds_codes(
    request: Request,
    terms: ContractTerms,
    balances: Mapping[str, VenueBalance] | None,
    committed_now: Money,
) -> list[str]:
    """INSUFFICIENT_BALANCE where an order needs more than is left; without balances nothing is judged."""
    if balances is None or not terms.is_spot:
        return []
    currency, needed = _needed(request, terms)
    balance = balances.get(currency)
    if balance is None:
        return [codes.INSUFFICIENT_BALANCE]
    others = committed_now.get(currency, NOTHING) - _released(request, terms)
    held_by_us = min(balance.locked, committed_now.get(currency, NOTHING))
    return [codes.INSUFFICIENT_BALANCE] if others + needed > balance.free + held_by_us else []


def _needed(request: Request, terms: ContractTerms) -> tuple[str, Decimal]:
    if request.side == "buy":
        return terms.fee_currency, request.price_ticks * request.size_lots * _with_fee(terms)
    return terms.base_currency, request.size_lots * terms.base_per_lot


def _released(request: Request, terms: ContractTerms) -> Decimal:
    """What the order that is amended holds now."""
    order = request.replaces
    if order is None:
        return NOTHING
    if request.side == "buy":
        return order.reserved_lots * order.most_generous_ticks * _with_fee(terms)
    return order.reserved_lots * terms.base_per_lot


def _with_fee(terms: ContractTerms) -> Decimal:
    """Money of one tick times one lot, with a maker's fee that is a cost."""
    return terms.money_per_tick_lot * (1 + max(NOTHING, terms.maker_fee_bps) / BPS_PER_UNIT)
