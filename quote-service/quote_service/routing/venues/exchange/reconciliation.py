"""Reconciles the venue's orders with ours: after a disconnect, at intervals, and to prove a mass cancel."""

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

import structlog

from quote_service.routing.venues.exchange.account_orders import AccountOrder, cancel_one, open_orders
from quote_service.routing.venues.exchange.client import RestClient
from quote_service.routing.venues.exchange.facts import (
    OrderFacts,
    VenueContract,
    VenueOrderKey,
    order_facts,
    venue_client_id_of,
)
from quote_service.routing.venues.exchange.ids import OrderKey
from quote_service.routing.venues.exchange.outcomes import RequestFailedError
from quote_service.routing.venues.exchange.send import OrderSender
from quote_service.routing.venues.exchange.tracker import TrackedOrder, VenueOrder
from runtime.exchange.request_budget import Purpose
from schemas.message import ALL_SYMBOLS
from schemas.orders import OrderStatus, ReportKind, VenueOpenOrders
from schemas.units import NS_PER_MS, NS_PER_S

_RECENT_MARGIN_NS = 60 * NS_PER_S
_ANSWERS: Mapping[OrderStatus, ReportKind] = {"pending_new": "accepted", "unknown": "accepted"}
"""The report the router is waiting for, if the order is live; `amended` in every other status."""

logger = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class RestoredOrder:
    """An order that was open when the last session ended."""

    contract: VenueContract
    client_order_id: str
    status: OrderStatus
    tracked: TrackedOrder
    guess: VenueOrder
    """Its newest revision, used where the venue no longer lists the order."""


class VenueReconciliation:
    """Finds orphans and missing orders, and recovers the orders of an earlier session."""

    def __init__(
        self,
        rest: RestClient,
        sender: OrderSender,
        contracts: Mapping[str, VenueContract],
        now_ns: Callable[[], int],
        spawn: Callable[[Coroutine[Any, Any, None]], None],
    ) -> None:
        self._now_ns = now_ns
        self._rest = rest
        self._registry = rest.registry
        self._sender = sender
        self._contracts = contracts
        self._spawn = spawn
        self._strays: set[VenueOrderKey] = set()
        """Our orders on untraded symbols, while they are being cancelled."""

    def observe_ended(self, tracked: TrackedOrder, facts: OrderFacts) -> None:
        """The stream reported the end of an order that we did not cancel."""
        found = self._registry.find(facts)
        if found is not None:
            self._registry.update(*found, facts)
            self._spawn(self._sender.resolve(tracked))

    async def recover(self, known: list[RestoredOrder]) -> None:
        """Recover the state of an earlier session's open orders from the venue's order history."""
        by_symbol: dict[VenueContract, list[RestoredOrder]] = {}
        for each in known:
            by_symbol.setdefault(each.contract, []).append(each)
        for contract, orders in by_symbol.items():
            oldest_ns = int(min(each.guess.sent_at_s for each in orders) * NS_PER_S) - _RECENT_MARGIN_NS
            for facts in await self._recent(contract, oldest_ns):
                self._attach(facts, {each.client_order_id: each.tracked for each in orders})
        for each in known:
            if not each.tracked.venue_orders:
                each.tracked.venue_orders.append(each.guess)
            each.tracked.lock.release()
            self._spawn(self._sender.resume(each.tracked, each.status, _ANSWERS.get(each.status, "amended")))

    async def _recent(self, contract: VenueContract, since_ns: int) -> list[OrderFacts]:
        async def recent() -> list[OrderFacts]:
            orders = await self._rest.dialect.recent_orders(contract, since_ns // NS_PER_MS)
            return [order_facts(order, contract) for order in orders]

        return await self._rest.request("recent_orders", "query", recent)

    def _attach(self, facts: OrderFacts, known: Mapping[str, TrackedOrder]) -> None:
        order_key = self._registry.key_of(facts)
        tracked = None if order_key is None else known.get(order_key.client_order_id)
        if order_key is None or tracked is None or self._registry.find(facts) is not None:
            return
        venue_order = _venue_order_of(facts, order_key.revision)
        tracked.venue_orders.append(venue_order)
        self._registry.update(tracked, venue_order, facts)

    async def match_trades(self) -> None:
        """Look up the orders of trades that no order of ours matched, and book those of ours."""
        for contract, trade in self._registry.unmatched_trades():

            async def look_up(
                contract: VenueContract = contract, venue_id: str = trade.venue_id
            ) -> OrderFacts:
                order = await self._rest.dialect.look_up(contract, None, venue_id)
                return order_facts(order, self._registry.contract_of(venue_client_id_of(order), contract))

            facts = await self._rest.request("look_up", "query", look_up)
            order_key = self._registry.key_of(facts)
            if order_key is None:
                self._registry.drop_unmatched(trade)
                continue
            self._spawn(self._sender.resolve(self._update_or_track(contract, facts, order_key)))

    def _update_or_track(
        self, contract: VenueContract, facts: OrderFacts, order_key: OrderKey
    ) -> TrackedOrder:
        """Update an order of ours from the venue, tracking it if it is not tracked."""
        found = self._registry.find(facts)
        if found is None:
            tracked = self._registry.get(order_key.client_order_id) or self._registry.add(
                TrackedOrder(contract, order_key.client_order_id, facts.side)
            )
            venue_order = _venue_order_of(facts, order_key.revision)
            tracked.venue_orders.append(venue_order)
        else:
            tracked, venue_order = found
        self._registry.update(tracked, venue_order, facts)
        return tracked

    async def reconcile(self, asked_ns: int, purpose: Purpose = "query") -> VenueOpenOrders:
        """Request all open orders of the account, and resolve differences in both directions.

        An order with our prefix is ours, whatever its symbol.
        """
        shown = await open_orders(self._rest, purpose)
        own = [order for order in shown if self._registry.ids.is_own(order.venue_client_id)]
        known = [facts for order in own if (facts := self._facts(order)) is not None]
        for facts in known:
            self._observe_open(facts, asked_ns)
        self._check_for_missing({facts.venue_key for facts in known}, asked_ns)
        self._cancel_strays([order for order in own if self._facts(order) is None])
        return VenueOpenOrders(
            event_time_ns=self._now_ns(),
            asked_ns=asked_ns,
            venue=self._rest.config.id,
            symbol=ALL_SYMBOLS,
            own=tuple(self._name(order) for order in own),
            foreign=len(shown) - len(own),
        )

    def _facts(self, order: AccountOrder) -> OrderFacts | None:
        """The order in ticks and lots; None for an untraded symbol or an unknown id."""
        contract = self._contract(order.symbol)
        if contract is None:
            return None
        facts = order_facts(order.unified, self._registry.contract_of(order.venue_client_id, contract))
        return facts if self._registry.key_of(facts) is not None else None

    def _cancel_strays(self, strays: list[AccountOrder]) -> None:
        for order in strays:
            if order.venue_key not in self._strays:
                self._strays.add(order.venue_key)
                logger.error("own_order_on_untraded_symbol", symbol=order.symbol, order=order.venue_client_id)
                self._spawn(self._cancel_stray(order))

    async def _cancel_stray(self, order: AccountOrder) -> None:
        """Cancel once; if the venue lists it again, the next reconciliation retries."""
        try:
            await cancel_one(self._rest, order)
        except RequestFailedError as error:
            logger.warning("order_cancel_failed", order=order.venue_client_id, because=str(error)[:300])
        finally:
            self._strays.discard(order.venue_key)

    def _contract(self, symbol: str) -> VenueContract | None:
        return self._contracts.get(f"{self._rest.config.id}:{symbol}")

    def _name(self, order: AccountOrder) -> str:
        order_key = self._registry.ids.from_venue(order.venue_client_id)
        return order.venue_client_id if order_key is None else order_key.client_order_id

    def _observe_open(self, facts: OrderFacts, asked_ns: int) -> None:
        """The list may be as old as its request: newer changes to an order take precedence."""
        found = self._registry.find(facts)
        if found is None:
            self._adopt_order(facts)
            return
        tracked, venue_order = found
        if tracked.ended_ns is not None:
            if tracked.ended_ns < asked_ns:
                self._adopt_order(facts)
            return
        if tracked.lock.locked() or venue_order.sent_at_s * NS_PER_S >= asked_ns:
            return
        self._registry.update(tracked, venue_order, facts)
        if tracked.missing_lots:
            self._spawn(self._sender.resolver.book_all(tracked))

    def _adopt_order(self, facts: OrderFacts) -> None:
        """Track an order of ours that is open at the venue and that we counted as ended or did not know."""
        order_key = self._registry.key_of(facts)
        in_force = self._contract(facts.symbol)
        if order_key is None or in_force is None:
            return
        contract = self._registry.contract_of(facts.venue_client_id, in_force)
        logger.warning("orphan_order", order=facts.venue_client_id, venue_id=facts.venue_id)
        venue_order = _venue_order_of(facts, order_key.revision)
        tracked = self._registry.get(order_key.client_order_id)
        if tracked is None or tracked.is_ended:
            tracked = self._registry.add(TrackedOrder(contract, order_key.client_order_id, facts.side))
        tracked.venue_orders.append(venue_order)
        self._registry.update(tracked, venue_order, facts)
        self._registry.report(tracked, "orphan")

    def _check_for_missing(self, shown: set[VenueOrderKey], asked_ns: int) -> None:
        for tracked in self._registry.live_orders():
            live = tracked.live_order
            if live is None or tracked.lock.locked():
                continue
            if VenueOrderKey(tracked.contract.symbol, live.venue_id or "") in shown:
                continue
            if live.sent_at_s * NS_PER_S < asked_ns:
                logger.warning("order_missing_at_venue", order=live.venue_client_id)
                live.mark_unknown(self._registry.now_s())
                self._spawn(self._sender.resolve(tracked))


def _venue_order_of(facts: OrderFacts, revision: int) -> VenueOrder:
    return VenueOrder(
        facts.venue_client_id or "", revision, facts.price_ticks, facts.size_lots, sent_at_s=0.0
    )
