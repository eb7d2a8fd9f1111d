"""Prints how many quotes stand, and how far from what is wanted, where the venue grants few messages.

    python -m tests.bench.sides [SECONDS] [SYMBOLS] [VOLATILITY_BPS]

The router's core alone, at Binance's rates (100 orders in 10 s, 200,000 a day), with mids that walk at random
by so many basis points in the square root of a second. Quotes are wanted 10 basis points on either side of
the mid, anew when it has moved by 2. Deterministic: there is no clock and one seed.
"""

import random
import sys
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from statistics import median
from typing import Any

from quote_service.routing.router import RouterCore

from schemas.config import Config
from schemas.market import Book, Instrument
from schemas.message import Event
from schemas.orders import OrderEvent, VenueReport, VenueStatus
from schemas.process import Tick
from schemas.quoting import QuoteSide, QuoteTarget
from schemas.risk import RiskState
from schemas.units import side_sign

VENUE = "binance"
MS = 1_000_000
T0 = 1_723_161_254_000_000_000
STEP_MS = 125
TICK_MS = 250
MID_TICKS = 1_000_000
"""So a basis point is a hundred ticks."""
TICKS_PER_BPS = 100
HALF_SPREAD_TICKS = 10 * TICKS_PER_BPS
REQUOTE_TICKS = 2 * TICKS_PER_BPS
RESTATE_MS = 2_500
SHOWN_S = (1, 10, 20, 30, 60, 120, 300, 600, 1_200, 3_600, 21_600, 43_200, 86_400)
_KINDS = {"place_intent": "accepted", "amend_intent": "amended", "cancel_intent": "cancelled"}


@dataclass
class Walk:
    """One market, and what is wanted in it."""

    symbol: str
    mid: float = MID_TICKS
    said_mid: int = 0
    said_ms: int = -RESTATE_MS
    wanted: dict[str, int] = field(default_factory=dict)
    gone_ms: dict[str, int] = field(default_factory=lambda: {"buy": 0, "sell": 0})
    """Since when a side has no order."""


class Sides:
    """The core, many markets, and an exchange that answers at once."""

    def __init__(self, count: int, volatility_bps: float, sections: dict[str, Any] | None = None) -> None:
        self.random = random.Random(1)
        self.step_ticks = volatility_bps * TICKS_PER_BPS * (STEP_MS / 1_000) ** 0.5
        self.walks = [Walk(f"S{number}/USDT") for number in range(count)]
        self.core = RouterCore(config([walk.symbol for walk in self.walks], sections or {}))
        self.by_symbol = {walk.symbol: walk for walk in self.walks}
        self.orders: dict[str, OrderEvent] = {}
        self.sent: Counter[str] = Counter()
        self.longest_gone_ms = 0
        self.sequence = 0
        self.now_ms = 0
        self.send(VenueStatus(**self.about("*"), state="ready"))
        for walk in self.walks:
            terms = {"base_currency": walk.symbol.split("/")[0], "quote_currency": "USDT"}
            one = Decimal(1)
            self.send(
                Instrument(
                    **self.about(walk.symbol), **terms, tick_size=one, lot_size=one, reporting_rate=one
                )
            )

    def about(self, symbol: str) -> dict[str, Any]:
        return {"event_time_ns": T0 + self.now_ms * MS, "venue": VENUE, "symbol": symbol}

    def send(self, event: Event) -> None:
        for output in self.core.on_event(event):
            if isinstance(output, OrderEvent):
                self.sent[output.kind] += 1
                if output.kind in _KINDS:
                    self.obey(output)

    def obey(self, intent: OrderEvent) -> None:
        side = self.by_symbol[intent.symbol].gone_ms
        if intent.kind == "cancel_intent":
            del self.orders[intent.client_order_id]
            side[intent.side] = self.now_ms
        else:
            if intent.kind == "place_intent":
                self.longest_gone_ms = max(self.longest_gone_ms, self.now_ms - side[intent.side])
            self.orders[intent.client_order_id] = intent
        self.report(intent, _KINDS[intent.kind])

    def report(self, order: OrderEvent, kind: Any, **fields: Any) -> None:
        facts = {"price_ticks": order.price_ticks, "size_lots": order.size_lots, "side": order.side}
        about = self.about(order.symbol)
        self.send(
            VenueReport(**about, kind=kind, client_order_id=order.client_order_id, **{**facts, **fields})
        )

    def run(self, seconds: int) -> None:
        while self.now_ms <= seconds * 1_000:
            self.send(RiskState(**{**self.about("*"), "venue": "*"}, state="RUN"))
            for walk in self.walks:
                self.move(walk)
            self.fill()
            if self.now_ms % TICK_MS == 0:
                self.send(Tick(event_time_ns=T0 + self.now_ms * MS))
            if self.now_ms % 1_000 == 0 and self.now_ms // 1_000 in SHOWN_S:
                self.show()
            self.now_ms += STEP_MS

    def move(self, walk: Walk) -> None:
        walk.mid += self.random.gauss(0, self.step_ticks)
        mid = round(walk.mid)
        books = {"bid_prices": (mid - 50,), "ask_prices": (mid + 50,), "bid_sizes": (99,), "ask_sizes": (99,)}
        self.send(Book(**self.about(walk.symbol), status="live", **books))
        is_old = self.now_ms - walk.said_ms >= RESTATE_MS
        if not is_old and abs(mid - walk.said_mid) < REQUOTE_TICKS:
            return
        walk.said_mid, walk.said_ms = mid, self.now_ms
        walk.wanted = {"buy": mid - HALF_SPREAD_TICKS, "sell": mid + HALF_SPREAD_TICKS}
        self.sequence += 1
        bid, ask = (QuoteSide(prices=(price,), sizes=(5,), steps=()) for price in walk.wanted.values())
        self.send(
            QuoteTarget(
                **self.about(walk.symbol),
                sequence=self.sequence,
                valid_until_ns=T0 + (self.now_ms + 2 * RESTATE_MS) * MS,
                mid_half_ticks=2 * mid,
                model="any",
                bid=bid,
                ask=ask,
            )
        )

    def fill(self) -> None:
        """A market that has come through a price has filled it."""
        for order in list(self.orders.values()):
            walk = self.by_symbol[order.symbol]
            if side_sign(order.side) * (walk.mid - order.price_ticks) < 0:
                del self.orders[order.client_order_id]
                walk.gone_ms[order.side] = self.now_ms
                self.sent["fill"] += 1
                self.report(order, "fill", liquidity="maker", venue_trade_id=str(self.sent["fill"]))

    def show(self) -> None:
        worse, generous = [], 0
        for order in self.orders.values():
            walk = self.by_symbol[order.symbol]
            wide_ticks = side_sign(order.side) * (walk.wanted[order.side] - order.price_ticks)
            worse.append(abs(wide_ticks) / TICKS_PER_BPS)
            generous += wide_ticks < -HALF_SPREAD_TICKS // 2
        both = Counter(order.symbol for order in self.orders.values())
        worse.sort()
        sent = ", ".join(f"{kind} {count}" for kind, count in sorted(self.sent.items()) if kind != "accepted")
        print(
            f"{self.now_ms // 1_000:6} s  {len(self.orders):4} of {2 * len(self.walks)} stand, "
            f"{sum(count == 2 for count in both.values()):3} symbols with both; off by "
            f"{median(worse):4.1f} bps, p95 {worse[int(len(worse) * 0.95)]:4.1f}; "
            f"{generous} beyond half the edge; longest without {self.longest_gone_ms / 1_000:.1f} s; {sent}",
            flush=True,
        )


def config(symbols: list[str], sections: dict[str, Any]) -> Config:
    """Limits so wide that only the messages bind."""
    huge = 10**12
    base: dict[str, dict[str, Any]] = {
        "venue": {"kind": "ccxt"},
        "feed": {"kind": "live"},
        "exchange": {"id": VENUE, "symbols": symbols, "url": "http://127.0.0.1:1"},
        "risk_limits": {"max_position": huge, "max_position_notional": huge, "max_exposure": 10**6},
        "routing": {"order_value_max": huge},
        "reporting": {"capital": huge},
        "protection": {"fill_quantity_max": huge, "fill_delta_max": huge, "jump_bps_min": huge},
    }
    for name, fields in sections.items():
        base[name] = {**base[name], **fields}
    return Config.model_validate(base)


if __name__ == "__main__":
    given = dict(enumerate(sys.argv))
    Sides(int(given.get(2, 100)), float(given.get(3, 2.0))).run(int(given.get(1, 600)))
