"""Wanted minus live: what to cancel, what to amend, what to place, what to leave alone.

Pure: it looks at a symbol's state and changes nothing. An order whose newest intent is unanswered is left
alone, but for a cancel of an order that the venue is known to hold.
"""

from dataclasses import dataclass

from quote_service.routing.core import codes
from quote_service.routing.core.market_checks import crosses_own
from quote_service.routing.core.memory import Refused
from quote_service.routing.core.order_states import AWAITING_ANSWER, Order
from quote_service.routing.core.request import Request
from quote_service.routing.core.standing_back import Crossing
from quote_service.routing.core.symbol_state import SymbolState
from quote_service.routing.core.wanted import Wanted, in_their_slots
from schemas.quoting import QuoteTarget
from schemas.units import side_sign

NO_CROSSING = Crossing()


@dataclass(slots=True)
class Plan:
    """What to do for one symbol: cancels, then requests, each in the order to send them."""

    cancels: list[tuple[Order, str]]
    requests: list[Request]


@dataclass(frozen=True, slots=True)
class Rules:
    """When an order that differs from what is wanted is left alone."""

    size_up_tolerance: float
    """Share of an order's size by which it may be smaller than wanted."""
    refill_after_ns: int
    """How long what was filled is not offered again for the same target: its author may have news."""


def plan(
    symbol: SymbolState, target: QuoteTarget, sides: tuple[Wanted, Wanted], rules: Rules, now_ns: int
) -> Plan:
    """The steps from what is open to what is wanted at `now_ns`."""
    made = Plan([], [])
    sides = in_their_slots(sides[0], symbol.orders), in_their_slots(sides[1], symbol.orders)
    for wanted in sides:
        _plan_levels(symbol, target, wanted, made.requests)
    bids, asks = sides
    for order in symbol.orders.values():
        reason = _reason_to_cancel(order, target, bids if order.side == "buy" else asks)
        if reason is not None:
            made.cancels.append((order, reason))
    if made.requests:
        made.requests.sort(key=_narrows)
        made.requests = [
            request
            for request in made.requests
            if not _is_left_alone(request, symbol, rules, now_ns) and not _must_wait(request, symbol, made)
        ]
    return made


def pull_all(symbol: SymbolState, reason: str) -> list[tuple[Order, str]]:
    """Cancels for everything that can be cancelled now."""
    return [(order, reason) for order in symbol.orders.values() if is_cancellable(order)]


def is_cancellable(order: Order) -> bool:
    """Is the order at the venue, as far as we know, and not being cancelled yet?"""
    return order.status in {"live", "pending_amend"}


def _plan_levels(symbol: SymbolState, target: QuoteTarget, wanted: Wanted, requests: list[Request]) -> None:
    side = wanted.side
    for level, (wanted_ticks, size_lots) in enumerate(wanted.levels):
        order = symbol.orders.get((side, level))
        crossing = symbol.crossings.get((side, level), NO_CROSSING)
        price_ticks = crossing.price_ticks(side, wanted_ticks, target.sequence)
        if size_lots <= 0 or (order is not None and not _is_to_amend(order, target, price_ticks, size_lots)):
            continue
        requests.append(
            Request(
                side=side,
                level=level,
                price_ticks=price_ticks,
                size_lots=size_lots,
                instrument_version=target.instrument_version,
                target_sequence=target.sequence,
                valid_until_ns=target.valid_until_ns,
                replaces=order,
            )
        )


def _reason_to_cancel(order: Order, target: QuoteTarget, wanted: Wanted) -> str | None:
    if not is_cancellable(order):
        return None
    if order.level < 0:
        return codes.ORPHAN
    if order.instrument_version != target.instrument_version:
        return codes.NO_INSTRUMENT
    if order.level >= len(wanted.levels) or wanted.levels[order.level][1] <= 0:
        return wanted.reason
    return None


def _is_to_amend(order: Order, target: QuoteTarget, price_ticks: int, size_lots: int) -> bool:
    """May the order be amended, and is it not what is wanted already?"""
    if order.status != "live" or order.instrument_version != target.instrument_version:
        return False
    return order.price_ticks != price_ticks or order.remaining_lots != size_lots


def _narrows(request: Request) -> bool:
    """Sort key: amends that move away from the market first, so that the other side has room."""
    order = request.replaces
    if order is None:
        return True
    return side_sign(request.side) * (request.price_ticks - order.price_ticks) > 0


def _is_left_alone(request: Request, symbol: SymbolState, rules: Rules, now_ns: int) -> bool:
    """Refused by the venue for this target already, just filled, or only a little smaller than wanted.

    Less size keeps an order's place in the queue, so it is always amended; more size would lose it.
    """
    slot = (request.side, request.level)
    if now_ns < symbol.crossings.get(slot, NO_CROSSING).rests_until_ns:
        return True
    if symbol.refused.get(slot) == _as_refused(request):
        return True
    order = request.replaces
    if order is not None and (
        order.price_ticks != request.price_ticks or order.remaining_lots > request.size_lots
    ):
        return False
    if _was_just_filled(request, symbol, rules, now_ns):
        return True
    return order is not None and request.size_lots <= order.remaining_lots * (1.0 + rules.size_up_tolerance)


def _was_just_filled(request: Request, symbol: SymbolState, rules: Rules, now_ns: int) -> bool:
    filled = symbol.filled.get((request.side, request.level))
    if filled is None or filled.target_sequence != request.target_sequence:
        return False
    return now_ns - filled.time_ns < rules.refill_after_ns


def _must_wait(request: Request, symbol: SymbolState, made: Plan) -> bool:
    """Must an own order of the other side make way first? The answer about it leads here again."""
    crossed = crosses_own(request, symbol)
    if crossed is None:
        return False
    if crossed.status in AWAITING_ANSWER or any(crossed is order for order, _ in made.cancels):
        return True
    return any(crossed is other.replaces for other in made.requests)


def _as_refused(request: Request) -> Refused:
    return Refused(request.target_sequence, request.price_ticks, request.total_lots)
