"""Prints how long an order takes from the decision to the exchange and to its answer, over the sandbox.

    python -m tests.bench.orders [SECONDS] [SYMBOLS ...]

The exchange and the engine are processes of their own, on one machine, over HTTP and websockets of the
loopback. Decision is the intent's time in the log, the exchange has an order when it has parsed and accepted
it, the answer is the time at which its report was received.
"""

import asyncio
import json
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from itertools import cycle, islice, pairwise
from pathlib import Path
from typing import Any

import yaml
from quote_service.routing.venues.exchange.ids import VenueClientIds

from runtime.exchange.clients import make_client, read_credentials
from runtime.exchange.request_budget import RequestBudget
from schemas.deployment import ExchangeSettings
from schemas.orders import TERMINAL_STATUSES
from schemas.venues import VENUES
from tests.servers.local import MAKER

SETTLED_S = 5
"""The start, when all symbols ask for their first orders at once, is a figure of its own."""
STANDING_S = (10, 20, 30, 60, 120, 300, 600)
MARKETS = (("60000", "0.1", "0.00001", 4.0), ("3000", "0.01", "0.0001", 8.0), ("150", "0.01", "0.01", 20.0))


def markets(count: int) -> dict[str, Any]:
    symbols = [f"C{number}/USDT" for number in range(count)]
    kinds = list(islice(cycle(MARKETS), count))
    feed = {
        name: {"price": price, "spread_bps": spread, "volatility_bps": 2.0, "updates_per_s": 10.0}
        for name, (price, _, _, spread) in zip(symbols, kinds, strict=True)
    }
    instruments = {
        name: {"venue": "synthetic", "tick_size": tick, "lot_size": lot, "min_notional": 10}
        for name, (_, tick, lot, _) in zip(symbols, kinds, strict=True)
    }
    return {"feed": {"symbols": feed}, "instruments": instruments}


def run(folder: Path, count: int, seconds: float) -> None:
    market = markets(count)
    (folder / "exchange.yaml").write_text(yaml.safe_dump(market))
    command: list[str | Path] = [MAKER, "sandbox", "--port", "0", "--config", folder / "exchange.yaml"]
    command += ["--keys", folder / "keys"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as exchange:
        try:
            truth, url = trade(exchange, folder, seconds)
            show(count, folder / "log", next(iter(truth.values())))
            show_client(url, folder / "keys")
        finally:
            exchange.terminate()


def trade(exchange: subprocess.Popen[str], folder: Path, seconds: float) -> tuple[dict[str, Any], str]:
    """Run the engine by the configuration that the exchange prints; what the exchange knows afterwards."""
    assert exchange.stdout is not None
    lines = [exchange.stdout.readline() for _ in range(10)]
    trading = yaml.safe_load("".join(lines[2:]))
    (folder / "engine.yaml").write_text(yaml.safe_dump(trading))
    engine: list[str | Path] = [MAKER, "up", "--config", folder / "engine.yaml", "--log", folder / "log"]
    done = subprocess.run(
        [*engine, "--no-gateway", "--for", str(seconds)],
        check=False,
        capture_output=True,
        text=True,
        timeout=seconds + 60,
    )
    print(done.stderr[-2000:] if done.returncode else "", end="")
    url: str = trading["exchange"]["url"]
    with urllib.request.urlopen(url + "/sandbox/truth") as answer:
        return json.load(answer), url


def messages(log: Path, kind: str) -> list[dict[str, Any]]:
    lines = (line for path in sorted(log.glob("*.log")) for line in path.read_text().splitlines())
    return [json.loads(line[9:])["message"] for line in lines if f'"type":"{kind}"' in line]


def show(count: int, log: Path, truth: dict[str, Any]) -> None:
    events = messages(log, "order.event.v1")
    begin_ns = events[0]["event_time_ns"] + SETTLED_S * 10**9
    ids = VenueClientIds("mm", with_revision=True)
    arrived = {order["client_id"]: order["created_ns"] for order in truth["orders"]}
    asked: dict[str, int] = {}
    on_wire, answered = [], []
    for event in events:
        kind, order_id, now_ns = event["kind"], event["client_order_id"], event["event_time_ns"]
        if kind in {"place_intent", "amend_intent"} and now_ns > begin_ns:
            asked[order_id] = now_ns
            arrived_ns = arrived.get(ids.to_venue(order_id, event["revision"]))
            on_wire += [] if arrived_ns is None else [(arrived_ns - now_ns) / 1e6]
        elif kind in {"accepted", "amended"} and order_id in asked:
            answered.append((now_ns - asked.pop(order_id)) / 1e6)
    denied, refused = reasons(events, "denied"), reasons(events, "rejected")
    on_wire_ms, answered_ms = percentiles(on_wire), percentiles(answered)
    print(f"{count:4} symbols  decision to exchange {on_wire_ms} ms, to answer {answered_ms} ms")
    print(f"              {len(answered)} orders and amends; denied {denied}, refused {refused}")
    print(f"              of {2 * count} sides stand {standing(events)}")


def standing(events: list[dict[str, Any]]) -> str:
    """How many orders are alive, by the log, so many seconds after the first one."""
    begin_ns, counts = events[0]["event_time_ns"], []
    alive: set[str] = set()
    marks = iter(STANDING_S)
    mark_s = next(marks)
    for event in events:
        while event["event_time_ns"] - begin_ns > mark_s * 10**9:
            counts.append(f"{len(alive)} after {mark_s} s")
            mark_s = next(marks, 10**9)
        is_over = event["status"] in TERMINAL_STATUSES
        (alive.discard if is_over else alive.add)(event["client_order_id"])
    return ", ".join(counts)


def reasons(events: list[dict[str, Any]], kind: str) -> dict[str, int]:
    return dict(Counter(reason for event in events if event["kind"] == kind for reason in event["reasons"]))


def show_client(url: str, keys: Path, orders: int = 80) -> None:
    """What the client library takes of it, on an idle exchange: before the request, on the way, after it."""
    asyncio.run(time_client(url, keys, orders))


class Timed(RequestBudget):
    """A budget of its own, which notes when an answer has come."""

    def __init__(self, times: list[float]) -> None:
        super().__init__(VENUES["binance"], 1.0)
        self._times = times

    def see(self, *answer: Any) -> None:
        """Called with each answer."""
        self._times.append(time.perf_counter())


async def time_client(url: str, keys: Path, orders: int) -> None:
    times: list[float] = []
    files = {"api_key_file": str(keys / "api_key"), "api_secret_file": str(keys / "api_secret")}
    config = ExchangeSettings(url=url, symbols=("C0/USDT",), **files)
    client = make_client(config, read_credentials(config), Timed(times))
    send = client.fetch

    async def timed(*arguments: Any, **named: Any) -> Any:
        times.append(time.perf_counter())
        return await send(*arguments, **named)

    client.fetch = timed
    await client.load_markets()
    await asyncio.sleep(10 - time.time() % 10)  # the exchange grants 100 orders in each ten seconds
    parts: list[list[float]] = [[], [], []]
    for number in range(orders):
        times.clear()
        began_s = time.perf_counter()
        params = {"postOnly": True, "clientOrderId": f"bench{number}"}
        placed = await client.create_order("C0/USDT", "limit", "buy", 0.001, 50_000.0, params)
        ended_s = time.perf_counter()
        marks = [began_s, *times, ended_s]
        for part, (first, second) in zip(parts, pairwise(marks), strict=True):
            part.append((second - first) * 1e3)
        await client.cancel_order(placed["id"], "C0/USDT")
    await client.close()
    named = zip(("ccxt before the request", "on the way", "ccxt after the answer"), parts, strict=True)
    print("              " + ", ".join(f"{name} {percentiles(part)} ms" for name, part in named))


def percentiles(values: list[float]) -> str:
    values.sort()
    found = (values[min(len(values) - 1, int(len(values) * share))] for share in (0.5, 0.99, 0.999))
    return " / ".join(f"{value:.1f}" for value in found) if values else "-"


if __name__ == "__main__":
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 30.0
    for count in map(int, sys.argv[2:] or ("1", "20", "100")):
        with tempfile.TemporaryDirectory() as folder:
            began_s = time.monotonic()
            run(Path(folder), count, seconds)
            print(f"              ({time.monotonic() - began_s:.0f} s)", flush=True)
