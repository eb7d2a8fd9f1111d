"""Public requests: time, contracts, the book, trades."""

from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from sandbox.depth import Depth, book_ticker
from sandbox.exchange import SandboxExchange
from sandbox.limits import WEIGHT_LIMIT
from sandbox.order_counts import ORDERS_1D_LIMIT, ORDERS_10S_LIMIT
from sandbox.params import Params, market_of, rows, whole
from sandbox.shapes import symbol_info, text

_TRADES_KEPT = 1_000
ORDER_LIMITS = (
    {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": ORDERS_10S_LIMIT},
    {"rateLimitType": "ORDERS", "interval": "DAY", "intervalNum": 1, "limit": ORDERS_1D_LIMIT},
)
_WEIGHT_LIMIT = {
    "rateLimitType": "REQUEST_WEIGHT",
    "interval": "MINUTE",
    "intervalNum": 1,
    "limit": WEIGHT_LIMIT,
}


class PublicData:
    """Requests without a key."""

    def __init__(
        self, exchange: SandboxExchange, depths: Mapping[str, Depth], now_ms: Callable[[], int]
    ) -> None:
        self._exchange = exchange
        self._depths = depths
        self._now_ms = now_ms
        self._recent: dict[str, deque[Mapping[str, Any]]] = defaultdict(lambda: deque(maxlen=_TRADES_KEPT))
        self.requests: Mapping[tuple[str, str], Callable[[Params], Any]] = {
            ("GET", "ping"): lambda params: {},
            ("GET", "time"): lambda params: {"serverTime": self._now_ms()},
            ("GET", "exchangeInfo"): self._exchange_info,
            ("GET", "depth"): self._depth,
            ("GET", "ticker/bookTicker"): self._book_ticker,
            ("GET", "trades"): self._trades,
        }

    def observe_trade(self, symbol: str, event: Mapping[str, Any]) -> None:
        """A public trade, as in its stream."""
        self._recent[symbol].append(event)

    def _exchange_info(self, params: Params) -> Any:
        markets = self._exchange.markets.values()
        return {
            "timezone": "UTC",
            "serverTime": self._now_ms(),
            "rateLimits": [_WEIGHT_LIMIT, *ORDER_LIMITS],
            "exchangeFilters": [],
            "symbols": [
                symbol_info(market.instrument, is_open=self._exchange.is_open and market.status == "TRADING")
                for market in markets
            ],
        }

    def _depth(self, params: Params) -> Any:
        market = market_of(params, self._exchange.markets)
        return self._depths[market.instrument.symbol].snapshot(market, whole(params, "limit", 100))

    def _book_ticker(self, params: Params) -> Any:
        if "symbol" not in params:
            return [self._best(symbol) for symbol in self._exchange.markets]
        return self._best(market_of(params, self._exchange.markets).instrument.symbol)

    def _best(self, symbol: str) -> dict[str, Any]:
        best = book_ticker(self._depths[symbol], self._exchange.markets[symbol])
        names = {"symbol": "s", "bidPrice": "b", "bidQty": "B", "askPrice": "a", "askQty": "A"}
        return {name: best[short] for name, short in names.items()}

    def _trades(self, params: Params) -> Any:
        market = market_of(params, self._exchange.markets)
        return [
            {
                "id": event["t"],
                "price": event["p"],
                "qty": event["q"],
                "quoteQty": text(Decimal(event["p"]) * Decimal(event["q"])),
                "time": event["T"],
                "isBuyerMaker": event["m"],
                "isBestMatch": True,
            }
            for event in list(self._recent[market.instrument.symbol])[-rows(params) :]
        ]
