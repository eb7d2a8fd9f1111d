"""What all tests share: where recorded data is, and what happens to tests that cannot run."""

import os
import re
import signal
import uuid
from collections import Counter
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import HealthCheck, settings

from runtime.compiled import SWITCH
from schemas.deployment import Kafka, Redis
from tests.kit.field_names import refuse_unknown_fields
from tests.servers.kafka import KafkaServer, shared_kafka, topics
from tests.servers.local import CannotRunError
from tests.servers.redis import RedisServer, shared_redis

ROOT = Path(__file__).resolve().parent.parent
RECORDINGS = ROOT.parent / "shared" / "data" / "normalised"


_OF_WHO_RUNS_THE_TESTS = re.compile(
    "MM__.*|MM_CRASH_AT|MAKER_.*"  # what the engine reads
    "|COLUMNS|LINES|TERMINAL_WIDTH|FORCE_COLOR|PY_COLORS|TTY_.*|GITHUB_ACTIONS"  # how its words are set
)


def pytest_configure() -> None:
    """Tests, and what they start, see none of it, and no example of a property has a time to keep.

    Here, since tests and what they import read both when they are imported.
    """
    for name in list(os.environ):
        if _OF_WHO_RUNS_THE_TESTS.fullmatch(name):
            del os.environ[name]
    os.environ[SWITCH] = "0"  # the tests of compiled modules turn them on
    settings.register_profile("any_machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("any_machine")
    refuse_unknown_fields(pytest.MonkeyPatch())
    os.environ["PYTHONDONTWRITEBYTECODE"] = ""  # a program that is started often is compiled once


@pytest.fixture(scope="session", autouse=True)
def runtime_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What processes of one user share, tests share with nobody."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))
        yield


@pytest.fixture(scope="session", autouse=True)
def usual_signals() -> Iterator[None]:
    """Processes of tests heed a closed terminal, also where the tests themselves run under nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.fixture(scope="session", autouse=True)
def private_files() -> Iterator[None]:
    """What tests write is theirs alone, as the engine asks it of keys."""
    before = os.umask(0o077)
    yield
    os.umask(before)


@pytest.fixture(autouse=True)
def own_logs() -> Iterator[None]:
    """A command that set the logs up wrote to the stderr of its own test, which is closed in the next one."""
    yield
    structlog.reset_defaults()


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
        server = KafkaServer(tmp_path, session_ms=2_500)
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


SEVERAL_PROCESSES = ("slow", "browser", "kafka", "redis", "timed")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test of several processes depends on what else the machine does, so one failure is tried once more.

    Both outcomes are reported: what failed first and then passed is shown at the end, to be looked into.
    All other tests are deterministic, and fail at once.
    """
    for item in items:
        if any(item.get_closest_marker(name) for name in SEVERAL_PROCESSES):
            item.add_marker(pytest.mark.flaky(reruns=1))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """What failed before it passed, and what this machine could not run, with what to install."""
    for report in terminalreporter.stats.get("rerun", ()):
        terminalreporter.section(f"failed, and was run once more: {report.nodeid}", yellow=True)
        terminalreporter.write_line(report.longreprtext)
    reasons = Counter(report.longrepr[2] for report in terminalreporter.stats.get("skipped", ()))
    for reason, count in reasons.items():
        terminalreporter.write_line(
            f"LEFT OUT {count} tests: {reason.removeprefix('Skipped: ')}", yellow=True
        )
