"""Process metrics for Prometheus, with the same names in one process and over Kafka."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from schemas.process import TopicLag
from schemas.units import NS_PER_S

_PREFIX = "market_making_"


class ProcessFigures(NamedTuple):
    """The current state of one process."""

    process: str
    is_ready: bool
    began_ns: int
    """Start time of this instance."""
    session_began_ns: int
    newest_input_ns: int | None
    lag: Sequence[TopicLag] = ()
    """By topic; in one process only of the feed, as nothing else is pending between turns."""
    outbox_records: int = 0
    outbox_age_ms: float = 0.0
    halts: int | None = None
    """Halts in force; None: the process does not decide on halts."""


_GAUGES: tuple[tuple[str, str, Callable[[ProcessFigures], float | None]], ...] = (
    (
        "process_ready",
        "1: caught up, and its published records are confirmed.",
        lambda figures: float(figures.is_ready),
    ),
    (
        "process_began_timestamp_seconds",
        "Start time of this instance of the process; each change is a restart.",
        lambda figures: figures.began_ns / NS_PER_S,
    ),
    (
        "session_began_timestamp_seconds",
        "Start time of the session under this code and configuration.",
        lambda figures: figures.session_began_ns / NS_PER_S if figures.session_began_ns else None,
    ),
    (
        "newest_input_timestamp_seconds",
        "Time of the newest message that the process consumed.",
        lambda figures: None if figures.newest_input_ns is None else figures.newest_input_ns / NS_PER_S,
    ),
    (
        "outbox_records",
        "Published messages that the broker has not confirmed.",
        lambda figures: figures.outbox_records,
    ),
    (
        "outbox_age_seconds",
        "Age of the oldest unconfirmed message.",
        lambda figures: figures.outbox_age_ms / 1e3,
    ),
    (
        "halts_in_force",
        "Halts that only a resume ends, including the account's.",
        lambda figures: figures.halts,
    ),
)


def process_metrics(processes: Sequence[ProcessFigures]) -> Iterator[Metric]:
    """The metrics of these processes."""
    for name, help_text, value in _GAUGES:
        gauge = GaugeMetricFamily(_PREFIX + name, help_text, labels=("process",))
        for figures in processes:
            measured = value(figures)
            if measured is not None:
                gauge.add_metric((figures.process,), measured)
        yield gauge
    yield from _lag(processes)


class ProcessCollector(Collector):
    """The metrics of a process without counts of its own."""

    def __init__(self, figures: Callable[[], ProcessFigures]) -> None:
        self._figures = figures

    def collect(self) -> Iterator[Metric]:
        """All process metrics."""
        yield from process_metrics((self._figures(),))


def _lag(processes: Sequence[ProcessFigures]) -> Iterator[Metric]:
    labels = ("process", "topic")
    records = GaugeMetricFamily(f"{_PREFIX}lag_records", "Unconsumed records of a topic.", labels=labels)
    seconds = GaugeMetricFamily(
        f"{_PREFIX}lag_seconds",
        "Age of the newest consumed record of a topic with lag, or of the oldest event that waits in a "
        "feed; 0 without lag.",
        labels=labels,
    )
    for figures in processes:
        for lag in figures.lag:
            records.add_metric((figures.process, lag.topic), lag.records)
            seconds.add_metric((figures.process, lag.topic), lag.age_ms / 1e3)
    yield records
    yield seconds
