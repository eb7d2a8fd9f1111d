"""Probes the broker, waits for one that is unavailable, and logs each change of its availability once.

aiokafka gives no reason for a failed start, and floods the log while a broker is unavailable. So the broker
is probed here on connections of its own.
"""

import asyncio
import ssl
import struct
from collections.abc import Callable, Mapping
from contextlib import suppress
from errno import ECONNREFUSED
from socket import gaierror
from time import monotonic
from typing import Any, NamedTuple

import structlog
from aiokafka.conn import collect_hosts, create_conn
from aiokafka.errors import (
    AuthenticationFailedError,
    AuthenticationMethodNotSupported,
    IllegalSaslStateError,
    KafkaConnectionError,
    KafkaError,
    KafkaTimeoutError,
    RequestTimedOutError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)
from aiokafka.protocol.metadata import MetadataRequest

from runtime.backoff import Backoff
from runtime.errors import ConfigError, DependencyError
from runtime.kafka.client import connection
from runtime.kafka.topic_check import TopicShape, missing_topics
from schemas.deployment import Kafka

ANSWER_LIMIT_S = 10.0
"""A broker that takes longer to answer counts as unavailable."""
CLOSE_LIMIT_S = 1.0
BACKOFF_S = (0.25, 0.5, 1.0, 2.0, 5.0)
AUTHENTICATION_BACKOFF_S = (5.0, 10.0, 30.0)
"""Longer after a failed authentication: brokers may count them, and an operator has to act first."""
UNCONFIRMED_LIMIT_S = 2.0
"""A broker that confirms nothing for this long counts as unavailable while the process runs."""
MONITOR_INTERVAL_S = 3.0
_WATCH_INTERVAL_S = 0.5
_NOT_KAFKA = (ValueError, AssertionError, struct.error)
"""What aiokafka raises for an answer that is not in Kafka's protocol."""
_AUTHENTICATION_ERRORS = (
    AuthenticationFailedError,
    AuthenticationMethodNotSupported,
    IllegalSaslStateError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)

logger = structlog.get_logger()


class BrokerUnavailableError(DependencyError):
    """No broker is usable; the text names the address and the reason."""

    def __init__(self, bootstrap: str, reason: str, *, is_authentication: bool = False) -> None:
        super().__init__(f"no Kafka broker answers at {bootstrap}: {reason}; give another with --kafka")
        self.reason = reason
        self.is_authentication = is_authentication
        """The broker answers, and rejects our credentials."""


class _AdvertisedAddressError(Exception):
    """No address that the broker advertises can be reached."""


class _Address(NamedTuple):
    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class _Cluster(NamedTuple):
    brokers: tuple[_Address, ...]
    topics: dict[str, TopicShape]


async def list_topics(config: Kafka) -> Mapping[str, TopicShape]:
    """Every topic visible to us, without creating any; raises BrokerUnavailableError."""
    failures = {}
    for host, port, _ in collect_hosts(config.bootstrap.split(",")):
        address = _Address(host, port)
        try:
            cluster = await _fetch_metadata(address, config)
            await _check_advertised(cluster.brokers, address, config)
        except (OSError, KafkaError, TimeoutError, _AdvertisedAddressError, *_NOT_KAFKA) as error:
            failures[address] = error
        else:
            return cluster.topics
    raise _unavailable(failures, config)


async def _fetch_metadata(address: _Address, config: Kafka) -> _Cluster:
    async with asyncio.timeout(ANSWER_LIMIT_S):
        link = await _connect(address, config)
        try:
            answer = await link.send(MetadataRequest(None, allow_auto_topic_creation=False))
        finally:
            await _close(link)
    brokers = tuple(_Address(host, port) for _, host, port, *_ in answer.brokers)
    return _Cluster(brokers, {topic[1]: _shape(topic[-1]) for topic in answer.topics})


async def _connect(address: _Address, config: Kafka) -> Any:
    settings = connection(config)
    security = ("security_protocol", "ssl_context", *(name for name in settings if name.startswith("sasl_")))
    closed: list[Any] = []
    try:
        return await create_conn(
            address.host,
            address.port,
            request_timeout_ms=int(ANSWER_LIMIT_S * 1e3),
            on_close=lambda link, reason: closed.append(link),
            **{name: settings[name] for name in security if name in settings},
        )
    except BaseException:
        for link in closed:
            await _close(link)
        raise


async def _close(link: Any) -> None:
    """Wait for the TLS shutdown of both sides: a loop that ends before it leaves the socket open."""
    with suppress(TimeoutError):
        async with asyncio.timeout(CLOSE_LIMIT_S):
            await link.close()


async def _check_advertised(brokers: tuple[_Address, ...], bootstrap: _Address, config: Kafka) -> None:
    """Clients connect to the advertised addresses, which may be unreachable from this host."""
    if not brokers or bootstrap in brokers:
        return
    failure = _AdvertisedAddressError()
    for broker in brokers:
        try:
            async with asyncio.timeout(ANSWER_LIMIT_S):
                await _close(await _connect(broker, config))
        except (OSError, KafkaError, TimeoutError) as error:
            failure = _AdvertisedAddressError(
                f"it advertises {broker}, which fails: {_reason(error, config)}"
            )
        else:
            return
    raise failure


def _shape(partitions: list[tuple[Any, ...]]) -> TopicShape:
    return TopicShape(
        partitions=len(partitions),
        replicas=min((len(each[3]) for each in partitions), default=0),
        has_leaders=all(each[2] >= 0 for each in partitions),
    )


def _unavailable(failures: Mapping[_Address, Exception], config: Kafka) -> BrokerUnavailableError:
    reasons = {str(address): _reason(error, config) for address, error in sorted(failures.items())}
    text = next(iter(reasons.values())) if len(reasons) == 1 else ", ".join(map(": ".join, reasons.items()))
    is_authentication = any(isinstance(error, _AUTHENTICATION_ERRORS) for error in failures.values())
    return BrokerUnavailableError(config.bootstrap, text, is_authentication=is_authentication)


def _reason(error: Exception, config: Kafka) -> str:
    """The same text for the same cause, since a changed text is logged again."""
    if isinstance(error, TimeoutError | KafkaTimeoutError | RequestTimedOutError):
        return f"no answer within {ANSWER_LIMIT_S:.0f} s"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({error.verify_message}); see kafka.ssl_ca_file"
    if isinstance(error, ssl.SSLError):
        return (
            f"TLS handshake failed ({error.reason}); see kafka.security_protocol, which is "
            f"{config.security_protocol}"
        )
    if isinstance(error, gaierror):
        return "the host name cannot be resolved"
    if isinstance(error, ConnectionRefusedError) or f"[Errno {ECONNREFUSED}]" in str(
        error
    ):  # of several addresses
        return "connection refused"
    if isinstance(error, _AUTHENTICATION_ERRORS):
        detail = str(error) or type(error).__name__
        return f"authentication of {config.sasl_username!r} failed ({detail}); see kafka.sasl_password_file"
    if isinstance(error, _AdvertisedAddressError):
        return f"{error.args[0]}; see advertised.listeners of the broker"
    if isinstance(error, KafkaConnectionError | ConnectionError | asyncio.IncompleteReadError):
        protocol = config.security_protocol
        return f"it closed the connection; see kafka.security_protocol, which is {protocol}"
    if isinstance(error, _NOT_KAFKA):
        return "the server there is not a Kafka broker"
    return f"{type(error).__name__}: {error}"


class BrokerLink:
    """The availability of the broker for one process: waits for it, and logs each change once."""

    def __init__(
        self,
        config: Kafka,
        process: str,
        on_change: Callable[[str | None], None] = lambda reason: None,
    ) -> None:
        """`on_change` receives the reason for waiting, and None when the broker is usable again."""
        self.reason: str | None = None
        """Why the broker is not usable; None: it was usable when last checked."""
        self._config = config
        self._process = process
        self._on_change = on_change
        self._since_s = 0.0
        self._waiting = asyncio.Lock()

    async def wait_until_available(self) -> None:
        """Return when a broker answers and has the topics that the process needs.

        Raises ConfigError where the topics have other partitions: waiting would not help.
        """
        backoff, authentication = Backoff(BACKOFF_S), Backoff(AUTHENTICATION_BACKOFF_S)
        async with self._waiting:
            while True:
                try:
                    reason = missing_topics(self._config, self._process, await list_topics(self._config))
                    pause_s = backoff.next_s()
                except BrokerUnavailableError as error:
                    reason = f"no broker at {self._config.bootstrap}: {error.reason}"
                    pause_s = (authentication if error.is_authentication else backoff).next_s()
                self._update(reason)
                if reason is None:
                    return
                await asyncio.sleep(pause_s)

    async def monitor(self) -> None:
        """Wait for the broker, then probe it regularly until cancelled: for processes that rarely publish."""
        await self.wait_until_available()
        while True:
            await asyncio.sleep(MONITOR_INTERVAL_S)
            self._update(await self._probe())

    async def watch(self, unconfirmed_ms: Callable[[], float]) -> None:
        """Probe the broker, until cancelled, while the oldest unconfirmed record is older than the limit."""
        while True:
            await asyncio.sleep(_WATCH_INTERVAL_S)
            if unconfirmed_ms() > UNCONFIRMED_LIMIT_S * 1e3:
                unconfirmed = f"the broker at {self._config.bootstrap} answers, but confirms no records"
                self._update(await self._probe() or unconfirmed)
                await asyncio.sleep(UNCONFIRMED_LIMIT_S)
            else:
                self._update(None)

    async def _probe(self) -> str | None:
        """Why the broker is unavailable; None: it answers."""
        try:
            await list_topics(self._config)
        except BrokerUnavailableError as error:
            return f"no broker at {self._config.bootstrap}: {error.reason}"
        except ConfigError as error:  # the password file was deleted after the start
            return str(error)
        return None

    def _update(self, reason: str | None) -> None:
        if reason == self.reason:
            return
        if self.reason is None:
            self._since_s = monotonic()
        self.reason = reason
        self._on_change(reason)
        if reason is None:
            after_s = round(monotonic() - self._since_s, 1)
            logger.info(
                "broker_available", process=self._process, broker=self._config.bootstrap, after_s=after_s
            )
        else:
            logger.warning("waiting_for_broker", process=self._process, because=reason)
