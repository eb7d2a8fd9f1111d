"""Metrics only the gateway can provide: process presence, broker, store, and the newest check."""

from collections.abc import Callable, Iterator, Mapping

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from runtime.process.definition import GatewayContext, SystemStatus

_PREFIX = "market_making_"
_UP = frozenset({"ok", "not_ready"})


class SystemMetrics(Collector):
    """System status as the gateway sees it, for Prometheus."""

    def __init__(self, context: GatewayContext, divergences: Callable[[], Mapping[str, int]]) -> None:
        """`divergences` of the newest completed check, by process."""
        self._context = context
        self._divergences = divergences

    def collect(self) -> Iterator[Metric]:
        """All metrics with their current values."""
        system = self._context.system()
        yield from _of_processes(system)
        if system.broker is not None:
            is_ok = float(system.broker.state == "ok")
            yield _single("broker_up", "1: the broker responds to the gateway.", is_ok)
            text = "Control messages that the broker has not confirmed."
            yield _single("people_unconfirmed_records", text, system.broker.unconfirmed)
        is_live = float(self._context.store.status().state == "live")
        yield _single("store_up", "1: the state store is up to date.", is_live)
        divergences = GaugeMetricFamily(
            f"{_PREFIX}replay_divergences",
            "Decisions that differed from the recording in the newest check.",
            labels=("process",),
        )
        for process, count in self._divergences().items():
            divergences.add_metric((process,), count)
        yield divergences


def _of_processes(system: SystemStatus) -> Iterator[Metric]:
    labels = ("process",)
    up = GaugeMetricFamily(f"{_PREFIX}plant_process_up", "1: the process reports its status.", labels=labels)
    silent = GaugeMetricFamily(
        f"{_PREFIX}plant_process_silent_seconds",
        "Seconds since the last status report of the process.",
        labels=labels,
    )
    starts = CounterMetricFamily(
        f"{_PREFIX}plant_process_starts", "Starts of the process, as far back as known.", labels=labels
    )
    for process in system.processes:
        up.add_metric((process.name,), float(process.state in _UP))
        if process.said_age_ms is not None:
            silent.add_metric((process.name,), process.said_age_ms / 1e3)
        if process.starts is not None:
            starts.add_metric((process.name,), process.starts)
    yield from (up, silent, starts)


def _single(name: str, help_text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(_PREFIX + name, help_text, value=value)


def system_registry(
    context: GatewayContext, divergences: Callable[[], Mapping[str, int]]
) -> CollectorRegistry:
    """A registry per gateway, as several may run in one process."""
    registry = CollectorRegistry()
    registry.register(SystemMetrics(context, divergences))
    return registry
