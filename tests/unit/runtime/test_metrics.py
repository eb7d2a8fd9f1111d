"""What the engine measures: exact percentiles, and Prometheus's form made at the scrape."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest

from runtime.observability import metrics
from runtime.observability.metrics import LATENCY_BUCKETS_S, BudgetFigures, EngineMetrics, LatencyRecorder
from runtime.observability.process_figures import ProcessFigures, process_metrics
from schemas.process import TopicLag


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

    def test_the_use_of_a_venues_limits_is_shown_by_venue(
        self, registry: CollectorRegistry, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        figures = (
            BudgetFigures("binance", 0.25, 12.5, 3.0, is_banned=True),
            BudgetFigures("okx", None, 0.0, 0.0, is_banned=False),
        )
        monkeypatch.setattr(metrics, "budget_figures", lambda: iter(figures))

        def value(name: str, venue: str) -> float | None:
            return registry.get_sample_value(f"market_making_{name}", {"venue": venue})

        names = (
            "request_weight_used_ratio",
            "requests_blocked_seconds",
            "orders_held_seconds",
            "venue_banned",
        )
        assert [value(name, "binance") for name in names] == [0.25, 12.5, 3.0, 1.0]
        assert [value(name, "okx") for name in names] == [None, 0.0, 0.0, 0.0]

    def test_the_text_form_has_every_metric_with_its_help(self, registry: CollectorRegistry) -> None:
        text = generate_latest(registry).decode()
        for name, kind in (
            ("market_making_info", "gauge"),
            ("market_making_events_total", "counter"),
            ("market_making_published_total", "counter"),
            ("market_making_order_gate_denied_total", "counter"),
            ("market_making_book_to_order_seconds", "histogram"),
            ("market_making_request_weight_used_ratio", "gauge"),
            ("market_making_requests_blocked_seconds", "gauge"),
            ("market_making_orders_held_seconds", "gauge"),
            ("market_making_venue_banned", "gauge"),
        ):
            assert f"# TYPE {name} {kind}" in text
            assert f"# HELP {name} " in text


def test_a_recorder_keeps_the_newest_and_counts_all() -> None:
    recorder = LatencyRecorder(kept_max=3)
    for seconds in (9.0, 1.0, 2.0, 3.0):
        recorder.observe(seconds)
    assert len(recorder) == 4
    assert recorder.percentile_ms(100) == 3000.0
    assert recorder.cumulative_buckets()[-1] == 4


def test_a_stages_percentiles_are_of_the_newest_observations_alone() -> None:
    assert LatencyRecorder().stage("decide").p50_ms is None
    made = recorder(*[9] * 10_000, *[1] * 4_095, 5).stage("decide")
    assert (made.count, made.p50_ms, made.p99_ms) == (14_096, 1.0, 1.0)


def test_a_process_is_measured_under_the_same_names_in_both_shapes() -> None:
    lag = (
        TopicLag(topic="order.fill", records=3, age_ms=1_500.0),
        TopicLag(topic="x", records=0, age_ms=0.0),
    )
    on_kafka = ProcessFigures(
        "risk-service",
        is_ready=False,
        began_ns=2_000_000_000,
        session_began_ns=1_000_000_000,
        newest_input_ns=3_500_000_000,
        lag=lag,
        outbox_records=4,
        outbox_age_ms=250.0,
        halts=2,
    )
    in_one = ProcessFigures(
        "order-router", is_ready=True, began_ns=0, session_began_ns=0, newest_input_ns=None
    )
    found = {
        (sample.name.removeprefix("market_making_"), *sample.labels.values()): sample.value
        for metric in process_metrics([on_kafka, in_one])
        for sample in metric.samples
    }
    assert found == {
        ("process_ready", "risk-service"): 0,
        ("process_ready", "order-router"): 1,
        ("process_began_timestamp_seconds", "risk-service"): 2,
        ("process_began_timestamp_seconds", "order-router"): 0,
        ("session_began_timestamp_seconds", "risk-service"): 1,
        ("newest_input_timestamp_seconds", "risk-service"): 3.5,
        ("outbox_records", "risk-service"): 4,
        ("outbox_records", "order-router"): 0,
        ("outbox_age_seconds", "risk-service"): 0.25,
        ("outbox_age_seconds", "order-router"): 0,
        ("halts_in_force", "risk-service"): 2,
        ("lag_records", "risk-service", "order.fill"): 3,
        ("lag_records", "risk-service", "x"): 0,
        ("lag_seconds", "risk-service", "order.fill"): 1.5,
        ("lag_seconds", "risk-service", "x"): 0,
    }
