"""A stretch of the topics' past: by time, by topic, by key, from the log on disk or from Kafka."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from chassis.bus.logfile import LoggedRecord
from chassis.bus.slices import log_records
from chassis.errors import ConfigError
from chassis.process import HistorySource
from schemas.message import ALL_SYMBOLS

ACCOUNT_KEY = f"{ALL_SYMBOLS}:{ALL_SYMBOLS}"


@dataclass(frozen=True, slots=True)
class Stretch:
    """What is wanted of the past."""

    topics: frozenset[str]
    from_ns: int
    to_ns: int
    """The first moment that is no longer wanted."""
    keys: frozenset[str] | None = None
    """None: of all symbols."""
    cursor: str | None = None
    """Where an earlier reading of the same stretch ended."""

    def wants(self, record: LoggedRecord) -> bool:
        """Does a record belong to it?"""
        return (
            record.topic in self.topics
            and self.from_ns <= record.envelope.event_time_ns < self.to_ns
            and (self.keys is None or record.key in self.keys)
        )


class Placed(NamedTuple):
    """A record, and the cursor with which a reading goes on behind it."""

    record: LoggedRecord
    cursor: str


def read_history(source: HistorySource, stretch: Stretch) -> Iterator[Placed]:
    """The records of a stretch, oldest first as they were published.

    Raises ConfigError for a cursor that is none, DependencyError where the broker does not answer.
    """
    if source.log_dir is not None:
        found = log_records(source.log_dir, stretch.topics, stretch.from_ns, stretch.to_ns, stretch.cursor)
    elif source.kafka is not None:
        from chassis.bus.kafka.slices import kafka_records  # noqa: PLC0415  for it alone

        found = kafka_records(
            source.kafka, stretch.topics, stretch.keys, stretch.from_ns, stretch.to_ns, stretch.cursor
        )
    else:
        raise ConfigError("this engine keeps no history")
    for record, cursor in found:
        if stretch.wants(record):
            yield Placed(record, cursor)
