"""Queries the history of topics by time, topic and key, in the log on disk or on Kafka."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from runtime.errors import ConfigError
from runtime.log.logfile import LoggedRecord
from runtime.log.slices import log_records
from runtime.process.definition import HistorySource
from schemas.message import ALL_SYMBOLS
from schemas.orders import KillReport
from schemas.topics import TOPIC_OF

ACCOUNT_KEY = f"{ALL_SYMBOLS}:{ALL_SYMBOLS}"
_OF_PARTS = TOPIC_OF[KillReport.type_name]
"""The topic on which shards report their parts of the account, each under a key of its own."""


@dataclass(frozen=True, slots=True)
class HistoryQuery:
    """Selects records of a time range."""

    topics: frozenset[str]
    from_ns: int
    to_ns: int
    """Exclusive."""
    keys: frozenset[str] | None = None
    """None: all symbols."""
    cursor: str | None = None
    """Where an earlier read of the same query ended."""
    account_topics: frozenset[str] = frozenset()
    """Topics whose records are selected for all symbols, whatever `keys` says."""

    def keys_of(self, topic: str) -> frozenset[str] | None:
        """The keys selected of a topic; None: all."""
        return None if topic in self.account_topics else self.keys

    def matches(self, record: LoggedRecord) -> bool:
        """Whether the query selects a record."""
        keys = self.keys_of(record.topic)
        return (
            record.topic in self.topics
            and self.from_ns <= record.envelope.event_time_ns < self.to_ns
            and (keys is None or record.key in keys or self._is_part_of_account(record))
        )

    def _is_part_of_account(self, record: LoggedRecord) -> bool:
        """Whether a record is of a shard's part of the account, and the account is selected."""
        venue, _, symbol = record.key.partition(":")
        return self._selects_parts(record.topic) and symbol == ALL_SYMBOLS and "." in venue

    def _selects_parts(self, topic: str) -> bool:
        return topic == _OF_PARTS and self.keys is not None and ACCOUNT_KEY in self.keys

    @property
    def keys_by_topic(self) -> dict[str, frozenset[str] | None]:
        """Each topic with the keys by which its partitions are found; None: all."""
        return {topic: None if self._selects_parts(topic) else self.keys_of(topic) for topic in self.topics}


class HistoryRecord(NamedTuple):
    """A record, and the cursor to continue reading after it."""

    record: LoggedRecord
    cursor: str


def read_history(source: HistorySource, query: HistoryQuery) -> Iterator[HistoryRecord]:
    """The selected records in order of publication.

    Raises ConfigError for an invalid cursor, and DependencyError where the broker does not answer.
    """
    if source.log_dir is not None:
        found = log_records(source.log_dir, query.topics, query.from_ns, query.to_ns, query.cursor)
    elif source.kafka is not None:
        from runtime.kafka.slices import kafka_records  # noqa: PLC0415  loaded only when Kafka is used

        found = kafka_records(source.kafka, query.keys_by_topic, query.from_ns, query.to_ns, query.cursor)
    else:
        raise ConfigError("this engine keeps no history")
    for record, cursor in found:
        if query.matches(record):
            yield HistoryRecord(record, cursor)
