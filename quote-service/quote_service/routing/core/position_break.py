"""Does the account hold what our fills say? A lasting difference: a fill was lost, or counted twice.

Compared are changes: what the account held when the venue first stated it is taken as given. Fees taken in
the currency that was bought are part of what is expected. A statement counts only where nothing was filled
shortly before and after it: nobody knows on which side of the statement such a fill lies.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from quote_service.routing.core.symbol_state import SymbolState
from schemas.orders import Fill, VenueBalance
from schemas.units import NS_PER_S

NOTHING = Decimal(0)
QUIET_NS = 2 * NS_PER_S


@dataclass(slots=True)
class Holding:
    """One base currency."""

    at_start: Decimal | None = None
    """Held without our position, when it was first stated."""
    stated: Decimal = NOTHING
    """The newest statement."""
    stated_ns: int | None = None
    """When it came; None: it has been judged, or it does not count."""
    filled_ns: int = 0
    base_fees: Decimal = NOTHING
    """Paid so far."""
    differs_since_ns: int | None = None


@dataclass(slots=True)
class PositionBreaks:
    """Base currencies of spot contracts that are not themselves what another one is quoted in."""

    break_after_s: float
    holdings: dict[str, Holding] = field(default_factory=dict)

    def see_fill(self, fill: Fill, symbol: SymbolState) -> None:
        """A fill: statements around it do not count; a fee lowers what was bought."""
        if symbol.terms is not None:
            holding = self._holding(symbol.terms.base_currency)
            holding.filled_ns = fill.event_time_ns
            holding.stated_ns = None
            holding.base_fees += fill.base_fee

    def see_balances(self, balances: Iterable[VenueBalance], now_ns: int) -> None:
        """The venue's statement, to be judged when it is known that nothing was filled around it.

        What it does not name the account has none of.
        """
        held = {balance.currency: balance.free + balance.locked for balance in balances}
        for currency in dict.fromkeys((*self.holdings, *held)):
            holding = self._holding(currency)
            if now_ns - holding.filled_ns >= QUIET_NS:
                holding.stated, holding.stated_ns = held.get(currency, NOTHING), now_ns

    def judge(self, symbols: Iterable[SymbolState], now_ns: int) -> list[tuple[SymbolState, str]]:
        """The symbols whose position is no longer believed, each with the figures."""
        broken = []
        for currency, group in _by_base(symbols).items():
            holding = self._holding(currency)
            if holding.stated_ns is None or now_ns - holding.stated_ns < QUIET_NS:
                continue
            text = self._difference(currency, holding, group, holding.stated_ns)
            holding.stated_ns = None
            if text is not None:
                broken += [(symbol, text) for symbol in group]
        return broken

    def forgive(self, currency: str) -> None:
        """People have looked: what is held now is taken as given."""
        self.holdings.pop(currency, None)

    def _holding(self, currency: str) -> Holding:
        return self.holdings.setdefault(currency, Holding())

    def _difference(
        self, currency: str, holding: Holding, group: list[SymbolState], stated_ns: int
    ) -> str | None:
        held = (s.position.lots * s.terms.base_per_lot + s.position.base_fees_taken for s in group if s.terms)
        ours = sum(held, -holding.base_fees)
        if holding.at_start is None:
            holding.at_start = holding.stated - ours
        difference = holding.stated - ours - holding.at_start
        if abs(difference) <= max(s.terms.base_per_lot for s in group if s.terms):
            holding.differs_since_ns = None
            return None
        if holding.differs_since_ns is None:
            holding.differs_since_ns = stated_ns
        if stated_ns - holding.differs_since_ns < self.break_after_s * NS_PER_S:
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
