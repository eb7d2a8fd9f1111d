"""The account against its limits: drawdown on equity, loss, exposure. Money is in the reporting currency."""

from dataclasses import dataclass
from decimal import Decimal
from functools import cache

from risk_service.core.limits import NOTHING, ONE, is_loss_in_force, loss_breaches
from risk_service.core.scope import Breach, Scope
from schemas.config import RiskLimits
from schemas.risk import LimitUse

LEAST_MAXIMUM = Decimal(1)
"""Floor of equity's maximum: drawdown never divides by 0."""


@dataclass(slots=True)
class AccountRisk:
    """Equity, its maximum, and gross exposure."""

    scope: Scope
    equity: Decimal
    """Capital plus profit."""
    high_water: Decimal
    pnl: Decimal = NOTHING
    gross: Decimal = NOTHING
    forgiven: Decimal = NOTHING
    shares: tuple[Decimal, ...] = (NOTHING, NOTHING, NOTHING)
    """Share of each limit in use, as last measured."""
    loss_halt_at: Decimal = ONE
    """Share of the loss limit that halts."""

    @property
    def limit_names(self) -> tuple[str, ...]:
        """Names of the limits, parallel to shares and uses()."""
        return ("exposure", "drawdown", "loss")

    @classmethod
    def of(cls, capital: Decimal) -> "AccountRisk":
        """A new account: its capital is its first maximum."""
        return cls(Scope("*", "*"), capital, capital)

    @property
    def drawdown(self) -> Decimal:
        """Fall from the maximum of equity, as a fraction of that maximum, 0 or more."""
        return (self.high_water - self.equity) / self.high_water

    @property
    def exposure(self) -> Decimal:
        """Gross notional divided by equity."""
        return self.gross / self.equity if self.equity > 0 else NOTHING

    def change(self, pnl: Decimal, gross: Decimal) -> None:
        """Apply the changes of a symbol's profit and gross notional."""
        self.gross += gross
        if pnl:
            self.pnl += pnl
            self.equity += pnl
            self.high_water = max(self.high_water, self.equity)

    def adopt(self, pnl: Decimal, gross: Decimal) -> None:
        """Add a symbol's carried part of the sums, without moving the maximum."""
        self.gross += gross
        self.pnl += pnl
        self.equity += pnl

    def forgive(self) -> None:
        """After a resume, a loss or drawdown beyond its limit is measured from the present level."""
        if is_loss_in_force(self.scope, "ACCOUNT_MAX_LOSS"):
            self.forgiven = min(self.pnl, self.forgiven)
        if is_loss_in_force(self.scope, "MAX_DRAWDOWN"):
            self.high_water = max(self.equity, LEAST_MAXIMUM)

    def measure(self, limits: RiskLimits) -> None:
        """Update the shares used of exposure, drawdown and loss limit."""
        exposure = self.exposure / exact(limits.max_exposure)
        drawdown = self.drawdown / exact(-limits.max_drawdown)
        loss = max(NOTHING, (self.pnl - self.forgiven) / limits.account_max_loss)
        self.shares = (exposure, drawdown, loss)
        self.loss_halt_at = limits.loss_halt_at
        self.scope.observe_share("ACCOUNT_MAX_LOSS", loss)
        self.scope.observe_share("MAX_EXPOSURE", exposure)

    def breaches(self) -> list[Breach]:
        """All conditions that restrict the account, by the shares last measured."""
        scope, (_, drawdown, loss) = self.scope, self.shares
        found = loss_breaches(scope, loss, "ACCOUNT_MAX_LOSS", self.loss_halt_at)
        if self.equity <= 0:
            found.append(Breach("HALT", "NO_EQUITY", latches=True))
        if drawdown >= 1:
            found.append(Breach("HALT", "MAX_DRAWDOWN", latches=True))
        if scope.is_reached("MAX_EXPOSURE"):
            found.append(Breach("REDUCE_ONLY", "MAX_EXPOSURE"))
        return found

    def uses(self, limits: RiskLimits) -> tuple[LimitUse, ...]:
        """The account's use of its limits."""
        return (
            LimitUse(
                name="exposure", value=float(self.exposure), limit=limits.max_exposure, unit="of equity"
            ),
            LimitUse(
                name="drawdown",
                value=float(-self.drawdown),
                limit=limits.max_drawdown,
                unit="of the maximum",
            ),
            LimitUse(
                name="loss",
                value=float(min(NOTHING, self.pnl - self.forgiven)),
                limit=float(limits.account_max_loss),
                unit="reporting currency",
            ),
        )


@cache
def exact(fraction: float) -> Decimal:
    """A configured fraction as the decimal as written: 0.1, not its binary neighbour."""
    return Decimal(str(fraction))
