"""How Faust is set up: the only module that imports it.

A fetch costs the same whatever it brings, and here nobody waits for a record: the broker collects records
before it answers. Faust has no setting for that, hence the classes below.
"""

from pathlib import Path
from tempfile import gettempdir
from typing import Any

import faust
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, Consumer, Transport

from runtime.kafka.client import connection
from schemas.deployment import Kafka
from schemas.topics import STATISTICS

FETCH_WAIT_MS = 500
"""A fetch is answered after this time, or with `FETCH_BYTES_MIN`. The broker answers one request of a
connection after the other, so a question for the ends of the topics takes as long."""
FETCH_BYTES_MIN = 512 * 1024
_SESSION_S = 10.0
_A_DAY_S = 86_400.0


class _CollectingThread(AIOKafkaConsumerThread):
    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_max_wait_ms = FETCH_WAIT_MS
        consumer._fetch_min_bytes = FETCH_BYTES_MIN
        return consumer


class _CollectingConsumer(Consumer):
    def _new_consumer_thread(self) -> Any:
        return _CollectingThread(self, loop=self.loop, beacon=self.beacon)


class _CollectingTransport(Transport):
    Consumer = _CollectingConsumer


def make_app(config: Kafka) -> Any:
    """A Faust app without tables, web server, leader topic or pickled values, delivering at least once."""
    group = f"{config.topic_prefix}{STATISTICS}"
    app = faust.App(
        group,
        broker=[f"kafka://{address}" for address in config.bootstrap.split(",")],
        broker_credentials=_credentials(config),
        processing_guarantee="at_least_once",
        store="memory://",
        datadir=Path(gettempdir()) / group,  # Faust creates it, and leaves it empty
        key_serializer="raw",
        value_serializer="raw",
        consumer_auto_offset_reset="earliest",
        consumer_group_instance_id=group,
        broker_session_timeout=_SESSION_S,
        broker_heartbeat_interval=_SESSION_S / 4,
        broker_rebalance_timeout=_SESSION_S,
        # Records are held for a minute and more, and an idle topic's newest indefinitely: no livelock.
        broker_commit_livelock_soft_timeout=_A_DAY_S,
        stream_wait_empty=False,
        topic_disable_leader=True,
        topic_allow_declare=False,
        web_enabled=False,
    )
    app.transport = _CollectingTransport(app.conf.broker_consumer, app)
    return app


def _credentials(config: Kafka) -> Any:
    settings = connection(config)
    context = settings.get("ssl_context")
    if config.security_protocol.startswith("SASL"):
        return faust.SASLCredentials(
            username=settings["sasl_plain_username"],
            password=settings["sasl_plain_password"],
            mechanism=settings["sasl_mechanism"],
            ssl_context=context,
        )
    return None if context is None else faust.SSLCredentials(context)
