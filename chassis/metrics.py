"""What the engine measures about itself.

The engine counts in plain attributes; Prometheus's form is made when somebody asks for it, so a metric
costs the path from book to order nothing beyond the count.
"""

from array import array
from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import accumulate

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from chassis.bus.base import Record
from schemas.orders import INTENT_KINDS, OrderEvent
from schemas.topics import BY_NAME, QUOTE
from schemas.units import NS_PER_S

LATENCY_BUCKETS_S = (0.001, 0.005, 0.010, 0.025, 0.050, 0.100, 0.250)
"""Upper bounds, inclusive, in seconds."""

LATENCIES_MAX = 1_000_000
LATENCIES_RECENT = 4_096
"""Observations kept: a run of weeks must not grow."""

Counts = Callable[[], Mapping[str, int]]


class LatencyRecorder:
    """Keeps the newest million observations, in seconds, so that percentiles are exact; 8 bytes each."""

    def __init__(self) -> None:
        self._seconds = array("d")
        self._recent: deque[float] = deque(maxlen=LATENCIES_RECENT)
        self._buckets = [0] * (len(LATENCY_BUCKETS_S) + 1)
        self._sum_s = 0.0
        self._count = 0

    def observe(self, seconds: float) -> None:
        """Add one observation."""
        self._recent.append(seconds)
        if self._count < LATENCIES_MAX:
            self._seconds.append(seconds)
        else:
            self._seconds[self._count % LATENCIES_MAX] = seconds
        self._count += 1
        self._buckets[bisect_left(LATENCY_BUCKETS_S, seconds)] += 1
        self._sum_s += seconds

    def __len__(self) -> int:
        return self._count

    @property
    def sum_s(self) -> float:
        """Sum of all observations, in seconds."""
        return self._sum_s

    def cumulative_buckets(self) -> list[int]:
        """How many observations are within each bound of LATENCY_BUCKETS_S; at the end, how many in all."""
        return list(accumulate(self._buckets))

    def recent_percentiles_ms(self, *percents: float) -> tuple[float | None, ...]:
        """Percentiles of the newest LATENCIES_RECENT observations, in half a millisecond; None before any."""
        ordered = sorted(self._recent)
        return tuple(_percentile_ms(ordered, percent) for percent in percents)

    def percentile_ms(self, percent: float) -> float | None:
        """The smallest observation that `percent` of all do not exceed, in milliseconds; None before any."""
        return _percentile_ms(sorted(self._seconds), percent)


def _percentile_ms(ordered: Sequence[float], percent: float) -> float | None:
    if not ordered:
        return None
    rank = max(0, -(-len(ordered) * percent // 100) - 1)
    return round(ordered[int(rank)] * 1e3, 4)


class EngineMetrics(Collector):
    """The engine's metrics for Prometheus, read from where they are counted at each scrape."""

    def __init__(
        self, version: str, events: Counts, published: Counts, denied: Counts, latency: LatencyRecorder
    ) -> None:
        """`events` counts by process, `published` by topic, `denied` by reason; none of them goes down."""
        self._version = version
        self._events = events
        self._published = published
        self._denied = denied
        self._latency = latency

    def collect(self) -> Iterator[Metric]:
        """All metrics, as they are now."""
        yield InfoMetricFamily("market_making", "The engine's code.", value={"version": self._version})
        yield _counter("events", "Events that a process consumed.", "process", self._events())
        yield _counter("published", "Messages on a topic.", "topic", self._published())
        yield _counter("order_gate_denied", "Failed checks of the order gate.", "reason", self._denied())
        bounds = [*map(str, LATENCY_BUCKETS_S), "+Inf"]
        yield HistogramMetricFamily(
            "market_making_book_to_order_seconds",
            "From a feed event to each order intent that it led to.",
            buckets=list(zip(bounds, self._latency.cumulative_buckets(), strict=True)),
            sum_value=self._latency.sum_s,
        )


def _counter(name: str, help_text: str, label: str, counts: Mapping[str, int]) -> CounterMetricFamily:
    family = CounterMetricFamily(f"market_making_{name}", help_text, labels=(label,))
    for value, count in dict(counts).items():
        family.add_metric((value,), count)
    return family


class WorkerMetrics:
    """What one process on Kafka counts."""

    def __init__(self, process: str) -> None:
        self._process = process
        self.inputs = 0
        self.published: Counter[str] = Counter()
        self.denials: Counter[str] = Counter()
        self.input_age = LatencyRecorder()
        """Seconds from a level message's event time to the turn that consumed it."""
        self.order_latency = LatencyRecorder()
        """Seconds from the time of a quote target, its book's receipt, to each order intent it led to."""

    def saw(self, records: Sequence[Record], now_ns: int) -> None:
        """Records were consumed."""
        self.inputs += len(records)
        for record in records:
            if BY_NAME[record.topic].conflated:
                self.input_age.observe((now_ns - record.envelope.event_time_ns) / NS_PER_S)

    def said(self, records: Sequence[Record], now_ns: int) -> None:
        """Records were released."""
        for record in records:
            self.published[record.topic] += 1
            message = record.message
            if type(message) is OrderEvent:
                if message.kind in INTENT_KINDS and (record.envelope.cause or "").startswith(QUOTE):
                    self.order_latency.observe((now_ns - message.event_time_ns) / NS_PER_S)
                elif message.kind == "denied":
                    self.denials.update(message.reasons)

    def collector(self, version: str) -> EngineMetrics:
        """In Prometheus's form."""
        return EngineMetrics(
            version,
            events=lambda: {self._process: self.inputs},
            published=lambda: self.published,
            denied=lambda: self.denials,
            latency=self.order_latency,
        )
