"""Who may do what on a broker with TLS, SASL/SCRAM and the authorizer on: every process and every topic."""

import asyncio
import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError, TopicAuthorizationFailedError

from runtime.errors import DependencyError
from runtime.kafka.access import AUDITOR, PRINCIPALS, acts_as, apply_grants, grants, may_read
from runtime.kafka.admin import apply_topics
from runtime.kafka.broker import BrokerUnavailableError, list_topics
from runtime.kafka.bus import KafkaBus
from runtime.kafka.client import connection
from runtime.kafka.layout import broker_topics
from runtime.kafka.topic_check import missing_topics
from runtime.process.recovery import claim_epoch
from schemas.deployment import Kafka
from schemas.process import EpochClaim
from schemas.topics import GATEWAY, MONITOR, PATH, PATH_PROCESSES, PROCESSES, QUOTE, RISK, ROUTER, STATISTICS
from tests.servers.engine import KafkaEngine
from tests.servers.kafka_log import read_log
from tests.servers.local import until
from tests.servers.secure_kafka import ADMIN, SecureKafka

pytestmark = [pytest.mark.kafka, pytest.mark.slow]
EVERYBODY = (*PRINCIPALS, "stranger")


@contextmanager
def granted(folder: Path) -> Iterator[SecureKafka]:
    """With the engine's topics and grants, as `maker topics apply` and `maker topics access` make them."""
    found = SecureKafka(folder)
    try:
        found.server.start()
        asyncio.run(apply_topics(found.of(ADMIN)))
        assert asyncio.run(apply_grants(found.of(ADMIN))) == len(grants())
        yield found
    finally:
        found.server.stop()


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureKafka]:
    """On which everybody tries everything: its topics hold what nobody can read."""
    with granted(tmp_path_factory.mktemp("secure")) as found:
        yield found


@pytest.fixture(scope="module")
def clean_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureKafka]:
    """On which the engine runs."""
    with granted(tmp_path_factory.mktemp("clean")) as found:
        yield found


async def written(config: Kafka) -> set[str]:
    """The topics that somebody could write."""
    producer = AIOKafkaProducer(**connection(config), acks="all")
    may = set()
    try:
        await producer.start()
        for name in broker_topics():
            try:
                await producer.send_and_wait(name, b"{}", key=b"k")
                may.add(name)
            except TopicAuthorizationFailedError:
                pass
    finally:
        await producer.stop()
    return may


async def read(config: Kafka) -> set[str]:
    """The topics that somebody could read: of what the broker shows them, what it gives them."""
    admin = AIOKafkaAdminClient(**connection(config))
    await admin.start()
    shown = await admin.list_topics()
    await admin.close()
    may: set[str] = set()
    for name in shown:
        consumer = AIOKafkaConsumer(**connection(config), enable_auto_commit=False)
        await consumer.start()
        try:
            consumer.assign([TopicPartition(name, 0)])
            await consumer.seek_to_beginning()
            await consumer.getone()
            may.add(name)
        except TopicAuthorizationFailedError:
            pass
        finally:
            await consumer.stop()
    return may


async def claimed(broker: SecureKafka, principal: str, process: str) -> int:
    """The epoch that somebody could claim for a process."""
    bus = KafkaBus(broker.of(principal))
    try:
        return await claim_epoch(bus, process, "somewhere", time.time_ns(), ())
    finally:
        await bus.outbox.close()


@pytest.fixture(scope="module")
def matrix(broker: SecureKafka) -> dict[str, tuple[set[str], set[str]]]:
    """By principal: what it could write, and then what it could read."""

    async def ask() -> dict[str, tuple[set[str], set[str]]]:
        await written(broker.of(ADMIN))  # something to be read everywhere
        return {name: (await written(broker.of(name)), await read(broker.of(name))) for name in EVERYBODY}

    return asyncio.run(ask())


@pytest.mark.parametrize("principal", EVERYBODY)
def test_each_process_writes_its_own_topics_and_no_others(matrix: Any, principal: str) -> None:
    may_write, _ = matrix[principal]
    assert may_write == {
        name for name, (_, writer) in broker_topics().items() if writer in acts_as(principal)
    }


@pytest.mark.parametrize("principal", EVERYBODY)
def test_each_process_reads_what_it_needs_and_no_more(matrix: Any, principal: str) -> None:
    _, may = matrix[principal]
    assert may == {name for name in broker_topics() if may_read(principal, name)}


def test_every_topic_has_one_writer_which_runs_apart_or_on_the_path(matrix: Any) -> None:
    for name in broker_topics():
        writers = {each for each in EVERYBODY if name in matrix[each][0]} - {PATH}
        assert len(writers) == 1, name
        assert (name in matrix[PATH][0]) == writers.issubset(PATH_PROCESSES), name


def test_the_path_claims_the_epochs_of_its_members_and_no_others(broker: SecureKafka) -> None:
    for name in PATH_PROCESSES:
        assert asyncio.run(claimed(broker, PATH, name)) > 0
    with pytest.raises((TopicAuthorizationFailedError, DependencyError)):
        asyncio.run(claimed(broker, PATH, RISK))


def test_nobody_but_the_gateway_commands(matrix: Any) -> None:
    for name in ("control.command", "control.people"):
        assert [each for each in EVERYBODY if name in matrix[each][0]] == [GATEWAY]


@pytest.mark.parametrize("claimant", [MONITOR, QUOTE, GATEWAY, AUDITOR])
def test_nobody_claims_the_epoch_of_another(broker: SecureKafka, claimant: str) -> None:
    for victim in (ROUTER, RISK):
        with pytest.raises(
            (TopicAuthorizationFailedError, DependencyError)
        ):  # who writes nothing has no producer
            asyncio.run(claimed(broker, claimant, victim))
    assert asyncio.run(claimed(broker, ROUTER, ROUTER)) > 0


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("change", [{"sasl_username": "nobody"}, {"sasl_username": ADMIN}])
def test_nobody_comes_in_by_another_name(broker: SecureKafka, change: dict[str, str]) -> None:
    """The password is that of somebody else."""
    config = broker.of(RISK).model_copy(update=change)
    with pytest.raises((KafkaError, DependencyError)):
        asyncio.run(written(config))
    gc.collect()  # aiokafka leaves the connection that was refused to the collector, which warns of it


@pytest.mark.parametrize("principal", [*PROCESSES, PATH, GATEWAY, STATISTICS])
def test_who_is_granted_finds_all_that_it_needs(broker: SecureKafka, principal: str) -> None:
    config = broker.of(principal)
    assert missing_topics(config, principal, asyncio.run(list_topics(config))) is None


def test_who_is_granted_nothing_is_told_that_it_may_not_see_them(broker: SecureKafka) -> None:
    config = broker.of("stranger")
    assert "or not visible to stranger" in str(
        missing_topics(config, QUOTE, asyncio.run(list_topics(config)))
    )


@pytest.mark.parametrize(
    ("change", "reason", "is_authentication"),
    [
        ({"sasl_username": "nobody"}, "authentication of 'nobody' failed", True),
        ({"sasl_mechanism": "PLAIN"}, "authentication of 'risk-service' failed", True),
        ({"ssl_ca_file": None}, "its certificate is not trusted", False),
        ({"security_protocol": "PLAINTEXT"}, "see kafka.security_protocol, which is PLAINTEXT", False),
        (
            {"security_protocol": "SASL_PLAINTEXT"},
            "see kafka.security_protocol, which is SASL_PLAINTEXT",
            False,
        ),
    ],
)
def test_the_reason_of_a_rejected_connection_is_reported(
    broker: SecureKafka,
    change: dict[str, str | None],
    reason: str,
    is_authentication: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where other work leaves the broker no processor, TLS alone takes longer than a process would wait."""
    monkeypatch.setattr("runtime.kafka.broker.ANSWER_LIMIT_S", 300.0)
    with pytest.raises(BrokerUnavailableError) as raised:
        asyncio.run(list_topics(broker.of(RISK).model_copy(update=change)))
    assert reason in raised.value.reason
    assert raised.value.is_authentication is is_authentication
    gc.collect()  # a connection left open would be warned of here


def test_no_process_gives_itself_a_grant(broker: SecureKafka) -> None:
    with pytest.raises(DependencyError, match="ClusterAuthorizationFailed"):
        asyncio.run(apply_grants(broker.of(RISK)))


def test_every_process_of_the_engine_is_a_principal() -> None:
    assert {*PROCESSES, GATEWAY} < {*PRINCIPALS}


def test_the_path_signs_in_once_and_publishes_as_its_members(
    clean_broker: SecureKafka, tmp_path: Path
) -> None:
    engine = KafkaEngine(tmp_path, clean_broker.of(PATH), {}, (PATH,))
    try:
        engine.start_all()
        codes = engine.stop_all()
    finally:
        engine.kill_all()
    assert codes == {PATH: 0}
    claims = {claim.process for claim in read_log(clean_broker.of(ADMIN)).messages(EpochClaim)}
    assert {*PATH_PROCESSES} <= claims


def test_a_member_that_runs_apart_does_not_do_so_under_the_name_of_another(
    clean_broker: SecureKafka, tmp_path: Path
) -> None:
    """The path's password does for its members; theirs does not do for the path."""
    engine = KafkaEngine(tmp_path, clean_broker.of(QUOTE), {}, (PATH,))
    try:
        alone = engine.start(PATH)
        until(lambda: "not visible to quote-service" in alone.text(), "the path waits for its topics")
        assert engine.health(PATH)[0] != 200
    finally:
        engine.kill_all()
