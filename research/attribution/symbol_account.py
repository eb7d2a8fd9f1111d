"""The double entry of one symbol: the account, and its explanation."""

from dataclasses import dataclass
from decimal import Decimal

ZERO = Decimal(0)


@dataclass(slots=True)
class SymbolAccount:
    """Money in the settlement currency, position in units; see the package for the identity.

    `cash` and `position` are those of an account statement. The other amounts are the explanation,
    and neither side is computed from the other.
    """

    position: Decimal = ZERO
    cash: Decimal = ZERO
    mark: Decimal | None = None
    """V of the newest mid; None before the first."""
    capture: Decimal = ZERO
    report_capture: Decimal = ZERO
    """The same against the mid when the report arrived, for comparison: part of no sum."""
    balance: Decimal = ZERO
    """Of capture less fees, the part of fills that took liquidity to reduce the inventory."""
    inventory: Decimal = ZERO
    fees_paid: Decimal = ZERO
    rebates: Decimal = ZERO
    """Fee rebates received, as a positive amount."""
    funding: Decimal = ZERO

    def mark_to(self, value: Decimal) -> None:
        """The mid's value is now `value`: the position gains or loses by the change."""
        if self.mark is not None:
            self.inventory += self.position * (value - self.mark)
        self.mark = value

    def trade(self, signed_size: Decimal, value: Decimal, before: Decimal) -> None:
        """Bought (positive) or sold at a price worth `value`, when the mid just before was worth `before`.

        Needs a mark, to which the mid moved until the report.
        """
        assert self.mark is not None  # noqa: S101  the caller has refused a fill without a mid
        self.capture += signed_size * (before - value)
        self.inventory += signed_size * (self.mark - before)
        self.report_capture += signed_size * (self.mark - value)
        self.cash -= signed_size * value
        self.position += signed_size

    def adjust(self, signed_size: Decimal, valued_at: Decimal) -> None:
        """The position changes other than by a trade, which earned nothing at that value. Needs a mark: the
        move since then was earned.
        """
        assert self.mark is not None  # noqa: S101  the caller waits for one
        self.cash -= signed_size * valued_at
        self.inventory += signed_size * (self.mark - valued_at)
        self.position += signed_size

    def pay_fee(self, amount: Decimal) -> None:
        """A cost is positive, a rebate negative."""
        self.cash -= amount
        if amount > 0:
            self.fees_paid += amount
        else:
            self.rebates -= amount

    def receive_funding(self, amount: Decimal) -> None:
        """Positive was received."""
        self.cash += amount
        self.funding += amount

    @property
    def fees(self) -> Decimal:
        """Costs less rebates."""
        return self.fees_paid - self.rebates

    @property
    def equity_change(self) -> Decimal:
        """What the account shows: cash, and the position at the mark."""
        return self.cash if self.mark is None else self.cash + self.position * self.mark

    @property
    def explained(self) -> Decimal:
        """The explanation: capture + inventory - fees + funding."""
        return self.capture + self.inventory - self.fees + self.funding
