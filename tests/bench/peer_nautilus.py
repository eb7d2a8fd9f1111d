"""A two-sided market maker on NautilusTrader over a recording; run by tests/bench/peers.py, in an environment
of its own that holds nautilus_trader and nothing of this project.

python peer_nautilus.py RECORDING LEVELS      LEVELS 0: no orders, market data alone

Like this engine's simple maker: every level keeps its distance from the mid, and is amended when the mid has
moved. Prints one JSON object: market events, commands, CPU seconds of building the objects and of the run.
"""

import gzip
import json
import sys
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from nautilus_trader.backtest.config import BacktestEngineConfig
from nautilus_trader.backtest.engine import BacktestEngine
from nautilus_trader.config import LoggingConfig
from nautilus_trader.core.data import Data
from nautilus_trader.model.currencies import BTC, USDT
from nautilus_trader.model.data import BookOrder, OrderBookDelta, OrderBookDeltas, TradeTick
from nautilus_trader.model.enums import (
    AccountType,
    AggressorSide,
    BookAction,
    BookType,
    OmsType,
    OrderSide,
    RecordFlag,
)
from nautilus_trader.model.identifiers import InstrumentId, Symbol, TradeId, TraderId, Venue
from nautilus_trader.model.instruments import CryptoPerpetual
from nautilus_trader.model.objects import Money, Price, Quantity
from nautilus_trader.model.orders import Order
from nautilus_trader.trading.strategy import Strategy

VENUE = Venue("SIM")
INSTRUMENT = CryptoPerpetual(
    instrument_id=InstrumentId(Symbol("BTCUSDT-PERP"), VENUE),
    raw_symbol=Symbol("BTCUSDT"),
    base_currency=BTC,
    quote_currency=USDT,
    settlement_currency=USDT,
    is_inverse=False,
    price_precision=1,
    size_precision=3,
    price_increment=Price.from_str("0.1"),
    size_increment=Quantity.from_str("0.001"),
    ts_event=0,
    ts_init=0,
    maker_fee=Decimal("0.0001"),
    taker_fee=Decimal("0.0005"),
)
HALF_SPREAD = 0.002
LEVEL_STEP = 0.0005
SIZE = Quantity.from_str("0.080")
NO_AGGRESSOR = AggressorSide.NO_AGGRESSOR
AGGRESSOR = {"buy": AggressorSide.BUYER, "sell": AggressorSide.SELLER}


def main() -> None:
    recording, levels = Path(sys.argv[1]), int(sys.argv[2])
    began_s = time.process_time()
    data = list(market_data(recording))
    engine = BacktestEngine(
        BacktestEngineConfig(
            trader_id=TraderId("BENCH-001"),
            logging=LoggingConfig(bypass_logging=True),
            run_analysis=False,
        )
    )
    engine.add_venue(
        venue=VENUE,
        oms_type=OmsType.NETTING,
        account_type=AccountType.MARGIN,
        starting_balances=[Money(1_000_000, USDT)],
        book_type=BookType.L2_MBP,
    )
    engine.add_instrument(INSTRUMENT)
    engine.add_data(data)
    maker = TwoSidedMaker(levels)
    engine.add_strategy(maker)
    built_s = time.process_time()
    engine.run()
    figures = {
        "market_events": len(data),
        "commands": maker.commands,
        "fills": maker.fills,
        "build_cpu_s": round(built_s - began_s, 3),
        "run_cpu_s": round(time.process_time() - built_s, 3),
    }
    print(json.dumps(figures))
    engine.dispose()


def market_data(recording: Path) -> Iterator[Data]:
    """The recording's events as NautilusTrader's objects, in order of receipt."""
    with gzip.open(recording, "rt") as lines:
        for line in lines:
            event = json.loads(line)
            yield trade(event) if event["type"] == "trade" else book(event)


def trade(event: dict[str, Any]) -> TradeTick:
    """A trade."""
    return TradeTick(
        INSTRUMENT.id,
        Price(event["price"], INSTRUMENT.price_precision),
        Quantity(event["size"], INSTRUMENT.size_precision),
        AGGRESSOR.get(event["side"], NO_AGGRESSOR),
        TradeId(event["id"]),
        event["ets"] or event["ts"],
        event["ts"],
    )


def book(event: dict[str, Any]) -> OrderBookDeltas:
    """The changed levels of one message; a snapshot clears the book first."""
    levels = [(OrderSide.BUY, *level) for level in event["bids"]]
    levels += [(OrderSide.SELL, *level) for level in event["asks"]]
    sequence, exchange_ns, received_ns = event["seq"], event["ets"] or event["ts"], event["ts"]
    deltas = (
        [OrderBookDelta.clear(INSTRUMENT.id, sequence, exchange_ns, received_ns)] if event["snapshot"] else []
    )
    for number, (side, price, size) in enumerate(levels, start=1):
        order = BookOrder(
            side, Price(price, INSTRUMENT.price_precision), Quantity(size, INSTRUMENT.size_precision), 0
        )
        action = BookAction.UPDATE if size else BookAction.DELETE
        flags = RecordFlag.F_LAST if number == len(levels) else 0
        deltas.append(OrderBookDelta(INSTRUMENT.id, action, order, flags, sequence, exchange_ns, received_ns))
    return OrderBookDeltas(INSTRUMENT.id, deltas)


class TwoSidedMaker(Strategy):  # type: ignore[misc]
    """Quotes `levels` orders a side around the mid."""

    def __init__(self, levels: int) -> None:
        super().__init__()
        self.commands = 0
        self.fills = 0
        self._mid = 0.0
        distances = [HALF_SPREAD + level * LEVEL_STEP for level in range(levels)]
        self._quotes: list[tuple[OrderSide, float, Order | None]] = [
            (side, sign * distance, None)
            for distance in distances
            for side, sign in ((OrderSide.BUY, -1), (OrderSide.SELL, 1))
        ]
        """Each with its signed distance from the mid, as a share of it, and its order."""

    def on_start(self) -> None:
        self.subscribe_order_book_deltas(INSTRUMENT.id, BookType.L2_MBP, managed=True)
        self.subscribe_trade_ticks(INSTRUMENT.id)

    def on_order_book_deltas(self, deltas: OrderBookDeltas) -> None:
        mid = self.cache.order_book(deltas.instrument_id).midpoint()
        if mid is None or mid == self._mid:
            return
        self._mid = mid
        self._quotes = [self._requoted(*quote) for quote in self._quotes]

    def _requoted(
        self, side: OrderSide, distance: float, order: Order | None
    ) -> tuple[OrderSide, float, Order | None]:
        price = INSTRUMENT.make_price(self._mid * (1 + distance))
        if order is None or order.is_closed:
            order = self.order_factory.limit(INSTRUMENT.id, side, SIZE, price, post_only=True)
            self.submit_order(order)
            self.commands += 1
        elif price != order.price:
            self.modify_order(order, price=price)
            self.commands += 1
        return side, distance, order

    def on_trade_tick(self, tick: TradeTick) -> None:
        """Heard, as this engine's maker hears trades."""

    def on_order_filled(self, event: Any) -> None:
        self.fills += 1

    def on_stop(self) -> None:
        self.cancel_all_orders(INSTRUMENT.id)


if __name__ == "__main__":
    main()
