"""Does the router's state agree with the exchange's own books?"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple

from sandbox.happenings import HAND_PREFIX
from sandbox.venue_check.life import Log
from schemas.orders import TERMINAL_STATUSES, Fill, OrderEvent
from schemas.units import NS_PER_S, side_sign

OPEN = frozenset({"NEW", "PARTIALLY_FILLED"})
Truth = Mapping[str, Any]
FINDINGS = {
    "lost": "lost",
    "doubled": "doubled",
    "invented": "invented",
    "alive": "alive after confirmed",
    "position": "position differences",
    "fee": "fee differences",
}
"""Kinds of findings, with their labels."""


class _Booking(NamedTuple):
    symbol: str
    trade_id: str
    side: str
    size_lots: int
    price_ticks: int

    def __str__(self) -> str:
        return f"trade {self.trade_id} of {self.symbol} ({self.side} {self.size_lots} lots)"


@dataclass(slots=True)
class Outcome:
    """The result of one session."""

    seed: int
    name: str
    last: str = ""
    """The fault active during the mass cancel, or the course."""
    fired: Mapping[str, int] = field(default_factory=dict)
    intents: int = 0
    orders: int = 0
    fills: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    """Findings by kind."""
    wrong: list[str] = field(default_factory=list)
    """Violations in words; empty: the session holds."""
    booked_after_s: list[float] = field(default_factory=list)
    """From each trade to its booking, for booked trades."""
    confirmed_s: float | None = None
    """From the halt until the exchange had shown no open orders."""

    @property
    def holds(self) -> bool:
        """Was nothing lost, double-booked or left open?"""
        return not self.wrong

    def find(self, kind: str, texts: Iterable[str]) -> None:
        """Count findings and keep their texts."""
        for text in texts:
            self.counts[kind] += 1
            self.wrong.append(text)


def is_ours(item: Mapping[str, Any]) -> bool:
    """Not placed by hand?"""
    return not item["client_id"].startswith(HAND_PREFIX)


def open_ids(truth: Truth) -> list[str]:
    """Orders open at the exchange, on every symbol."""
    return [order["client_id"] for order in truth["orders"] if order["status"] in OPEN]


def places_alive(truth: Truth) -> frozenset[tuple[str, int]]:
    """The same, as symbol and order id."""
    return frozenset((o["symbol"], o["order_id"]) for o in truth["orders"] if o["status"] in OPEN)


def trades_agree(truth: Truth, logs: Sequence[Log]) -> bool:
    """Is every trade booked, and nothing else?"""
    return not any(texts for _, texts in trade_findings(truth, logs))


def trade_findings(truth: Truth, logs: Sequence[Log]) -> list[tuple[str, list[str]]]:
    """Trades lost, double-booked or invented; positions and fees that differ."""
    found: dict[str, list[str]] = {kind: [] for kind in ("lost", "doubled", "invented", "position", "fee")}
    for number, log in enumerate(logs):
        until_ns = logs[number + 1].began_ns if number + 1 < len(logs) else None
        for kind, texts in _of_log(truth, log, until_ns).items():
            found[kind] += texts
    return list(found.items())


def _of_log(truth: Truth, log: Log, until_ns: int | None) -> dict[str, list[str]]:
    ours = [trade for trade in truth["trades"] if is_ours(trade)]
    must = Counter(_booked(trade) for trade in ours if _must(trade, log, until_ns))
    may = Counter(_booked(trade) for trade in ours if _may(trade, log, until_ns))
    booked = Counter(
        _Booking(f.symbol, f.venue_trade_id, f.side, f.size_lots, f.price_ticks) for f in log.fills
    )
    too_much = booked - (must | may)
    return {
        "lost": [f"{each} was lost" for each in must - booked],
        "doubled": [f"{each} was booked twice" for each in too_much if each in must or each in may],
        "invented": [
            f"{each} was booked and is none of this log's"
            for each in too_much
            if each not in must and each not in may
        ],
        "position": _positions(must | (may & booked), booked),
        "fee": _fees(ours, log.fills),
    }


def _must(trade: Mapping[str, Any], log: Log, until_ns: int | None) -> bool:
    """A log must contain the trades in its symbols from its first readiness to its end."""
    ready_ns = log.began_ns if not log.alive else log.ready_ns
    is_late = log.ended_ns is not None and until_ns is not None and trade["steady_ns"] > log.ended_ns
    began = ready_ns is not None and trade["steady_ns"] >= ready_ns
    return trade["symbol"] in log.symbols and began and not is_late


def _may(trade: Mapping[str, Any], log: Log, until_ns: int | None) -> bool:
    """It may contain trades until the next log, and those of orders it found open."""
    is_over = until_ns is not None and trade["steady_ns"] >= until_ns
    found_alive = (trade["symbol"], trade["order_id"]) in log.alive
    return not is_over and (found_alive or trade["steady_ns"] >= log.began_ns)


def _booked(trade: Mapping[str, Any]) -> _Booking:
    names = ("symbol", "trade_id", "side", "size_lots", "price_ticks")
    symbol, trade_id, side, size_lots, price_ticks = (trade[name] for name in names)
    return _Booking(symbol, str(trade_id), side, size_lots, price_ticks)


def _positions(traded: Counter[_Booking], booked: Counter[_Booking]) -> list[str]:
    positions: Counter[str] = Counter()
    for sign, counts in ((1, booked), (-1, traded)):
        for each, times in counts.items():
            positions[each.symbol] += sign * side_sign(each.side) * each.size_lots * times  # type: ignore[arg-type]
    return [f"position of {symbol} is off by {lots:+d} lots" for symbol, lots in positions.items() if lots]


def _fees(trades: Iterable[Mapping[str, Any]], fills: Iterable[Fill]) -> list[str]:
    charged = {(trade["symbol"], str(trade["trade_id"])): trade for trade in trades}
    wrong = []
    for fill in fills:
        trade = charged.get((fill.symbol, fill.venue_trade_id))
        if trade is not None and not _fee_agrees(trade, fill):
            wrong.append(
                f"fee of trade {fill.venue_trade_id} of {fill.symbol} is {trade['fee']} "
                f"{trade['fee_currency']}, booked were {fill.fee} {fill.fee_currency}"
            )
    return wrong


def _fee_agrees(trade: Mapping[str, Any], fill: Fill) -> bool:
    """A fee in the base currency is in `base_fee`; `fee` is its value in the quote currency."""
    fee, base = Decimal(trade["fee"]), fill.symbol.split("/")[0]
    if trade["fee_currency"] == base:
        return fill.base_fee == fee
    return fill.fee == fee and fill.fee_currency == trade["fee_currency"] and not fill.base_fee


def booking_delays_s(truth: Truth, logs: Sequence[Log]) -> list[float]:
    """Delays from each trade to its booking in the log it belongs to."""
    made = {(trade["symbol"], str(trade["trade_id"])): trade["steady_ns"] for trade in truth["trades"]}
    return [
        round((at_ns - made[place]) / NS_PER_S, 3)
        for log in logs
        for place, at_ns in log.booked_ns.items()
        if place in made
    ]


def order_findings(truth: Truth, logs: Sequence[Log]) -> list[tuple[str, list[str]]]:
    """Orders sent twice, sent without an intent, or whose end never became known."""
    venue_orders = Counter(order["client_id"] for order in truth["orders"] if is_ours(order))
    twice = [
        f"order {venue_order} came {times} times" for venue_order, times in venue_orders.items() if times > 1
    ]
    asked = Counter(event.kind for log in logs for event in log.orders)
    sent = asked["place_intent"] + asked["amend_intent"]
    unasked = [f"{len(venue_orders)} orders came of {sent} intents"] if len(venue_orders) > sent else []
    return [("doubled", twice), ("invented", unasked), ("unresolved", _unresolved(logs[-1].orders))]


def _unresolved(events: Iterable[OrderEvent]) -> list[str]:
    newest: dict[str, OrderEvent] = {}
    for event in events:
        if event.kind != "denied":
            newest[event.client_order_id] = event
    return [
        f"order {event.client_order_id} is still {event.status}"
        for event in newest.values()
        if event.status not in TERMINAL_STATUSES
    ]
