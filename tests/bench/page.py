"""Prints what the page costs: script time a frame, heap slope, event to pixel, and what viewers cost quoting.

    python -m tests.bench.page [--symbols 100] [--seconds 600] [--settle 30]

The engine runs as `maker up` on a synthetic market at 10 updates a second and symbol, the page in Debian's
chromium, all on one machine. Script time is what the renderer's main thread spends in functions, summed over
60ths of a second, from chromium's own trace. An event's way ends at the animation frame after the one in
which the page took its message in. Ten viewers are ten pairs of streams that take all and draw nothing.
"""

import argparse
import asyncio
import re
import shutil
import statistics
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import psutil
import yaml
from playwright.sync_api import Page, sync_playwright

from tests.bench.run import many_symbols
from tests.servers.local import MAKER, LocalProcess, free_port, until
from tests.servers.visitor import Visitor, newest_code

FRAME_US = 1_000_000 / 60
TRACED_S = 30
VIEWERS = 10
SETTLED_S = 15
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-timer-throttling"]
WATCH = """
(() => {
  const ring = { values: new Float64Array(200000), count: 0 };  // of one size: its memory is not the page's
  const fills = (window.__fills = []);
  const keep = (delay) => (ring.values[ring.count++ % ring.values.length] = delay);
  window.__forget = () => (ring.count = 0);
  window.__delays = () => Array.from(ring.values.subarray(0, Math.min(ring.count, ring.values.length)));
  window.__watching = true;
  let newestFill = Infinity;
  let offset = Infinity;
  const note = (text, arrived, shown) => {
    const data = JSON.parse(text);
    offset = Math.min(offset, arrived - data.engine_time_ms);
    const executed = (data.fills ?? []).map((each) => each.time_ms);
    for (const each of Object.values(data.symbols ?? {})) keep(shown - offset - each.event_time_ms);
    for (const time of executed) if (time > newestFill) fills.push(shown - offset - time);
    if (executed.length) newestFill = Math.max(...executed);
  };
  const listen = EventSource.prototype.addEventListener;
  EventSource.prototype.addEventListener = function (name, take, ...rest) {
    return listen.call(this, name, (event) => {
      const arrived = Date.now();
      take.call(this, event);
      if (!window.__watching) return;
      requestAnimationFrame(() => requestAnimationFrame(() => {
        const shown = Date.now();
        setTimeout(() => note(event.data, arrived, shown));
      }));
    }, ...rest);
  };
})();
"""


def percentile(values: list[float], percent: float) -> float:
    ordered = sorted(values)
    return round(ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))], 3) if ordered else 0.0


class Engine:
    """`maker up` for a while, with the figures of its end."""

    def __init__(self, folder: Path, symbols: int, seconds: float) -> None:
        self.port = free_port()
        config = many_symbols(folder, symbols)
        command = [MAKER, "up", "--config", config, "--port", str(self.port), "--for", str(seconds)]
        command += ["--log", folder / "log", "--json"]
        self.process = LocalProcess([str(part) for part in command], folder / "engine.txt")
        self.process.start()
        until(lambda: "The page is at" in self.process.text(), "the page is announced", 30)
        self.visitor = Visitor(f"http://127.0.0.1:{self.port}/", self.process.text)

    @property
    def url(self) -> str:
        return f"{self.visitor.url}#code={newest_code(self.process.text())}"


def cpu_share(engine: Engine, seconds: float) -> float:
    process = psutil.Process(engine.process.pid)
    process.cpu_percent()
    time.sleep(seconds)
    return round(process.cpu_percent() / 100, 3)


def latencies(engine: Engine) -> dict[float, float]:
    """How many orders went out within so many seconds of their book, so far."""
    text = httpx.get(f"{engine.visitor.url}metrics").text
    found = re.findall(r'^market_making_book_to_order_seconds_bucket\{le="([^"]+)"\} (\S+)$', text, re.M)
    return {float(bound): float(count) for bound, count in found}


def quoting(folder: Path, symbols: int, seconds: float, viewers: int) -> dict[str, Any]:
    """How long quoting takes while so many watch, once the burst of the first orders is over."""
    folder.mkdir()
    engine = Engine(folder, symbols, seconds + 3 * SETTLED_S)
    engine.visitor.sign_in()
    stop = threading.Event()
    watching = threading.Thread(target=lambda: asyncio.run(watch(engine, viewers, stop)))
    watching.start()
    time.sleep(SETTLED_S)
    before = latencies(engine)
    share = cpu_share(engine, seconds)
    after = latencies(engine)
    stop.set()
    watching.join()
    engine.process.stop()
    orders = max(after.values()) - max(before.values())
    within = {
        f"{bound * 1000:g} ms": round((after[bound] - before[bound]) / orders, 4)
        for bound in after
        if bound < float("inf")
    }
    return {"viewers": viewers, "engine_cores": share, "orders": orders, "share_sent_within": within}


async def watch(engine: Engine, viewers: int, stop: threading.Event) -> None:
    """Take the overview and one symbol's stream for each viewer."""
    key = engine.visitor.get("api/v1/maker/active")["makers"]
    symbol = key[0]["symbol"] if key else "C0/USDT"
    headers = engine.visitor.headers

    async def take(path: str) -> None:
        async with client.stream("GET", path) as answer:
            async for _ in answer.aiter_raw():
                if stop.is_set():
                    return

    paths = ["api/v1/stream", f"api/v1/stream/{symbol}"] * viewers
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(
        base_url=engine.visitor.url, headers=headers, timeout=None, limits=limits
    ) as client:
        await asyncio.gather(*(take(path) for path in paths))


def heap_mb(page: Page, session: Any) -> float:
    session.send("HeapProfiler.collectGarbage")
    metrics = session.send("Performance.getMetrics")["metrics"]
    used = next(each["value"] for each in metrics if each["name"] == "JSHeapUsedSize")
    return float(used) / 1e6


def script_ms_per_frame(page: Page, session: Any) -> list[float]:
    """Milliseconds of script in each 60th of a second of a traced stretch."""
    events: list[dict[str, Any]] = []
    done: list[bool] = []
    session.on("Tracing.dataCollected", lambda chunk: events.extend(chunk["value"]))
    session.on("Tracing.tracingComplete", lambda _: done.append(True))
    session.send("Tracing.start", {"categories": "devtools.timeline,v8.execute"})
    page.wait_for_timeout(TRACED_S * 1000)
    session.send("Tracing.end")
    while not done:
        page.wait_for_timeout(50)
    mains = {
        (each["pid"], each["tid"])
        for each in events
        if each.get("name") == "thread_name" and each["args"]["name"] == "CrRendererMain"
    }
    calls = sorted(
        (each["ts"], each["dur"])
        for each in events
        if each.get("name") in {"FunctionCall", "RunMicrotasks"}
        and "dur" in each
        and (not mains or (each["pid"], each["tid"]) in mains)
    )
    return frames(calls)


def frames(calls: list[tuple[float, float]]) -> list[float]:
    """Sums of calls, nested ones counted once, by the frame in which they began."""
    if not calls:
        return []
    first_us, until_us = calls[0][0], 0.0
    sums = [0.0] * (int((calls[-1][0] - first_us) / FRAME_US) + 1)
    for begin_us, long_us in calls:
        if begin_us < until_us:
            continue
        until_us = begin_us + long_us
        sums[int((begin_us - first_us) / FRAME_US)] += long_us / 1000
    return sums


def watched(folder: Path, symbols: int, seconds: float, settle_s: float) -> dict[str, Any]:
    """One page for all of the time."""
    folder.mkdir()
    engine = Engine(folder, symbols, settle_s + seconds + TRACED_S + 60)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ARGUMENTS)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.add_init_script(WATCH)
        page.goto(engine.url)
        page.wait_for_selector("#rows tr[data-key]", timeout=30_000)
        session = page.context.new_cdp_session(page)
        session.send("Performance.enable")
        page.wait_for_timeout(settle_s * 1000)
        page.evaluate("window.__forget()")
        heaps = [(0.0, heap_mb(page, session))]
        began = time.monotonic()
        while time.monotonic() - began < seconds:
            page.wait_for_timeout(min(30.0, seconds / 5) * 1000)
            heaps.append((time.monotonic() - began, heap_mb(page, session)))
        delays, fills = page.evaluate("[window.__delays(), window.__fills]")
        page.evaluate("window.__watching = false")
        per_frame = script_ms_per_frame(page, session)
        browser.close()
    engine.process.stop()
    slope = statistics.linear_regression([at for at, _ in heaps], [used for _, used in heaps]).slope
    return {
        "script_ms_per_frame": {f"p{each}": percentile(per_frame, each) for each in (50, 95, 99)},
        "heap_mb": {"begin": round(heaps[0][1], 2), "end": round(heaps[-1][1], 2)},
        "heap_slope_mb_per_hour": round(slope * 3600, 2),
        "fill_to_pixel_ms": {f"p{each}": percentile(fills, each) for each in (50, 95, 99)},
        "fills_measured": len(fills),
        "book_to_pixel_ms": {f"p{each}": percentile(delays, each) for each in (50, 95, 99)},
        "books_measured": len(delays),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--symbols", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--settle", type=float, default=30)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for viewers in (0, VIEWERS):
            figures = quoting(folder / f"viewers-{viewers}", options.symbols, 60, viewers)
            print(yaml.safe_dump({"quoting": figures}, sort_keys=False), flush=True)
        figures = watched(folder / "page", options.symbols, options.seconds, options.settle)
        print(yaml.safe_dump({"page": figures}, sort_keys=False), flush=True)


if __name__ == "__main__":
    main()
