"""Connection settings of aiokafka's clients, and their start and stop."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Protocol, TypeVar

from aiokafka.conn import AIOKafkaConnection, CloseReason
from aiokafka.errors import KafkaConnectionError, KafkaError

from runtime.config.secret_files import read_secret_text
from runtime.errors import ConfigError, DependencyError
from schemas.deployment import Kafka

REQUEST_TIMEOUT_MS = 40_000
"""Long enough that a broker pausing for half a minute loses nothing."""
RETRY_BACKOFF_MS = 100
METADATA_AGE_MS_MAX = 30_000
BROKER_ERRORS = (KafkaError,)
"""What a client raises where a broker is unavailable or too slow."""
CLOSE_LIMIT_S = 1.0
"""Without a broker, stopping a client may never return."""


class Client(Protocol):
    """The common interface of aiokafka's producers and consumers."""

    async def start(self) -> None:
        """Connect."""

    async def stop(self) -> None:
        """Disconnect."""


AnyClient = TypeVar("AnyClient", bound=Client)
BrokerWait = Callable[[], Awaitable[None]]
"""Returns when a broker is available, see runtime.kafka.broker.BrokerLink.wait_until_available."""


_send = AIOKafkaConnection.send


def _send_or_break(link: Any, request: Any, expect_response: bool = True) -> Any:
    """aiokafka recognises a closed connection by asyncio's error, but not by uvloop's RuntimeError, which
    would end the client's metadata task, so that it never finds a broker again.
    """
    try:
        return _send(link, request, expect_response)
    except RuntimeError as error:
        link.close(reason=CloseReason.CONNECTION_BROKEN)
        raise KafkaConnectionError(f"Connection at {link.host}:{link.port} broken: {error}") from error


AIOKafkaConnection.send = _send_or_break


async def start_client(
    make: Callable[[], AnyClient], config: Kafka, wait_for_broker: BrokerWait | None
) -> AnyClient:
    """A connected client. Without `wait_for_broker`, raises DependencyError where no broker answers."""
    while True:
        if wait_for_broker is not None:
            await wait_for_broker()
        client = make()
        try:
            await client.start()
        except KafkaError as error:
            await wait_at_most(CLOSE_LIMIT_S, client.stop())
            if wait_for_broker is None:
                raise DependencyError(
                    f"no Kafka broker answers at {config.bootstrap}: {error}; give another with --kafka"
                ) from error
        except BaseException:
            await wait_at_most(CLOSE_LIMIT_S, client.stop())
            raise
        else:
            return client


async def wait_at_most(limit_s: float, closing: Coroutine[Any, Any, Any]) -> None:
    """Wait for a shutdown that may never end, up to a limit, and ignore its failure."""
    task = asyncio.create_task(closing)
    await asyncio.wait((task,), timeout=limit_s)
    task.cancel()
    await asyncio.wait((task,), timeout=limit_s)
    if task.done() and not task.cancelled():
        task.exception()


def connection(config: Kafka) -> dict[str, Any]:
    """The common arguments of all aiokafka clients."""
    settings: dict[str, Any] = {
        "bootstrap_servers": config.bootstrap.split(","),
        "security_protocol": config.security_protocol,
        "request_timeout_ms": REQUEST_TIMEOUT_MS,
        "retry_backoff_ms": RETRY_BACKOFF_MS,
        "metadata_max_age_ms": METADATA_AGE_MS_MAX,
    }
    if config.security_protocol.endswith("SSL"):
        settings["ssl_context"] = ssl.create_default_context(cafile=config.ssl_ca_file)
    if config.security_protocol.startswith("SASL"):
        settings |= {
            "sasl_mechanism": config.sasl_mechanism,
            "sasl_plain_username": config.sasl_username,
            "sasl_plain_password": _password(config),
        }
    return settings


def _password(config: Kafka) -> str:
    if config.sasl_password_file is None:
        raise ConfigError(
            f"kafka.security_protocol {config.security_protocol} needs kafka.sasl_password_file: "
            "a file that contains only the password"
        )
    return read_secret_text(config.sasl_password_file, "kafka.sasl_password_file")
