"""Each estimator by the worked examples of its paper, and what must hold of it however a feed speaks."""

from collections.abc import Callable
from itertools import pairwise
from math import exp, log
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from monitor_service.core.bars import Bar
from monitor_service.core.bucket_flow import BucketFlow
from monitor_service.core.depth import imbalance, volume_adjusted_mid, weighted_mid
from monitor_service.core.order_flow import NO_ASK, NO_BID, OrderFlow, level_event
from monitor_service.core.sampled_variance import SampledVariance

from schemas.message import Side
from schemas.units import NS_PER_S

# price in ticks of 0.01 and size: best bid, best ask
OF1 = [
    (10000, 10, 10002, 12), (10000, 15, 10002, 12), (10000, 15, 10002, 7), (10001, 4, 10002, 7),
    (10001, 4, 10003, 9), (10000, 11, 10003, 9), (10000, 11, 10001, 3), (10000, 11, 10001, 3),
]  # fmt: skip


def flow_of(books: list[tuple[int, int, int, int]], tau_s: float = 1e12) -> OrderFlow:
    flow = OrderFlow(levels=1, tau_s=tau_s)
    for number, (bid, bid_size, ask, ask_size) in enumerate(books, start=1):
        flow.observe(number, (bid,), (bid_size,), (ask,), (ask_size,))
    return flow


@pytest.mark.case("OF1")
def test_order_flow_events_of_the_best_level() -> None:
    events = [level_event((a[0], a[1]), (a[2], a[3]), (b[0], b[1]), (b[2], b[3])) for a, b in pairwise(OF1)]
    assert events == [5, 5, 4, 7, -4, -3, 0]
    assert flow_of(OF1).sums == pytest.approx([14])


def test_a_side_that_is_missing_is_infinitely_far_and_of_no_size() -> None:
    assert level_event(NO_BID, NO_ASK, (100, 5), NO_ASK) == 5
    assert level_event((100, 5), (101, 4), NO_BID, (101, 4)) == -5
    assert level_event((100, 5), (101, 4), (100, 5), NO_ASK) == 4


def test_a_book_after_a_gap_is_compared_with_none() -> None:
    flow = flow_of(OF1[:2])
    flow.lose()
    flow.observe(3, (9000,), (99,), (9100,), (99,))
    assert flow.sums == pytest.approx([5])
    flow.observe(4, (9000,), (100,), (9100,), (99,))
    assert flow.sums == pytest.approx([6])


def test_order_flow_is_told_in_sizes_of_its_level_and_decays() -> None:
    flow = OrderFlow(levels=2, tau_s=10 / log(2))
    assert flow.advance_to(1) == ()
    flow.observe(NS_PER_S, (100, 99), (10, 20), (101, 102), (10, 20))
    flow.observe(NS_PER_S, (100, 99), (15, 20), (101, 102), (10, 20))
    assert flow.advance_to(NS_PER_S) == pytest.approx((0.5, 0.0))
    decayed = flow.advance_to(11 * NS_PER_S)
    assert decayed[0] == pytest.approx(5 / 2 / (10 / 2 + 12.5 / 2))


@given(
    repeats=st.lists(st.integers(1, 4), min_size=len(OF1), max_size=len(OF1)),
    pause_ns=st.integers(0, NS_PER_S),
)
def test_books_that_repeat_change_no_order_flow(repeats: list[int], pause_ns: int) -> None:
    once, often = OrderFlow(1, 5.0), OrderFlow(1, 5.0)
    time_ns = 1
    for (bid, bid_size, ask, ask_size), count in zip(OF1, repeats, strict=True):
        once.observe(time_ns, (bid,), (bid_size,), (ask,), (ask_size,))
        for _ in range(count):
            often.observe(time_ns, (bid,), (bid_size,), (ask,), (ask_size,))
            time_ns += pause_ns
    assert often.advance_to(time_ns) == pytest.approx(once.advance_to(time_ns), rel=1e-9, abs=1e-12)


def noisy_path(count: int, sigma: float, noise: float, seed: int) -> list[float]:
    random, price, path = Random(seed), 0.0, []
    for _ in range(count):
        price += random.gauss(0, sigma)
        path.append(price + random.gauss(0, noise))
    return path


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Bar(100, 99, 98, 100), "high the highest"),
        (lambda: Bar(100, 102, 101, 101), "low must be above 0 and the lowest"),
        (lambda: Bar(1, 2, 0, 1), "low must be above 0"),
    ],
)
def test_what_cannot_be_estimated_from_is_refused(make: Callable[[], Bar], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.case("VO6")
def test_volatility_of_a_bar_by_its_open_high_low_and_close() -> None:
    bar = Bar(open=100, high=102, low=99, close=101)
    assert bar.parkinson == pytest.approx(3.2143224e-4, rel=5e-7)
    assert bar.garman_klass == pytest.approx(4.0735305e-4, rel=5e-7)
    assert bar.rogers_satchell == pytest.approx(3.9611477e-4, rel=5e-7)


def sampled(path: list[float], slow_samples: int = 10) -> SampledVariance:
    found = SampledVariance(600.0, NS_PER_S, slow_samples)
    for second, log_price in enumerate(path, start=1):
        found.observe(second * NS_PER_S, exp(log_price))
    return found


def test_two_scales_that_stream_tell_volatility_from_noise() -> None:
    found = sampled(noisy_path(20_000, 1e-4, 2e-4, seed=1))
    assert found.per_sqrt_s == pytest.approx(1e-4, rel=0.2)
    assert found.noise == pytest.approx(2e-4, rel=0.1)
    calm = sampled(noisy_path(20_000, 1e-4, 0.0, seed=1))
    assert calm.per_sqrt_s == pytest.approx(1e-4, rel=0.2)
    assert calm.noise == pytest.approx(0.0, abs=3e-5)
    assert calm.without_jumps_per_sqrt_s == pytest.approx(1e-4, rel=0.1)


def test_a_jump_raises_the_one_and_not_the_other() -> None:
    path = noisy_path(3_000, 1e-4, 0.0, seed=4)
    jumped = sampled([price + (0.02 if at >= 2_800 else 0.0) for at, price in enumerate(path)])
    assert jumped.per_sqrt_s is not None
    assert jumped.without_jumps_per_sqrt_s is not None
    assert jumped.per_sqrt_s > 5 * jumped.without_jumps_per_sqrt_s


def test_pure_noise_falls_back_to_the_slow_scale() -> None:
    random = Random(5)
    found = sampled([random.gauss(0, 1e-4) for _ in range(5_000)])
    assert found.per_sqrt_s is not None
    assert 0 < found.per_sqrt_s < 1e-4


def test_nothing_is_told_before_it_is_ready_and_after_an_outage() -> None:
    found = sampled(noisy_path(100, 1e-4, 0.0, seed=6))
    assert (found.per_sqrt_s, found.noise, found.without_jumps_per_sqrt_s) == (None, None, None)
    found = sampled(noisy_path(2_000, 1e-4, 0.0, seed=6))
    assert found.is_ready
    found.observe(10_000 * NS_PER_S, 1.0)
    assert not found.is_ready


@given(st.lists(st.integers(1, 5), min_size=30, max_size=30), st.integers(1, 40))
def test_samples_do_not_depend_on_how_often_a_feed_speaks(repeats: list[int], pause_s: int) -> None:
    once, often = SampledVariance(50.0, NS_PER_S, 4), SampledVariance(50.0, NS_PER_S, 4)
    time_ns = NS_PER_S
    for step, count in enumerate(repeats):
        price = 100 + (step * 7 % 5)
        once.observe(time_ns, price)
        for part in range(count):
            often.observe(time_ns + part * (pause_s * NS_PER_S // count), price)
        time_ns += pause_s * NS_PER_S
    once.observe(time_ns, 100)
    often.observe(time_ns, 100)
    assert often.fast == pytest.approx(once.fast, rel=1e-9)
    assert often.slow == pytest.approx(once.slow, rel=1e-9)
    assert often.samples == once.samples
    assert often.weight == pytest.approx(once.weight)


def test_a_long_silence_costs_no_more_than_a_short_one_and_decays_as_much() -> None:
    """A million samples of one price are few steps: what differs ends after K of them."""
    patient, hasty = SampledVariance(1e6, 1, 3), SampledVariance(1e6, 1, 3)
    for found in (patient, hasty):
        for at, price in ((1, 100.0), (2, 101.0), (3, 100.0), (6, 100.0)):
            found.observe(at, price)
    for at in range(7, 2_001):
        patient.observe(at, 100.0)
    hasty.observe(2_000, 100.0)
    assert hasty.fast == pytest.approx(patient.fast, rel=1e-9)
    assert hasty.weight == pytest.approx(patient.weight, rel=1e-9)


@pytest.mark.case("VP1")
def test_imbalance_of_volume_buckets_begins_when_all_are_full() -> None:
    flow = BucketFlow(60.0, count=3, fixed_lots=100)
    values = []
    for size in (60, -70, 50, 90, -30, -25, 75):
        flow.add(1, "buy" if size > 0 else "sell", abs(size))
        values.append(flow.value)
    assert values == [
        None,
        None,
        None,
        None,
        pytest.approx(1 / 3),
        pytest.approx(1 / 3),
        pytest.approx(13 / 30),
    ]


@given(st.lists(st.tuples(st.sampled_from(["buy", "sell"]), st.integers(1, 400)), max_size=60))
def test_buckets_hold_every_lot_and_stay_between_0_and_1(trades: list[tuple[Side, int]]) -> None:
    flow = BucketFlow(60.0, count=5, fixed_lots=100)
    for side, size in trades:
        flow.add(1, side, size)
    assert flow.filled_lots == sum(size for _, size in trades) % 100
    assert len(flow.gaps) <= 5
    assert flow.value is None or 0 <= flow.value <= 1


def test_a_bucket_holds_what_is_traded_in_its_time() -> None:
    flow = BucketFlow(10.0, count=4)
    for second in range(1, 200):
        flow.add(second * NS_PER_S, "buy" if second % 2 else "sell", 5)
        flow.add(second * NS_PER_S, None, 1_000)  # nobody knows whose
    assert flow.size_lots == pytest.approx(50, rel=0.1)
    assert flow.value == pytest.approx(0.0, abs=0.11)
    for second in range(200, 300):
        flow.add(second * NS_PER_S, "sell", 5)
    assert flow.value == pytest.approx(1.0)


def test_a_trade_larger_than_all_buckets_costs_no_more_than_them() -> None:
    flow = BucketFlow(60.0, count=3, fixed_lots=1)
    flow.add(1, "buy", 10**15)
    assert (len(flow.gaps), flow.value) == (3, 1.0)


@pytest.mark.case("MP3")
def test_weighted_mids_of_a_public_record() -> None:
    """Bid 14.33, ask 14.34 of one stock: imbalance of the queues and the mid that it weights."""
    for bid_size, ask_size, share, mid in (
        (20, 471, 0.040733, 14.330407),
        (25, 148, 0.144509, 14.331445),
        (31, 95, 0.246032, 14.332460),
    ):
        assert (imbalance(bid_size, ask_size) + 1) / 2 == pytest.approx(share, abs=1e-6)
        assert weighted_mid(14.33, bid_size, 14.34, ask_size) == pytest.approx(mid, abs=1e-6)


@pytest.mark.case("MP4")
def test_imbalance_and_mid_of_the_depth_of_five_levels() -> None:
    bids, asks = (10, 20, 30, 40, 50), (30, 20, 10, 5, 5)
    assert imbalance(sum(bids), sum(asks)) == pytest.approx(0.363636364, abs=1e-9)
    bid_prices, ask_prices = (10_000, 9_999, 9_998, 9_997, 9_996), (10_001, 10_002, 10_003, 10_004, 10_005)
    assert volume_adjusted_mid(bid_prices, bids, ask_prices, asks) == pytest.approx(10_002.1590909, abs=1e-6)
    assert volume_adjusted_mid((), (), ask_prices, asks) is None
