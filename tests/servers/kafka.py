"""A real Kafka broker for tests.

`KAFKA_BOOTSTRAP` names one that runs; else a container where a Docker engine answers; else Apache Kafka's
own jars from Maven, checked against kafka-jars.sha256, kept in the user's cache, on a free loopback port.
"""

import asyncio
import base64
import os
import shutil
import socket
import subprocess
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from runtime.kafka.admin import apply_topics
from runtime.kafka.client import connection
from schemas.deployment import Kafka
from tests.servers.local import PATIENCE_S, CannotRunError, LocalProcess, free_port, until

FOLDER = Path(__file__).parent
VERSION = "4.3.1"
IMAGE = f"apache/kafka:{VERSION}"
INSTALL = "default-jre-headless and maven"
_JARS = (
    Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    / "market-making-tests"
    / f"kafka-{VERSION}"
)
_JVM = ("-Xmx768m", "-Xms128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto")
_SETTINGS = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller_port}
listeners={protocol}://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners={protocol}://127.0.0.1:{advertised_port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,{protocol}:{protocol}
log.dirs={data}
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
broker.session.timeout.ms={session_ms}
broker.heartbeat.interval.ms=500
log.index.size.max.bytes=262144
log.cleaner.backoff.ms=500
"""


class ServerAccess(NamedTuple):
    """How clients come to a broker that knows who they are."""

    protocol: str
    settings: str
    users: list[str]
    """What the formatting of its storage is told about those who may sign in."""


class KafkaServer:
    """One broker in a folder of its own, from the jars."""

    def __init__(
        self,
        folder: Path,
        *,
        advertised_port: int | None = None,
        jvm: tuple[str, ...] = _JVM,
        access: ServerAccess | None = None,
        answers: Callable[[], Kafka] | None = None,
        session_ms: int = 30_000,
    ) -> None:
        """With `advertised_port`, clients are sent there: a proxy can stand between.

        After `session_ms` without a heartbeat the broker is out of service: long for a busy machine, and
        short where it is killed, since it comes back only then.

        With `access`, clients sign in, and `answers` tells as whom to ask whether it answers.
        """
        self._answers = answers or (lambda: Kafka(bootstrap=self.bootstrap))
        self._classes = str(jars() / "*")
        port, controller_port = free_port(), free_port()
        self.port = port
        self.bootstrap = f"127.0.0.1:{port}"
        self.data = folder / "data"
        """A folder for each partition."""
        self._settings = folder / "server.properties"
        self._settings.write_text(
            _SETTINGS.format(
                port=port,
                advertised_port=advertised_port or port,
                controller_port=controller_port,
                data=self.data,
                protocol="PLAINTEXT" if access is None else access.protocol,
                session_ms=session_ms,
            )
            + ("" if access is None else access.settings),
            encoding="utf-8",
        )
        self._format([] if access is None else access.users)
        command: list[str | Path] = ["java", *jvm, "-cp", self._classes, "kafka.Kafka", self._settings]
        self.process = LocalProcess(command, folder / "kafka.log")

    def _format(self, users: list[str]) -> None:
        cluster_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        subprocess.run(
            [
                "java",
                *_JVM,
                "-cp",
                self._classes,
                "kafka.tools.StorageTool",
                "format",
                f"--cluster-id={cluster_id}",
                "-c",
                self._settings,
                *users,
            ],
            check=True,
            capture_output=True,
            timeout=PATIENCE_S,
        )

    def start(self) -> None:
        """Start it; returns when it answers. Not to be called inside a running event loop."""
        self.process.start()

        def answers() -> bool:
            self.process.check_running()
            return is_answering(self.bootstrap, self._answers())

        until(answers, f"Kafka answers at {self.bootstrap}", pause_s=0.1)

    def stop(self) -> None:
        """End it for good: its folder is not used again."""
        self.process.kill()


def is_answering(bootstrap: str, config: Kafka | None = None) -> bool:
    """Does a broker answer there?"""
    host, _, port = bootstrap.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=2).close()
    except OSError:
        return False
    return asyncio.run(_is_answering(config or Kafka(bootstrap=bootstrap)))


async def _is_answering(config: Kafka) -> bool:
    admin = AIOKafkaAdminClient(**{**connection(config), "request_timeout_ms": 2000})
    try:
        await admin.start()
        await admin.list_topics()
    except KafkaError:
        return False
    finally:
        await admin.close()
    return True


def jars() -> Path:
    """The folder of the broker's jars; raises CannotRunError where they can be neither found nor fetched."""
    missing = [name for name in ("java", "mvn") if shutil.which(name) is None]
    if "java" in missing or ("mvn" in missing and not _JARS.is_dir()):
        raise CannotRunError(f"{' and '.join(missing)} is missing: on Debian, apt install {INSTALL}")
    if not _JARS.is_dir():
        _fetch_jars()
    return _JARS


def _fetch_jars() -> None:
    unchecked = _JARS.with_name(f"{_JARS.name}.{os.getpid()}")
    done = subprocess.run(
        [
            "mvn",
            "-q",
            "-B",
            "-f",
            FOLDER / "pom.xml",
            "dependency:copy-dependencies",
            f"-DoutputDirectory={unchecked}",
            "-DincludeScope=runtime",
        ],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if done.returncode:
        raise CannotRunError(f"Maven could not fetch Apache Kafka {VERSION}: {done.stdout[-500:].strip()}")
    check_jars(unchecked)
    unchecked.rename(_JARS)


def check_jars(folder: Path) -> None:
    """Raise ValueError where a jar is missing, added or changed."""
    pinned = {}
    for line in (FOLDER / "kafka-jars.sha256").read_text(encoding="utf-8").splitlines():
        digest, name = line.split()
        pinned[name] = digest
    found = {path.name: sha256(path.read_bytes()).hexdigest() for path in folder.glob("*.jar")}
    wrong = sorted(name for name in pinned.keys() | found.keys() if pinned.get(name) != found.get(name))
    if wrong:
        raise ValueError(f"not as kafka-jars.sha256 has them: {', '.join(wrong)}")


@contextmanager
def shared_kafka(folder: Path) -> Iterator[str]:
    """The bootstrap address of a broker that many tests share; raises CannotRunError."""
    given = os.environ.get("KAFKA_BOOTSTRAP")
    if given:
        yield given
    elif docker_answers():
        with _container() as bootstrap:
            yield bootstrap
    else:
        server = KafkaServer(folder)
        try:
            server.start()
            yield server.bootstrap
        finally:
            server.stop()


def docker_answers() -> bool:
    """Is there a Docker engine?"""
    if not Path("/var/run/docker.sock").exists() and "DOCKER_HOST" not in os.environ:
        return False
    import docker

    try:
        docker.from_env().ping()
    except docker.errors.DockerException:
        return False
    return True


@contextmanager
def _container() -> Iterator[str]:
    from testcontainers.core.container import DockerContainer

    port = free_port()
    settings = {
        "KAFKA_NODE_ID": "1",
        "KAFKA_PROCESS_ROLES": "broker,controller",
        "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
        "KAFKA_LISTENERS": "PLAINTEXT://0.0.0.0:9092,CONTROLLER://localhost:9093",
        "KAFKA_ADVERTISED_LISTENERS": f"PLAINTEXT://127.0.0.1:{port}",
        "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
        "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
        "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
        "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
        "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
    }
    container = DockerContainer(IMAGE).with_bind_ports(9092, port)
    for name, value in settings.items():
        container.with_env(name, value)
    with container:
        bootstrap = f"127.0.0.1:{port}"
        until(lambda: is_answering(bootstrap), f"Kafka answers at {bootstrap}", pause_s=0.1)
        yield bootstrap


@contextmanager
def topics(bootstrap: str, partitions: int = 4) -> Iterator[Kafka]:
    """The engine's topics, empty, under a prefix of their own; deleted afterwards."""
    config = Kafka(bootstrap=bootstrap, partitions=partitions, topic_prefix=f"t{uuid.uuid4().hex[:8]}.")
    asyncio.run(apply_topics(config))
    try:
        yield config
    finally:
        asyncio.run(_delete(config))


async def _delete(config: Kafka) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=config.bootstrap)
    await admin.start()
    try:
        names = await admin.list_topics()
        await admin.delete_topics([name for name in names if name.startswith(config.topic_prefix)])
    finally:
        await admin.close()
