"""One symbol against its limits: position and loss, in base units and in the reporting currency."""

from dataclasses import dataclass, field
from decimal import Decimal

from risk_service.core.book_watch import BookWatch
from risk_service.core.fee_watch import FeeWatch
from risk_service.core.overload_watch import OverloadWatch
from risk_service.core.repeated_executions import RepeatedExecutions
from risk_service.core.scope import COUNTED_OTHERWISE, Breach, Scope
from schemas.config import Config, RiskLimits
from schemas.inventory import Position
from schemas.market import Instrument
from schemas.risk import LimitUse

NOTHING = Decimal(0)
ONE = Decimal(1)


@dataclass(slots=True)
class SymbolRisk:
    """risk-service's state of one symbol. Money is in the reporting currency."""

    scope: Scope
    instrument: Instrument | None = None
    position: Position | None = None
    mark_half_ticks: int | None = None
    mark_ns: int = 0
    """When the market last gave a mark."""
    mark_tick_size: Decimal | None = None
    """Tick size of a carried mark, until the contract is known."""
    is_held: bool = False
    """Is there a position?"""
    has_old_mark: bool = False
    """It was alerted that its market is not followed."""
    pnl: Decimal = NOTHING
    notional: Decimal = NOTHING
    """Signed."""
    forgiven: Decimal = NOTHING
    """Profit at the last resume after a loss: losses count from there, or the halt would recur at once."""
    repeated: RepeatedExecutions = field(default_factory=RepeatedExecutions)
    book: BookWatch = field(default_factory=BookWatch)
    overload: OverloadWatch = field(default_factory=OverloadWatch)
    fees: FeeWatch = field(default_factory=FeeWatch)
    shares: tuple[Decimal, ...] = (NOTHING, NOTHING)
    """Share of each limit in use, as last measured."""
    loss_halt_at: Decimal = ONE
    """Share of the loss limit that halts."""
    units: Decimal = NOTHING
    """Base units held, without sign."""
    _half_tick: Decimal | None = None
    """Gain of the position per half tick; None while the instrument is unknown."""
    _base: Decimal = NOTHING
    """Profit at a mark of 0: the reported profit without the position's value at its mark."""

    @property
    def limit_names(self) -> tuple[str, ...]:
        """Names of the limits, parallel to shares and uses()."""
        return ("position", "loss")

    def mark(self, half_ticks: int, now_ns: int) -> bool:
        """Apply the market's mark; did it change?"""
        is_news = half_ticks != self.mark_half_ticks
        self.mark_half_ticks, self.mark_ns = half_ticks, now_ns
        return is_news

    def hold(self, position: Position) -> None:
        """Apply a new position."""
        self.position = position
        self.is_held = position.position_lots != 0
        instrument = self.instrument
        is_in_terms = instrument is None or instrument.version == position.instrument_version
        if self.mark_half_ticks is None and is_in_terms:
            self.mark_half_ticks, self.mark_ns = position.mark_half_ticks, position.event_time_ns
        self._convert_terms()

    def trade_as(self, instrument: Instrument) -> None:
        """Apply a new contract.

        Another version with other units voids the mark, and the position counts at its own figures until it
        is published in these units. Other units under the same version halt: they would be ambiguous.
        """
        known, self.instrument = self.instrument, instrument
        if known is None:
            if self.is_counted_otherwise or self.mark_tick_size not in (None, instrument.tick_size):
                self.mark_half_ticks = None
        elif not instrument.has_units_of(known):
            if instrument.version == known.version:
                self.instrument = known
                self.scope.latch("INSTRUMENT_CHANGED")
                return
            self.mark_half_ticks = None
        self._convert_terms()

    @property
    def is_counted_otherwise(self) -> bool:
        """Is there a position in units other than those of the contract in force?"""
        position, instrument = self.position, self.instrument
        if position is None or instrument is None or not position.position_lots:
            return False
        return position.instrument_version != instrument.version

    def _convert_terms(self) -> None:
        position, instrument = self.position, self.instrument
        if position is None or instrument is None:
            return
        if self.is_counted_otherwise:
            self._half_tick = None
            return
        lots = position.position_lots
        half_tick = lots * instrument.money_per_tick_lot * instrument.reporting_rate / 2
        self.units = abs(lots) * instrument.lot_size * instrument.multiplier
        self._half_tick = half_tick
        self._base = _safe_pnl(position) - half_tick * (position.mark_half_ticks or 0)

    def revalue(self) -> tuple[Decimal, Decimal]:
        """Apply the newest mark; returns the changes of profit and of gross notional."""
        position, half_tick, mark = self.position, self._half_tick, self.mark_half_ticks
        if position is None:
            return NOTHING, NOTHING
        pnl_before, gross_before = self.pnl, abs(self.notional)
        if half_tick is None or mark is None:
            self.pnl, self.notional = _safe_pnl(position), position.notional_reporting
        else:
            self.notional = half_tick * mark
            is_marked = position.mark_half_ticks is not None
            self.pnl = self._base + self.notional if is_marked else _safe_pnl(position)
        return self.pnl - pnl_before, abs(self.notional) - gross_before

    def measure(self, limits: RiskLimits) -> None:
        """Update the shares used of position and loss limit."""
        held = max(self.units / limits.max_position, abs(self.notional) / limits.max_position_notional)
        loss = max(NOTHING, (self.pnl - self.forgiven) / limits.max_loss)
        self.shares = (held, loss)
        self.loss_halt_at = limits.loss_halt_at
        self.scope.observe_share("MAX_LOSS", loss)
        self.scope.observe_share("MAX_POSITION", held)

    def breaches(self) -> list[Breach]:
        """All conditions that restrict this symbol, by the shares last measured."""
        _, loss = self.shares
        found = loss_breaches(self.scope, loss, "MAX_LOSS", self.loss_halt_at)
        if self.scope.is_reached("MAX_POSITION"):
            found.append(Breach("REDUCE_ONLY", "MAX_POSITION"))
        if self.instrument is None:
            found.append(Breach("REDUCE_ONLY", "NO_INSTRUMENT"))
        because = "" if self.position is None else self.position.halted_because
        if because or self.is_counted_otherwise:
            found.append(Breach("HALT", because or COUNTED_OTHERWISE))
        if self.is_held and self.mark_half_ticks is None:
            found.append(Breach("REDUCE_ONLY", "NO_MARK"))
        return found

    def forgive(self) -> None:
        """After a resume, losses beyond the limit and repeated executions are counted from the present."""
        if is_loss_in_force(self.scope, "MAX_LOSS"):
            self.forgiven = min(self.pnl, self.forgiven)
        if "REPEATED_EXECUTIONS" in self.scope.latches:
            self.repeated.clear()

    def uses(self, limits: RiskLimits) -> tuple[LimitUse, ...]:
        """The symbol's use of its limits."""
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


def _safe_pnl(position: Position) -> Decimal:
    """The profit as limits count it: fees without a rate are deducted at their reserve."""
    return position.pnl_reporting - position.open_fees_reserve


def loss_breaches(scope: Scope, share: Decimal, reason: str, halt_at: Decimal) -> list[Breach]:
    """Reduce-only where the whole loss limit is used, a latched halt at `halt_at` times it."""
    if not scope.is_reached(reason):
        return []
    if share >= halt_at:
        return [Breach("HALT", reason, latches=True)]
    return [Breach("REDUCE_ONLY", reason)]


def is_loss_in_force(scope: Scope, reason: str) -> bool:
    """Does this limit halt or restrict now? A resume after another halt must not renew its allowance."""
    return reason in scope.latches or scope.is_reached(reason)


def own_limits(config: Config) -> dict[str, RiskLimits]:
    """Of the symbols with limits of their own. Raises ValueError for invalid ones."""
    return {
        symbol: config.of_symbol(symbol).risk_limits
        for symbol, own in config.per_symbol.items()
        if own.risk_limits
    }
