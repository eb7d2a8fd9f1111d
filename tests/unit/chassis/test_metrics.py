"""What the engine measures: exact percentiles, and Prometheus's form made at the scrape."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest

from chassis import metrics
from chassis.metrics import LATENCY_BUCKETS_S, EngineMetrics, LatencyRecorder


def recorder(*milliseconds: float) -> LatencyRecorder:
    latency = LatencyRecorder()
    for value in milliseconds:
        latency.observe(value / 1e3)
    return latency


class TestLatencyRecorder:
    def test_nothing_was_observed(self) -> None:
        assert recorder().percentile_ms(50) is None
        assert len(recorder()) == 0
        assert recorder().cumulative_buckets() == [0] * 8

    @pytest.mark.parametrize(
        ("percent", "milliseconds"), [(0, 1), (10, 1), (50, 5), (51, 6), (99, 10), (100, 10)]
    )
    def test_a_percentile_is_an_observation_by_nearest_rank(
        self, percent: float, milliseconds: float
    ) -> None:
        assert recorder(*range(10, 0, -1)).percentile_ms(percent) == milliseconds

    def test_a_bound_is_within_its_bucket(self) -> None:
        assert recorder(1.0, 1.001, 250.0, 251.0).cumulative_buckets() == [1, 2, 2, 2, 2, 2, 3, 4]

    @given(st.lists(st.floats(0, 1), max_size=50))
    def test_buckets_count_what_is_within_their_bounds(self, seconds: list[float]) -> None:
        latency = LatencyRecorder()
        for value in seconds:
            latency.observe(value)
        within = [sum(value <= bound for value in seconds) for bound in LATENCY_BUCKETS_S]
        assert latency.cumulative_buckets() == [*within, len(seconds)]
        assert latency.sum_s == pytest.approx(sum(seconds))


class TestEngineMetrics:
    @pytest.fixture
    def denied(self) -> Counter[str]:
        return Counter()

    @pytest.fixture
    def latency(self) -> LatencyRecorder:
        return LatencyRecorder()

    @pytest.fixture
    def registry(self, denied: Counter[str], latency: LatencyRecorder) -> CollectorRegistry:
        registry = CollectorRegistry(auto_describe=True)
        events, published = {"quote-service": 3}, {"market.book": 7}
        registry.register(
            EngineMetrics("0.1.0+abc", lambda: events, lambda: published, lambda: denied, latency)
        )
        return registry

    def test_counts_have_their_label_and_the_engine_its_version(self, registry: CollectorRegistry) -> None:
        assert registry.get_sample_value("market_making_info", {"version": "0.1.0+abc"}) == 1
        events = registry.get_sample_value("market_making_events_total", {"process": "quote-service"})
        published = registry.get_sample_value("market_making_published_total", {"topic": "market.book"})
        assert (events, published) == (3, 7)

    def test_what_happened_since_the_last_scrape_is_in_the_next(
        self, registry: CollectorRegistry, denied: Counter[str], latency: LatencyRecorder
    ) -> None:
        name, label = "market_making_order_gate_denied_total", {"reason": "price_collar"}
        assert registry.get_sample_value(name, label) is None
        denied["price_collar"] += 2
        latency.observe(0.004)
        latency.observe(0.5)
        assert registry.get_sample_value(name, label) == 2
        histogram = "market_making_book_to_order_seconds"
        assert registry.get_sample_value(f"{histogram}_count") == 2
        assert registry.get_sample_value(f"{histogram}_sum") == pytest.approx(0.504)
        within = {
            le: registry.get_sample_value(f"{histogram}_bucket", {"le": le})
            for le in ("0.001", "0.005", "0.25", "+Inf")
        }
        assert within == {"0.001": 0, "0.005": 1, "0.25": 1, "+Inf": 2}

    def test_the_text_form_has_every_metric_with_its_help(self, registry: CollectorRegistry) -> None:
        text = generate_latest(registry).decode()
        for name, kind in (
            ("market_making_info", "gauge"),
            ("market_making_events_total", "counter"),
            ("market_making_published_total", "counter"),
            ("market_making_order_gate_denied_total", "counter"),
            ("market_making_book_to_order_seconds", "histogram"),
        ):
            assert f"# TYPE {name} {kind}" in text
            assert f"# HELP {name} " in text


def test_a_recorder_keeps_the_newest_and_counts_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "LATENCIES_MAX", 3)
    recorder = metrics.LatencyRecorder()
    for seconds in (9.0, 1.0, 2.0, 3.0):
        recorder.observe(seconds)
    assert len(recorder) == 4
    assert recorder.percentile_ms(100) == 3000.0
    assert recorder.cumulative_buckets()[-1] == 4


def test_recent_percentiles_are_of_the_newest_observations_alone() -> None:
    assert LatencyRecorder().recent_percentiles_ms(50) == (None,)
    made = recorder(*[9] * 10_000, *[1] * 4_095, 5)
    assert made.recent_percentiles_ms(50, 99, 100) == (1.0, 1.0, 5.0)
