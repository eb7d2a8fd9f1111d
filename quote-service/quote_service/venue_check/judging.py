"""Does what the router believes agree with the exchange's own books?"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from quote_service.sandbox.faults import FaultName
from schemas.orders import TERMINAL_STATUSES, Fill, OrderEvent
from schemas.units import side_sign

OPEN = frozenset({"NEW", "PARTIALLY_FILLED"})
Truth = Mapping[str, Any]


@dataclass(slots=True)
class Outcome:
    """One session, counted."""

    seed: int
    faults: tuple[FaultName, ...]
    fired: Mapping[str, int] = field(default_factory=dict)
    intents: int = 0
    orders: int = 0
    fills: int = 0
    wrong: list[str] = field(default_factory=list)
    """What must not be, in words; empty: the session holds."""
    confirmed_s: float | None = None
    """From the halt until the exchange had shown that nothing is left."""

    @property
    def holds(self) -> bool:
        """Was nothing lost, doubled or left?"""
        return not self.wrong


def open_ids(truth: Truth) -> list[str]:
    """Orders that the exchange has open."""
    return [order["client_id"] for order in truth["orders"] if order["status"] in OPEN]


def trades_agree(truth: Truth, fills: Iterable[Fill]) -> bool:
    """Is every trade booked, and nothing else?"""
    return not trade_differences(truth, fills)


def trade_differences(truth: Truth, fills: Iterable[Fill]) -> list[str]:
    """Trades that were lost, doubled or invented."""
    booked = Counter((fill.venue_trade_id, fill.side, fill.size_lots, fill.price_ticks) for fill in fills)
    traded = Counter(
        (str(trade["trade_id"]), trade["side"], trade["size_lots"], trade["price_ticks"])
        for trade in truth["trades"]
    )
    lost = [f"trade {key[0]} ({key[1]} {key[2]} lots) was lost" for key in traded - booked]
    return lost + [
        f"trade {key[0]} ({key[1]} {key[2]} lots) was booked and is none" for key in booked - traded
    ]


def position_differences(truth: Truth, fills: Iterable[Fill]) -> list[str]:
    """Positions by symbol that differ."""
    positions: Counter[str] = Counter()
    for fill in fills:
        positions[fill.symbol] += side_sign(fill.side) * fill.size_lots
    for trade in truth["trades"]:
        positions[trade["symbol"]] -= side_sign(trade["side"]) * trade["size_lots"]
    return [f"position of {symbol} is off by {lots:+d} lots" for symbol, lots in positions.items() if lots]


def order_differences(truth: Truth, events: Iterable[OrderEvent]) -> list[str]:
    """Orders that were sent twice, that nobody intended, or whose end was never learnt."""
    wires = Counter(order["client_id"] for order in truth["orders"])
    wrong = [f"order {wire} came {times} times" for wire, times in wires.items() if times > 1]
    newest: dict[str, OrderEvent] = {}
    asked: Counter[str] = Counter()
    for event in events:
        if event.kind != "denied":
            newest[event.client_order_id] = event
        asked[event.kind] += 1
    sent = asked["place_intent"] + asked["amend_intent"]
    if len(wires) > sent:
        wrong.append(f"{len(wires)} orders came of {sent} intents")
    unresolved = (event for event in newest.values() if event.status not in TERMINAL_STATUSES)
    return wrong + [f"order {event.client_order_id} is still {event.status}" for event in unresolved]
