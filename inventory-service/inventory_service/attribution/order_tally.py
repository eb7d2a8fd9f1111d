"""How many of our orders were filled (quant.md 7). Only open orders are kept."""

from decimal import Decimal

from inventory_service.attribution.book import ZERO
from inventory_service.attribution.errors import InputError
from inventory_service.attribution.exact import ratio
from inventory_service.attribution.lines import OrderLine
from inventory_service.attribution.report import OrdersReport


class OrderTally:
    """Counts over orders that were accepted; ratios over those of them that are finished."""

    def __init__(self) -> None:
        self._open: dict[str, Decimal] = {}
        self.open_ns = 0
        """Time with any order open."""
        self._accepted = self._rejected = self._cancelled = 0
        self._finished = self._with_fill = self._full = 0
        self._size = ZERO
        self._filled = ZERO

    @property
    def is_given(self) -> bool:
        """Was any order told of?"""
        return bool(self._accepted or self._rejected)

    def pass_time(self, time_ns: int) -> None:
        """The open orders were open for `time_ns`."""
        if self._open:
            self.open_ns += time_ns

    def add(self, line: OrderLine) -> None:
        """Something became of an order; raises InputError where it cannot have."""
        if line.status == "rejected":
            self._rejected += 1
        elif line.status == "accepted":
            self._accept(line)
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
                "order_id", line.order_id, "this order is open already: say amended or finish it"
            )
        self._open[line.order_id] = _size(line)
        self._accepted += 1

    def _finish(self, line: OrderLine) -> None:
        size, filled = self._open[line.order_id], line.filled
        if filled is None:
            raise InputError("filled", None, f"say how much of a {line.status} order was executed, in units")
        if filled > size:
            raise InputError("filled", str(filled), f"more than the order's size of {size} cannot be")
        del self._open[line.order_id]
        self._finished += 1
        self._cancelled += line.status == "cancelled"
        self._with_fill += filled > 0
        self._full += filled == size
        self._size += size
        self._filled += filled

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
        raise InputError("size", None, f"say the size of an {line.status} order, in units")
    return line.size
