"""Looking for a broker, and waiting for it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

import pytest
import structlog
from aiokafka.conn import AIOKafkaConnection
from aiokafka.errors import KafkaConnectionError, SaslAuthenticationFailed
from aiokafka.protocol.admin import ApiVersionRequest

from runtime.errors import ConfigError, DependencyError
from runtime.kafka import broker
from runtime.kafka.broker import BrokerLink, BrokerUnavailableError, list_topics
from runtime.kafka.bus import KafkaBus
from runtime.kafka.topic_check import TopicShape, needed_topics
from runtime.process.startup import open_unless_stopped
from schemas.deployment import Kafka
from schemas.topics import RISK
from tests.servers.local import PATIENCE_S

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
NOBODY = Kafka(bootstrap="127.0.0.1:1")


@asynccontextmanager
async def listening(serve: Serve) -> AsyncIterator[str]:
    served: set[asyncio.Task[None]] = set()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await serve(reader, writer)
        writer.transport.abort()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served.add(asyncio.create_task(answer(reader, writer)))

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        await asyncio.gather(*served, return_exceptions=True)
        await asyncio.sleep(0)


async def hangs_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)


async def speaks_http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    writer.write(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
    await writer.drain()


async def says_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def why_not(config: Kafka) -> str:
    with pytest.raises(BrokerUnavailableError) as raised:
        await list_topics(config)
    assert str(raised.value).startswith(f"no Kafka broker answers at {config.bootstrap}: ")
    return raised.value.reason


@pytest.mark.parametrize(
    ("bootstrap", "because"),
    [
        ("127.0.0.1:1", "connection refused"),
        ("nobody.invalid:9092", "the host name cannot be resolved"),
        (
            "127.0.0.1:1,nobody.invalid:9092",
            "127.0.0.1:1: connection refused, nobody.invalid:9092: the host name cannot be resolved",
        ),
    ],
)
def test_where_nobody_is_the_reason_is_said(bootstrap: str, because: str) -> None:
    assert asyncio.run(why_not(Kafka(bootstrap=bootstrap))) == because


@pytest.mark.parametrize(
    ("serve", "protocol", "because"),
    [
        (hangs_up, "PLAINTEXT", "it closed the connection; see kafka.security_protocol, which is PLAINTEXT"),
        (speaks_http, "PLAINTEXT", "it closed the connection"),
        (
            speaks_http,
            "SSL",
            "TLS handshake failed (WRONG_VERSION_NUMBER); see kafka.security_protocol, which is SSL",
        ),
    ],
)
def test_what_is_no_broker_is_told_from_one_that_is_away(serve: Serve, protocol: str, because: str) -> None:
    async def ask() -> str:
        async with listening(serve) as address:
            return await why_not(Kafka.model_validate({"bootstrap": address, "security_protocol": protocol}))

    assert because in asyncio.run(ask())


def test_one_that_says_nothing_is_not_waited_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broker, "ANSWER_LIMIT_S", 0.2)

    async def ask() -> str:
        async with listening(says_nothing) as address:
            return await why_not(Kafka(bootstrap=address))

    assert asyncio.run(ask()) == "no answer within 0 s"


class Found:
    """Answers instead of brokers, one after another; the last one for ever."""

    def __init__(self, *answers: Exception | Mapping[str, TopicShape]) -> None:
        self._answers = list(answers)
        self.asked = 0

    async def __call__(self, config: Kafka) -> Mapping[str, TopicShape]:
        self.asked += 1
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


AWAY = BrokerUnavailableError("127.0.0.1:1", "connection refused")
TOPICS = dict.fromkeys(needed_topics(NOBODY, RISK), TopicShape(1, 1, has_leaders=True))


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broker, "BACKOFF_S", (0.0,))


def test_each_change_is_one_line_and_one_note(monkeypatch: pytest.MonkeyPatch, no_pauses: None) -> None:
    monkeypatch.setattr(broker, "list_topics", Found(AWAY, AWAY, AWAY, {}, {}, TOPICS))
    notes: list[str | None] = []
    with structlog.testing.capture_logs() as lines:
        asyncio.run(BrokerLink(NOBODY, RISK, notes.append).wait_until_available())
    assert [line["event"] for line in lines] == [
        "waiting_for_broker",
        "waiting_for_broker",
        "broker_available",
    ]
    assert notes[0] == "no broker at 127.0.0.1:1: connection refused"
    assert "`maker topics apply`" in (notes[1] or "")
    assert notes[2:] == [None]


def test_a_broker_that_is_there_is_no_news(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broker, "list_topics", Found(TOPICS))
    with structlog.testing.capture_logs() as lines:
        asyncio.run(BrokerLink(NOBODY, RISK).wait_until_available())
    assert lines == []


def test_topics_of_another_shape_are_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        broker, "list_topics", Found(dict.fromkeys(TOPICS, TopicShape(9, 1, has_leaders=True)))
    )
    with pytest.raises(ConfigError, match="has 9 partitions"):
        asyncio.run(BrokerLink(NOBODY, RISK).wait_until_available())


def test_pauses_grow_and_are_longer_after_failed_authentication(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    refused = BrokerUnavailableError("b:1", "authentication failed", is_authentication=True)
    monkeypatch.setattr(asyncio, "sleep", sleep)
    monkeypatch.setattr(
        broker, "list_topics", Found(AWAY, AWAY, AWAY, refused, refused, refused, refused, TOPICS)
    )
    asyncio.run(BrokerLink(NOBODY, RISK).wait_until_available())
    assert pauses == [0.25, 0.5, 1.0, 5.0, 10.0, 30.0, 30.0]


def test_a_failed_authentication_is_reported_as_such() -> None:
    known = NOBODY.model_copy(update={"sasl_username": "risk-service"})
    text = broker._reason(SaslAuthenticationFailed("Authentication failed during authentication"), known)
    assert "authentication of 'risk-service' failed" in text
    assert "kafka.sasl_password_file" in text


def test_a_process_that_waits_lives_and_ends_when_it_is_told() -> None:
    async def wait() -> tuple[bool, int]:
        link, stop, beats = BrokerLink(NOBODY, RISK), asyncio.Event(), [0]

        def beat() -> None:
            beats[0] += 1
            if link.reason is not None:
                stop.set()

        async with asyncio.timeout(PATIENCE_S):
            return await open_unless_stopped(link.wait_until_available(), stop, link, beat), beats[0]

    did_begin, beats = asyncio.run(wait())
    assert not did_begin
    assert beats > 0


def test_what_fails_at_the_beginning_is_raised() -> None:
    async def fail() -> None:
        raise ConfigError("no")

    async def begin() -> None:
        await open_unless_stopped(fail(), asyncio.Event(), BrokerLink(NOBODY, RISK))

    with pytest.raises(ConfigError, match="no"):
        asyncio.run(begin())


class Closed:
    """A stream of uvloop's whose transport is closed."""

    def write(self, data: bytes) -> None:
        raise RuntimeError("unable to perform operation on <TCPTransport closed=True>; the handler is closed")

    def close(self) -> None:
        pass


def test_a_connection_that_uvloop_has_closed_is_a_broken_one() -> None:
    """Anything else would end the task that looks for the broker, for ever."""

    async def send() -> None:
        link = AIOKafkaConnection("127.0.0.1", 1)
        link._writer = link._reader = Closed()
        link._read_task = asyncio.get_running_loop().create_future()
        link._read_task.set_result(None)
        try:
            with pytest.raises(KafkaConnectionError, match="the handler is closed"):
                link.send(ApiVersionRequest())
            assert not link.connected()
        finally:
            link._reader = None

    asyncio.run(send())


def test_a_command_of_a_moment_does_not_wait() -> None:
    async def publish() -> None:
        bus = KafkaBus(NOBODY)
        bus.publish_barrier(bus.partition_for("risk.state", "sim:BTC/USDT"), RISK, 1)
        try:
            await bus.flush()
        finally:
            await bus.outbox.close()

    with pytest.raises(DependencyError, match=r"no Kafka broker answers at 127\.0\.0\.1:1"):
        asyncio.run(publish())


def test_what_is_published_meanwhile_stays_with_an_end_that_does_not_wait() -> None:
    async def publish() -> int:
        link = BrokerLink(NOBODY, RISK)
        bus = KafkaBus(NOBODY, wait_for_broker=link.wait_until_available)
        for now_ns in range(3):
            bus.publish_barrier(bus.partition_for("risk.state", "sim:BTC/USDT"), RISK, now_ns)
        async with asyncio.timeout(PATIENCE_S):
            left = await bus.outbox.settle(30)
            await bus.outbox.close()
        assert sum(map(len, bus.outbox.unconfirmed().values())) == left
        return left

    assert asyncio.run(publish()) == 3
