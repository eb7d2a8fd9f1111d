"""Prints how long an order takes from the decision to the exchange and to its answer, over the sandbox.

    python tests/bench/orders.py [SECONDS] [SYMBOLS ...]

The exchange and the engine are processes of their own, on one machine, over HTTP and websockets of the
loopback. Decision is the intent's time in the log, the answer the time at which its report was received.
"""

import json
import subprocess
import sys
import tempfile
import time
import urllib.request
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import yaml

MAKER = Path(sys.executable).parent / "maker"
SETTLED_S = 5
"""The start, when all symbols ask for their first orders at once, is a figure of its own."""
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
    keys = ["--keys", folder / "keys"]
    command = [MAKER, "sandbox", "--port", "0", "--config", folder / "exchange.yaml", *keys]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as exchange:
        try:
            truth = trade(exchange, folder, seconds)
        finally:
            exchange.terminate()
    show(count, folder / "log", next(iter(truth.values())))


def trade(exchange: subprocess.Popen[str], folder: Path, seconds: float) -> dict[str, Any]:
    """Run the engine by the configuration that the exchange prints; what the exchange knows afterwards."""
    assert exchange.stdout is not None
    lines = [exchange.stdout.readline() for _ in range(10)]
    trading = yaml.safe_load("".join(lines[2:]))
    (folder / "engine.yaml").write_text(yaml.safe_dump(trading))
    engine = [MAKER, "up", "--config", folder / "engine.yaml", "--log", folder / "log", "--no-gateway"]
    done = subprocess.run(
        [*engine, "--for", str(seconds)], check=False, capture_output=True, text=True, timeout=seconds + 60
    )
    print(done.stderr[-2000:] if done.returncode else "", end="")
    with urllib.request.urlopen(trading["exchange"]["url"] + "/sandbox/truth") as answer:
        found: dict[str, Any] = json.load(answer)
    return found


def messages(log: Path, kind: str) -> list[dict[str, Any]]:
    lines = (line for path in sorted(log.glob("*.log")) for line in path.read_text().splitlines())
    return [json.loads(line[9:])["message"] for line in lines if f'"type":"{kind}"' in line]


def show(count: int, log: Path, truth: dict[str, Any]) -> None:
    events = messages(log, "order.event.v1")
    begin_ns = events[0]["event_time_ns"] + SETTLED_S * 10**9
    asked: dict[str, int] = {}
    acked = []
    for event in events:
        kind, order_id, now_ns = event["kind"], event["client_order_id"], event["event_time_ns"]
        if kind in {"place_intent", "amend_intent"}:
            asked[order_id] = now_ns
        elif kind in {"accepted", "amended"} and order_id in asked and asked[order_id] > begin_ns:
            acked.append((now_ns - asked.pop(order_id)) / 1e6)
    denied = sum(event["kind"] == "denied" for event in events)
    limited = sum("RATE_LIMIT" in event["reasons"] for event in events)
    print(
        f"{count:4} symbols  decision to answer {percentiles(acked)} ms, {len(acked)} orders and amends; "
        f"denied {denied}, refused for rates {limited}; {len(truth['orders'])} orders at the exchange"
    )


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
