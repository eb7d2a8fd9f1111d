"""Outputs of a process under previous code, for its core to recollect, see Recollects."""

from collections import OrderedDict
from itertools import chain

from schemas.message import Event
from schemas.orders import TERMINAL_STATUSES, Fill, OrderEvent

RECOLLECTED = frozenset((OrderEvent.type_name, Fill.type_name))
_ENDED_MAX = 10_000
"""Number of ended orders kept, each with only its last event, and of fills kept."""


class PastOutputs:
    """Order events and fills, in order; grows with the number of open orders, not with time."""

    def __init__(self) -> None:
        self._count = 0
        self._orders: dict[str, list[tuple[int, Event]]] = {}
        self._ended: OrderedDict[str, tuple[int, Event]] = OrderedDict()
        self._fills: OrderedDict[int, Event] = OrderedDict()

    def record(self, event: Event) -> None:
        """Add the next output."""
        self._count += 1
        if isinstance(event, Fill):
            self._fills[self._count] = event
            if len(self._fills) > _ENDED_MAX:
                self._fills.popitem(last=False)
        elif isinstance(event, OrderEvent):
            self._record_order(event)

    def _record_order(self, event: OrderEvent) -> None:
        name = f"{event.key} {event.client_order_id}"
        if event.status not in TERMINAL_STATUSES:
            self._orders.setdefault(name, []).append((self._count, event))
            return
        self._orders.pop(name, None)
        self._ended[name] = (self._count, event)
        if len(self._ended) > _ENDED_MAX:
            self._ended.popitem(last=False)

    def messages(self) -> list[Event]:
        """All kept messages, in order of publication."""
        found = [*chain.from_iterable(self._orders.values()), *self._ended.values(), *self._fills.items()]
        return [event for _, event in sorted(found, key=lambda item: item[0])]
