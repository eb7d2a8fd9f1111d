"""The statistics worker is killed three times; what it says is what a batch makes of the same messages."""

import asyncio
import sys
from collections import defaultdict
from collections.abc import Awaitable, Callable
from itertools import islice
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from runtime.bus import TopicPartition
from runtime.kafka.bus import KafkaBus
from runtime.kafka.reader import KafkaReader
from schemas.deployment import Kafka
from schemas.envelope import Envelope
from schemas.message import SymbolEvent
from schemas.statistics import MinuteStatistics
from schemas.topics import BY_NAME, STATISTICS, TOPIC_OF
from tests.kafka.batch_statistics import Keyed, batch_totals
from tests.kafka.counted_messages import history
from tests.servers.local import PATIENCE_S, LocalProcess, free_port, until

pytestmark = [pytest.mark.kafka, pytest.mark.slow]


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
        async with asyncio.timeout(PATIENCE_S):
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


_LIVES = 4


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
        "maker",
        "run",
        "statistics",
        "--config",
        settings_file(kafka, tmp_path),
    )
    worker = LocalProcess(command, tmp_path / "worker.log")
    expected = batch_totals(history())
    try:
        assert asyncio.run(kill_three_times(kafka, worker, expected)) == expected
        until(lambda: worker.text().count("serving_health") == _LIVES, "it runs, and can end in order")
        assert worker.stop() == 0
    finally:
        worker.kill()
        print(worker.text()[-5000:])


async def feed(config: Kafka, messages: list[SymbolEvent]) -> None:
    bus = KafkaBus(config)
    await Feeder(bus).feed(messages)
    await bus.close()


@pytest.mark.parametrize("where", ["check_memory", "StatisticsWorker._count"])
def test_a_worker_that_fails_ends_and_leaves_its_records(kafka: Kafka, tmp_path: Path, where: str) -> None:
    """Faust would go on: after a failed handler with its record counted as done."""
    code = f"""
from pathlib import Path
import pytest
from runtime.config.settings import load_config
from monitor_service.streams import worker
def fail(*arguments):
    raise OSError("broken")
pytest.MonkeyPatch().setattr(f"{{worker.__name__}}.{where}", fail)
worker.run_streams(load_config([Path("{settings_file(kafka, tmp_path)}")]).config)
"""
    asyncio.run(feed(kafka, history()[:1000]))
    worker = LocalProcess((sys.executable, "-c", code), tmp_path / "worker.log")
    worker.start()
    try:
        assert worker.wait() == 1
        assert "statistics cannot continue: broken" in worker.text(), worker.text()[-2000:]
        assert asyncio.run(group_offset(kafka)) == 0
    finally:
        worker.kill()


def answered(port: int, path: str) -> tuple[int, str]:
    try:
        with urlopen(f"http://127.0.0.1:{port}{path}", timeout=60) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        return error.code, error.read().decode()
    except OSError:
        return 0, ""


def test_a_platform_is_told_how_it_is_as_by_the_other_processes(kafka: Kafka, tmp_path: Path) -> None:
    port = free_port()
    config = str(settings_file(kafka, tmp_path))
    command = (sys.executable, "-m", "maker", "run", "statistics", "--config", config)
    worker = LocalProcess((*command, "--health-port", str(port)), tmp_path / "worker.log")
    worker.start()
    try:
        until(lambda: answered(port, "/health/live")[0] == 200, "it is live", 120)
        until(lambda: answered(port, "/health/ready")[0] == 200, "it is ready", 120)
        assert answered(port, "/health/started")[0] == 200
        assert 'market_making_process_ready{process="statistics"} 1.0' in answered(port, "/metrics")[1]
        assert worker.stop() == 0
    finally:
        worker.kill()


def test_a_worker_without_a_broker_is_live_and_says_why_it_is_not_ready(tmp_path: Path) -> None:
    port = free_port()
    command = (sys.executable, "-m", "maker", "run", "statistics", "--kafka", "127.0.0.1:1")
    worker = LocalProcess((*command, "--health-port", str(port)), tmp_path / "worker.log", folder=tmp_path)
    worker.start()
    try:
        until(lambda: "connection refused" in answered(port, "/health/ready")[1], "it says why", 120)
        assert answered(port, "/health/ready")[0] == 503
        assert answered(port, "/health/live")[0] == 200
        assert worker.stop() == 0
    finally:
        worker.kill()


def test_a_worker_without_a_broker_says_so_and_waits_until_it_is_told_to_end(tmp_path: Path) -> None:
    command = (sys.executable, "-m", "maker", "run", "statistics", "--kafka", "127.0.0.1:1")
    worker = LocalProcess(command, tmp_path / "worker.log", folder=tmp_path)
    worker.start()
    try:
        until(lambda: "no broker at 127.0.0.1:1: connection refused" in worker.text(), "it says so")
        assert worker.stop() == 0
    finally:
        worker.kill()
