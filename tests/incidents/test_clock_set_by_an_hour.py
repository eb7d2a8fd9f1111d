"""The machine's clock was set back by an hour while the engine ran, and for an hour nothing could be
decided.

What happened: after the step every age was wrong. Messages seemed to come from the future or to be an
hour old, requests to the exchange were refused for their time, and a silent process counted as alive.

What was wrong: ages, and times that an exchange judges, were taken from a clock that people and time
servers set.

What holds it now: a process continues by its old time, so that no decision sees a wrong age, ends in
good order with the reason, and its next start goes by the new time. Offsets to an exchange are measured
again (tests/unit/quote_service/routing/exchange), and a silence is measured by a clock that nobody can
set.
"""

import asyncio
import time
from pathlib import Path

import pytest

from maker.composition import process_definition
from runtime.clock import MachineClock
from runtime.config.control_keys import with_keys
from runtime.config.settings import load_config
from runtime.errors import DependencyError
from runtime.process.worker import Worker
from runtime.store.documents import MemoryStore
from schemas.config import Config
from schemas.deployment import Kafka
from schemas.topics import MONITOR
from schemas.units import NS_PER_S
from tests.servers.engine import KafkaEngine
from tests.servers.kafka_log import read_log
from tests.servers.local import PATIENCE_S

pytestmark = [pytest.mark.kafka, pytest.mark.slow]
HOUR_NS = 3_600 * NS_PER_S


class Wall:
    """The machine's clock, as people set it."""

    def __init__(self) -> None:
        self.set_by_ns = 0

    def now_ns(self) -> int:
        return time.time_ns() + self.set_by_ns


def worker_of(config: Config, wall: Wall) -> Worker:
    worker = Worker((process_definition(MONITOR),), config, MemoryStore(), None)
    worker._clock = MachineClock(wall.now_ns)
    return worker


async def published(worker: Worker, more: int, running: "asyncio.Task[None]") -> int:
    """Wait until it has said so much more; how much that is by then."""
    before = worker.members[0].metrics.published.total()
    async with asyncio.timeout(PATIENCE_S):
        while worker.members[0].metrics.published.total() < before + more and not running.done():
            await asyncio.sleep(0.05)
    if running.done():
        running.result()
    return worker.members[0].metrics.published.total()


async def until_set(config: Config, wall: Wall, set_by_ns: int) -> str:
    """Run until the clock is set; with what words it ended."""
    worker = worker_of(config, wall)
    running = asyncio.create_task(worker.run())
    await published(worker, 20, running)
    wall.set_by_ns += set_by_ns
    async with asyncio.timeout(PATIENCE_S):
        with pytest.raises(DependencyError) as raised:
            await running
    return str(raised.value)


@pytest.mark.parametrize("set_by_ns", [HOUR_NS, -HOUR_NS])
def test_a_process_ends_in_order_and_goes_by_the_new_time(
    kafka: Kafka, tmp_path: Path, set_by_ns: int
) -> None:
    engine = KafkaEngine(tmp_path, kafka, {})
    loaded = load_config([engine.config_file], {"process": {"state_dir": str(tmp_path / "own")}}).config
    config, _ = with_keys(loaded, tmp_path, signs=False)
    wall, first_ns = Wall(), time.time_ns()

    async def both() -> tuple[str, int]:
        words = await until_set(config, wall, set_by_ns)
        began_ns = wall.now_ns()
        worker = worker_of(config, wall)
        running = asyncio.create_task(worker.run())
        await published(worker, 20, running)
        worker.stop()
        await running
        return words, began_ns

    words, began_ns = asyncio.run(both())
    assert f"was set {'ahead' if set_by_ns > 0 else 'back'} by 3600" in words
    books = [sent.record.envelope.event_time_ns for sent in read_log(kafka, ("market.book",)).records]
    old = [at for at in books if first_ns <= at <= time.time_ns()]
    new = [at for at in books if began_ns <= at <= wall.now_ns()]
    assert old
    assert new
    assert len(old) + len(new) == len(books)  # none by a time between the two
