"""The double entry of one symbol: what the account shows, and why."""

from dataclasses import dataclass
from decimal import Decimal

ZERO = Decimal(0)


@dataclass(slots=True)
class Book:
    """Money in the settlement currency, position in units; see the package for the identity.

    `cash` and `position` are what a statement of the account shows. The other amounts are the explanation,
    and neither side is computed from the other.
    """

    position: Decimal = ZERO
    cash: Decimal = ZERO
    mark: Decimal | None = None
    """V of the newest mid; None before the first."""
    capture: Decimal = ZERO
    inventory: Decimal = ZERO
    fees_paid: Decimal = ZERO
    rebates: Decimal = ZERO
    """What was received of fees, as a positive amount."""
    funding: Decimal = ZERO

    def mark_to(self, value: Decimal) -> None:
        """The mid is worth `value` now: what is held gains or loses by the change."""
        if self.mark is not None:
            self.inventory += self.position * (value - self.mark)
        self.mark = value

    def trade(self, signed_size: Decimal, value: Decimal) -> None:
        """Bought (positive) or sold at a price worth `value`. There is a mark."""
        assert self.mark is not None  # noqa: S101  the caller has refused a fill without a mid
        self.capture += signed_size * (self.mark - value)
        self.cash -= signed_size * value
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
        """Why it shows that: capture + inventory - fees + funding."""
        return self.capture + self.inventory - self.fees + self.funding
