"""A chain of three broker hops with aiokafka and nothing else: what a broker between processes costs.

    python -m tests.bench.bare_chain source|relay|sink BOOTSTRAP ...

The source publishes books as monitor-service would; two relays decode each and publish it again; the sink
decodes it, and prints how long ago each was published by the source. Records of a poll go out together.
"""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from time import time_ns
from typing import Any

import psutil
import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from runtime.kafka.client import connection
from schemas.deployment import Kafka
from schemas.envelope import decode, encode
from schemas.market import Book
from tests.bench.figures import percentiles
from tests.kit.messages import book
from tests.servers.kafka import KafkaServer
from tests.servers.local import LocalProcess

TOPICS = ("bare.book", "bare.target", "bare.order")
BURST_S = 0.01
"""The source publishes what is due this often, as several markets do together."""
LEVELS = 20


async def source(config: Kafka, symbols: int, updates_per_s: float, seconds: float) -> None:
    """Publish books of each symbol, one after the other."""
    producer = AIOKafkaProducer(**connection(config), acks="all")
    await producer.start()
    began_ns, sent = time_ns(), 0
    while (elapsed_s := (time_ns() - began_ns) / 1e9) < seconds:
        while sent < elapsed_s * symbols * updates_per_s:
            made = book(10_000, 10_001, levels=LEVELS, symbol=f"S{sent % symbols}", time_ns=time_ns())
            await producer.send(TOPICS[0], encode(made), key=made.key.encode(), partition=0)
            sent += 1
        await asyncio.sleep(BURST_S)
    await producer.stop()


async def _polled(config: Kafka, topic: str, seconds: float) -> AsyncIterator[list[Book]]:
    """The books of each poll."""
    consumer = AIOKafkaConsumer(**connection(config), enable_auto_commit=False)
    await consumer.start()
    place = TopicPartition(topic, 0)
    consumer.assign([place])
    await consumer.seek_to_beginning(place)
    until_ns = time_ns() + int(seconds * 1e9)
    try:
        while time_ns() < until_ns:
            for records in (await consumer.getmany(timeout_ms=50)).values():
                yield [decode(Book, record.value) for record in records]
    finally:
        await consumer.stop()


async def relay(config: Kafka, hop: int, seconds: float) -> None:
    """Decode what comes by a hop, and publish it on the next."""
    producer = AIOKafkaProducer(**connection(config), acks="all")
    await producer.start()
    async for books in _polled(config, TOPICS[hop - 1], seconds):
        for each in books:
            await producer.send(TOPICS[hop], encode(each), key=each.key.encode(), partition=0)
    await producer.stop()


async def sink(config: Kafka, from_s: float, seconds: float) -> None:
    """Print the time of each book from the source to here, from some seconds on."""
    from_ns = time_ns() + int(from_s * 1e9)
    took_ns: list[int] = []
    async for books in _polled(config, TOPICS[-1], seconds):
        now_ns = time_ns()
        took_ns += [now_ns - each.event_time_ns for each in books if now_ns > from_ns]
    print(json.dumps({"books": len(took_ns), **percentiles(took_ns)}), flush=True)


async def _make_topics(config: Kafka) -> None:
    admin = AIOKafkaAdminClient(**connection(config))
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, 1, 1) for name in TOPICS])
    finally:
        await admin.close()


def chain(
    folder: Path, symbols: int, updates_per_s: float, warm_up_s: float, measured_s: float
) -> dict[str, Any]:
    """Latency and cores of the chain over a broker of its own."""
    (folder / "kafka").mkdir()
    server = KafkaServer(folder / "kafka", jvm=("-Xmx1g",))
    server.start()
    seconds = warm_up_s + measured_s
    with ExitStack() as stack:
        stack.callback(server.stop)
        asyncio.run(_make_topics(Kafka(bootstrap=server.bootstrap)))
        roles = (
            ("sink", "--from", str(warm_up_s), "--for", str(seconds)),
            ("relay", "--hop", "2", "--for", str(seconds + 5)),
            ("relay", "--hop", "1", "--for", str(seconds + 5)),
            ("source", "--symbols", str(symbols), "--rate", str(updates_per_s), "--for", str(seconds + 5)),
        )
        processes: list[LocalProcess] = []
        for number, (role, *rest) in enumerate(roles):
            command = [sys.executable, "-m", "tests.bench.bare_chain", role, server.bootstrap, *rest]
            process = LocalProcess(command, folder / f"{number}.log", {})
            process.start()
            stack.callback(process.kill)
            processes.append(process)
        watched = [psutil.Process(pid) for pid in (*(each.pid for each in processes), server.process.pid)]
        time.sleep(warm_up_s)
        before_s = _cpu_s(watched)
        time.sleep(0.9 * measured_s)
        cores = (_cpu_s(watched) - before_s) / (0.9 * measured_s)
        processes[0].wait()
        figures: dict[str, Any] = json.loads(processes[0].text().splitlines()[-1])
    return figures | {"cores": round(cores, 3)}


def _cpu_s(processes: Sequence[psutil.Process]) -> float:
    return sum(sum(each.cpu_times()[:2]) for each in processes)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("role", choices=("source", "relay", "sink"))
    parser.add_argument("bootstrap")
    parser.add_argument("--symbols", type=int, default=1)
    parser.add_argument("--rate", type=float, default=10.0)
    parser.add_argument("--hop", type=int, default=1)
    parser.add_argument("--from", type=float, default=0.0, dest="from_s")
    parser.add_argument("--for", type=float, default=10.0, dest="seconds")
    given = parser.parse_args()
    config = Kafka(bootstrap=given.bootstrap)
    works = {
        "source": lambda: source(config, given.symbols, given.rate, given.seconds),
        "relay": lambda: relay(config, given.hop, given.seconds),
        "sink": lambda: sink(config, given.from_s, given.seconds),
    }
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(works[given.role]())


if __name__ == "__main__":
    main()
