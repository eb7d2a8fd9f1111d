"""How long the gate takes for one request: 100 symbols with ladders of five levels a side.

make bench-gate
"""

import platform
import time
from decimal import Decimal

import numpy as np
import psutil
from quote_service.routing.core.account import Account
from quote_service.routing.core.gate import Gate
from quote_service.routing.core.order_states import Order
from quote_service.routing.core.request import Request
from quote_service.routing.core.symbol_state import SymbolState
from quote_service.routing.core.terms import contract_terms

from schemas.config import Config
from schemas.market import Book, Instrument
from schemas.message import Side
from schemas.orders import VenueBalance, VenueBalances, VenueStatus
from schemas.risk import RiskState
from schemas.venues import VENUES

SYMBOLS, LEVELS, ROUNDS = 100, 5, 100
NS_PER_US = 1_000
NOW_NS = time.time_ns()


def make_symbol(number: int, config: Config) -> SymbolState:
    """A symbol with a book of 20 levels and five orders a side."""
    name = {"venue": "binance", "symbol": f"S{number:03d}/USDT"}
    symbol = SymbolState.new(f"binance:{name['symbol']}", name["venue"], name["symbol"])
    symbol.excludes_own = True
    instrument = Instrument(
        event_time_ns=NOW_NS, **name, tick_size=Decimal("0.01"), lot_size=Decimal("0.001"),
        base_currency=f"S{number:03d}", quote_currency="USDT", reporting_rate=Decimal(1),
    )  # fmt: skip
    symbol.terms = contract_terms(instrument, config)
    for side in ("buy", "sell"):
        for level in range(LEVELS):
            price = 9_990 - level if side == "buy" else 10_010 + level
            add_order(symbol, side, level, price)  # type: ignore[arg-type]
    steps = range(20)
    symbol.see_book(
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


def add_order(symbol: SymbolState, side: Side, level: int, price: int) -> None:
    """One live order."""
    order = Order(f"mm-{side}-{level}", side, level, 1, price, 50, 1, price, 50, NOW_NS, status="live")
    symbol.orders[side, level] = order


def make_account(config: Config) -> Account:
    """An account that may trade, with money."""
    account = Account(1_000_000_000, config.routing, venue=VENUES["binance"])
    account.hear(RiskState(event_time_ns=NOW_NS, venue="*", symbol="*", state="RUN"), NOW_NS)
    account.see_venue(VenueStatus(event_time_ns=NOW_NS, venue="binance", symbol="*", state="ready"))
    rich = [
        VenueBalance(currency=f"S{n:03d}", free=Decimal(10**6), locked=Decimal(0)) for n in range(SYMBOLS)
    ]
    rich.append(VenueBalance(currency="USDT", free=Decimal(10**9), locked=Decimal(0)))
    account.see_balances(
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
        account.value(symbol)
    times_ns = []
    for round_ in range(ROUNDS):
        for symbol in symbols:
            order = symbol.orders["buy", round_ % LEVELS]
            request = Request("buy", order.level, order.price_ticks - 1, 50, 1, 2, NOW_NS + 10**9, order)
            began_ns = time.perf_counter_ns()
            failing = gate.check(request, symbol, NOW_NS)
            times_ns.append(time.perf_counter_ns() - began_ns)
            assert failing == (), failing
    p50, p99, p999 = np.percentile(times_ns, (50, 99, 99.9)) / NS_PER_US
    machine = f"{platform.python_version()} on {psutil.cpu_count()} cores"
    print(f"{machine}, {SYMBOLS} symbols, {LEVELS} levels a side")
    print(f"one check: p50 {p50:.0f} us, p99 {p99:.0f} us, p99.9 {p999:.0f} us, of {len(times_ns):,}")


if __name__ == "__main__":
    main()
