"""The published book of one symbol: the feed's levels plus the accounts' orders, snapshot and differences."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.markets import SandboxMarket
from sandbox.shapes import price_text, size_text, symbol_id
from schemas.message import Side

Levels = dict[int, int]
"""Price in ticks to size in lots."""


@dataclass(slots=True)
class Depth:
    """The last published book, and the newest update id."""

    bids: Levels = field(default_factory=dict)
    asks: Levels = field(default_factory=dict)
    update_id: int = 0
    published_id: int = 0

    def record_change(self) -> None:
        """The book changed: it gets a new update id, even before it is published."""
        self.update_id += 1

    def advance(self, market: SandboxMarket, now_ms: int) -> dict[str, Any] | None:
        """All changes since the last difference; None where there are none."""
        bids, asks = levels_of(market, "buy"), levels_of(market, "sell")
        changed_bids, changed_asks = _changed(self.bids, bids), _changed(self.asks, asks)
        if not changed_bids and not changed_asks:
            return None
        self.bids, self.asks = bids, asks
        self.update_id = max(self.update_id, self.published_id + 1)
        first_id, self.published_id = self.published_id + 1, self.update_id
        return {
            "e": "depthUpdate",
            "E": now_ms,
            "s": symbol_id(market.instrument.symbol),
            "U": first_id,
            "u": self.update_id,
            "b": _texts(market, changed_bids),
            "a": _texts(market, changed_asks),
        }

    def snapshot(self, market: SandboxMarket, limit: int) -> dict[str, Any]:
        """The answer to GET depth."""
        bids = dict(sorted(levels_of(market, "buy").items(), reverse=True)[:limit])
        asks = dict(sorted(levels_of(market, "sell").items())[:limit])
        return {"lastUpdateId": self.update_id, "bids": _texts(market, bids), "asks": _texts(market, asks)}


def book_ticker(depth: Depth, market: SandboxMarket) -> dict[str, Any]:
    """The best prices of both sides with their sizes."""
    shown = depth.snapshot(market, 1)
    bid, ask = (shown[name][0] if shown[name] else ["0", "0"] for name in ("bids", "asks"))
    return {
        "u": depth.update_id,
        "s": symbol_id(market.instrument.symbol),
        "b": bid[0],
        "B": bid[1],
        "a": ask[0],
        "A": ask[1],
    }


def levels_of(market: SandboxMarket, side: Side) -> Levels:
    """The book: the feed's levels plus the accounts' orders."""
    levels: Levels = {}
    book = market.book
    if book is not None:
        prices, sizes = (
            (book.bid_prices, book.bid_sizes) if side == "buy" else (book.ask_prices, book.ask_sizes)
        )
        levels.update(zip(prices, sizes, strict=True))
    for order in market.matching.orders.values():
        if order.side == side:
            levels[order.price_ticks] = levels.get(order.price_ticks, 0) + order.remaining_lots
    return levels


def _changed(before: Mapping[int, int], after: Mapping[int, int]) -> Levels:
    changed = {price: size for price, size in after.items() if before.get(price) != size}
    return changed | {price: 0 for price in before if price not in after}


def _texts(market: SandboxMarket, levels: Mapping[int, int]) -> list[list[str]]:
    instrument = market.instrument
    return [[price_text(instrument, price), size_text(instrument, size)] for price, size in levels.items()]
