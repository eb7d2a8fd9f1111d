"""Totals by minute, the minutes that are open, and what Faust is told."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer
from hypothesis import given
from hypothesis import strategies as st
from monitor_service.streams.faust_app import FETCH_BYTES_MIN, FETCH_WAIT_MS, make_app
from monitor_service.streams.minute import MinuteSums, minute_of
from monitor_service.streams.open_minutes import Extent, OpenMinutes
from monitor_service.streams.watch import STALL_S_MAX, Watch, check_memory

from runtime.bus import TopicPartition
from runtime.errors import EngineError
from schemas.deployment import Kafka
from schemas.market import Book, BookStatus, Trade
from schemas.message import Side, SymbolEvent
from schemas.orders import Fill, OrderEvent, OrderStatus
from schemas.quoting import QuoteTarget
from schemas.statistics import MINUTE_NS, MinuteStatistics
from tests.kit import messages as kit

START = 28_720_000 * MINUTE_NS
S = 1_000_000_000
BOOKS, TRADES, FILLS = (TopicPartition(name, 0) for name in ("market.book", "market.trade", "order.fill"))


def at(at_s: float) -> int:
    return START + int(at_s * S)


def book(at_s: float, bid: int = 99, ask: int = 101, status: BookStatus = "live") -> Book:
    return kit.book(bid, ask, size=1, levels=1, status=status, time_ns=at(at_s))


def target(at_s: float, bid: int | None, ask: int | None, valid_s: float = 600) -> QuoteTarget:
    bids, asks = (() if price is None else ((price, 1),) for price in (bid, ask))
    return kit.target(1, bids, asks, ttl_ms=valid_s * 1_000, time_ns=at(at_s))


def trade(at_s: float, size: int = 1, side: Side | None = "buy", trade_id: str = "") -> Trade:
    return kit.trade(100, size, side, trade_id=trade_id or f"{at_s}/{size}", time_ns=at(at_s))


def fill(at_s: float, size: int = 1, side: Side = "buy", trade_id: str = "") -> Fill:
    return kit.fill(trade_id or str(at_s), side, 100, size, time_ns=at(at_s))


def order(at_s: float, order_id: str, status: OrderStatus, filled: int = 0) -> OrderEvent:
    return kit.order_event(
        "cancelled", status, order_id=order_id, lots=9, filled_lots=filled, time_ns=at(at_s)
    )


def total(*messages: SymbolEvent) -> MinuteStatistics:
    minute = MinuteSums("sim", "BTC/USDT", START)
    for offset, message in enumerate(messages):
        minute.add(offset, message)
    return minute.total()


def test_spread_is_weighted_by_the_time_that_it_stood() -> None:
    """2 ticks for 15 s, then 6 ticks for 30 s, about a mid of 100: 467 bps on average."""
    found = total(book(15), book(30, bid=97, ask=103))
    assert found.book_ns == 45 * S
    assert found.spread_bps == pytest.approx((2 * 15 + 6 * 30) / 45 / 100 * 10_000, rel=1e-15)


def test_a_book_that_is_not_live_has_no_spread() -> None:
    found = total(book(10), book(20, status="stale"), book(50))
    assert found.book_ns == 20 * S
    assert found.spread_bps == 200
    assert total(book(20, status="crossed")).spread_bps is None


def test_of_two_books_at_one_time_the_later_record_stands() -> None:
    assert total(book(0, 90, 110), book(0)).spread_bps == 200
    assert total(book(0, 90, 110), book(0)).book_ns == 60 * S


def test_a_book_that_is_read_late_stands_where_its_time_is() -> None:
    messages = (
        book(0),
        book(20, 98, 102),
        book(40, status="stale"),
        target(10, 98, 102),
        target(30, 90, 110),
    )
    assert total(*messages) == total(*reversed(messages))
    assert total(*messages).spread_bps == 300


def test_volume_and_flow_by_the_takers_side() -> None:
    found = total(trade(1, 5), trade(2, 7, "sell"), trade(3, 11, None), trade(4, 1))
    assert (found.trades, found.taker_buy_lots, found.taker_sell_lots, found.unknown_side_lots) == (
        4,
        6,
        7,
        11,
    )
    assert found.flow_lots == -1


def test_what_repeats_a_natural_key_counts_once_in_the_totals_and_again_in_the_version() -> None:
    found = total(
        trade(1, trade_id="a"), trade(2, trade_id="a"), fill(1, trade_id="b"), fill(2, trade_id="b")
    )
    assert (found.trades, found.taker_buy_lots, found.fills, found.bought_lots) == (1, 1, 1, 1)
    assert found.version == 4


def test_a_target_counts_while_it_is_valid_and_until_the_next() -> None:
    found = total(target(0, 99, 101, valid_s=5), target(20, 99, None), target(30, None, None))
    assert found.quoting_ns == 15 * S
    assert found.two_sided_ns == 5 * S


@pytest.mark.parametrize(
    ("bid", "ask", "at_top"),
    [(99, 101, (40, 40)), (100, 100, (40, 40)), (98, 102, (0, 0)), (99, None, (40, 0)), (None, 101, (0, 40))],
)
def test_at_top_is_at_the_markets_best_or_better(
    bid: int | None, ask: int | None, at_top: tuple[int, int]
) -> None:
    found = total(book(10), target(0, bid, ask, valid_s=50))
    assert (found.bid_at_top_ns, found.ask_at_top_ns) == (at_top[0] * S, at_top[1] * S)


def test_time_at_top_ends_when_the_market_moves_on_or_is_not_known() -> None:
    found = total(target(0, 99, 101), book(0), book(10, bid=100, ask=101), book(30, status="gapped"))
    assert found.bid_at_top_ns == 10 * S
    assert found.ask_at_top_ns == 30 * S


def test_fill_rate_is_fills_for_each_second_of_quoting() -> None:
    found = total(target(20, 99, 101), fill(21, 3), fill(22, 4, "sell"))
    assert (found.fills, found.bought_lots, found.sold_lots) == (2, 3, 4)
    assert found.fills_per_quoting_s == 2 / 40
    assert total(fill(21)).fills_per_quoting_s is None


def test_an_order_ends_once_and_only_if_it_stood_at_the_venue() -> None:
    found = total(
        order(1, "a", "live"),
        order(2, "b", "cancelled"),
        order(3, "b", "filled", filled=9),
        order(4, "c", "cancelled"),
        order(5, "d", "rejected"),
        order(6, "e", "denied"),
    )
    assert (found.orders_ended, found.orders_with_fill) == (2, 1)


HISTORY: list[tuple[TopicPartition, SymbolEvent]] = [
    *((BOOKS, book(at_s, 99 - at_s % 3, 101 + at_s % 2)) for at_s in range(0, 300, 7)),
    *((TRADES, trade(at_s, at_s)) for at_s in range(1, 300, 11)),
    *((FILLS, fill(at_s)) for at_s in (3, 130, 131)),
]
PLACES = (BOOKS, TRADES, FILLS)


def of(place: TopicPartition) -> list[SymbolEvent]:
    return [message for at, message in HISTORY if at == place]


EXTENTS = {place: Extent(0, len(of(place))) for place in PLACES}


def whole() -> dict[int, MinuteStatistics]:
    minutes: dict[int, MinuteSums] = {}
    for place in PLACES:
        for offset, message in enumerate(of(place)):
            start = minute_of(message.event_time_ns)
            minutes.setdefault(start, MinuteSums("sim", "BTC/USDT", start)).add(offset, message)
    return {start: minute.total() for start, minute in minutes.items()}


class World:
    """The broker: the group's place, and the totals, of which the highest version counts."""

    def __init__(self) -> None:
        self.group = dict.fromkeys(PLACES, 0)
        self.newest: dict[int, MinuteStatistics] = {}


class Life:
    """One process: reads on from the group's place, and may end anywhere."""

    def __init__(self, world: World) -> None:
        self.minutes: OpenMinutes[tuple[TopicPartition, int]] = OpenMinutes()
        self._world = world
        self._next = dict(world.group)

    def read(self, place: TopicPartition, count: int) -> None:
        first = self._next[place]
        for offset, message in list(enumerate(of(place)))[first : first + count]:
            self.minutes.add(place, offset, (place, offset), message)
            self._next[place] = offset + 1

    def say(self) -> None:
        newest = self._world.newest
        for said in self.minutes.advance(EXTENTS):
            if said.window_start_ns not in newest or said.version > newest[said.window_start_ns].version:
                newest[said.window_start_ns] = said

    def let_go(self) -> None:
        for place, offset in self.minutes.let_go():
            assert offset == self._world.group[place]
            self._world.group[place] = offset + 1


steps = st.lists(st.tuples(st.sampled_from(PLACES), st.integers(1, 40), st.booleans()), max_size=12)
"""Of one life: how much of which topic is read before totals are said, and are they safe before its end?"""


@given(lives=st.lists(steps, min_size=1, max_size=4), last=st.permutations(PLACES))
def test_lives_that_end_anywhere_say_the_same_in_the_end(
    lives: list[list[tuple[TopicPartition, int, bool]]], last: list[TopicPartition]
) -> None:
    """Any interleaving of topics, any kills, also between saying and letting go."""
    world = World()
    for life_steps in (*lives, [(place, 1000, True) for place in last]):
        life = Life(world)
        for place, count, is_safe in life_steps:
            life.read(place, count)
            life.say()
            if is_safe:
                life.let_go()
        assert life.minutes.late == 0
    assert world.newest == whole()


def read_to(minutes: OpenMinutes[int], place: TopicPartition, messages: list[SymbolEvent]) -> None:
    for offset, message in enumerate(messages):
        minutes.add(place, offset, offset, message)


def test_a_minute_ends_when_no_topic_is_behind_it() -> None:
    minutes: OpenMinutes[int] = OpenMinutes()
    read_to(minutes, BOOKS, [book(0), book(61), book(121)])
    read_to(minutes, TRADES, [trade(1)])
    minutes.advance({BOOKS: Extent(0, 3), TRADES: Extent(0, 2), FILLS: Extent(0, 0)})
    assert minutes.let_go() == []
    minutes.advance({BOOKS: Extent(0, 3), TRADES: Extent(0, 1), FILLS: Extent(4, 9)})
    assert minutes.let_go() == []
    minutes.advance({BOOKS: Extent(0, 3), TRADES: Extent(0, 1), FILLS: Extent(9, 9)})
    assert minutes.let_go() == [0]


def test_the_newest_record_of_a_partition_is_never_let_go() -> None:
    minutes: OpenMinutes[int] = OpenMinutes()
    read_to(minutes, BOOKS, [book(0), book(600)])
    read_to(minutes, TRADES, [trade(0), trade(1)])
    minutes.advance({BOOKS: Extent(0, 2), TRADES: Extent(0, 2)})
    assert minutes.let_go() == [0, 0]
    assert minutes.let_go() == []


def test_a_record_that_comes_again_is_not_counted_again_and_is_let_go_if_it_was() -> None:
    minutes: OpenMinutes[str] = OpenMinutes()
    for offset, at_s in enumerate((0, 1, 200)):
        minutes.add(BOOKS, offset, f"first {offset}", book(at_s))
    extents = {BOOKS: Extent(0, 3)}
    assert [said.version for said in minutes.advance(extents)] == [2, 1]
    assert minutes.let_go() == ["first 0", "first 1"]
    for offset, at_s in enumerate((0, 1, 200)):
        minutes.add(BOOKS, offset, f"again {offset}", book(at_s))
    assert minutes.advance(extents) == []
    assert minutes.let_go() == ["again 0", "again 1"]


def test_a_record_of_a_minute_that_is_over_is_late_and_in_no_total() -> None:
    minutes: OpenMinutes[int] = OpenMinutes()
    read_to(minutes, BOOKS, [book(0), book(200)])
    extents = {BOOKS: Extent(0, 2)}
    minutes.advance(extents)
    minutes.add(BOOKS, 2, 2, book(59))
    assert minutes.late == 1
    assert minutes.advance({BOOKS: Extent(0, 3)}) == []


def test_what_counts_for_nothing_keeps_its_place_and_holds_nobody_up() -> None:
    minutes: OpenMinutes[int] = OpenMinutes()
    minutes.add(BOOKS, 0, 0, None)
    minutes.add(BOOKS, 1, 1, book(0))
    minutes.add(BOOKS, 2, 2, None)
    assert [said.version for said in minutes.advance({BOOKS: Extent(0, 3)})] == [1]
    assert minutes.let_go() == [0]


def test_symbols_and_partition_numbers_do_not_touch_each_other() -> None:
    minutes: OpenMinutes[int] = OpenMinutes()
    read_to(minutes, BOOKS, [book(0), book(600)])
    other = TopicPartition("market.book", 1)
    for offset, at_s in enumerate((0, 1)):
        minutes.add(other, offset, offset, book(at_s).model_copy(update={"symbol": "ETH/USDT"}))
    said = minutes.advance({BOOKS: Extent(0, 2), other: Extent(0, 5)})
    assert [(total.symbol, total.version) for total in said] == [
        ("BTC/USDT", 1),
        ("BTC/USDT", 1),
        ("ETH/USDT", 2),
    ]
    assert minutes.let_go() == [0]


def stand_still(position: int) -> Callable[[float], None]:
    watch = Watch()
    return lambda now_s: watch.check({BOOKS: position}, {BOOKS: Extent(0, 5)}, now_s)


def test_standing_still_before_the_end_of_a_partition_ends_the_worker() -> None:
    check = stand_still(4)
    check(0)
    check(STALL_S_MAX)
    with pytest.raises(EngineError, match=r"market\.book partition 0 stands at 4 of 5 for 61 s"):
        check(STALL_S_MAX + 1)


def test_waiting_at_the_end_of_a_partition_is_no_stall() -> None:
    check = stand_still(5)
    check(0)
    check(10 * STALL_S_MAX)


def test_memory_above_the_limit_ends_the_worker() -> None:
    check_memory(1 << 50)
    with pytest.raises(EngineError, match="MiB of memory"):
        check_memory(1)


def test_faust_is_told_what_the_decision_says() -> None:
    app = make_app(Kafka(bootstrap="a:1,b:2", topic_prefix="x."))
    conf = app.conf
    assert [str(url) for url in conf.broker] == ["kafka://a:1", "kafka://b:2"]
    assert conf.id == conf.consumer_group_instance_id == "x.statistics"
    assert conf.processing_guarantee.name == "AT_LEAST_ONCE"
    assert conf.broker_session_timeout == 10
    assert (conf.web_enabled, conf.topic_disable_leader, conf.topic_allow_declare) == (False, True, False)
    assert (conf.key_serializer, conf.value_serializer) == ("raw", "raw")
    assert str(conf.store) == "memory:"
    assert not app.tables


def test_faust_lets_the_broker_collect_records() -> None:
    """It has no setting for that: ours must reach the client under it."""

    async def fetching() -> list[list[int]]:
        thread = make_app(Kafka()).consumer._thread
        made = thread._create_consumer(loop=asyncio.get_running_loop())
        told = AIOKafkaConsumer(fetch_min_bytes=FETCH_BYTES_MIN, fetch_max_wait_ms=FETCH_WAIT_MS)
        found = [[each._fetch_min_bytes, each._fetch_max_wait_ms] for each in (made, told)]
        await asyncio.gather(made.stop(), told.stop())
        thread.thread_loop.close()
        return found

    assert asyncio.run(fetching()) == [[FETCH_BYTES_MIN, FETCH_WAIT_MS]] * 2


def test_faust_logs_in_as_the_engine_does(tmp_path: Any) -> None:
    password = tmp_path / "password"
    password.write_text("secret\n")
    config = Kafka(
        security_protocol="SASL_PLAINTEXT", sasl_username="maker", sasl_password_file=str(password)
    )
    login = make_app(config).conf.broker_credentials
    assert (login.username, login.password, login.mechanism.value) == ("maker", "secret", "SCRAM-SHA-512")
    assert make_app(Kafka(security_protocol="SSL")).conf.broker_credentials.protocol.value == "SSL"
