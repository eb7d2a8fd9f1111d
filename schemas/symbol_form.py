"""What a symbol's form says of its contract: `BASE/QUOTE`, `BASE/QUOTE:SETTLE`, `BASE/QUOTE:SETTLE-EXPIRY`.

The form is ccxt's (docs.ccxt.com, Contract Naming Conventions), which the engine's own symbols share.
"""

from typing import NamedTuple

from schemas.market import ContractKind


class SymbolForm(NamedTuple):
    """The currencies and the kind of a contract."""

    base_currency: str
    quote_currency: str
    kind: ContractKind


def symbol_form(symbol: str, reporting_currency: str) -> SymbolForm:
    """What a symbol's form says; one without a slash is a spot pair in the reporting currency.

    Raises ValueError for a contract whose money does not count in its quote currency, and for an option.
    """
    base, slash, rest = symbol.partition("/")
    quote, colon, contract = rest.partition(":")
    if not (slash and base and quote):
        return SymbolForm(symbol, reporting_currency, "spot")
    if not colon:
        return SymbolForm(base, quote, "spot")
    settled, *terms = contract.split("-")
    if settled == base:
        raise ValueError(
            f"{symbol} is an inverse contract, settled in {settled}, and only spot pairs and linear "
            f"contracts are traded: use {base}/{quote}:{quote} where the venue has it, or take the symbol out"
        )
    if settled != quote:
        raise ValueError(
            f"{symbol} is quoted in {quote} and settled in {settled or 'nothing'}, and only spot pairs and "
            f"linear contracts are traded: use {base}/{quote}:{quote}, or take the symbol out"
        )
    if len(terms) > 1:
        raise ValueError(
            f"{symbol} is an option, and only spot pairs and linear contracts are traded: take it out"
        )
    return SymbolForm(base, quote, "linear")
