"""Where messages are scarce: whose turn it is, and what may wait for its turn.

Sides without a quote come first, longest wait first, so that all symbols have both sides before any is
refreshed. Then deeper levels, then orders to make less generous, and last what only improves a quote; within
these, largest deviation first. A quote nearer to the market is overtaken sooner, so while sides are unquoted
little is improved. But one message in ten goes to the quote that has waited longest, and longer than
PATIENCE_NS, so none starves.
"""

from collections.abc import Iterable
from typing import NamedTuple

from quote_service.routing.gate.request import Request
from quote_service.routing.symbol_state import RoutedSymbol
from schemas.message import Side
from schemas.units import NS_PER_S, side_sign

_FIRST, _DEEPER, _TAKES_BACK, _LAST = range(4)
OTHERS_MIN = 9
"""Messages to others before one goes to the longest waiting beyond PATIENCE_NS."""
PATIENCE_NS = 60 * NS_PER_S
WAITS_EDGE_PERCENT = 50
"""Of the desired distance from the mid: a closer order may not rest until its turn."""
PRESSES_EDGE_PERCENT = 75
"""A closer order goes before all that only improve a quote."""
_MILLIONTHS = 2_000_000
"""Millionths of a mid, which is in half ticks, for a distance in ticks."""


class MessageTurn(NamedTuple):
    """A message that one symbol wants to send."""

    symbol: RoutedSymbol
    request: Request
    is_last: bool
    """It is not urgent: a reserve of messages is kept for urgent ones."""
    is_patient: bool = False
    """It has waited so long that it goes before all others."""


def record_waiting(symbol: RoutedSymbol, requests: Iterable[Request], now_ns: int) -> None:
    """Record since when each slot has been waiting for message budget."""
    slots = ((request.side, request.level) for request in requests)
    symbol.recent.waiting = {slot: symbol.recent.waiting.get(slot, now_ns) for slot in slots}


class Turns:
    """Counts messages, so that a share of them goes to the longest waiting improvement."""

    def __init__(self) -> None:
        self._others = 0
        """Messages since the last such one."""

    def in_order(self, waiting: Iterable[tuple[RoutedSymbol, Request]], now_ns: int) -> list[MessageTurn]:
        """All symbols' requests, in order of their claim to message budget."""
        begun: dict[tuple[str, Side], None] = {}
        keyed = []
        for symbol, request in waiting:
            side = (symbol.key, request.side)
            is_first = request.replaces is None and side not in begun and not _rests(symbol, request.side)
            begun |= {side: None} if is_first else {}
            since_ns = symbol.recent.waiting.get((request.side, request.level), now_ns)
            rank = _FIRST if is_first else _rank(request, symbol)
            distance = _distance(request, symbol)
            keyed.append((rank, -distance, since_ns, MessageTurn(symbol, request, is_last=rank == _LAST)))
        keyed.sort(key=lambda each: each[:3])
        if self._others >= OTHERS_MIN:
            refreshes = [each for each in keyed if each[3].request.replaces is not None]
            oldest = min(refreshes, key=lambda each: each[2], default=None)
            if oldest is not None and now_ns - oldest[2] >= PATIENCE_NS:
                keyed.remove(oldest)
                turn = oldest[3]._replace(is_last=False, is_patient=True)
                return [turn, *(each[3] for each in keyed)]
        return [each[3] for each in keyed]

    def record_sent(self, turn: MessageTurn) -> None:
        """Count a sent message."""
        self._others = 0 if turn.is_patient else self._others + 1


def _rank(request: Request, symbol: RoutedSymbol) -> int:
    if request.replaces is None:
        return _DEEPER
    return _TAKES_BACK if presses(request, symbol) else _LAST


def may_wait(request: Request, symbol: RoutedSymbol, size_tolerance: float) -> bool:
    """May the order to amend rest until its turn?

    One less generous than desired may. A more generous one may while it keeps half of the desired distance
    from the mid and exceeds the desired size by no more than the tolerance; otherwise it is cancelled.
    """
    order = request.replaces
    if order is None or not request.is_less_generous:
        return True
    if order.remaining_lots > request.size_lots * (1.0 + size_tolerance):
        return False
    return _keeps(request, symbol, WAITS_EDGE_PERCENT)


def presses(request: Request, symbol: RoutedSymbol) -> bool:
    """Is the order more generous than desired and noticeably too close to the mid?"""
    return request.is_less_generous and not _keeps(request, symbol, PRESSES_EDGE_PERCENT)


def _keeps(request: Request, symbol: RoutedSymbol, percent: int) -> bool:
    """Does the order to amend keep that percentage of the desired distance from the mid?"""
    order, mid = request.replaces, symbol.market.mid_half_ticks
    if order is None or mid is None:
        return False
    sign = side_sign(request.side)
    kept, desired = sign * (mid - 2 * order.price_ticks), sign * (mid - 2 * request.price_ticks)
    return 100 * kept >= percent * desired


def _rests(symbol: RoutedSymbol, side: Side) -> bool:
    return any(
        order.side == side and order.status != "pending_cancel" for order in symbol.orders.open.values()
    )


def _distance(request: Request, symbol: RoutedSymbol) -> int:
    """The order's deviation from the desired one, in millionths of the mid: whole numbers sort exactly."""
    order, mid = request.replaces, symbol.market.mid_half_ticks
    if order is None or not mid:
        return 0
    return abs(request.price_ticks - order.asked_price_ticks) * _MILLIONTHS // mid
