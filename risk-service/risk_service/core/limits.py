"""One symbol against its limits: position and loss, in base units and in the reporting currency."""

from dataclasses import dataclass, field
from decimal import Decimal

from risk_service.core.breaker import RepeatedExecutions
from risk_service.core.scope import Breach, Scope
from schemas.config import RiskLimits
from schemas.inventory import Position
from schemas.market import Instrument
from schemas.risk import LimitUse

HALT_FACTOR = Decimal("1.2")
"""A loss limit makes reduce-only; this multiple of it halts."""


@dataclass(slots=True)
class SymbolRisk:
    """What risk knows of one symbol. Money is in the reporting currency."""

    scope: Scope
    instrument: Instrument | None = None
    position: Position | None = None
    mark_half_ticks: int | None = None
    pnl: Decimal = Decimal(0)
    notional: Decimal = Decimal(0)
    """Signed."""
    forgiven: Decimal = Decimal(0)
    """Profit at the last resume: losses count from there, so that a resume is not undone at once."""
    repeated: RepeatedExecutions = field(default_factory=RepeatedExecutions)

    def revalue(self) -> tuple[Decimal, Decimal]:
        """Take the newest mark in; the changes of profit and of gross notional."""
        position, instrument, mark = self.position, self.instrument, self.mark_half_ticks
        if position is None or instrument is None:
            return Decimal(0), Decimal(0)
        pnl_before, gross_before = self.pnl, abs(self.notional)
        if mark is None or position.mark_half_ticks is None:
            self.pnl, self.notional = position.pnl_reporting, position.notional_reporting
        else:
            lots = position.position_lots
            money = instrument.money_per_tick_lot * instrument.reporting_rate / 2
            self.pnl = position.pnl_reporting + lots * (mark - position.mark_half_ticks) * money
            self.notional = lots * mark * money
        return self.pnl - pnl_before, abs(self.notional) - gross_before

    @property
    def position_lots(self) -> int:
        """Signed position."""
        return 0 if self.position is None else self.position.position_lots

    def position_share(self, limits: RiskLimits) -> float:
        """Position as a share of its limit, the tighter of units and money."""
        if self.instrument is None or not self.position_lots:
            return 0.0
        units = abs(self.position_lots) * self.instrument.lot_size * self.instrument.multiplier
        return float(max(units / limits.max_position, abs(self.notional) / limits.max_position_notional))

    def breaches(self, limits: RiskLimits) -> list[Breach]:
        """All conditions that restrict this symbol now."""
        found = loss_breaches(self.pnl - self.forgiven, limits.max_loss, "MAX_LOSS")
        if self.position_share(limits) >= 1:
            found.append(Breach("REDUCE_ONLY", "MAX_POSITION"))
        if self.position_lots and self.mark_half_ticks is None:
            found.append(Breach("REDUCE_ONLY", "NO_MARK"))
        return found

    def uses(self, limits: RiskLimits) -> tuple[LimitUse, ...]:
        """How near the symbol is to its limits."""
        return (
            LimitUse(
                name="position", value=self.position_share(limits), limit=1.0, unit="share of the limit"
            ),
            LimitUse(
                name="loss",
                value=float(min(Decimal(0), self.pnl - self.forgiven)),
                limit=float(limits.max_loss),
                unit="reporting currency",
            ),
        )


def loss_breaches(pnl: Decimal, limit: Decimal, reason: str) -> list[Breach]:
    """Reduce-only at the limit (a negative amount), a latched halt at HALT_FACTOR times it."""
    if pnl <= limit * HALT_FACTOR:
        return [Breach("HALT", reason, latches=True)]
    if pnl <= limit:
        return [Breach("REDUCE_ONLY", reason)]
    return []
