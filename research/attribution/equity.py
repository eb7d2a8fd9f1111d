"""Drawdown of the equity, and Sharpe of its one-minute changes (docs/FORMULAS.md, Drawdown and Sharpe).

The high-water mark is the largest equity so far, including the start. The drawdown is the fall from it, in
money always, and as a share of it where the starting equity is known ((HWM - E) / HWM). Deposits and
withdrawals change the number of units, not the value of one: the share refers to a unit. Minutes count from
the first event; an incomplete one at the end is not counted. Sharpe is the mean of the minutes' profit over
its standard deviation, per minute and per year of 525,600 minutes, without subtracting a risk-free rate.
"""

from decimal import Decimal
from math import sqrt

from research.attribution.moments import Moments
from research.attribution.report import EquityReport
from research.attribution.symbol_account import ZERO
from schemas.units import NS_PER_S

MINUTE_NS = 60 * NS_PER_S
MINUTES_PER_YEAR = 365 * 24 * 60


class EquityCurve:
    """The change of equity over time, in one currency."""

    def __init__(self, start_equity: Decimal | None = None) -> None:
        self._start = start_equity
        self._paid_in = ZERO
        self._units = float(start_equity or 0)
        """Units, each worth 1 at the start."""
        self._unit_peak = 1.0
        self._change = ZERO
        self._peak = ZERO
        self._fall_max = ZERO
        self._share_max = 0.0
        self._minutes = Moments()
        self._time_ns: int | None = None
        self._minute_end_ns = 0
        self._minute_began_with = ZERO

    def update(self, time_ns: int, change: Decimal) -> None:
        """Equity is its start plus `change` from `time_ns` on; times never go back."""
        if self._time_ns is None:
            self._minute_end_ns = time_ns + MINUTE_NS
        elif time_ns > self._time_ns:
            self._judge()
            self._pass_minutes(time_ns)
        self._time_ns = time_ns
        self._change = change

    def begin_with(self, change: Decimal) -> None:
        """Profit from before: not part of any minute, but a fall from it is a drawdown."""
        self._change += change
        self._minute_began_with += change
        self._peak = max(self._peak + change, ZERO)

    def pay_in(self, time_ns: int, amount: Decimal) -> None:
        """A deposit (positive) or withdrawal, not profit. Raises ValueError where nothing is left."""
        self.update(time_ns, self._change)
        if self._start is None:
            return
        self._judge()
        unit = self._unit()
        if unit <= 0 or self._units + float(amount) / unit <= 0:
            raise ValueError(f"it leaves no equity of {self._start + self._change + self._paid_in}")
        self._units += float(amount) / unit
        self._paid_in += amount

    def _unit(self) -> float:
        """The value of a unit."""
        return float((self._start or ZERO) + self._change + self._paid_in) / self._units

    def _judge(self) -> None:
        """Update the drawdown with the equity at the end of a moment.

        Lines of one time are applied in sequence: a peak between them was never attainable.
        """
        self._peak = max(self._peak, self._change)
        fall = self._peak - self._change
        self._fall_max = max(self._fall_max, fall)
        if self._start is not None:
            unit = self._unit()
            self._unit_peak = max(self._unit_peak, unit)
            self._share_max = max(self._share_max, (self._unit_peak - unit) / self._unit_peak)

    def _pass_minutes(self, time_ns: int) -> None:
        """Close minutes that ended by now: the first gets the profit so far, the others none."""
        passed = (time_ns - self._minute_end_ns) // MINUTE_NS + 1
        if passed > 0:
            self._minutes.add(float(self._change - self._minute_began_with))
            self._minutes.add_zeros(passed - 1)
            self._minute_began_with = self._change
            self._minute_end_ns += passed * MINUTE_NS

    def report(self) -> EquityReport:
        """The figures so far."""
        self._judge()
        minutes = self._minutes
        sharpe = minutes.mean / minutes.deviation if minutes.deviation else None
        return EquityReport(
            max_drawdown=self._fall_max,
            max_drawdown_share=None if self._start is None else self._share_max,
            minutes=minutes.count,
            minute_mean=minutes.mean if minutes.count else None,
            minute_deviation=minutes.deviation,
            sharpe_minute=sharpe,
            sharpe_year=None if sharpe is None else sharpe * sqrt(MINUTES_PER_YEAR),
        )
