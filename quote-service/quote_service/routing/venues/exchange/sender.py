"""Carries out what the router intends: each intent is sent once, and its outcome is found out.

Of a request without an answer nobody knows what became of it. Then the venue is asked for the order until it
says something that is certain: it is there, it has ended, or it cannot come any more.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import structlog

from quote_service.routing.venues.exchange.budget import RequestBudget
from quote_service.routing.venues.exchange.dialects import Dialect
from quote_service.routing.venues.exchange.facts import Contract, order_facts, trade_facts
from quote_service.routing.venues.exchange.outcomes import (
    NO_ANSWER,
    NOT_AT_VENUE,
    RATE_LIMIT,
    HeldBackError,
    OrderGoneError,
    ReplacementRefusedError,
    RequestFailedError,
    RequestRefusedError,
    classified,
)
from quote_service.routing.venues.exchange.register import Register
from quote_service.routing.venues.exchange.tracked import Tracked, WireOrder
from schemas.deployment import Exchange
from schemas.orders import OrderEvent, OrderStatus, ReportKind

ORDER_WEIGHT = 1
LOOK_UP_WEIGHT = 4
TRADES_WEIGHT = 5
LOOKS_MIN = 2
"""An order counts as absent only when it was looked for so often, the last time after the window."""
WINDOW_MARGIN_S = 1.0
STREAM_GRACE_S = 0.3
"""So long the stream has to bring the trades of an order that has ended, before they are asked for."""
_BACKOFF_S = (0.1, 0.2, 0.5, 1.0, 2.0)

logger = structlog.get_logger()


@dataclass(frozen=True)
class Desk:
    """What all requests about orders need."""

    config: Exchange
    dialect: Dialect
    budget: RequestBudget
    register: Register


class Backoff:
    """Waits longer each time."""

    def __init__(self) -> None:
        self._steps = iter(_BACKOFF_S)

    async def wait(self) -> None:
        """The next wait."""
        await asyncio.sleep(next(self._steps, _BACKOFF_S[-1]))


class Finder:
    """Finds out what became of an order."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._window_s = desk.config.receive_window_ms / 1e3 + WINDOW_MARGIN_S

    async def settle(self, tracked: Tracked) -> None:
        """Return when it is known of each order at the venue whether it lives."""
        for wire in tracked.wires:
            if wire.state == "sent":
                await self._find(tracked, wire)

    async def _find(self, tracked: Tracked, wire: WireOrder) -> None:
        backoff = Backoff()
        absences = 0
        while wire.state == "sent":
            try:
                await self._look(tracked, wire)
            except OrderGoneError:
                absences += 1
                is_over = time.time() - wire.sent_at_s > self._window_s
                if is_over and absences >= LOOKS_MIN:
                    wire.state = "absent" if wire.venue_id is None else "ended"
                    return
            except RequestFailedError as error:
                logger.warning("look_up_failed", order=wire.wire_id, because=str(error)[:300])
            if wire.state == "sent":
                await backoff.wait()

    async def _look(self, tracked: Tracked, wire: WireOrder) -> None:
        await self._desk.budget.take(LOOK_UP_WEIGHT, "order")
        contract = tracked.contract
        try:
            found = await self._desk.dialect.look_up(contract, wire.wire_id, wire.venue_id)
            self._desk.register.learn(tracked, wire, order_facts(found, contract))
        except Exception as error:
            raise classified(error) from error

    async def finish(self, tracked: Tracked) -> None:
        """The order has ended: its trades are booked first, then the router is told."""
        await self.book_all(tracked)
        if not tracked.is_ended:
            self._desk.register.report(tracked, "cancelled")
            self._desk.register.end(tracked)

    async def book_all(self, tracked: Tracked) -> None:
        """Return when every trade that the venue speaks of is booked."""
        backoff = Backoff()
        if tracked.missing_lots:
            await asyncio.sleep(STREAM_GRACE_S)
        while tracked.missing_lots:
            for wire in tracked.wires:
                if wire.filled_lots > wire.booked_lots and wire.venue_id is not None:
                    await self._fetch_trades(tracked.contract, wire.venue_id)
            if tracked.missing_lots:
                await backoff.wait()

    async def _fetch_trades(self, contract: Contract, venue_id: str) -> None:
        await self._desk.budget.take(TRADES_WEIGHT, "order")
        try:
            for trade in await self._desk.dialect.trades_of(contract, venue_id):
                self._desk.register.book(contract, trade_facts(trade, contract), recovered=True)
        except Exception as error:
            logger.warning("trades_failed", order=venue_id, because=str(classified(error))[:300])


class Sender:
    """Acts on intents, those of one order one after another."""

    def __init__(self, desk: Desk, contract_of: Callable[[str, int], Contract]) -> None:
        self._desk = desk
        self._contract_of = contract_of
        self.finder = Finder(desk)
        self._acts: Mapping[str, Callable[[Tracked, OrderEvent], Awaitable[None]]] = {
            "place_intent": self._place,
            "amend_intent": self._amend,
            "cancel_intent": self._cancel,
        }

    def begin(self, intent: OrderEvent) -> Tracked:
        """The order that an intent is about, tracked from now on."""
        tracked = self._desk.register.get(intent.client_order_id)
        if tracked is None:
            contract = self._contract_of(intent.key, intent.instrument_version)
            tracked = self._desk.register.add(Tracked(contract, intent.client_order_id, intent.side))
            if intent.kind != "place_intent":  # it is the venue's to say that it has no such order
                self._new_wire(tracked, intent, intent.revision, intent.size_lots)
        return tracked

    async def carry_out(self, tracked: Tracked, intent: OrderEvent) -> None:
        """Send an intent and report its outcome."""
        async with tracked.lock:
            await self._acts[intent.kind](tracked, intent)

    async def clear_up(self, tracked: Tracked) -> None:
        """Find out what is not known of an order, and tell the router where it has ended."""
        async with tracked.lock:
            await self._find_out(tracked)
            if tracked.living is None:
                await self.finder.finish(tracked)
            elif tracked.is_ended:
                self._desk.register.report(self._desk.register.revive(tracked), "orphan")

    async def go_on(self, tracked: Tracked, status: OrderStatus, answer: ReportKind) -> None:
        """Bring to its end what an earlier life of this adapter had begun with an order."""
        async with tracked.lock:
            if status == "pending_cancel":
                await self._cancel(tracked)
                return
            await self._find_out(tracked)
            if tracked.living is not None:
                self._desk.register.report(tracked, answer)
            elif all(wire.state == "absent" for wire in tracked.wires):
                self._desk.register.report(tracked, "rejected", NOT_AT_VENUE)
                self._desk.register.end(tracked)
            else:
                await self.finder.finish(tracked)

    async def _place(self, tracked: Tracked, intent: OrderEvent) -> None:
        wire = self._new_wire(tracked, intent, 0, intent.size_lots)
        try:
            self._take_weight()
            order = await self._desk.dialect.place(
                tracked.contract, intent.side, wire.price_ticks, wire.size_lots, wire.wire_id
            )
            self._desk.register.learn(tracked, wire, order_facts(order, tracked.contract))
        except Exception as error:
            failure = classified(error)
            logger.warning("place_failed", order=wire.wire_id, because=str(failure)[:300])
            if isinstance(failure, RequestRefusedError | HeldBackError):
                wire.state = "absent"
            await self._conclude_place(tracked, failure)
        else:
            await self._conclude_place(tracked, None)

    async def _conclude_place(self, tracked: Tracked, failure: RequestFailedError | None) -> None:
        await self._find_out(tracked)
        if tracked.living is not None:
            self._desk.register.report(tracked, "accepted")
        elif tracked.newest.state == "absent":
            reason = NOT_AT_VENUE if failure is None else failure.reason
            self._desk.register.report(tracked, "rejected", reason)
            self._desk.register.end(tracked)
        else:
            await self.finder.finish(tracked)

    async def _amend(self, tracked: Tracked, intent: OrderEvent) -> None:
        old = tracked.living
        if old is None:
            await self._conclude_amend(tracked, intent, NOT_AT_VENUE)
            return
        try:
            self._take_weight()
            reason = None
            await self._send_amend(tracked, intent, old)
        except Exception as error:
            failure = classified(error)
            reason = failure.reason
            logger.warning("amend_failed", order=old.wire_id, because=str(failure)[:300])
            self._note_failed_amend(tracked, old, failure)
        await self._conclude_amend(tracked, intent, reason)

    async def _send_amend(self, tracked: Tracked, intent: OrderEvent, old: WireOrder) -> None:
        register, dialect, contract = self._desk.register, self._desk.dialect, tracked.contract
        shrinks = intent.price_ticks == old.price_ticks and intent.size_lots <= tracked.total_lots
        kind = dialect.venue.shrink if shrinks else dialect.venue.amend
        if kind == "replace":
            new = self._new_wire(tracked, intent, intent.revision, intent.size_lots - intent.filled_lots)
        else:
            new = old
        lots = new.size_lots if kind == "replace" else intent.size_lots - (tracked.total_lots - old.size_lots)
        ask = dialect.shrink if shrinks else dialect.amend
        answer = await ask(
            contract, intent.side, intent.price_ticks, lots, old.wire_id, new.wire_id, old.venue_id or ""
        )
        if answer.replaced is not None:
            register.learn(tracked, old, order_facts(answer.replaced, contract))
        register.learn(tracked, new, order_facts(answer.order, contract))

    @staticmethod
    def _note_failed_amend(tracked: Tracked, old: WireOrder, failure: RequestFailedError) -> None:
        new = tracked.newest
        if isinstance(failure, RequestRefusedError | HeldBackError | OrderGoneError) and new is not old:
            new.state = "absent"
        is_certain = isinstance(failure, RequestRefusedError | HeldBackError)
        if (not is_certain or isinstance(failure, ReplacementRefusedError)) and old.state == "open":
            old.doubt(time.time())

    async def _conclude_amend(self, tracked: Tracked, intent: OrderEvent, reason: str | None) -> None:
        await self._find_out(tracked)
        living = tracked.living
        may_be_done = reason in {None, NO_ANSWER}
        if living is None:
            await self.finder.finish(tracked)
        elif may_be_done and living is tracked.newest and living.price_ticks == intent.price_ticks:
            self._desk.register.report(tracked, "amended")
        else:
            self._desk.register.report(tracked, "amend_rejected", reason)

    async def _cancel(self, tracked: Tracked, _intent: OrderEvent | None = None) -> None:
        """Again and again, until the venue says that it is gone."""
        backoff = Backoff()
        await self._find_out(tracked)
        while (wire := tracked.living) is not None:
            await self._desk.budget.take(ORDER_WEIGHT, "cancel")
            try:
                order = await self._desk.dialect.cancel(tracked.contract, wire.wire_id, wire.venue_id)
                self._learn_cancelled(tracked, wire, order)
            except Exception as error:
                failure = classified(error)
                logger.warning("cancel_failed", order=wire.wire_id, because=str(failure)[:300])
                if not isinstance(failure, HeldBackError | RequestRefusedError):
                    wire.doubt(time.time())
                await backoff.wait()
            await self._find_out(tracked)
        await self.finder.finish(tracked)

    def _learn_cancelled(self, tracked: Tracked, wire: WireOrder, order: Mapping[str, object]) -> None:
        """Some venues answer with the order, some with a bare yes: then it is looked up."""
        if order.get("status") is None or order.get("filled") is None:
            wire.doubt(time.time())
        else:
            self._desk.register.learn(tracked, wire, order_facts(order, tracked.contract))

    async def _find_out(self, tracked: Tracked) -> None:
        if not tracked.is_settled:
            self._desk.register.report(tracked, "unknown", NO_ANSWER)
            await self.finder.settle(tracked)

    def _new_wire(self, tracked: Tracked, intent: OrderEvent, revision: int, size_lots: int) -> WireOrder:
        wire_id = self._desk.register.ids.to_wire(intent.client_order_id, revision)
        wire = WireOrder(wire_id, revision, intent.price_ticks, size_lots, time.time())
        tracked.wires.append(wire)
        return wire

    def _take_weight(self) -> None:
        if not self._desk.budget.may_send(ORDER_WEIGHT, "order"):
            raise HeldBackError(RATE_LIMIT)
