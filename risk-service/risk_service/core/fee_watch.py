"""Fees in currencies without a rate: alerted once per currency, and once more when they were booked."""

from dataclasses import dataclass, field
from decimal import Decimal

from schemas.inventory import Position


@dataclass(slots=True)
class FeeWatch:
    """A symbol's open fees, as last alerted."""

    open: dict[str, Decimal] = field(default_factory=dict)
    """By currency."""

    def observe(self, position: Position) -> tuple[dict[str, Decimal], dict[str, Decimal]]:
        """Apply a position; returns newly open fees, and those open no more, each by currency."""
        before, self.open = self.open, {fee.currency: fee.amount for fee in position.open_fees}
        opened = {currency: amount for currency, amount in self.open.items() if currency not in before}
        booked = {currency: amount for currency, amount in before.items() if currency not in self.open}
        return opened, booked


def without_rate(currency: str, amount: Decimal) -> str:
    """The alert's text, with the remedy."""
    return (
        f"a fee of {amount:f} {currency} has no rate and is not in the profit: limits count a taker's fee "
        f"for it; say reporting.rates.{currency}, or name a market of {currency} in exchange.symbols"
    )
