"""Does the account hold what our fills say? A lasting difference: a fill was lost, or counted twice.

Compared are changes: what the account held when the venue first stated it is taken as given. Fees that a
venue takes in the currency that was bought are part of what is expected.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from quote_service.routing.core.symbol_state import SymbolState
from schemas.orders import Fill, VenueBalance
from schemas.units import NS_PER_S

NOTHING = Decimal(0)


@dataclass(slots=True)
class Holding:
    """One base currency."""

    at_start: Decimal
    """Held without our position, when it was first stated."""
    differs_since_ns: int | None = None


@dataclass(slots=True)
class PositionBreaks:
    """Base currencies of spot contracts that are not themselves what another one is quoted in."""

    break_after_s: float
    holdings: dict[str, Holding] = field(default_factory=dict)
    base_fees: dict[str, Decimal] = field(default_factory=dict)
    """Paid so far, by base currency."""

    def see_fill(self, fill: Fill, symbol: SymbolState) -> None:
        """Note a fee that lowers what was bought."""
        if symbol.terms is not None and fill.base_fee:
            currency = symbol.terms.base_currency
            self.base_fees[currency] = self.base_fees.get(currency, NOTHING) + fill.base_fee

    def judge(
        self, symbols: Iterable[SymbolState], balances: Mapping[str, VenueBalance], now_ns: int
    ) -> list[tuple[SymbolState, str]]:
        """The symbols whose position is no longer believed, each with the figures."""
        broken = []
        for currency, group in _by_base(symbols).items():
            balance = balances.get(currency)
            if balance is None:
                continue
            text = self._difference(currency, group, balance, now_ns)
            if text is not None:
                broken += [(symbol, text) for symbol in group]
        return broken

    def forgive(self, currency: str) -> None:
        """People have looked: what is held now is taken as given."""
        self.holdings.pop(currency, None)

    def _difference(
        self, currency: str, group: list[SymbolState], balance: VenueBalance, now_ns: int
    ) -> str | None:
        ours = sum((s.position.lots * s.terms.base_per_lot for s in group if s.terms), NOTHING)
        ours -= self.base_fees.get(currency, NOTHING)
        held = balance.free + balance.locked
        holding = self.holdings.setdefault(currency, Holding(held - ours))
        difference = held - ours - holding.at_start
        if abs(difference) <= max(s.terms.base_per_lot for s in group if s.terms):
            holding.differs_since_ns = None
            return None
        if holding.differs_since_ns is None:
            holding.differs_since_ns = now_ns
        if now_ns - holding.differs_since_ns < self.break_after_s * NS_PER_S:
            return None
        return f"the venue holds {difference:+f} {currency} that our fills do not explain"


def _by_base(symbols: Iterable[SymbolState]) -> dict[str, list[SymbolState]]:
    groups: dict[str, list[SymbolState]] = {}
    quoted_in = set()
    for symbol in symbols:
        terms = symbol.terms
        if terms is not None and terms.is_spot:
            groups.setdefault(terms.base_currency, []).append(symbol)
            quoted_in.add(terms.fee_currency)
    return {currency: group for currency, group in groups.items() if currency not in quoted_in}
