"""The orders of one symbol: open ones by slot, the most recently ended ones, and the ids used."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from quote_service.routing.contract_versions import ContractVersions
from quote_service.routing.orders.client_ids import client_order_id, id_prefix
from quote_service.routing.orders.order_states import Order
from schemas.message import Side
from schemas.orders import OrderEventKind, OrderStatus
from schemas.recent_keys import RecentKeys

ENDED_ORDERS_KEPT = 256
"""Ended orders kept per symbol, so that a late fill finds its order."""
TRADE_IDS_KEPT = 1_024
"""Venue trade ids kept per symbol; after a reconnect a venue repeats its newest fills, not older ones."""
REFUSED_REPORTS_KEPT = 32
Slot = tuple[Side, int]
"""Side and level: the slot of at most one live order."""


class RefusedReport(NamedTuple):
    """A venue report that is illegal in the order's status."""

    time_ns: int
    client_order_id: str
    status: OrderStatus
    kind: OrderEventKind


@dataclass(slots=True)
class OrderTable:
    """Orders the venue may hold, ended orders, and trades counted."""

    id_prefix: str
    contract: ContractVersions
    open: dict[Slot, Order] = field(default_factory=dict)
    """Orders the venue may hold: none here is terminal."""
    ended: dict[str, Order] = field(default_factory=dict)
    """The most recently ended orders by client order id."""
    trade_ids: RecentKeys = field(default_factory=lambda: RecentKeys(TRADE_IDS_KEPT))
    ids_given: int = 0
    refused: deque[RefusedReport] = field(default_factory=lambda: deque(maxlen=REFUSED_REPORTS_KEPT))
    """The newest venue reports that were illegal in their order's status. They changed nothing."""

    @classmethod
    def of(cls, key: str, contract: ContractVersions) -> "OrderTable":
        """The table of a `venue:symbol` without orders."""
        return cls(id_prefix(key), contract)

    def next_client_order_id(self, side: Side, level: int) -> str:
        """The id that `new_client_order_id` will return."""
        return client_order_id(self.id_prefix, side, level, self.ids_given + 1)

    def new_client_order_id(self, side: Side, level: int) -> str:
        """An id never used before."""
        self.ids_given += 1
        return client_order_id(self.id_prefix, side, level, self.ids_given)

    def find(self, order_id: str) -> Order | None:
        """The order with that id, open or recently ended."""
        for order in self.open.values():
            if order.client_order_id == order_id:
                return order
        return self.ended.get(order_id)

    def put(self, order: Order) -> None:
        """Add an order that the venue may hold from now on."""
        self.open[order.side, order.level] = order

    def end(self, order: Order) -> None:
        """Retire an order that became terminal: its slot is free."""
        self.open.pop((order.side, order.level), None)
        self.ended[order.client_order_id] = order
        if len(self.ended) > ENDED_ORDERS_KEPT:
            del self.ended[next(iter(self.ended))]

    def refuse(self, order: Order, kind: OrderEventKind, now_ns: int) -> None:
        """Record a venue report that is illegal in the order's status; it changes nothing."""
        self.refused.append(RefusedReport(now_ns, order.client_order_id, order.status, kind))

    def free_orphan_level(self, side: Side) -> int:
        """The first free level below 0."""
        level = -1
        while (side, level) in self.open:
            level -= 1
        return level

    def add_trade(self, trade_id: str) -> bool:
        """Record a trade id; false where it was counted before."""
        return self.trade_ids.add(trade_id)

    def has_other_units(self) -> bool:
        """May the venue hold an order whose price and size are not comparable with a new one's?"""
        others = self.contract.other_units
        return bool(others) and any(order.instrument_version in others for order in self.open.values())

    def reserved_lots(self, side: Side, *, without: Order | None = None) -> int:
        """The most that a side's orders may still fill: live, in flight, being cancelled and unknown ones."""
        is_plain = not self.contract.other_units
        lots = 0
        for order in self.open.values():
            if order.side == side and order is not without:
                lots += order.reserved_lots if is_plain else self._reserved_in_force(order)
        return lots

    def lots_by_price(self) -> Mapping[Side, Mapping[int, int]]:
        """Own size at each price; an amend in flight counts at its old and its new price."""
        own: dict[Side, dict[int, int]] = {"buy": {}, "sell": {}}
        for order in self.open.values():
            at = own[order.side]
            for price in {order.price_ticks, order.asked_price_ticks}:
                at[price] = at.get(price, 0) + order.reserved_lots
        return own

    def _reserved_in_force(self, order: Order) -> int:
        """In lots of the contract in force."""
        terms = self.contract.terms
        version = order.instrument_version if terms is None else terms.version
        return self.contract.lots_in(order.reserved_lots, order.instrument_version, version)
