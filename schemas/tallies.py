"""Counts kept only by view-projector: parts of its documents, and of its carried state."""

from schemas.control import RequestId
from schemas.message import Event


class Counters(Event):
    """Counts for one symbol since the engine first knew it, across sessions; `event_time_ns` is that of the
    newest event."""

    books: int = 0
    """Book updates that were accepted."""
    trades: int = 0
    refused_events: int = 0
    books_conflated: int = 0
    """Book updates merged into newer ones, because the feed was faster than the engine."""
    quotes: int = 0
    """Quote targets with at least one side quoted."""
    orders: int = 0
    """Orders that the venue accepted."""
    amends: int = 0
    """Amends that the venue accepted."""
    cancels: int = 0
    """Orders that ended cancelled."""
    rejects: int = 0
    """Orders or amends rejected by the venue."""
    denials: int = 0
    """Orders or amends denied by the gate."""
    fills: int = 0
    halts: int = 0
    time_ns: int = 0
    """From the first book of the symbol to the newest event."""
    two_sided_ns: int = 0
    """Time with live orders on both sides, as acknowledged by the venue."""
    spread_bps_ns: float = 0.0
    """Own quoted spread in bps, integrated over the two-sided time."""
    orders_finished: int = 0
    orders_with_fill: int = 0
    inventory_notional_ns: float = 0.0
    """Absolute value of the position in the quote currency, integrated over time."""


class RequestSeen(Event):
    """A request with an idempotency key, and its answer."""

    request: RequestId
    identifier: str
    """Of the command, change or proposal it became."""
    kind: str
    """Its wire type."""
