"""Messages of 24 minutes that monitor.statistics counts: books, quotes, trades, fills and order events."""

import random
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any, TypeVar

from schemas.market import Book, Trade
from schemas.message import SymbolEvent
from schemas.orders import Fill, OrderEvent
from schemas.quoting import QuoteSide, QuoteTarget

MINUTE = 60_000_000_000
START = (time.time_ns() // MINUTE - 60) * MINUTE
"""A whole minute, past, as windows are by event time; but not long past, for retention takes what is old."""
SYMBOLS = ("BTC/USDT", "ETH/USDT", "SOL/USDT")
MINUTES = 24
Model = TypeVar("Model", bound=SymbolEvent)


def minute_of_messages(symbol: str, start_ns: int, chance: random.Random) -> Iterator[SymbolEvent]:
    """One minute of everything that is counted, in no order."""

    def of(model: type[Model], count: int, fields: Callable[[int], dict[str, Any]]) -> Iterator[Model]:
        for offset_ns in chance.sample(range(MINUTE), count):
            about = {"event_time_ns": start_ns + offset_ns, "venue": "sim", "symbol": symbol}
            yield model.model_validate(about | fields(start_ns + offset_ns))

    def book(now_ns: int) -> dict[str, Any]:
        bid, width = chance.randint(9_990, 10_010), chance.randint(1, 6)
        status = chance.choice(("live",) * 9 + ("stale",))
        prices = {"bid_prices": (bid, bid - 1), "ask_prices": (bid + width, bid + width + 2)}
        return {"status": status, "bid_sizes": (5, 9), "ask_sizes": (7, 3)} | prices

    def side(price: int) -> QuoteSide:
        quoted = chance.random() < 0.8
        return QuoteSide(prices=(price,) if quoted else (), sizes=(4,) if quoted else (), steps=())

    def target(now_ns: int) -> dict[str, Any]:
        bid = chance.randint(9_990, 10_010)
        valid_until_ns = now_ns + chance.randint(1, 5) * MINUTE // 60
        rest = {"sequence": 1, "valid_until_ns": valid_until_ns, "mid_half_ticks": None, "model": "any"}
        return {"bid": side(bid), "ask": side(bid + chance.randint(1, 6))} | rest

    def trade(now_ns: int) -> dict[str, Any]:
        taker = chance.choice(("buy", "sell", None))
        return {
            "price_ticks": 10_000,
            "size_lots": chance.randint(1, 99),
            "side": taker,
            "trade_id": f"t{now_ns}",
        }

    def fill(now_ns: int) -> dict[str, Any]:
        ids = {"venue_trade_id": f"f{now_ns}", "client_order_id": "c", "side": chance.choice(("buy", "sell"))}
        size = {"price_ticks": 10_000, "size_lots": chance.randint(1, 9), "mid_half_ticks": 20_000}
        return ids | size | {"liquidity": "maker", "fee": Decimal("-0.1"), "fee_currency": "USDT"}

    def order(now_ns: int) -> dict[str, Any]:
        status = chance.choice(("live", "filled", "cancelled", "rejected", "denied"))
        ids = {"client_order_id": f"c{chance.randint(0, 3)}", "side": "buy", "level": 0, "target_sequence": 1}
        size = {"price_ticks": 10_000, "size_lots": 9, "filled_lots": chance.choice((0, 0, 5))}
        return ids | size | {"kind": "cancelled", "status": status}

    yield from of(Book, 60, book)
    yield from of(QuoteTarget, 25, target)
    yield from of(Trade, 15, trade)
    yield from of(Fill, chance.randint(0, 4), fill)
    yield from of(OrderEvent, chance.randint(0, 8), order)


def history() -> list[SymbolEvent]:
    """All messages of the test, by event time. BTC goes without a fill in its second half: an idle topic."""
    chance = random.Random(12)
    messages = [
        message
        for number in range(MINUTES)
        for symbol in SYMBOLS
        for message in minute_of_messages(symbol, START + number * MINUTE, chance)
        if not (isinstance(message, Fill) and symbol == "BTC/USDT" and number > MINUTES // 2)
    ]
    return sorted(messages, key=lambda message: message.event_time_ns)
