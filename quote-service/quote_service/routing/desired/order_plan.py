"""Desired minus open: what to cancel, what to amend, what to place, what to leave alone.

Pure: it reads a symbol's state and changes nothing. An order with an unanswered intent is left alone,
except that an order known to be at the venue may be cancelled.
"""

from dataclasses import dataclass, field

from quote_service.routing.desired.desired_quotes import DesiredSide, in_their_slots
from quote_service.routing.desired.post_only_backoff import PostOnlyRefusals
from quote_service.routing.desired.recent_actions import Refused
from quote_service.routing.gate import codes
from quote_service.routing.gate.market_checks import crosses_own
from quote_service.routing.gate.request import Request
from quote_service.routing.orders.order_states import AWAITING_ANSWER, Order
from quote_service.routing.symbol_state import RoutedSymbol
from schemas.quoting import QuoteTarget
from schemas.units import side_sign

NO_CROSSING = PostOnlyRefusals()


@dataclass(slots=True)
class Plan:
    """The actions for one symbol: cancels, then requests, each in sending order."""

    cancels: list[tuple[Order, str]]
    requests: list[Request]
    refused: list[Request] = field(default_factory=list)
    """Requests the venue has rejected already: not repeated under the same target."""


@dataclass(frozen=True, slots=True)
class Rules:
    """When an order that differs from the desired one is left alone."""

    size_up_tolerance: float
    """Share of an order's size by which it may be smaller than desired."""
    refill_after_ns: int
    """How long the same target does not refill a filled slot: the quoter may be about to reprice."""


def plan(
    symbol: RoutedSymbol,
    target: QuoteTarget,
    sides: tuple[DesiredSide, DesiredSide],
    rules: Rules,
    now_ns: int,
) -> Plan:
    """The steps from the open orders to the desired quotes at `now_ns`."""
    made = Plan([], [])
    sides = in_their_slots(sides[0], symbol.orders.open), in_their_slots(sides[1], symbol.orders.open)
    for desired in sides:
        _plan_levels(symbol, target, desired, made.requests)
    bids, asks = sides
    for order in symbol.orders.open.values():
        reason = _reason_to_cancel(order, target, bids if order.side == "buy" else asks)
        if reason is not None:
            made.cancels.append((order, reason))
    if made.requests:
        made.requests.sort(key=_narrows)
        made.refused = [each for each in made.requests if _is_refused(each, symbol, now_ns)]
        made.requests = [
            request
            for request in made.requests
            if not _is_refused(request, symbol, now_ns)
            and not _is_left_alone(request, symbol, rules, now_ns)
            and not _must_wait(request, symbol, made)
        ]
    return made


def pull_all(symbol: RoutedSymbol, reason: str, *, leaves_takers: bool) -> list[tuple[Order, str]]:
    """Cancels for every order that can be cancelled now."""
    return [
        (order, reason)
        for order in symbol.orders.open.values()
        if is_cancellable(order) and not (leaves_takers and order.is_taker)
    ]


def is_cancellable(order: Order) -> bool:
    """Is the order believed to be at the venue, with no cancel in flight?"""
    return order.status in {"live", "pending_amend"}


def _plan_levels(
    symbol: RoutedSymbol, target: QuoteTarget, desired: DesiredSide, requests: list[Request]
) -> None:
    side = desired.side
    for level, (desired_ticks, size_lots) in enumerate(desired.levels):
        order = symbol.orders.open.get((side, level))
        crossing = symbol.recent.post_only_refusals.get((side, level), NO_CROSSING)
        price_ticks = crossing.price_ticks(side, desired_ticks, target.sequence)
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


def _reason_to_cancel(order: Order, target: QuoteTarget, desired: DesiredSide) -> str | None:
    if order.is_taker or not is_cancellable(order):
        return None
    if order.level < 0:
        return codes.ORPHAN
    if order.instrument_version != target.instrument_version:
        return codes.NO_INSTRUMENT
    if order.level >= len(desired.levels) or desired.levels[order.level][1] <= 0:
        return desired.reason
    return None


def _is_to_amend(order: Order, target: QuoteTarget, price_ticks: int, size_lots: int) -> bool:
    """May the order be amended, and does it differ from the desired one?"""
    if order.status != "live" or order.instrument_version != target.instrument_version:
        return False
    return order.price_ticks != price_ticks or order.remaining_lots != size_lots


def _narrows(request: Request) -> bool:
    """Sort key: amends away from the market first, to make room for the other side."""
    order = request.replaces
    if order is None:
        return True
    return side_sign(request.side) * (request.price_ticks - order.price_ticks) > 0


def _is_refused(request: Request, symbol: RoutedSymbol, now_ns: int) -> bool:
    """Has the venue rejected it under this target already, or so often that its slot is paused?"""
    slot = (request.side, request.level)
    if now_ns < symbol.recent.post_only_refusals.get(slot, NO_CROSSING).rests_until_ns:
        return True
    return symbol.recent.refused.get(slot) == _as_refused(request)


def _is_left_alone(request: Request, symbol: RoutedSymbol, rules: Rules, now_ns: int) -> bool:
    """The slot was just filled, or the order is only a little smaller than desired.

    Reducing size keeps queue position, so it is always amended; adding size would lose it.
    """
    order = request.replaces
    if order is not None and (
        order.price_ticks != request.price_ticks or order.remaining_lots > request.size_lots
    ):
        return False
    if _was_just_filled(request, symbol, rules, now_ns):
        return True
    return order is not None and request.size_lots <= order.remaining_lots * (1.0 + rules.size_up_tolerance)


def _was_just_filled(request: Request, symbol: RoutedSymbol, rules: Rules, now_ns: int) -> bool:
    filled = symbol.recent.filled.get((request.side, request.level))
    if filled is None or filled.target_sequence != request.target_sequence:
        return False
    return now_ns - filled.time_ns < rules.refill_after_ns


def _must_wait(request: Request, symbol: RoutedSymbol, made: Plan) -> bool:
    """Must another own order make way first: one that crosses, or for a new order any in ticks or lots that
    are no longer in force? The venue's answer about it triggers a new plan.
    """
    if request.replaces is None and symbol.orders.has_other_units():
        return True
    crossed = crosses_own(request, symbol)
    if crossed is None:
        return False
    if crossed.status in AWAITING_ANSWER or any(crossed is order for order, _ in made.cancels):
        return True
    return any(crossed is other.replaces for other in made.requests)


def _as_refused(request: Request) -> Refused:
    return Refused(request.target_sequence, request.price_ticks, request.total_lots)
