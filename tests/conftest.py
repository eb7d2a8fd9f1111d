"""What all tests share: where recorded data is, and what happens to tests that cannot run."""

import os
import uuid
from collections import Counter
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from servers.kafka import KafkaServer, shared_kafka, topics
from servers.local import CannotRunError
from servers.redis import RedisServer, shared_redis

from schemas.deployment import Kafka, Redis

ROOT = Path(__file__).resolve().parent.parent
RECORDINGS = ROOT.parent / "shared" / "data" / "normalised"


@pytest.fixture(scope="session")
def recordings() -> Path:
    """The folder of recorded market data; the test is left out where it is not there."""
    if not RECORDINGS.is_dir():
        pytest.skip(f"no recorded market data in {RECORDINGS}")
    return RECORDINGS


@pytest.fixture(scope="session")
def kafka_bootstrap(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """host:port of a broker that all tests share."""
    try:
        with shared_kafka(tmp_path_factory.mktemp("kafka")) as bootstrap:
            yield bootstrap
    except CannotRunError as error:
        pytest.skip(str(error))


@pytest.fixture
def kafka(kafka_bootstrap: str) -> Iterator[Kafka]:
    """The engine's topics on the shared broker, empty and this test's alone."""
    with topics(kafka_bootstrap) as config:
        yield config


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Redis that all tests share."""
    try:
        with shared_redis(tmp_path_factory.mktemp("redis")) as url:
            yield url
    except CannotRunError as error:
        pytest.skip(str(error))


@pytest.fixture
def redis(redis_url: str) -> Redis:
    """The shared Redis under keys of this test alone."""
    return Redis(url=redis_url, key_prefix=f"t{uuid.uuid4().hex[:8]}:")


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis of this test alone, to be killed and stopped."""
    try:
        server = RedisServer(tmp_path)
    except CannotRunError as error:
        pytest.skip(str(error))
    server.start()
    yield server
    server.process.kill()


@pytest.fixture
def own_kafka(tmp_path: Path) -> Iterator[KafkaServer]:
    """A broker of this test alone, to be killed and stopped."""
    try:
        server = KafkaServer(tmp_path)
    except CannotRunError as error:
        pytest.skip(str(error))
    server.start()
    yield server
    server.stop()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, Any, pytest.TestReport]:
    """With MM_REQUIRE_ALL_TESTS set, as in CI, a test that was left out has failed."""
    report: pytest.TestReport = yield
    if report.skipped and os.environ.get("MM_REQUIRE_ALL_TESTS"):
        report.outcome = "failed"
        report.longrepr = f"left out, where every test must run: {report.longrepr}"
    return report


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """What this machine could not run is said in the last lines, with what to install."""
    reasons = Counter(report.longrepr[2] for report in terminalreporter.stats.get("skipped", ()))
    for reason, count in reasons.items():
        terminalreporter.write_line(
            f"LEFT OUT {count} tests: {reason.removeprefix('Skipped: ')}", yellow=True
        )
