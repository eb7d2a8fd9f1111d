"""One symbol against its limits: position and loss, in base units and in the reporting currency."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import ClassVar

from risk_service.core.book_watch import BookWatch
from risk_service.core.breaker import RepeatedExecutions
from risk_service.core.scope import Breach, Scope
from schemas.config import RiskLimits
from schemas.inventory import Position
from schemas.market import Instrument
from schemas.risk import LimitUse

HALT_FACTOR = Decimal("1.2")
"""A loss limit makes reduce-only; this multiple of it halts."""
NOTHING = Decimal(0)


@dataclass(slots=True)
class SymbolRisk:
    """What risk knows of one symbol. Money is in the reporting currency."""

    LIMIT_NAMES: ClassVar = ("position", "loss")
    """Parallel to shares and uses()."""

    scope: Scope
    instrument: Instrument | None = None
    position: Position | None = None
    mark_half_ticks: int | None = None
    position_lots: int = 0
    """Signed."""
    pnl: Decimal = NOTHING
    notional: Decimal = NOTHING
    """Signed."""
    forgiven: Decimal = NOTHING
    """Profit at the last resume after a loss: losses count from there, or the halt would be back at once."""
    repeated: RepeatedExecutions = field(default_factory=RepeatedExecutions)
    book: BookWatch = field(default_factory=BookWatch)
    shares: tuple[Decimal, ...] = (NOTHING, NOTHING)
    """How much of each limit is used, as of the last look."""
    _units: Decimal = NOTHING
    """Base units held, without sign."""
    _half_tick: Decimal | None = None
    """Money that the position gains with half a tick; None while the instrument is unknown."""
    _base: Decimal = NOTHING
    """Profit at a mark of 0: the reported profit without what the position is worth at its mark."""

    def hold(self, position: Position) -> None:
        """This is the position now."""
        self.position = position
        self.position_lots = position.position_lots
        self._take_terms()

    def trade_as(self, instrument: Instrument) -> None:
        """This is the contract now. One with other units halts: what is known was counted in the old ones."""
        if self.instrument is not None and not instrument.has_units_of(self.instrument):
            self.scope.latch("INSTRUMENT_CHANGED")
            return
        self.instrument = instrument
        self._take_terms()

    def _take_terms(self) -> None:
        position, instrument = self.position, self.instrument
        if position is None or instrument is None:
            return
        lots = position.position_lots
        half_tick = lots * instrument.money_per_tick_lot * instrument.reporting_rate / 2
        self._units = abs(lots) * instrument.lot_size * instrument.multiplier
        self._half_tick = half_tick
        self._base = position.pnl_reporting - half_tick * (position.mark_half_ticks or 0)

    def revalue(self) -> tuple[Decimal, Decimal]:
        """Take the newest mark in; the changes of profit and of gross notional."""
        position, half_tick, mark = self.position, self._half_tick, self.mark_half_ticks
        if position is None:
            return NOTHING, NOTHING
        pnl_before, gross_before = self.pnl, abs(self.notional)
        if half_tick is None or mark is None:
            self.pnl, self.notional = position.pnl_reporting, position.notional_reporting
        else:
            self.notional = half_tick * mark
            is_marked = position.mark_half_ticks is not None
            self.pnl = self._base + self.notional if is_marked else position.pnl_reporting
        return self.pnl - pnl_before, abs(self.notional) - gross_before

    def breaches(self, limits: RiskLimits) -> list[Breach]:
        """All conditions that restrict this symbol now."""
        scope = self.scope
        held = max(self._units / limits.max_position, abs(self.notional) / limits.max_position_notional)
        loss = max(NOTHING, (self.pnl - self.forgiven) / limits.max_loss)
        self.shares = (held, loss)
        found = loss_breaches(scope, loss, "MAX_LOSS")
        if scope.reaches("MAX_POSITION", held):
            found.append(Breach("REDUCE_ONLY", "MAX_POSITION"))
        if self.instrument is None:
            found.append(Breach("REDUCE_ONLY", "NO_INSTRUMENT"))
        if self.position_lots and self.mark_half_ticks is None:
            found.append(Breach("REDUCE_ONLY", "NO_MARK"))
        return found

    def forgive(self) -> None:
        """After a resume, a loss beyond its limit counts from here, and so do executions that halted."""
        if is_loss_in_force(self.scope, "MAX_LOSS"):
            self.forgiven = min(self.pnl, self.forgiven)
        if "REPEATED_EXECUTIONS" in self.scope.latches:
            self.repeated.clear()

    def uses(self, limits: RiskLimits) -> tuple[LimitUse, ...]:
        """How near the symbol is to its limits."""
        held, _ = self.shares
        return (
            LimitUse(name="position", value=float(held), limit=1.0, unit="share of the limit"),
            LimitUse(
                name="loss",
                value=float(min(NOTHING, self.pnl - self.forgiven)),
                limit=float(limits.max_loss),
                unit="reporting currency",
            ),
        )


def loss_breaches(scope: Scope, share: Decimal, reason: str) -> list[Breach]:
    """Reduce-only where the whole loss limit is used, a latched halt at HALT_FACTOR times it."""
    if not scope.reaches(reason, share):
        return []
    if share >= HALT_FACTOR:
        return [Breach("HALT", reason, latches=True)]
    return [Breach("REDUCE_ONLY", reason)]


def is_loss_in_force(scope: Scope, reason: str) -> bool:
    """Does this limit halt or restrict now? A resume after another halt must not renew its allowance."""
    return reason in scope.latches or reason in scope.reached
