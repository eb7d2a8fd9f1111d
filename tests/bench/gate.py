"""How long the gate takes for one request: 100 symbols with ladders of five levels a side.

make bench-gate
"""

import platform
import time
from decimal import Decimal
from typing import get_args

import numpy as np
import psutil
from quote_service.routing.account import AccountState
from quote_service.routing.gate.contract_terms import contract_terms
from quote_service.routing.gate.gate import Gate
from quote_service.routing.gate.request import Passed, Request
from quote_service.routing.orders.order_states import Order
from quote_service.routing.symbol_state import RoutedSymbol

from schemas.config import Config
from schemas.market import Book, Instrument
from schemas.message import Side
from schemas.orders import VenueBalance, VenueBalances, VenueStatus
from schemas.risk import RiskState
from schemas.venues import VENUES

SYMBOLS, LEVELS, ROUNDS = 100, 5, 100
NS_PER_US = 1_000
NOW_NS = time.time_ns()


def make_symbol(number: int, config: Config) -> RoutedSymbol:
    """A symbol with a book of 20 levels and five orders a side."""
    name = {"venue": "binance", "symbol": f"S{number:03d}/USDT"}
    symbol = RoutedSymbol.new(f"binance:{name['symbol']}", name["venue"], name["symbol"])
    symbol.excludes_own = True
    instrument = Instrument(
        event_time_ns=NOW_NS, **name, tick_size=Decimal("0.01"), lot_size=Decimal("0.001"),
        base_currency=f"S{number:03d}", quote_currency="USDT", reporting_rate=Decimal(1),
    )  # fmt: skip
    symbol.contract.terms = contract_terms(instrument, config)
    for side in get_args(Side):
        for level in range(LEVELS):
            price = 9_990 - level if side == "buy" else 10_010 + level
            add_order(symbol, side, level, price)
    steps = range(20)
    symbol.observe_book(
        Book(
            event_time_ns=NOW_NS,
            **name,
            status="live",
            bid_prices=tuple(9_995 - step for step in steps),
            bid_sizes=(1_000,) * 20,
            ask_prices=tuple(10_005 + step for step in steps),
            ask_sizes=(1_000,) * 20,
        )
    )
    return symbol


def add_order(symbol: RoutedSymbol, side: Side, level: int, price: int) -> None:
    """One live order."""
    order = Order(f"mm-{side}-{level}", side, level, 1, price, 50, 1, price, 50, NOW_NS, status="live")
    symbol.orders.open[side, level] = order


def make_account(config: Config) -> AccountState:
    """An account that may trade, with money."""
    account = AccountState(1_000_000_000, config.routing, venue=VENUES["binance"])
    account.observe_risk(RiskState(event_time_ns=NOW_NS, venue="*", symbol="*", state="RUN"), NOW_NS)
    ready = VenueStatus(event_time_ns=NOW_NS, venue="binance", symbol="*", state="ready")
    account.observe_venue(ready, NOW_NS)
    rich = [
        VenueBalance(currency=f"S{n:03d}", free=Decimal(10**6), locked=Decimal(0)) for n in range(SYMBOLS)
    ]
    rich.append(VenueBalance(currency="USDT", free=Decimal(10**9), locked=Decimal(0)))
    account.observe_balances(
        VenueBalances(event_time_ns=NOW_NS, venue="binance", symbol="*", balances=tuple(rich))
    )
    return account


def main() -> None:
    """Print the figures."""
    config = Config()
    account = make_account(config)
    gate = Gate(config, account)
    symbols = [make_symbol(number, config) for number in range(SYMBOLS)]
    for symbol in symbols:
        account.revalue(symbol)
    times_ns = []
    for round_ in range(ROUNDS):
        for symbol in symbols:
            order = symbol.orders.open["buy", round_ % LEVELS]
            request = Request("buy", order.level, order.price_ticks - 1, 50, 1, 2, NOW_NS + 10**9, order)
            began_ns = time.perf_counter_ns()
            verdict = gate.check(request, symbol, NOW_NS)
            times_ns.append(time.perf_counter_ns() - began_ns)
            assert isinstance(verdict, Passed), verdict
    p50, p99, p999 = np.percentile(times_ns, (50, 99, 99.9)) / NS_PER_US
    machine = f"{platform.python_version()} on {psutil.cpu_count()} cores"
    print(f"{machine}, {SYMBOLS} symbols, {LEVELS} levels a side")
    print(f"one check: p50 {p50:.0f} us, p99 {p99:.0f} us, p99.9 {p999:.0f} us, of {len(times_ns):,}")


if __name__ == "__main__":
    main()
