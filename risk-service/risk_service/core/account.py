"""The account against its limits: drawdown on equity, loss, exposure. Money is in the reporting currency."""

from dataclasses import dataclass
from decimal import Decimal

from risk_service.core.limits import loss_breaches
from risk_service.core.scope import Breach, Scope
from schemas.config import RiskLimits
from schemas.risk import LimitUse

EXPOSURE_CLEARS_AT = Decimal("0.95")
"""A breach of exposure ends below this share of the limit, so that it does not flicker."""


@dataclass(slots=True)
class AccountRisk:
    """Equity, its maximum, and what is exposed."""

    scope: Scope
    capital: Decimal
    high_water: Decimal
    pnl: Decimal = Decimal(0)
    gross: Decimal = Decimal(0)
    forgiven: Decimal = Decimal(0)
    over_exposed: bool = False

    @classmethod
    def of(cls, capital: Decimal) -> "AccountRisk":
        """An account at its start: its capital is its first maximum."""
        return cls(Scope("*", "*"), capital, capital)

    @property
    def equity(self) -> Decimal:
        """Capital plus profit."""
        return self.capital + self.pnl

    @property
    def drawdown(self) -> Decimal:
        """Fall from the maximum of equity, as a fraction of that maximum, 0 or more."""
        return (self.high_water - self.equity) / self.high_water

    @property
    def exposure(self) -> Decimal:
        """Gross notional divided by equity."""
        return self.gross / self.equity if self.equity > 0 else Decimal(0)

    def change(self, pnl: Decimal, gross: Decimal) -> None:
        """A symbol's profit and gross notional changed by these."""
        self.pnl += pnl
        self.gross += gross
        self.high_water = max(self.high_water, self.equity)

    def forgive(self) -> None:
        """After a resume, loss and drawdown count from here."""
        self.forgiven = self.pnl
        self.high_water = max(self.equity, Decimal(1))

    def breaches(self, limits: RiskLimits) -> list[Breach]:
        """All conditions that restrict the account now."""
        found = loss_breaches(self.pnl - self.forgiven, limits.account_max_loss, "ACCOUNT_MAX_LOSS")
        if self.equity <= 0:
            found.append(Breach("HALT", "NO_EQUITY", latches=True))
        if self.drawdown >= Decimal(str(-limits.max_drawdown)):
            found.append(Breach("HALT", "MAX_DRAWDOWN", latches=True))
        limit = Decimal(str(limits.max_exposure))
        self.over_exposed = self.exposure >= (limit * EXPOSURE_CLEARS_AT if self.over_exposed else limit)
        if self.over_exposed:
            found.append(Breach("REDUCE_ONLY", "MAX_EXPOSURE"))
        return found

    def uses(self, limits: RiskLimits) -> tuple[LimitUse, ...]:
        """How near the account is to its limits."""
        return (
            LimitUse(
                name="exposure", value=float(self.exposure), limit=limits.max_exposure, unit="of equity"
            ),
            LimitUse(
                name="drawdown", value=float(-self.drawdown), limit=limits.max_drawdown, unit="of the maximum"
            ),
            LimitUse(
                name="loss",
                value=float(min(Decimal(0), self.pnl - self.forgiven)),
                limit=float(limits.account_max_loss),
                unit="reporting currency",
            ),
        )
