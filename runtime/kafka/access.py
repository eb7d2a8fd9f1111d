"""Access control on the broker (ACLs): one writer per topic and named readers, from schemas/topics.py.

Each process authenticates under its own name (SASL); its shards use that name too. The path authenticates
once and is granted what its members are: with it, let no other hold the passwords of those. Every other
principal is denied, which is the default of the broker's authorizer.
"""

from dataclasses import dataclass
from typing import Literal

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError, for_code
from aiokafka.protocol.admin import CreateAclsRequest

from runtime.errors import DependencyError
from runtime.kafka.client import connection
from runtime.kafka.layout import broker_topics
from schemas.deployment import Kafka
from schemas.topics import GATEWAY, PATH, PATH_PROCESSES, PROCESSES, STATISTICS

AUDITOR = "auditor"
"""For replay, export and verification: reads everything, writes nothing."""
PRINCIPALS = (*PROCESSES, PATH, GATEWAY, STATISTICS, AUDITOR)
Operation = Literal["Read", "Write", "Describe"]
_READ_ALL = (GATEWAY, AUDITOR)
"""The gateway serves the history of every topic."""
_OPERATIONS: dict[Operation, int] = {"Read": 3, "Write": 4, "Describe": 8}
_RESOURCES = {"topic": 2, "group": 3}
_LITERAL, _ALLOW = 3, 3


@dataclass(frozen=True, slots=True)
class Grant:
    """One permission of a principal. Read and Write imply Describe."""

    principal: str
    operation: Operation
    resource: Literal["topic", "group"]
    name: str
    """Without kafka.topic_prefix."""


def acts_as(principal: str) -> tuple[str, ...]:
    """The processes that a principal runs."""
    return PATH_PROCESSES if principal == PATH else (principal,)


def may_read(principal: str, topic: str) -> bool:
    """Whether a principal reads a topic. A writer may: it reads its own records back during recovery."""
    found, writer = broker_topics()[topic]
    processes = acts_as(principal)
    return principal in _READ_ALL or writer in processes or not set(found.readers).isdisjoint(processes)


def may_write(principal: str, topic: str) -> bool:
    """Whether a principal writes a topic: its one writer does, apart or on the path."""
    _, writer = broker_topics()[topic]
    return writer in acts_as(principal)


def grants() -> tuple[Grant, ...]:
    """All permissions that the engine needs."""
    found = []
    for name in broker_topics():
        found += [Grant(each, "Write", "topic", name) for each in PRINCIPALS if may_write(each, name)]
        found += [Grant(each, "Read", "topic", name) for each in PRINCIPALS if may_read(each, name)]
    found.append(Grant(STATISTICS, "Read", "group", STATISTICS))
    return tuple(found)


async def apply_grants(config: Kafka) -> int:
    """Create the ACLs of all grants and return their number; existing ACLs are left as they are.

    Raises DependencyError where the broker does not answer or refuses.
    """
    client = AIOKafkaClient(**connection(config))
    try:
        await client.bootstrap()
        for grant in grants():
            await _create(client, config, grant)
    except KafkaError as error:
        raise DependencyError(
            f"the broker at {config.bootstrap} did not accept the ACLs: {error!r}"
        ) from error
    finally:
        await client.close()
    return len(grants())


async def _create(client: AIOKafkaClient, config: Kafka, grant: Grant) -> None:
    node = client.get_random_node()
    if node is None or not await client.ready(node):
        raise DependencyError(f"no Kafka broker answers at {config.bootstrap}")
    request = CreateAclsRequest(
        _RESOURCES[grant.resource],
        config.topic_prefix + grant.name,
        _LITERAL,
        f"User:{grant.principal}",
        "*",
        _OPERATIONS[grant.operation],
        _ALLOW,
    )
    response = await client.send(node, request)
    for code, text in response.creation_responses:
        if code:
            raise DependencyError(
                f"the broker rejected {grant}: {for_code(code).__name__} {text or ''}".rstrip()
            )
