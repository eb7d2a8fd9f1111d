"""Compares what the venue holds with what we count: after a break, at intervals, to prove a withdrawal."""

import time
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

import structlog

from quote_service.routing.venues.exchange.budget import Purpose
from quote_service.routing.venues.exchange.facts import Contract, OrderFacts, order_facts
from quote_service.routing.venues.exchange.ids import OrderKey
from quote_service.routing.venues.exchange.outcomes import classified
from quote_service.routing.venues.exchange.sender import LOOK_UP_WEIGHT, Desk, Sender
from quote_service.routing.venues.exchange.tracked import Tracked, WireOrder
from schemas.message import ALL_SYMBOLS
from schemas.orders import OrderStatus, ReportKind, VenueOpenOrders
from schemas.units import NS_PER_MS, NS_PER_S

OPEN_ORDERS_WEIGHT = 80
RECENT_ORDERS_WEIGHT = 20
_RECENT_MARGIN_NS = 60 * NS_PER_S
_ANSWERS: Mapping[OrderStatus, ReportKind] = {"pending_new": "accepted", "unknown": "accepted"}
"""What the router waits to hear of an order that lives; `amended` in every other status."""

logger = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Known:
    """An order that the router counts as open from before this connection."""

    contract: Contract
    client_order_id: str
    status: OrderStatus
    tracked: Tracked
    guess: WireOrder
    """Its newest revision, where the venue shows none of it."""


class Comparer:
    """Finds orphans, missing orders, and what became of orders of an earlier life."""

    def __init__(
        self,
        desk: Desk,
        sender: Sender,
        contracts: Mapping[str, Contract],
        now_ns: Callable[[], int],
        spawn: Callable[[Coroutine[Any, Any, None]], None],
    ) -> None:
        self._now_ns = now_ns
        self._desk = desk
        self._register = desk.register
        self._sender = sender
        self._contracts = contracts
        self._spawn = spawn

    def see_ended(self, tracked: Tracked, facts: OrderFacts) -> None:
        """The stream shows that an order has ended that nobody cancelled."""
        found = self._register.find(facts)
        if found is not None:
            self._register.learn(*found, facts)
            self._spawn(self._sender.clear_up(tracked))

    async def recover(self, known: list[Known]) -> None:
        """What became of orders that were open when an earlier life ended, by the venue's own history."""
        by_symbol: dict[Contract, list[Known]] = {}
        for each in known:
            by_symbol.setdefault(each.contract, []).append(each)
        for contract, orders in by_symbol.items():
            oldest_ns = int(min(each.guess.sent_at_s for each in orders) * NS_PER_S) - _RECENT_MARGIN_NS
            for facts in await self._recent(contract, oldest_ns):
                self._attach(facts, {each.client_order_id: each.tracked for each in orders})
        for each in known:
            if not each.tracked.wires:
                each.tracked.wires.append(each.guess)
            each.tracked.lock.release()
            self._spawn(self._sender.go_on(each.tracked, each.status, _ANSWERS.get(each.status, "amended")))

    async def _recent(self, contract: Contract, since_ns: int) -> list[OrderFacts]:
        await self._desk.budget.take(RECENT_ORDERS_WEIGHT, "query")
        try:
            orders = await self._desk.dialect.recent_orders(contract, since_ns // NS_PER_MS)
            return [order_facts(order, contract) for order in orders]
        except Exception as error:
            raise classified(error) from error

    def _attach(self, facts: OrderFacts, known: Mapping[str, Tracked]) -> None:
        order_key = None if facts.wire_id is None else self._register.ids.from_wire(facts.wire_id)
        tracked = None if order_key is None else known.get(order_key.client_order_id)
        if order_key is None or tracked is None or self._register.find(facts) is not None:
            return
        wire = _wire_of(facts, order_key.revision)
        tracked.wires.append(wire)
        self._register.learn(tracked, wire, facts)

    async def place_trades(self) -> None:
        """Whose are trades of the account that belong to no order that is known? Ours are booked."""
        for contract, trade in self._register.unplaced():
            await self._desk.budget.take(LOOK_UP_WEIGHT, "query")
            try:
                found = await self._desk.dialect.look_up(contract, None, trade.venue_id)
                facts = order_facts(found, contract)
            except Exception as error:
                raise classified(error) from error
            order_key = self._register.ids.from_wire(facts.wire_id or "")
            if order_key is None:
                self._register.drop_unplaced(trade)
                continue
            self._spawn(self._sender.clear_up(self._learn(contract, facts, order_key)))

    def _learn(self, contract: Contract, facts: OrderFacts, order_key: OrderKey) -> Tracked:
        """Take over what the venue says of an order of ours, whatever was known of it before."""
        found = self._register.find(facts)
        if found is None:
            tracked = self._register.get(order_key.client_order_id) or self._register.add(
                Tracked(contract, order_key.client_order_id, facts.side)
            )
            wire = _wire_of(facts, order_key.revision)
            tracked.wires.append(wire)
        else:
            tracked, wire = found
        self._register.learn(tracked, wire, facts)
        return tracked

    async def compare(self, asked_ns: int, purpose: Purpose = "query") -> VenueOpenOrders:
        """Ask for all open orders; what is there and not counted, and the other way, is set right."""
        shown = await self._open_orders(purpose)
        own = [facts for facts in shown if self._register.ids.is_own(facts.wire_id)]
        for facts in own:
            self._see_open(facts, asked_ns)
        self._look_for_missing({facts.venue_id for facts in own}, asked_ns)
        return VenueOpenOrders(
            event_time_ns=self._now_ns(),
            asked_ns=asked_ns,
            venue=self._desk.config.id,
            symbol=ALL_SYMBOLS,
            own=tuple(self._name(facts) for facts in own),
            foreign=len(shown) - len(own),
        )

    async def _open_orders(self, purpose: Purpose) -> list[OrderFacts]:
        await self._desk.budget.take(OPEN_ORDERS_WEIGHT, purpose)
        try:
            orders = await self._desk.dialect.client.fetch_open_orders()
            return [
                order_facts(order, contract)
                for order in orders
                if (contract := self._contract(order["symbol"])) is not None
            ]
        except Exception as error:
            raise classified(error) from error

    def _contract(self, symbol: str) -> Contract | None:
        return self._contracts.get(f"{self._desk.config.id}:{symbol}")

    def _name(self, facts: OrderFacts) -> str:
        order_key = self._register.ids.from_wire(facts.wire_id or "")
        return facts.wire_id or "" if order_key is None else order_key.client_order_id

    def _see_open(self, facts: OrderFacts, asked_ns: int) -> None:
        """An answer is as old as its question: what became of an order since then counts, not the answer."""
        found = self._register.find(facts)
        if found is None:
            self._take_in(facts)
            return
        tracked, wire = found
        if tracked.ended_ns is not None:
            if tracked.ended_ns < asked_ns:
                self._take_in(facts)
            return
        if tracked.lock.locked() or wire.sent_at_s * NS_PER_S >= asked_ns:
            return
        self._register.learn(tracked, wire, facts)
        if tracked.missing_lots:
            self._spawn(self._sender.finder.book_all(tracked))

    def _take_in(self, facts: OrderFacts) -> None:
        """An order of ours that is open and does not count as such."""
        order_key = self._register.ids.from_wire(facts.wire_id or "")
        contract = self._contract(facts.symbol)
        if order_key is None or contract is None:
            return
        logger.warning("orphan", order=facts.wire_id, venue_id=facts.venue_id)
        wire = _wire_of(facts, order_key.revision)
        tracked = self._register.get(order_key.client_order_id)
        if tracked is None or tracked.is_ended:
            tracked = self._register.add(Tracked(contract, order_key.client_order_id, facts.side))
        tracked.wires.append(wire)
        self._register.learn(tracked, wire, facts)
        self._register.report(tracked, "orphan")

    def _look_for_missing(self, shown: set[str], asked_ns: int) -> None:
        for tracked in self._register.living():
            living = tracked.living
            if living is None or living.venue_id in shown or tracked.lock.locked():
                continue
            if living.sent_at_s * NS_PER_S < asked_ns:
                logger.warning("missing", order=living.wire_id)
                living.doubt(time.time())
                self._spawn(self._sender.clear_up(tracked))


def _wire_of(facts: OrderFacts, revision: int) -> WireOrder:
    return WireOrder(facts.wire_id or "", revision, facts.price_ticks, facts.size_lots, sent_at_s=0.0)
