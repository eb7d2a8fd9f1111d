"""The statistics worker is killed three times; what it says is what a batch makes of the same messages."""

import asyncio
import random
import sys
import time
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator
from decimal import Decimal
from fractions import Fraction
from itertools import islice, pairwise
from pathlib import Path
from typing import Any, TypeVar

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from servers.local import LocalProcess

from chassis.bus.base import TopicPartition
from chassis.bus.kafka.bus import KafkaBus
from chassis.bus.kafka.reader import KafkaReader
from schemas.deployment import Kafka
from schemas.envelope import Envelope
from schemas.market import Book, Trade
from schemas.message import SymbolEvent
from schemas.orders import Fill, OrderEvent
from schemas.quoting import QuoteSide, QuoteTarget
from schemas.statistics import MinuteStatistics
from schemas.topics import BY_NAME, STATISTICS, TOPIC_OF

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

MINUTE = 60_000_000_000
START = (time.time_ns() // MINUTE - 60) * MINUTE
"""A whole minute, past, as windows are by event time; but not long past, for retention takes what is old."""
SYMBOLS = ("BTC/USDT", "ETH/USDT", "SOL/USDT")
MINUTES = 24
LIMIT_S = 90
Keyed = dict[tuple[str, int], MinuteStatistics]
Model = TypeVar("Model", bound=SymbolEvent)


def minute_of_messages(symbol: str, start_ns: int, chance: random.Random) -> Iterator[SymbolEvent]:
    """One minute of everything that is counted, in no order."""

    def of(model: type[Model], count: int, fields: Callable[[int], dict[str, Any]]) -> Iterator[Model]:
        for offset_ns in chance.sample(range(MINUTE), count):
            about = {"event_time_ns": start_ns + offset_ns, "venue": "sim", "symbol": symbol}
            yield model.model_validate(about | fields(start_ns + offset_ns))

    def book(now_ns: int) -> dict[str, Any]:
        bid, width = chance.randint(9_990, 10_010), chance.randint(1, 6)
        status = chance.choice(("live",) * 9 + ("stale",))
        prices = {"bid_prices": (bid, bid - 1), "ask_prices": (bid + width, bid + width + 2)}
        return {"status": status, "bid_sizes": (5, 9), "ask_sizes": (7, 3)} | prices

    def side(price: int) -> QuoteSide:
        quoted = chance.random() < 0.8
        return QuoteSide(prices=(price,) if quoted else (), sizes=(4,) if quoted else (), steps=())

    def target(now_ns: int) -> dict[str, Any]:
        bid = chance.randint(9_990, 10_010)
        valid_until_ns = now_ns + chance.randint(1, 5) * MINUTE // 60
        rest = {"sequence": 1, "valid_until_ns": valid_until_ns, "mid_half_ticks": None, "model": "any"}
        return {"bid": side(bid), "ask": side(bid + chance.randint(1, 6))} | rest

    def trade(now_ns: int) -> dict[str, Any]:
        taker = chance.choice(("buy", "sell", None))
        return {
            "price_ticks": 10_000,
            "size_lots": chance.randint(1, 99),
            "side": taker,
            "trade_id": f"t{now_ns}",
        }

    def fill(now_ns: int) -> dict[str, Any]:
        ids = {"venue_trade_id": f"f{now_ns}", "client_order_id": "c", "side": chance.choice(("buy", "sell"))}
        size = {"price_ticks": 10_000, "size_lots": chance.randint(1, 9), "mid_half_ticks": 20_000}
        return ids | size | {"liquidity": "maker", "fee": Decimal("-0.1"), "fee_currency": "USDT"}

    def order(now_ns: int) -> dict[str, Any]:
        status = chance.choice(("live", "filled", "cancelled", "rejected", "denied"))
        ids = {"client_order_id": f"c{chance.randint(0, 3)}", "side": "buy", "level": 0, "target_sequence": 1}
        size = {"price_ticks": 10_000, "size_lots": 9, "filled_lots": chance.choice((0, 0, 5))}
        return ids | size | {"kind": "cancelled", "status": status}

    yield from of(Book, 60, book)
    yield from of(QuoteTarget, 25, target)
    yield from of(Trade, 15, trade)
    yield from of(Fill, chance.randint(0, 4), fill)
    yield from of(OrderEvent, chance.randint(0, 8), order)


def history() -> list[SymbolEvent]:
    """All messages of the test, by event time. BTC goes without a fill in its second half: an idle topic."""
    chance = random.Random(12)
    messages = [
        message
        for number in range(MINUTES)
        for symbol in SYMBOLS
        for message in minute_of_messages(symbol, START + number * MINUTE, chance)
        if not (isinstance(message, Fill) and symbol == "BTC/USDT" and number > MINUTES // 2)
    ]
    return sorted(messages, key=lambda message: message.event_time_ns)


class Batch:
    """Recomputes a minute from its whole list: looks up what held in the middle of each least interval."""

    def __init__(self, messages: list[SymbolEvent], start_ns: int) -> None:
        self.messages = messages
        self.start_ns = start_ns
        self.books = [message for message in messages if isinstance(message, Book)]
        self.targets = [message for message in messages if isinstance(message, QuoteTarget)]

    def _pieces(self) -> Iterator[tuple[int, Book | None, QuoteTarget | None]]:
        times = {self.start_ns, self.start_ns + MINUTE}
        times |= {message.event_time_ns for message in (*self.books, *self.targets)}
        times |= {min(message.valid_until_ns, self.start_ns + MINUTE) for message in self.targets}
        ordered = sorted(times)
        book_times = [message.event_time_ns for message in self.books]
        target_times = [message.event_time_ns for message in self.targets]
        for begin, end in pairwise(ordered):
            book_at, target_at = bisect_right(book_times, begin), bisect_right(target_times, begin)
            book = self.books[book_at - 1] if book_at else None
            target = self.targets[target_at - 1] if target_at else None
            is_live = book is not None and book.status == "live"
            is_valid = target is not None and target.valid_until_ns > begin
            yield end - begin, book if is_live else None, target if is_valid else None

    def total(self) -> MinuteStatistics:
        times: dict[str, int] = defaultdict(int)
        spread = mid = Fraction(0)
        for lasts, book, target in self._pieces():
            bids = target.bid.prices if target else ()
            asks = target.ask.prices if target else ()
            times["quoting_ns"] += lasts if bids or asks else 0
            times["two_sided_ns"] += lasts if bids and asks else 0
            if book is not None:
                times["book_ns"] += lasts
                spread += lasts * Fraction(book.ask_prices[0] - book.bid_prices[0])
                mid += lasts * Fraction(book.ask_prices[0] + book.bid_prices[0], 2)
                times["bid_at_top_ns"] += lasts if bids and bids[0] >= book.bid_prices[0] else 0
                times["ask_at_top_ns"] += lasts if asks and asks[0] <= book.ask_prices[0] else 0
        fills = [message for message in self.messages if isinstance(message, Fill)]
        first = self.messages[0]
        quoting_s = Fraction(times["quoting_ns"], 10**9)
        rates = {
            "spread_bps": float(spread / mid * 10_000) if mid else None,
            "fills_per_quoting_s": float(len(fills) / quoting_s) if quoting_s else None,
        }
        return MinuteStatistics.model_validate(
            {
                "event_time_ns": self.messages[-1].event_time_ns,
                "venue": first.venue,
                "symbol": first.symbol,
                "window_start_ns": self.start_ns,
                "version": len(self.messages),
                "fills": len(fills),
                "bought_lots": sum(fill.size_lots for fill in fills if fill.side == "buy"),
                "sold_lots": sum(fill.size_lots for fill in fills if fill.side == "sell"),
            }
            | {name: times[name] for name in MinuteStatistics.model_fields if name.endswith("at_top_ns")}
            | {name: times[name] for name in ("book_ns", "quoting_ns", "two_sided_ns")}
            | rates
            | self._flow()
            | self._orders()
        )

    def _flow(self) -> dict[str, int]:
        trades = [message for message in self.messages if isinstance(message, Trade)]
        sizes = {
            side: sum(trade.size_lots for trade in trades if trade.side == side)
            for side in ("buy", "sell", None)
        }
        return {
            "trades": len(trades),
            "taker_buy_lots": sizes["buy"],
            "taker_sell_lots": sizes["sell"],
            "unknown_side_lots": sizes[None],
            "flow_lots": sizes["buy"] - sizes["sell"],
        }

    def _orders(self) -> dict[str, int]:
        ended = [
            message
            for message in self.messages
            if isinstance(message, OrderEvent) and message.status in ("filled", "cancelled")
        ]
        filled = [event for event in ended if event.filled_lots]
        return {
            "orders_ended": len({event.client_order_id for event in ended}),
            "orders_with_fill": len({event.client_order_id for event in filled}),
        }


def batch_totals(messages: list[SymbolEvent]) -> Keyed:
    minutes: dict[tuple[str, int], list[SymbolEvent]] = defaultdict(list)
    for message in messages:
        minutes[message.symbol, message.event_time_ns // MINUTE * MINUTE].append(message)
    return {place: Batch(found, place[1]).total() for place, found in minutes.items()}


class Feeder:
    """Publishes messages as the engine's processes would."""

    def __init__(self, bus: KafkaBus) -> None:
        self._bus = bus
        self._sequences: dict[str, int] = defaultdict(int)

    async def feed(self, messages: list[SymbolEvent]) -> None:
        for message in messages:
            topic = TOPIC_OF[message.type_name]
            producer = BY_NAME[topic].writer
            self._sequences[producer] += 1
            envelope = Envelope(
                producer, self._sequences[producer], None, message.event_time_ns, message.type_name
            )
            self._bus.publish(topic, envelope, message)
        await self._bus.flush()


class Statistics:
    """Reads what the worker says."""

    def __init__(self, reader: KafkaReader) -> None:
        self._reader = reader
        self.newest: Keyed = {}
        self.records = 0

    async def read(self) -> None:
        for record in await self._reader.poll(1000, 0.1):
            assert isinstance(record.message, MinuteStatistics)
            self.records += 1
            place = (record.message.symbol, record.message.window_start_ns)
            if place not in self.newest or record.message.version > self.newest[place].version:
                self.newest[place] = record.message
        assert not self._reader.poison


async def group_offset(config: Kafka) -> int:
    """How far the worker's group has come, over all partitions."""
    admin = AIOKafkaAdminClient(bootstrap_servers=config.bootstrap)
    await admin.start()
    try:
        offsets = await admin.list_consumer_group_offsets(f"{config.topic_prefix}{STATISTICS}")
        return sum(max(found.offset, 0) for found in offsets.values())
    finally:
        await admin.close()


class Trial:
    """Feeds a little, reads a little, until something shows."""

    def __init__(self, config: Kafka, bus: KafkaBus, reader: KafkaReader, expected: Keyed) -> None:
        self.said = Statistics(reader)
        self.let_go = 0
        self._config = config
        self._feeder = Feeder(bus)
        self._left = iter(history())
        self._versions = {place: total.version for place, total in expected.items()}

    async def says_something(self) -> bool:
        return self.said.records > 0

    async def lets_go_of_more(self) -> bool:
        return await group_offset(self._config) > self.let_go

    async def is_complete(self) -> bool:
        return {place: total.version for place, total in self.said.newest.items()} == self._versions

    async def until(self, shows: Callable[[], Awaitable[bool]], worker: LocalProcess, at_once: int) -> None:
        async with asyncio.timeout(LIMIT_S):
            while not await shows():
                worker.check_running()
                await self._feeder.feed(list(islice(self._left, at_once)))
                await self.said.read()

    async def kill(self, worker: LocalProcess) -> None:
        worker.kill()
        self.let_go = await group_offset(self._config)
        self.tell("killed")

    def tell(self, what: str) -> None:
        print(f"{what}: {self.said.records} said of {len(self.said.newest)} minutes, group at {self.let_go}")


async def kill_three_times(config: Kafka, worker: LocalProcess, expected: Keyed) -> Keyed:
    bus = KafkaBus(config)
    reader = bus.reader({TopicPartition("monitor.statistics", part): 0 for part in range(config.partitions)})
    trial = Trial(config, bus, reader, expected)
    try:
        for shows in (trial.says_something, trial.lets_go_of_more, trial.lets_go_of_more):
            worker.start()
            await trial.until(shows, worker, at_once=25)
            await trial.kill(worker)
        worker.start()
        await trial.until(trial.is_complete, worker, at_once=10_000)
        trial.tell("in the end")
    finally:
        await reader.close()
        await bus.close()
    return trial.said.newest


def settings_file(config: Kafka, folder: Path) -> Path:
    path = folder / "config.yaml"
    path.write_text(f"kafka: {config.model_dump_json(exclude_defaults=True)}\n", encoding="utf-8")
    return path


def test_three_kills_change_no_total(kafka: Kafka, tmp_path: Path) -> None:
    command = (
        sys.executable,
        "-m",
        "chassis",
        "run",
        "statistics",
        "--config",
        settings_file(kafka, tmp_path),
    )
    worker = LocalProcess(command, tmp_path / "worker.log")
    expected = batch_totals(history())
    try:
        assert asyncio.run(kill_three_times(kafka, worker, expected)) == expected
        assert worker.stop() == 0
    finally:
        worker.kill()
        print(worker.text()[-5000:])


async def feed(config: Kafka, messages: list[SymbolEvent]) -> None:
    bus = KafkaBus(config)
    await Feeder(bus).feed(messages)
    await bus.close()


@pytest.mark.parametrize("where", ["worker.check_memory", "worker.StatisticsWorker._take"])
def test_a_worker_that_fails_ends_and_leaves_its_records(kafka: Kafka, tmp_path: Path, where: str) -> None:
    """Faust would go on: after a failed handler with its record counted as done."""
    code = f"""
from pathlib import Path
from chassis.settings import load_config
from monitor_service.streams import worker
def fail(*arguments):
    raise OSError("broken")
{where} = fail
worker.run_streams(load_config([Path("{settings_file(kafka, tmp_path)}")]).config)
"""
    asyncio.run(feed(kafka, history()[:1000]))
    worker = LocalProcess((sys.executable, "-c", code), tmp_path / "worker.log")
    worker.start()
    try:
        assert worker.wait() == 1
        assert "statistics cannot go on: broken" in worker.text()
        assert asyncio.run(group_offset(kafka)) == 0
    finally:
        worker.kill()


def test_a_worker_without_a_broker_says_so(tmp_path: Path) -> None:
    command = (sys.executable, "-m", "chassis", "run", "statistics", "--kafka", "127.0.0.1:1")
    worker = LocalProcess(command, tmp_path / "worker.log")
    worker.start()
    assert worker.wait() == 3
    assert "no Kafka broker answers at 127.0.0.1:1" in worker.text().replace("\n", " ")
