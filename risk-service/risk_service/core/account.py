"""The account against its limits: drawdown on equity, loss, exposure. Money is in the reporting currency."""

from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import ClassVar

from risk_service.core.limits import NOTHING, is_loss_in_force, loss_breaches
from risk_service.core.scope import Breach, Scope
from schemas.config import RiskLimits
from schemas.risk import LimitUse


@dataclass(slots=True)
class AccountRisk:
    """Equity, its maximum, and what is exposed."""

    LIMIT_NAMES: ClassVar = ("exposure", "drawdown", "loss")
    """Parallel to shares and uses()."""

    scope: Scope
    equity: Decimal
    """Capital plus profit."""
    high_water: Decimal
    pnl: Decimal = NOTHING
    gross: Decimal = NOTHING
    forgiven: Decimal = NOTHING
    shares: tuple[Decimal, ...] = (NOTHING, NOTHING, NOTHING)
    """How much of each limit is used, as of the last look."""

    @classmethod
    def of(cls, capital: Decimal) -> "AccountRisk":
        """An account at its start: its capital is its first maximum."""
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
        """A symbol's profit and gross notional changed by these."""
        self.gross += gross
        if pnl:
            self.pnl += pnl
            self.equity += pnl
            self.high_water = max(self.high_water, self.equity)

    def forgive(self) -> None:
        """After a resume, a loss or a drawdown beyond its limit counts from here."""
        if is_loss_in_force(self.scope, "ACCOUNT_MAX_LOSS"):
            self.forgiven = min(self.pnl, self.forgiven)
        if is_loss_in_force(self.scope, "MAX_DRAWDOWN"):
            self.high_water = max(self.equity, Decimal(1))

    def breaches(self, limits: RiskLimits) -> list[Breach]:
        """All conditions that restrict the account now."""
        scope = self.scope
        exposure = self.exposure / exact(limits.max_exposure)
        drawdown = self.drawdown / exact(-limits.max_drawdown)
        loss = max(NOTHING, (self.pnl - self.forgiven) / limits.account_max_loss)
        self.shares = (exposure, drawdown, loss)
        found = loss_breaches(scope, loss, "ACCOUNT_MAX_LOSS")
        if self.equity <= 0:
            found.append(Breach("HALT", "NO_EQUITY", latches=True))
        if drawdown >= 1:
            found.append(Breach("HALT", "MAX_DRAWDOWN", latches=True))
        if scope.reaches("MAX_EXPOSURE", exposure):
            found.append(Breach("REDUCE_ONLY", "MAX_EXPOSURE"))
        return found

    def uses(self, limits: RiskLimits) -> tuple[LimitUse, ...]:
        """How near the account is to its limits."""
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
    """A configured fraction as the decimal that was written: 0.1, not the binary number next to it."""
    return Decimal(str(fraction))
