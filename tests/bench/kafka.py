"""Prints the figures of the processes on Kafka; the last line is one JSON object. Nothing is asserted.

make bench-kafka                        1, 20 and 100 symbols, saturation, restarts: some eleven minutes
make bench-kafka ARGS="latency"         one part: latency, path, written, saturation, restart
"""

import argparse
import json
import platform
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import yaml

from schemas.orders import OrderEvent
from schemas.topics import STATISTICS
from tests.bench.bare_chain import chain
from tests.bench.figures import percentiles
from tests.bench.run import many_symbols
from tests.servers.engine import KafkaEngine
from tests.servers.kafka import KafkaServer, topics
from tests.servers.kafka_log import KafkaLog, read_log

PROCESSES = ("monitor-service", "quote-service", "order-router", "inventory-service", "risk-service")
IN_ONE = ("path", "inventory-service", "risk-service")
INTENTS = ("place_intent", "amend_intent", "cancel_intent")
WARM_UP_S = 25
"""The broker compiles its code for so long."""
MEASURED_S = 25
NS = 1_000_000_000
DAY_S = 86_400


@contextmanager
def engine_of(symbols: int, names: tuple[str, ...] = PROCESSES) -> Iterator[tuple[KafkaEngine, KafkaServer]]:
    """Processes over a broker of their own, ready."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "kafka").mkdir()
        server = KafkaServer(folder / "kafka", jvm=("-Xmx1g",))
        server.start()
        try:
            with topics(server.bootstrap, partitions=1) as kafka:
                config = yaml.safe_load(many_symbols(folder, symbols).read_text())
                engine = KafkaEngine(folder, kafka, config, names)
                try:
                    engine.start_all()
                    yield engine, server
                finally:
                    engine.kill_all()
        finally:
            server.stop()


def usage(engine: KafkaEngine, server: KafkaServer, seconds: float) -> dict[str, dict[str, float]]:
    """Cores and megabytes of each process over a time."""
    watched = {name: psutil.Process(each.pid) for name, each in engine.processes.items()}
    watched["kafka"] = psutil.Process(server.process.pid)
    before = {name: sum(each.cpu_times()[:2]) for name, each in watched.items()}
    time.sleep(seconds)
    return {
        name: {
            "cores": round((sum(each.cpu_times()[:2]) - before[name]) / seconds, 3),
            "rss_mb": round(each.memory_info().rss / 1e6),
        }
        for name, each in watched.items()
    }


def hops(log: KafkaLog, from_ns: int, to_ns: int) -> dict[str, Any]:
    """From the time of a book to the order intent that it led to, by the writers' own times of sending."""
    by_id = {sent.record.envelope.event_id: sent for sent in log.records}
    found: dict[str, list[int]] = defaultdict(list)
    for order in log.on("order.event"):
        event = order.record.message
        if not isinstance(event, OrderEvent) or event.kind not in INTENTS:
            continue
        if not from_ns < order.sent_ns < to_ns:
            continue
        target = by_id.get(order.record.envelope.cause or "")
        book = target and by_id.get(target.record.envelope.cause or "")
        if target is None or book is None or book.record.topic != "market.book":
            continue
        received_ns = book.record.envelope.event_time_ns
        found["received to monitor sent"].append(book.sent_ns - received_ns)
        found["monitor sent to quote sent"].append(target.sent_ns - book.sent_ns)
        found["quote sent to order sent"].append(order.sent_ns - target.sent_ns)
        found["book received to order sent"].append(order.sent_ns - received_ns)
    return {name: {"orders": len(values), **percentiles(values)} for name, values in found.items()}


def latency() -> dict[str, Any]:
    """Book received to order at the simulated venue, with CPU and memory, by number of symbols."""
    return {str(symbols): measured("latency", symbols, PROCESSES) for symbols in (1, 20, 100)}


def measured(part: str, symbols: int, names: tuple[str, ...]) -> dict[str, Any]:
    """The latency, CPU and memory of some processes."""
    with engine_of(symbols, names) as (engine, server):
        time.sleep(WARM_UP_S)
        from_ns = time.time_ns()
        used = usage(engine, server, MEASURED_S)
        to_ns = time.time_ns()
        engine.stop_all()
        log = read_log(engine.kafka)
    books = sum(from_ns < sent.sent_ns < to_ns for sent in log.on("market.book")) / MEASURED_S
    found = hops(log, from_ns, to_ns)
    print(f"{part:11} {symbols:4} symbols, {books:.0f} books/s, {len(names)} processes")
    for name, values in found.items():
        print(f"            {name:32} {values} ms")
    for name, usage_of in used.items():
        print(f"            {name:32} {usage_of}")
    return {"books_per_s": round(books), **found, "used": used}


def path() -> dict[str, Any]:
    """Book received to order with monitor, quotes and router in one process, and each on its own, beside the
    books of a bare chain over as many hops.
    """
    with tempfile.TemporaryDirectory() as name:
        bare = chain(Path(name), 100, 10.0, WARM_UP_S, MEASURED_S)
    print(f"path        bare chain of three hops        {bare}")
    figures: dict[str, Any] = {"bare": bare}
    for shape, names in (("in_one", IN_ONE), ("apart", PROCESSES)):
        found = figures[shape] = measured("path", 100, names)
        whole = found.get("book received to order sent")
        if whole is None:
            print(f"path        {shape}: no order followed a book, as the machine is too busy for the broker")
            continue
        cores = round(sum(each["cores"] for each in found["used"].values()), 2)
        ratio = {name: round(whole[name] / bare[name], 2) for name in ("p50", "p99")}
        found |= {"cores": cores, "to_bare": ratio}
        print(f"path        {shape}: of the bare chain's time {ratio}, {cores} cores with the broker's")
    return figures


def written() -> dict[str, Any]:
    """What the topics of 20 symbols grow by in a day, and what the statistics by minute cost meanwhile."""
    with engine_of(20, (*PROCESSES, STATISTICS)) as (engine, server):
        time.sleep(WARM_UP_S)
        before, books_before = bytes_by_topic(server), books_of(engine)
        used = usage(engine, server, MEASURED_S)
        grown, books = bytes_by_topic(server) - before, books_of(engine) - books_before
    gb_a_day = {name: round(grown[name] / MEASURED_S * DAY_S / 1e9, 2) for name, _ in grown.most_common()}
    share = round(used[STATISTICS]["cores"] / used["quote-service"]["cores"], 2)
    figures = {
        "gb_a_day": round(sum(gb_a_day.values()), 1),
        "books_per_s": round(books / MEASURED_S),
        "statistics_to_quoting": share,
        "by_topic": gb_a_day,
        "used": used,
    }
    print(
        f"written     20 symbols, {figures['books_per_s']} books/s: {figures['gb_a_day']} GB a day; "
        f"the statistics cost {share} of what quoting does"
    )
    for name, gigabytes in list(gb_a_day.items())[:8]:
        print(f"            {name:32} {gigabytes}")
    for name, values in used.items():
        print(f"            {name:32} {values}")
    return figures


def books_of(engine: KafkaEngine) -> int:
    """The books that monitor-service has published."""
    counter = 'market_making_published_total{topic="market.book"}'
    lines = engine.metrics("monitor-service").splitlines()
    return sum(int(float(line.rpartition(" ")[2])) for line in lines if line.startswith(counter))


def bytes_by_topic(server: KafkaServer) -> Counter[str]:
    """On the broker's disk; names without the prefix of this run."""
    sizes: Counter[str] = Counter()
    for segment in server.data.glob("*/*.log"):
        topic = segment.parent.name.rpartition("-")[0]
        sizes[topic.partition(".")[2] or topic] += segment.stat().st_size
    return sizes


def saturation() -> dict[str, Any]:
    """Books a second that the chain carries when symbols are added until it cannot follow."""
    figures: dict[str, Any] = {}
    for symbols in (150, 200, 300):
        with engine_of(symbols) as (engine, _):
            time.sleep(WARM_UP_S)
            from_ns = time.time_ns()
            time.sleep(MEASURED_S)
            to_ns = time.time_ns()
            engine.stop_all()
            log = read_log(engine.kafka)
        sent = [each for each in log.on("market.book") if from_ns < each.sent_ns < to_ns]
        figures[str(symbols)] = {
            "books_per_s": round(len(sent) / MEASURED_S),
            "messages_per_s": round(sum(from_ns < e.sent_ns < to_ns for e in log.records) / MEASURED_S),
            **hops(log, from_ns, to_ns).get("book received to order sent", {}),
        }
        print(f"saturation  {symbols} symbols, 10 updates/s each: {figures[str(symbols)]}")
    return figures


def restart() -> dict[str, Any]:
    """Kill to ready, and the part of it that is the engine's own: connected to ready."""
    figures: dict[str, Any] = {}
    with engine_of(20) as (engine, _):
        time.sleep(8)
        for name in PROCESSES:
            engine.processes[name].kill()
            began_s = time.monotonic()
            engine.start(name)
            engine.wait_ready(name)
            ready_s = time.monotonic() - began_s
            restored = next(
                json.loads(line)
                for line in reversed(engine.processes[name].text().splitlines())
                if '"restored"' in line
            )
            figures[name] = {
                "kill_to_ready_s": round(ready_s, 2),
                "restore_s": restored["seconds"],
                "inputs_replayed": restored["inputs_replayed"],
            }
            print(f"restart     {name:20} {figures[name]}")
    return figures


PARTS: dict[str, Callable[[], Any]] = {
    "latency": latency,
    "written": written,
    "path": path,
    "saturation": saturation,
    "restart": restart,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS], default=[])
    chosen = parser.parse_args().parts or list(PARTS)
    figures = {name: PARTS[name]() for name in chosen}
    machine = f"{platform.python_version()} on {psutil.cpu_count()} cores"
    print(json.dumps({"machine": machine, **figures}))


if __name__ == "__main__":
    main()
