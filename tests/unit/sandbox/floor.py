"""An exchange for trying out with one market and two accounts, in memory."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from sandbox.accounts import Account
from sandbox.exchange import Happening, SandboxExchange
from sandbox.markets import NewOrder
from schemas.market import Book, Trade
from tests.kit.messages import instrument

SYMBOL = "BTC/USDT"
TERMS: dict[str, Any] = {"venue": "sim", "symbol": SYMBOL}


class Floor:
    """An exchange with one market, bid 99 and ask 101, and two accounts."""

    def __init__(
        self, maker_bps: str = "0", taker_bps: str = "0", now_ns: Callable[[], int] = lambda: 0
    ) -> None:
        self.heard: list[Happening] = []
        self.exchange = SandboxExchange(now_ns, self.heard.append)
        self.list(SYMBOL, "BTC", maker_bps, taker_bps)
        self.book()
        self.anna, self.bert = (self._account(name) for name in ("anna", "bert"))

    def list(self, symbol: str, base: str, maker_bps: str = "0", taker_bps: str = "0") -> None:
        """Another contract is traded."""
        self.exchange.observe_instrument(
            instrument(
                symbol,
                maker_fee_bps=Decimal(maker_bps),
                taker_fee_bps=Decimal(taker_bps),
                base_currency=base,
                time_ns=0,
            )
        )

    def _account(self, name: str) -> Account:
        account = self.exchange.accounts[name] = Account(name)
        account.free.update({"BTC": Decimal(1_000), "USDT": Decimal(100_000)})
        return account

    def book(self, bid: int = 99, ask: int = 101, size: int = 5, symbol: str = SYMBOL) -> None:
        self.exchange.observe_book(
            Book(
                event_time_ns=0,
                venue="sim",
                symbol=symbol,
                status="live",
                bid_prices=(bid, bid - 1),
                bid_sizes=(size, size),
                ask_prices=(ask, ask + 1),
                ask_sizes=(size, size),
            )
        )

    def trade(self, price: int, size: int, side: Any) -> None:
        self.exchange.observe_trade(
            Trade(event_time_ns=0, **TERMS, price_ticks=price, size_lots=size, side=side, trade_id="t")
        )

    def order(self, account: Account, side: Any, price: int, size: int, **more: Any) -> Any:
        fields = {
            "symbol": SYMBOL,
            "order_type": "LIMIT",
            "time_in_force": "GTC",
            "client_id": f"c{len(account.orders)}",
        } | more
        return self.exchange.place(account, NewOrder(side=side, price_ticks=price, size_lots=size, **fields))
