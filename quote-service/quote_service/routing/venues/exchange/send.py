"""Executes the router's intents: each is sent once, and its outcome determined.

A request without a response may have had any outcome. The order is then looked up at the venue until its
state is certain: it is live, it has ended, or it can no longer arrive.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import structlog

from quote_service.routing.venues.exchange.client import RestClient, retries
from quote_service.routing.venues.exchange.facts import (
    OrderFacts,
    TradeFacts,
    VenueContract,
    order_facts,
    trade_facts,
)
from quote_service.routing.venues.exchange.outcomes import (
    NO_ANSWER,
    NOT_AT_VENUE,
    HeldBackError,
    OrderGoneError,
    ReplacementRefusedError,
    RequestFailedError,
    RequestRefusedError,
)
from quote_service.routing.venues.exchange.tracker import TrackedOrder, VenueOrder
from schemas.orders import OrderEvent, OrderStatus, ReportKind

LOOKUPS_MIN = 2
"""An order counts as absent only after this many lookups, the last one after the receive window."""
WINDOW_MARGIN_S = 1.0
STREAM_GRACE_S = 0.3
"""How long to wait for the stream to deliver an order's trades before requesting them."""

logger = structlog.get_logger()


class OrderResolver:
    """Determines the state of orders whose outcome is unknown."""

    def __init__(self, rest: RestClient) -> None:
        self._rest = rest
        self._window_s = rest.config.receive_window_ms / 1e3 + WINDOW_MARGIN_S

    async def settle(self, tracked: TrackedOrder) -> None:
        """Wait until each of its venue orders is known to be live or ended."""
        for venue_order in tracked.venue_orders:
            if venue_order.state == "sent":
                await self._find(tracked, venue_order)

    async def _find(self, tracked: TrackedOrder, venue_order: VenueOrder) -> None:
        backoff = retries()
        absences = 0
        while venue_order.state == "sent":
            try:
                await self._look_up(tracked, venue_order)
            except OrderGoneError:
                absences += 1
                is_over = self._rest.registry.now_s() - venue_order.sent_at_s > self._window_s
                if is_over and absences >= LOOKUPS_MIN:
                    venue_order.state = "absent" if venue_order.venue_id is None else "ended"
                    return
            except RequestFailedError as error:
                logger.warning(
                    "order_lookup_failed", order=venue_order.venue_client_id, because=str(error)[:300]
                )
            if venue_order.state == "sent":
                await backoff.wait()

    async def _look_up(self, tracked: TrackedOrder, venue_order: VenueOrder) -> None:
        registry, contract = self._rest.registry, tracked.contract

        async def look_up() -> OrderFacts:
            return order_facts(
                await self._rest.dialect.look_up(contract, venue_order.venue_client_id, venue_order.venue_id),
                contract,
            )

        facts = await self._rest.request("look_up", "order", look_up)
        if not registry.matches(tracked, venue_order, facts):
            raise OrderGoneError(NOT_AT_VENUE, f"venue order {facts.venue_id} used this id before")
        registry.update(tracked, venue_order, facts)

    async def finish(self, tracked: TrackedOrder) -> None:
        """Report the end of an order, after booking its trades."""
        await self.book_all(tracked)
        if not tracked.is_ended:
            self._rest.registry.report(tracked, "cancelled")
            self._rest.registry.end(tracked)

    async def book_all(self, tracked: TrackedOrder) -> None:
        """Wait until all fills that the venue reports are booked."""
        backoff = retries()
        if tracked.missing_lots:
            await asyncio.sleep(STREAM_GRACE_S)
        while tracked.missing_lots:
            for venue_order in tracked.venue_orders:
                if venue_order.filled_lots > venue_order.booked_lots and venue_order.venue_id is not None:
                    await self._fetch_trades(tracked.contract, venue_order.venue_id)
            if tracked.missing_lots:
                await backoff.wait()

    async def _fetch_trades(self, contract: VenueContract, venue_id: str) -> None:
        async def trades_of() -> list[TradeFacts]:
            return [trade_facts(t, contract) for t in await self._rest.dialect.trades_of(contract, venue_id)]

        try:
            trades = await self._rest.request("trades_of_order", "order", trades_of)
        except RequestFailedError as error:
            logger.warning("trades_request_failed", order=venue_id, because=str(error)[:300])
            return
        for trade in trades:
            self._rest.registry.book(contract, trade, recovered=True)


class OrderSender:
    """Executes intents; those of one order strictly in sequence."""

    def __init__(self, rest: RestClient, contract_of: Callable[[str, int], VenueContract]) -> None:
        self._rest = rest
        self._contract_of = contract_of
        self.resolver = OrderResolver(rest)
        self._acts: Mapping[str, Callable[[TrackedOrder, OrderEvent], Awaitable[None]]] = {
            "place_intent": self._place,
            "amend_intent": self._amend,
            "cancel_intent": self._cancel,
        }

    def track(self, intent: OrderEvent) -> TrackedOrder:
        """The order of an intent; starts tracking it."""
        tracked = self._rest.registry.get(intent.client_order_id)
        if tracked is None:
            contract = self._contract_of(intent.key, intent.instrument_version)
            tracked = self._rest.registry.add(TrackedOrder(contract, intent.client_order_id, intent.side))
            if intent.kind != "place_intent":  # unknown here, but the venue may still have it
                self._new_venue_order(tracked, intent, intent.revision, intent.size_lots)
        return tracked

    async def execute(self, tracked: TrackedOrder, intent: OrderEvent) -> None:
        """Send an intent and report its outcome."""
        async with tracked.lock:
            await self._acts[intent.kind](tracked, intent)

    async def reject_late(self, tracked: TrackedOrder, intent: OrderEvent, reason: str) -> None:
        """Reject an intent that is too old to send; an order that was to be amended is cancelled, since its
        price is no longer desired.
        """
        async with tracked.lock:
            if intent.kind == "amend_intent":
                await self._cancel(tracked)
                return
            self._rest.registry.report(tracked, "rejected", reason)
            self._rest.registry.end(tracked)

    async def resolve(self, tracked: TrackedOrder) -> None:
        """Determine an order's state, and report it if it has ended or is live after all."""
        async with tracked.lock:
            await self._resolve_unknown(tracked)
            if tracked.live_order is None:
                await self.resolver.finish(tracked)
            elif tracked.is_ended:
                self._rest.registry.report(self._rest.registry.revive(tracked), "orphan")

    async def resume(self, tracked: TrackedOrder, status: OrderStatus, answer: ReportKind) -> None:
        """Complete what an earlier session had started with an order."""
        async with tracked.lock:
            if status == "pending_cancel":
                await self._cancel(tracked)
                return
            await self._resolve_unknown(tracked)
            if tracked.live_order is not None:
                self._rest.registry.report(tracked, answer)
            elif all(venue_order.state == "absent" for venue_order in tracked.venue_orders):
                self._rest.registry.report(tracked, "rejected", NOT_AT_VENUE)
                self._rest.registry.end(tracked)
            else:
                await self.resolver.finish(tracked)

    async def _place(self, tracked: TrackedOrder, intent: OrderEvent) -> None:
        venue_order = self._new_venue_order(tracked, intent, 0, intent.size_lots)
        contract = tracked.contract

        async def place() -> OrderFacts:
            placed = await self._rest.dialect.place(
                contract,
                intent.side,
                venue_order.price_ticks,
                venue_order.size_lots,
                venue_order.venue_client_id,
                intent.time_in_force,
            )
            return order_facts(placed, contract)

        failure: RequestFailedError | None = None
        try:
            self._rest.registry.update(tracked, venue_order, await self._rest.request_now("place", place))
        except RequestFailedError as error:
            failure = error
            logger.warning(
                "order_place_failed", order=venue_order.venue_client_id, because=str(failure)[:300]
            )
            if isinstance(failure, RequestRefusedError | HeldBackError):
                venue_order.state = "absent"
        await self._conclude_place(tracked, failure)

    async def _conclude_place(self, tracked: TrackedOrder, failure: RequestFailedError | None) -> None:
        await self._resolve_unknown(tracked)
        if tracked.live_order is not None:
            self._rest.registry.report(tracked, "accepted")
        elif tracked.newest.state == "absent":
            reason = NOT_AT_VENUE if failure is None else failure.reason
            self._rest.registry.report(tracked, "rejected", reason)
            self._rest.registry.end(tracked)
        else:
            await self.resolver.finish(tracked)

    async def _amend(self, tracked: TrackedOrder, intent: OrderEvent) -> None:
        old = tracked.live_order
        if old is None:
            await self._conclude_amend(tracked, intent, NOT_AT_VENUE)
            return
        reason = None
        try:
            await self._send_amend(tracked, intent, old)
        except RequestFailedError as failure:
            reason = failure.reason
            logger.warning("order_amend_failed", order=old.venue_client_id, because=str(failure)[:300])
            self._record_failed_amend(tracked, old, failure)
        await self._conclude_amend(tracked, intent, reason)

    async def _send_amend(self, tracked: TrackedOrder, intent: OrderEvent, old: VenueOrder) -> None:
        registry, dialect, contract = self._rest.registry, self._rest.dialect, tracked.contract
        shrinks = intent.price_ticks == old.price_ticks and intent.size_lots <= tracked.total_lots
        kind = dialect.venue.shrink if shrinks else dialect.venue.amend
        if kind == "replace":
            new = self._new_venue_order(
                tracked, intent, intent.revision, intent.size_lots - intent.filled_lots
            )
            lots = new.size_lots
        else:
            new = old
            lots = intent.size_lots - (tracked.total_lots - old.size_lots)
            old.add_requested(intent.price_ticks, lots)
        send = dialect.shrink if shrinks else dialect.amend

        async def amend() -> tuple[OrderFacts | None, OrderFacts]:
            answer = await send(
                contract,
                intent.side,
                intent.price_ticks,
                lots,
                old.venue_client_id,
                new.venue_client_id,
                old.venue_id or "",
            )
            replaced = None if answer.replaced is None else order_facts(answer.replaced, contract)
            return replaced, order_facts(answer.order, contract)

        replaced, amended = await self._rest.request_now("shrink" if shrinks else "amend", amend)
        if replaced is not None:
            registry.update(tracked, old, replaced)
        registry.update(tracked, new, amended)

    def _record_failed_amend(
        self, tracked: TrackedOrder, old: VenueOrder, failure: RequestFailedError
    ) -> None:
        new = tracked.newest
        if isinstance(failure, RequestRefusedError | HeldBackError | OrderGoneError) and new is not old:
            new.state = "absent"
        is_certain = isinstance(failure, RequestRefusedError | HeldBackError)
        if (not is_certain or isinstance(failure, ReplacementRefusedError)) and old.state == "open":
            old.mark_unknown(self._rest.registry.now_s())

    async def _conclude_amend(self, tracked: TrackedOrder, intent: OrderEvent, reason: str | None) -> None:
        await self._resolve_unknown(tracked)
        live = tracked.live_order
        may_be_done = reason in {None, NO_ANSWER}
        if live is None:
            await self.resolver.finish(tracked)
        elif may_be_done and live is tracked.newest and live.price_ticks == intent.price_ticks:
            self._rest.registry.report(tracked, "amended")
        else:
            self._rest.registry.report(tracked, "amend_rejected", reason)

    async def _cancel(self, tracked: TrackedOrder, _intent: OrderEvent | None = None) -> None:
        """Cancel an order, retrying until the venue confirms its end."""
        backoff = retries()
        await self._resolve_unknown(tracked)
        while (venue_order := tracked.live_order) is not None:
            try:
                await self._send_cancel(tracked, venue_order)
            except RequestFailedError as failure:
                logger.warning(
                    "order_cancel_failed", order=venue_order.venue_client_id, because=str(failure)[:300]
                )
                if not isinstance(failure, HeldBackError | RequestRefusedError):
                    venue_order.mark_unknown(self._rest.registry.now_s())
                await backoff.wait()
            await self._resolve_unknown(tracked)
        await self.resolver.finish(tracked)

    async def _send_cancel(self, tracked: TrackedOrder, venue_order: VenueOrder) -> None:
        """Send a cancel; where the venue only acknowledges it, the order's state has to be looked up."""
        contract = tracked.contract

        async def cancel() -> OrderFacts | None:
            order = await self._rest.dialect.cancel(
                contract, venue_order.venue_client_id, venue_order.venue_id
            )
            is_bare = order.get("status") is None or order.get("filled") is None
            return None if is_bare else order_facts(order, contract)

        facts = await self._rest.request("cancel", "cancel", cancel)
        if facts is None:
            venue_order.mark_unknown(self._rest.registry.now_s())
        else:
            self._rest.registry.update(tracked, venue_order, facts)

    async def _resolve_unknown(self, tracked: TrackedOrder) -> None:
        if not tracked.is_settled:
            self._rest.registry.report(tracked, "unknown", NO_ANSWER)
            await self.resolver.settle(tracked)

    def _new_venue_order(
        self, tracked: TrackedOrder, intent: OrderEvent, revision: int, size_lots: int
    ) -> VenueOrder:
        venue_client_id = self._rest.registry.ids.to_venue(intent.client_order_id, revision)
        now_s = self._rest.registry.now_s()
        venue_order = VenueOrder(
            venue_client_id, revision, intent.price_ticks, size_lots, now_s, first_sent_s=now_s
        )
        tracked.venue_orders.append(venue_order)
        return venue_order
