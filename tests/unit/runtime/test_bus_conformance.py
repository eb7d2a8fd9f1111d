"""One suite for all buses: what runtime/bus.py promises."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.bus import Bus, Reader, Record, TopicPartition
from runtime.errors import OffsetOutOfRangeError
from runtime.kafka.bus import KafkaBus
from runtime.log.logfile import LogFileBus
from runtime.log.memory import MemoryBus
from schemas.envelope import Envelope
from schemas.market import Trade
from tests.kit import messages as kit
from tests.servers.local import PATIENCE_S

MakeBus = Callable[[], Bus]


@pytest.fixture(params=["memory", "logfile", pytest.param("kafka", marks=pytest.mark.kafka)])
def make_bus(request: pytest.FixtureRequest, tmp_path: Path) -> MakeBus:
    if request.param == "kafka":
        config = request.getfixturevalue("kafka")
        return lambda: KafkaBus(config)
    return MemoryBus if request.param == "memory" else lambda: LogFileBus(tmp_path)


def place(bus: Bus, topic: str = "market.trade", key: str = "test:BTC/USDT") -> TopicPartition:
    return bus.partition_for(topic, key) if isinstance(bus, KafkaBus) else TopicPartition(topic)


def trade(number: int, symbol: str = "BTC/USDT") -> Trade:
    return kit.trade(100 + number, number, venue="test", symbol=symbol, trade_id=str(number), time_ns=number)


def publish(bus: Bus, message: Trade, sequence: int, cause: str | None = None) -> None:
    envelope = Envelope("monitor-service", sequence, cause, message.event_time_ns, message.type_name)
    bus.publish("market.trade", envelope, message)


async def take(reader: Reader, count: int, max_records: int = 1000) -> list[Record]:
    """The next `count` records, however many polls they come in."""
    found: list[Record] = []
    async with asyncio.timeout(PATIENCE_S):
        while len(found) < count:
            found += await reader.poll(max_records, PATIENCE_S)
    return found


async def read_all(bus: Bus, start: int = 0, max_records: int = 1000) -> list[Trade]:
    where = place(bus)
    reader = bus.reader({where: start})
    records = await take(reader, await bus.end_offset(where) - start, max_records)
    assert not await reader.poll(max_records, 0)
    await reader.close()
    return [record.message for record in records if isinstance(record.message, Trade)]


def test_records_come_back_whole_and_in_order(make_bus: MakeBus) -> None:
    async def run() -> None:
        bus = make_bus()
        for number in range(5):
            publish(bus, trade(number), number + 1, cause=f"monitor-service/adapter:{number}")
        await bus.flush()
        reader = bus.reader({place(bus): 0})
        records = await take(reader, 5)
        await reader.close()
        assert [record.offset for record in records] == [0, 1, 2, 3, 4]
        assert [record.message for record in records] == [trade(number) for number in range(5)]
        assert records[3].key == "test:BTC/USDT"
        assert records[3].envelope == Envelope(
            "monitor-service", 4, "monitor-service/adapter:3", 3, "market.trade.v1"
        )
        await bus.close()

    asyncio.run(run())


def test_replay_from_an_offset_gives_the_rest(make_bus: MakeBus) -> None:
    async def run() -> None:
        bus = make_bus()
        for number in range(6):
            publish(bus, trade(number), number + 1)
        await bus.flush()
        assert await read_all(bus, start=4) == [trade(4), trade(5)]
        assert await read_all(bus, start=6) == []
        assert await bus.end_offset(place(bus)) == 6
        assert await bus.end_offset(place(bus, "market.book")) == 0
        await bus.close()

    asyncio.run(run())


def test_a_position_beyond_the_end_is_an_error_that_names_it(make_bus: MakeBus) -> None:
    async def run() -> None:
        bus = make_bus()
        publish(bus, trade(0), 1)
        await bus.flush()
        reader = bus.reader({place(bus): 2})
        with pytest.raises(OffsetOutOfRangeError, match=r"offset 2 of market\.trade"):
            await reader.poll(10, PATIENCE_S)
        await reader.close()
        await bus.close()

    asyncio.run(run())


def test_an_unknown_topic_is_refused(make_bus: MakeBus) -> None:
    async def run() -> None:
        bus = make_bus()
        with pytest.raises(KeyError):
            bus.publish("market.trades", Envelope("x", 1, None, 0, "market.trade.v1"), trade(1))
        await bus.close()

    asyncio.run(run())


def test_a_reader_sees_what_is_published_while_it_reads(make_bus: MakeBus) -> None:
    async def run() -> None:
        bus = make_bus()
        reader = bus.reader({place(bus): 0})
        for number in range(3):
            publish(bus, trade(number), number + 1)
            await bus.flush()
            assert [record.offset for record in await take(reader, 1)] == [number]
        await reader.close()
        await bus.close()

    asyncio.run(run())


@settings(max_examples=25)
@given(
    symbols=st.lists(st.sampled_from(["A/B", "C/D", 'Q"/\\E', "É/Ü"]), max_size=30), chunk=st.integers(1, 7)
)
def test_order_per_key_holds_for_any_interleaving(
    tmp_path_factory: pytest.TempPathFactory, symbols: list[str], chunk: int
) -> None:
    async def run(bus: Bus) -> None:
        for number, symbol in enumerate(symbols):
            publish(bus, trade(number, symbol), number + 1)
        await bus.flush()
        found = await read_all(bus, max_records=chunk)
        for symbol in set(symbols):
            expected = [number for number, name in enumerate(symbols) if name == symbol]
            assert [message.event_time_ns for message in found if message.symbol == symbol] == expected
        await bus.close()

    asyncio.run(run(MemoryBus()))
    asyncio.run(run(LogFileBus(tmp_path_factory.mktemp("bus"))))


def test_order_per_key_holds_over_partitions(make_bus: MakeBus) -> None:
    symbols = [f"S{number % 7}/X" for number in range(400)]

    async def run() -> None:
        bus = make_bus()
        for number, symbol in enumerate(symbols):
            publish(bus, trade(number, symbol), number + 1)
        await bus.flush()
        places = {place(bus, key=f"test:{symbol}") for symbol in symbols}
        reader = bus.reader(dict.fromkeys(places, 0))
        found = await take(reader, len(symbols), 64)
        await reader.close()
        await bus.close()
        for symbol in set(symbols):
            expected = [number for number, name in enumerate(symbols) if name == symbol]
            assert [r.envelope.event_time_ns for r in found if r.key == f"test:{symbol}"] == expected

    asyncio.run(run())
