"""Counts how many of our orders were filled. Keeps open orders, and the newest ended ones."""

from dataclasses import dataclass
from decimal import Decimal

from research.attribution.errors import InputError
from research.attribution.exact import ratio
from research.attribution.lines import OrderLine
from research.attribution.report import OrdersReport
from research.attribution.symbol_account import ZERO

ENDED_KEPT = 1_000
"""Ended orders that may be reopened: a venue may report a late fill, or revoke an end."""


@dataclass(frozen=True, slots=True)
class _End:
    """What an ended order contributed to the counts."""

    size: Decimal
    filled: Decimal
    is_cancel: bool


class OrderTally:
    """Counts over accepted orders; ratios over the finished ones of them."""

    def __init__(self) -> None:
        self._open: dict[str, Decimal] = {}
        self._ended: dict[str, _End] = {}
        self.open_ns = 0
        """Time with any order open."""
        self._accepted = self._rejected = self._cancelled = 0
        self._finished = self._with_fill = self._full = 0
        self._size = ZERO
        self._filled = ZERO

    @property
    def is_given(self) -> bool:
        """Were there any order lines?"""
        return bool(self._accepted or self._rejected)

    def pass_time(self, time_ns: int) -> None:
        """Account `time_ns` for the open orders."""
        if self._open:
            self.open_ns += time_ns

    def add(self, line: OrderLine) -> None:
        """Apply an order line; raises InputError where it is impossible."""
        if line.status == "rejected":
            self._rejected += 1
        elif line.status == "accepted":
            self._accept(line)
        elif line.status == "reopened":
            self._reopen(line)
        elif line.order_id not in self._open:
            raise InputError(
                "order_id", line.order_id, "no such order is open: give its accepted line before"
            )
        elif line.status == "amended":
            self._open[line.order_id] = _size(line)
        else:
            self._finish(line)

    def _accept(self, line: OrderLine) -> None:
        if line.order_id in self._open:
            raise InputError(
                "order_id", line.order_id, "this order is open already: use amended, or finish it"
            )
        self._ended.pop(line.order_id, None)
        self._open[line.order_id] = _size(line)
        self._accepted += 1

    def _reopen(self, line: OrderLine) -> None:
        end = self._ended.pop(line.order_id, None)
        if end is None:
            raise InputError(
                "order_id", line.order_id, f"it is none of the newest {ENDED_KEPT} orders that ended"
            )
        self._count(end, -1)
        self._open[line.order_id] = _size(line)

    def _finish(self, line: OrderLine) -> None:
        size, filled = self._open[line.order_id], line.filled
        if filled is None:
            raise InputError("filled", None, f"give the executed size of a {line.status} order, in units")
        if filled > size:
            raise InputError("filled", str(filled), f"more than the order's size of {size} cannot be")
        del self._open[line.order_id]
        end = _End(size, filled, line.status == "cancelled")
        self._count(end, 1)
        self._ended[line.order_id] = end
        if len(self._ended) > ENDED_KEPT:
            del self._ended[next(iter(self._ended))]

    def _count(self, end: _End, sign: int) -> None:
        """Add an end to the counts, or remove it."""
        self._finished += sign
        self._cancelled += sign * end.is_cancel
        self._with_fill += sign * (end.filled > 0)
        self._full += sign * (0 < end.filled == end.size)
        self._size += sign * end.size
        self._filled += sign * end.filled

    def report(self) -> OrdersReport:
        """The figures so far."""
        return OrdersReport(
            accepted=self._accepted,
            rejected=self._rejected,
            finished=self._finished,
            quantity_fill_ratio=ratio(self._filled, self._size),
            order_fill_ratio=ratio(self._with_fill, self._finished),
            full_fill_ratio=ratio(self._full, self._finished),
            cancel_ratio=ratio(self._cancelled, self._accepted),
        )


def _size(line: OrderLine) -> Decimal:
    if line.size is None:
        raise InputError("size", None, f"give the size of an {line.status} order, in units")
    return line.size
