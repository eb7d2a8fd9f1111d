"""Metrics of the engine.

Counts are plain attributes, converted for Prometheus only at a scrape: on the path from book to order a
metric costs no more than an increment.
"""

import time
from array import array
from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import accumulate, islice
from typing import NamedTuple

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from runtime.bus import Record
from runtime.exchange.shared_budgets import budgets_in_use
from runtime.observability.folding import library_records
from runtime.observability.process_figures import ProcessFigures, process_metrics
from schemas.message import Event
from schemas.orders import INTENT_KINDS, OrderEvent
from schemas.process import StageTime
from schemas.topics import BY_NAME, QUOTE
from schemas.units import NS_PER_S
from schemas.venues import VenueId

LATENCY_BUCKETS_S = (0.001, 0.005, 0.010, 0.025, 0.050, 0.100, 0.250)
"""Upper bounds, inclusive, in seconds."""

LATENCIES_MAX = 1_000_000
LATENCIES_RECENT = 4_096
"""Observations kept, so that memory is bounded in runs of weeks."""
PERCENTILE_WINDOW = 512
"""Latest observations for percentiles that are computed every second: sorting more would delay a turn."""

Counts = Callable[[], Mapping[str, int]]


class LatencyRecorder:
    """Keeps the newest million observations, in seconds, so that percentiles are exact; 8 bytes each."""

    def __init__(self, kept_max: int = LATENCIES_MAX) -> None:
        self._kept_max = kept_max
        self._seconds = array("d")
        self._recent: deque[float] = deque(maxlen=LATENCIES_RECENT)
        self._buckets = [0] * (len(LATENCY_BUCKETS_S) + 1)
        self._sum_s = 0.0
        self._count = 0

    def observe(self, seconds: float) -> None:
        """Add one observation."""
        self._recent.append(seconds)
        if self._count < self._kept_max:
            self._seconds.append(seconds)
        else:
            self._seconds[self._count % self._kept_max] = seconds
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
        """Number of observations up to each bound of LATENCY_BUCKETS_S, and in total."""
        return list(accumulate(self._buckets))

    def stage(self, name: str) -> StageTime:
        """Percentiles of the latest observations."""
        ordered = sorted(islice(reversed(self._recent), PERCENTILE_WINDOW))
        return StageTime(
            name=name,
            count=self._count,
            p50_ms=_percentile_ms(ordered, 50),
            p99_ms=_percentile_ms(ordered, 99),
        )

    def percentile_ms(self, percent: float) -> float | None:
        """The smallest observation that `percent` of all do not exceed, in milliseconds; None before any."""
        return _percentile_ms(sorted(self._seconds), percent)


def _percentile_ms(ordered: Sequence[float], percent: float) -> float | None:
    if not ordered:
        return None
    rank = max(0, -(-len(ordered) * percent // 100) - 1)
    return round(ordered[int(rank)] * 1e3, 4)


class BudgetFigures(NamedTuple):
    """Usage of a venue's request limits."""

    venue: VenueId
    used_ratio: float | None
    blocked_s: float
    orders_held_s: float
    is_banned: bool


def budget_figures() -> Iterator[BudgetFigures]:
    """The request limits of every venue that this process uses."""
    by_venue: dict[VenueId, BudgetFigures] = {}
    for budget in budgets_in_use():
        held_s = max(0.0, budget.orders_held_until_s() - time.time())
        found = by_venue.get(budget.venue)
        if found is not None:
            held_s = max(held_s, found.orders_held_s)
        by_venue[budget.venue] = BudgetFigures(
            budget.venue, budget.used_ratio, budget.blocked_s(), held_s, budget.is_banned
        )
    yield from by_venue.values()


class EngineMetrics(Collector):
    """The engine's metrics for Prometheus, collected at each scrape."""

    def __init__(
        self,
        version: str,
        events: Counts,
        published: Counts,
        denied: Counts,
        latency: LatencyRecorder,
        processes: Callable[[], Sequence[ProcessFigures]] = tuple,
        turns: LatencyRecorder | None = None,
    ) -> None:
        """`events` counts by process, `published` by topic, `denied` by reason; all only increase. `turns`
        has the durations of turns, where a process has its own.
        """
        self._processes = processes
        self._turns = turns
        self._version = version
        self._events = events
        self._published = published
        self._denied = denied
        self._latency = latency

    def collect(self) -> Iterator[Metric]:
        """All metrics."""
        yield InfoMetricFamily("market_making", "Version of the engine.", value={"version": self._version})
        yield _counter("events", "Events consumed by a process.", "process", self._events())
        yield _counter("published", "Messages published to a topic.", "topic", self._published())
        yield _counter(
            "library_log_records",
            "Warnings and errors of libraries, including suppressed repetitions.",
            "library",
            library_records(),
        )
        yield _counter("order_gate_denied", "Failed checks of the order gate.", "reason", self._denied())
        yield _histogram(
            "book_to_order_seconds", "From a feed event to each resulting order intent.", self._latency
        )
        if self._turns is not None:
            yield _histogram("turn_seconds", "Duration of a turn.", self._turns)
        yield from process_metrics(self._processes())
        figures = list(budget_figures())
        for name, (help_text, value) in _BUDGET_GAUGES.items():
            yield _gauge(name, help_text, "venue", {each.venue: value(each) for each in figures})


_BUDGET_GAUGES: Mapping[str, tuple[str, Callable[[BudgetFigures], float | None]]] = {
    "request_weight_used_ratio": (
        "Used share of our request weight in the current minute; above 0.85 it is reserved for cancels.",
        lambda figures: figures.used_ratio,
    ),
    "requests_blocked_seconds": (
        "Time for which the venue accepts no requests, including cancels.",
        lambda figures: figures.blocked_s,
    ),
    "orders_held_seconds": (
        "Time for which the venue's order rate limit holds back new orders and amends.",
        lambda figures: figures.orders_held_s,
    ),
    "venue_banned": (
        "1: the venue has banned this machine's address.",
        lambda figures: float(figures.is_banned),
    ),
}


def _gauge(
    name: str, help_text: str, label: str, values: Mapping[VenueId, float | None]
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"market_making_{name}", help_text, labels=(label,))
    for key, value in values.items():
        if value is not None:
            family.add_metric((key,), value)
    return family


def _histogram(name: str, help_text: str, recorder: LatencyRecorder) -> HistogramMetricFamily:
    bounds = [*map(str, LATENCY_BUCKETS_S), "+Inf"]
    return HistogramMetricFamily(
        f"market_making_{name}",
        help_text,
        buckets=list(zip(bounds, recorder.cumulative_buckets(), strict=True)),
        sum_value=recorder.sum_s,
    )


def _counter(name: str, help_text: str, label: str, counts: Mapping[str, int]) -> CounterMetricFamily:
    family = CounterMetricFamily(f"market_making_{name}", help_text, labels=(label,))
    for value, count in dict(counts).items():
        family.add_metric((value,), count)
    return family


class WorkerMetrics:
    """Counts of one process on Kafka."""

    def __init__(self) -> None:
        self.began_ns = time.time_ns()
        self.inputs = 0
        self.published: Counter[str] = Counter()
        self.denials: Counter[str] = Counter()
        self.input_age = LatencyRecorder()
        """Seconds from a state message's event time to the turn that consumed it."""
        self.order_latency = LatencyRecorder()
        """Seconds from the time of a quote target, its book's receipt, to each resulting order intent."""
        self.turns = LatencyRecorder(LATENCIES_RECENT)
        """Durations of turns in seconds."""
        self.newest_input_ns: int | None = None
        """Time of the newest message consumed from a topic or received by the adapter."""

    def record_consumed(self, records: Sequence[Record], now_ns: int) -> None:
        """Count consumed records."""
        self.inputs += len(records)
        if records:
            self.newest_input_ns = records[-1].envelope.event_time_ns
        for record in records:
            if BY_NAME[record.topic].conflated:
                self.input_age.observe((now_ns - record.envelope.event_time_ns) / NS_PER_S)

    def record_input(self, event: Event) -> None:
        """Count an adapter input."""
        self.inputs += 1
        self.newest_input_ns = event.event_time_ns

    def stages(self) -> tuple[StageTime, ...]:
        """Recent latencies by stage; stages without measurements are omitted."""
        every = (
            self.turns.stage("turn"),
            self.input_age.stage("age of market data"),
            self.order_latency.stage("book to order"),
        )
        return tuple(each for each in every if each.count)

    def record_outputs(self, records: Sequence[Record], now_ns: int) -> None:
        """Count published records."""
        for record in records:
            self.published[record.topic] += 1
            message = record.message
            if type(message) is OrderEvent:
                if message.kind in INTENT_KINDS and (record.envelope.cause or "").startswith(QUOTE):
                    self.order_latency.observe((now_ns - message.event_time_ns) / NS_PER_S)
                elif message.kind == "denied":
                    self.denials.update(message.reasons)
