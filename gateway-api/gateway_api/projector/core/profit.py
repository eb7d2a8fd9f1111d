"""The PnL of one symbol by period, at the latest mid, as shown on the page, in the summary and the API."""

from dataclasses import dataclass
from decimal import Decimal

from schemas.carried.view import CarriedProfit
from schemas.inventory import Position
from schemas.market import Instrument
from schemas.marking import marked
from schemas.units import NS_PER_S
from schemas.views import Profits

DAY_NS = 86_400 * NS_PER_S


def day_of(time_ns: int) -> int:
    """The last 00:00 UTC at or before a time, nanoseconds."""
    return time_ns - time_ns % DAY_NS


@dataclass(slots=True)
class ProfitFold:
    """The latest position and mid, in order of arrival, as the ledger applies them.

    Totals continue over sessions, so the PnL of a session or day is the total less a base: the total at its
    start. A ledger that begins within the period starts at 0.
    """

    instrument: Instrument | None = None
    """In force."""
    contract: Instrument | None = None
    """The contract in whose units the position is counted."""
    position: Position | None = None
    """As published by inventory-service."""
    mark_half_ticks: int | None = None
    """Twice the mid, in ticks of the contract."""
    marked_ns: int = 0
    session_base: Decimal = Decimal(0)
    day_base: Decimal = Decimal(0)
    carried_base: Decimal | None = None
    """Session base of the carried state."""
    carried_ns: int | None = None
    """End of the previous session: positions of that session are older than the carried mark."""

    def apply_instrument(self, instrument: Instrument) -> None:
        """The contract in force."""
        self.instrument = instrument
        self._find_contract()

    def apply_position(self, position: Position) -> None:
        """A position at its own mark, unless it is older than the carried mark."""
        self.position = position
        self._find_contract()
        is_of_before = self.carried_ns is not None and position.event_time_ns <= self.carried_ns
        if position.mark_half_ticks == self.mark_half_ticks or (is_of_before and self.mark_half_ticks):
            return
        self.carried_ns = None
        self.mark_half_ticks = position.mark_half_ticks
        self.marked_ns = position.event_time_ns

    def begin_with(self, position: Position) -> None:
        """A ledger older than the session, without carried state."""
        self.session_base = self.day_base = position.pnl

    def _find_contract(self) -> None:
        position, instrument = self.position, self.instrument
        if position is not None and instrument is not None and _counts_in(position, instrument):
            self.contract = instrument

    def apply_mid(self, mid_half_ticks: int, time_ns: int) -> None:
        """The mid in ticks of the contract in force; mids of other contracts do not apply."""
        if self.contract is None or self.instrument is None:
            return
        if self.instrument.has_units_of(self.contract):
            self.mark_half_ticks = mid_half_ticks
            self.marked_ns = time_ns

    def marked(self) -> Position | None:
        """The position at the latest mid."""
        position, contract, mark = self.position, self.contract, self.mark_half_ticks
        if position is None or contract is None or mark is None or not _counts_in(position, contract):
            return position
        return marked(position, mark, contract)

    @property
    def total(self) -> Decimal:
        """Since the ledger began, in the quote currency."""
        position = self.marked()
        return self.session_base if position is None else position.pnl

    def begin_session(self, carried_ns: int) -> None:
        """Begin a session; earlier positions stay at the latest mark."""
        self.session_base = self.total
        self.carried_ns = carried_ns

    def continue_session(self) -> None:
        """The carried state is of the session in progress: its PnL counts from where it began."""
        if self.carried_base is not None:
            self.session_base = self.carried_base

    def begin_day(self) -> None:
        """Begin a day."""
        self.day_base = self.total

    def view(self, position: Position | None) -> Profits | None:
        """PnL by period, of the marked position."""
        if position is None:
            return None
        contract = self.contract or self.instrument
        return Profits.model_construct(
            event_time_ns=self.marked_ns,
            currency=position.quote_currency,
            rate=Decimal(1) if contract is None else contract.reporting_rate,
            total=position.pnl,
            session=position.pnl - self.session_base,
            day=position.pnl - self.day_base,
        )

    def carried(self, day_began_ns: int) -> CarriedProfit:
        """The base for the next session."""
        return CarriedProfit(
            total=self.total,
            day_base=self.day_base,
            session_base=self.session_base,
            day_began_ns=day_began_ns,
            mark_half_ticks=self.mark_half_ticks,
            marked_ns=self.marked_ns,
            contract=self.contract,
        )

    def restore(self, carried: CarriedProfit, day_began_ns: int, carried_ns: int) -> None:
        """Begin a session where the previous one ended, and on a different day also a new day."""
        self.session_base = carried.total
        self.carried_base = carried.session_base
        self.day_base = carried.day_base if carried.day_began_ns == day_began_ns else carried.total
        self.mark_half_ticks = carried.mark_half_ticks
        self.marked_ns = carried.marked_ns
        self.contract = carried.contract
        self.carried_ns = carried_ns


def _counts_in(position: Position, contract: Instrument) -> bool:
    return position.instrument_version == contract.version
