"""A two-sided market maker on hftbacktest over a recording; run by tests/bench/peers.py, in an environment of
its own that holds hftbacktest and nothing of this project.

python peer_hftbacktest.py RECORDING LEVELS

The same maker as in peer_nautilus.py, compiled by numba: compiling and building arrays from the recording are
counted apart. hftbacktest is told of single levels; a market event is a message of the recording, as for the
others. Prints one JSON object.
"""

import gzip
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from hftbacktest import (
    BUY,
    BUY_EVENT,
    DEPTH_CLEAR_EVENT,
    DEPTH_EVENT,
    EXCH_EVENT,
    GTX,
    LIMIT,
    LOCAL_EVENT,
    NEW,
    SELL,
    SELL_EVENT,
    TRADE_EVENT,
    BacktestAsset,
    HashMapMarketDepthBacktest,
)
from hftbacktest.types import event_dtype
from numba import njit

TICK_SIZE = 0.1
HALF_SPREAD = 0.002
LEVEL_STEP = 0.0005
SIZE = 0.08
FEED, END = 2, 1
A_DAY_NS = 86_400_000_000_000
SIDES = {"buy": BUY_EVENT, "sell": SELL_EVENT, None: 0}


def main() -> None:
    recording, levels = Path(sys.argv[1]), int(sys.argv[2])
    began_s = time.process_time()
    with gzip.open(recording, "rt") as lines:
        messages = [json.loads(line) for line in lines]
    rows = [row for message in messages for row in rows_of(message)]
    data = np.array(rows, dtype=event_dtype)
    make(backtest(data), levels)  # numba compiles it
    tested = backtest(data)
    built_s = time.process_time()
    commands = make(tested, levels)
    run_s = time.process_time() - built_s
    figures = {
        "market_events": len(messages),
        "commands": commands,
        "fills": int(tested.state_values(0).num_trades),
        "build_cpu_s": round(built_s - began_s, 4),
        "run_cpu_s": round(run_s, 4),
    }
    print(json.dumps(figures))


def rows_of(message: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    """One for each level or trade; at the time of receipt."""
    heard, time_ns = EXCH_EVENT | LOCAL_EVENT, message["ts"]
    if message["type"] == "trade":
        kind = TRADE_EVENT | SIDES[message["side"]]
        yield heard | kind, time_ns, time_ns, message["price"], message["size"], 0, 0, 0.0
        return
    for side, levels in ((BUY_EVENT, message["bids"]), (SELL_EVENT, message["asks"])):
        if message["snapshot"] and levels:
            yield heard | side | DEPTH_CLEAR_EVENT, time_ns, time_ns, levels[-1][0], 0.0, 0, 0, 0.0
        for price, size in levels:
            yield heard | side | DEPTH_EVENT, time_ns, time_ns, price, size, 0, 0, 0.0


def backtest(data: Any) -> Any:
    """A fresh run over the recording."""
    asset = (
        BacktestAsset()
        .data(data)
        .linear_asset(1.0)
        .constant_order_latency(0, 0)
        .risk_adverse_queue_model()
        .no_partial_fill_exchange()
        .trading_value_fee_model(0.0001, 0.0005)
        .tick_size(TICK_SIZE)
        .lot_size(0.001)
    )
    return HashMapMarketDepthBacktest([asset])


@njit  # type: ignore[untyped-decorator]
def make(tested: Any, levels: int) -> int:
    """Quote `levels` orders a side around the mid; the number of commands."""
    commands, last = 0, 0
    while True:
        found = tested.wait_next_feed(False, A_DAY_NS)
        if found == END:
            return commands
        depth = tested.depth(0)
        twice_mid = depth.best_bid_tick + depth.best_ask_tick
        if found != FEED or twice_mid == last or depth.best_bid_tick >= depth.best_ask_tick:
            continue
        last = twice_mid
        orders = tested.orders(0)
        for number in range(2 * levels):
            side = BUY if number % 2 == 0 else SELL
            distance = HALF_SPREAD + (number // 2) * LEVEL_STEP
            signed = -distance if side == BUY else distance
            price_tick = round(twice_mid / 2 * (1 + signed))
            order = orders.get(number)
            if order is not None and order.status == NEW:
                if order.price_tick == price_tick or not order.cancellable:
                    continue
                tested.modify(0, number, price_tick * TICK_SIZE, SIZE, False)
            elif side == BUY:
                tested.submit_buy_order(0, number, price_tick * TICK_SIZE, SIZE, GTX, LIMIT, False)
            else:
                tested.submit_sell_order(0, number, price_tick * TICK_SIZE, SIZE, GTX, LIMIT, False)
            commands += 1


if __name__ == "__main__":
    main()
