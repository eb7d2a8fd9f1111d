"""The simulated venue: latency, queue, fills, refusals."""

import random
from typing import Any

import pytest
from quote_service.routing.venues.simulated.matching import SimulatedMarket
from quote_service.routing.venues.simulated.venue import SimulatedVenue

from schemas.config import VenueConfig
from schemas.message import Event, Side
from schemas.orders import OrderEventKind, VenueReport
from schemas.units import NS_PER_S
from tests.kit.messages import MS, T0, book, order_event, trade
from tests.unit.quote_service.routing.builders import World, wide_config

FAST = {"entry_latency_ms": 0, "response_latency_ms": 0}

SIDES: tuple[Side, ...] = ("buy", "sell")
TAKERS: tuple[Side | None, ...] = (*SIDES, None)
PLACES: tuple[tuple[Side, int], ...] = (("buy", 99), ("sell", 101), ("buy", 98), ("sell", 102))


class Venue:
    """The venue alone, without latency unless asked for; reports are collected as they fall due."""

    def __init__(self, **fields: Any) -> None:
        self.venue = SimulatedVenue(VenueConfig.model_validate({**FAST, **fields}))
        self.reports: list[VenueReport] = []
        self.now_ns = T0
        self.book()

    def see(self, event: Event) -> list[VenueReport]:
        self.venue.on_event(event)
        due = list(self.venue.poll_due(event.event_time_ns + 1_000 * MS))
        self.reports += due
        return due

    def book(self, **fields: Any) -> list[VenueReport]:
        return self.see(book(time_ns=self.now_ns, **fields))

    def trade(self, price: int, size: int, side: Side | None) -> list[VenueReport]:
        return self.see(trade(price, size, side, time_ns=self.now_ns))

    def intent(
        self, kind: OrderEventKind, order_id: str, side: Side, price: int = 0, size: int = 0
    ) -> list[VenueReport]:
        return self.see(
            order_event(kind, order_id=order_id, side=side, price=price, lots=size, time_ns=self.now_ns)
        )

    def place(self, order_id: str, side: Side, price: int, size: int) -> None:
        assert [report.kind for report in self.intent("place_intent", order_id, side, price, size)] == [
            "accepted"
        ]

    @property
    def filled(self) -> dict[str, int]:
        sizes: dict[str, int] = {}
        for report in self.reports:
            if report.kind == "fill":
                sizes[report.client_order_id] = sizes.get(report.client_order_id, 0) + report.size_lots
        return sizes


@pytest.mark.case("LA1")
def test_the_old_quote_is_filled_until_the_new_one_is_live() -> None:
    """Event at 0 + feed 5 + compute 1: decided at 6, live at 16, acknowledged at 24."""
    world = World(wide_config())
    world.book(0)
    world.target(0, 1, bids=[(99, 5)])
    world.run_to(T0 + 50 * MS)
    world.target(56, 2, bids=[(98, 5)])  # times below are those of the oracle plus 50
    world.trade(65, 98, 100, "sell")
    [old] = world.venue._reports
    assert (old.kind, old.price_ticks, old.size_lots) == ("fill", 99, 5)


@pytest.mark.case("LA1")
def test_the_new_quote_is_live_at_16_ms_and_acknowledged_at_24() -> None:
    world = World(wide_config())
    world.book(0)
    world.target(0, 1, bids=[(99, 5)])
    world.run_to(T0 + 50 * MS)
    world.target(56, 2, bids=[(98, 5)])
    assert world.venue.next_due_ns() == T0 + 66 * MS
    world.trade(67, 97, 100, "sell")
    world.run_to(T0 + 100 * MS)
    amended, fill = world.reports[-2:]
    assert (amended.kind, amended.event_time_ns) == ("amended", T0 + 74 * MS)
    assert (fill.kind, fill.price_ticks, fill.event_time_ns) == ("fill", 98, T0 + 75 * MS)


def test_an_intent_takes_effect_before_the_market_event_of_the_same_time() -> None:
    venue = SimulatedVenue(VenueConfig(entry_latency_ms=10, response_latency_ms=0))
    venue.on_event(book())
    venue.on_event(order_event(order_id="a", lots=5))
    venue.on_event(trade(99, 5, "sell", time_ns=T0 + 10 * MS - 1))
    venue.on_event(trade(99, 5, "sell", time_ns=T0 + 10 * MS))
    assert [report.kind for report in venue.poll_due(T0 + 10 * MS)] == ["accepted", "fill"]


def test_post_only_is_judged_by_the_book_at_arrival() -> None:
    venue = Venue()
    [rejected] = venue.intent("place_intent", "a", "buy", 101, 5)
    assert (rejected.kind, rejected.reason) == ("rejected", "POST_ONLY")
    [rejected] = venue.intent("place_intent", "b", "sell", 99, 5)
    assert (rejected.kind, rejected.reason) == ("rejected", "POST_ONLY")
    venue.place("c", "buy", 100, 5)
    venue.place("d", "sell", 101, 5)


def test_post_only_is_judged_by_what_takers_met_since_the_book_too() -> None:
    """A buy at 100 since the book shows an ask at 100; one at 98 by a seller a bid at 98: nothing is met."""
    venue = Venue()
    venue.trade(100, 1, "buy")
    venue.trade(98, 1, "sell")
    [rejected] = venue.intent("place_intent", "a", "buy", 100, 5)
    assert (rejected.kind, rejected.reason) == ("rejected", "POST_ONLY")
    [rejected] = venue.intent("place_intent", "b", "sell", 98, 5)
    assert (rejected.kind, rejected.reason) == ("rejected", "POST_ONLY")
    venue.place("c", "buy", 99, 5)
    [refused] = venue.intent("amend_intent", "c", "buy", 100, 5)
    assert (refused.kind, refused.reason) == ("amend_rejected", "POST_ONLY")
    venue.book()
    venue.place("d", "buy", 100, 5)


def test_a_repeated_place_is_rejected() -> None:
    venue = Venue()
    venue.place("a", "buy", 99, 5)
    [rejected] = venue.intent("place_intent", "a", "buy", 99, 5)
    assert (rejected.kind, rejected.reason) == ("rejected", "DUPLICATE_ID")
    assert venue.trade(98, 100, "sell")[0].size_lots == 5
    assert venue.trade(98, 100, "sell") == []


@pytest.mark.parametrize(("side", "price", "taker"), [("buy", 99, "sell"), ("sell", 101, "buy")])
def test_a_trade_at_our_price_goes_through_the_queue_first(side: Side, price: int, taker: Side) -> None:
    venue = Venue()
    venue.place("a", side, price, 10)
    assert venue.trade(price, 30, taker) == []
    assert venue.trade(price, 20, taker) == []
    [fill] = venue.trade(price, 4, taker)
    assert (fill.kind, fill.price_ticks, fill.size_lots, fill.side) == ("fill", price, 4, side)
    assert (fill.liquidity, fill.venue_trade_id) == ("maker", "sim-BTC/USDT-1")
    [fill] = venue.trade(price, 100, taker)
    assert (fill.size_lots, fill.venue_trade_id) == (6, "sim-BTC/USDT-2")
    assert venue.trade(price, 100, taker) == []


BEGAN_NS = 1_795_900_000 * NS_PER_S
"""In November 2026."""


def test_a_venue_that_lost_its_state_gives_trades_other_ids() -> None:
    """inventory-service remembers those that it has booked."""
    ids = []
    for began_ns in (BEGAN_NS, BEGAN_NS + NS_PER_S):
        market = SimulatedMarket("sim", "BTC/USDT", None)
        ids += [market.new_trade_id(began_ns) for _ in range(50)]
        market.skip_trade_ids([f"sim-BTC/USDT-{10**12}"])
        ids.append(market.new_trade_id(began_ns))
    assert len(set(ids)) == 101, "the last of both follows the same carried id"
    assert ids[50] == ids[101] == f"sim-BTC/USDT-{10**12 + 1}"


def test_a_trade_of_unknown_side_counts_and_one_of_our_own_side_does_not() -> None:
    venue = Venue()
    venue.place("a", "buy", 99, 10)
    assert venue.trade(99, 1_000, "buy") == []
    assert venue.trade(99, 60, None)[0].size_lots == 10


@pytest.mark.parametrize(("side", "price", "through"), [("buy", 99, 98), ("sell", 101, 102)])
@pytest.mark.parametrize("taker", ["buy", "sell", None])
def test_a_trade_through_our_price_fills_us_up_to_its_size(
    side: Side, price: int, through: int, taker: Side | None
) -> None:
    venue = Venue()
    venue.place("a", side, price, 10)
    [fill] = venue.trade(through, 4, taker)
    assert (fill.price_ticks, fill.size_lots) == (price, 4)
    [fill] = venue.trade(through, 400, taker)
    assert (fill.price_ticks, fill.size_lots) == (price, 6)


def test_of_a_trade_through_our_price_others_get_the_rest() -> None:
    venue = Venue(through_share=0.25)
    venue.place("a", "buy", 99, 10)
    assert [fill.size_lots for fill in venue.trade(98, 10, "sell")] == [2]
    assert [fill.size_lots for fill in venue.trade(99, 10, "sell")] == [8], "at our price it is the queue's"


def test_a_trade_away_from_us_does_nothing() -> None:
    venue = Venue()
    venue.place("a", "buy", 98, 10)
    venue.place("b", "sell", 102, 10)
    for taker in ("buy", "sell", None):
        for price in (99, 100, 101):
            assert venue.trade(price, 1_000, taker) == []


def test_a_trade_beyond_the_last_book_is_allowed() -> None:
    venue = Venue()
    venue.place("a", "buy", 98, 10)
    assert venue.trade(50, 10, "sell")[0].size_lots == 10


def test_a_trades_size_is_shared_by_price_then_time_and_never_filled_twice() -> None:
    venue = Venue()
    venue.place("low", "buy", 98, 10)
    venue.place("high", "buy", 99, 10)
    venue.place("late", "buy", 98, 10)
    fills = venue.trade(97, 25, "sell")
    assert [(fill.client_order_id, fill.size_lots) for fill in fills] == [
        ("high", 10),
        ("low", 10),
        ("late", 5),
    ]


@pytest.mark.parametrize(("side", "price"), [("buy", 99), ("sell", 101)])
def test_a_book_that_reaches_our_price_fills_us_in_full_at_our_price(side: Side, price: int) -> None:
    venue = Venue()
    venue.place("a", side, price, 10)
    assert venue.book(bid=98, ask=100) == [] if side == "buy" else venue.book(bid=100, ask=102) == []
    [fill] = venue.book(bid=97, ask=99) if side == "buy" else venue.book(bid=101, ask=103)
    assert (fill.price_ticks, fill.size_lots) == (price, 10)
    assert venue.book() == []


def test_a_fill_tells_when_it_was_and_the_mid_just_before_it() -> None:
    """By a trade: the newest book's mid; by a book: that of the one before. The report comes 8 ms later."""
    venue = Venue(response_latency_ms=8.0)
    venue.place("a", "buy", 99, 10)
    venue.book(bid=98, ask=101)
    [by_trade] = venue.trade(98, 5, "sell")
    [by_book] = venue.book(bid=96, ask=99)
    assert [fill.mid_half_ticks for fill in (by_trade, by_book)] == [199, 199]
    for fill in (by_trade, by_book):
        assert fill.executed_ns == fill.event_time_ns - 8 * MS


@pytest.mark.parametrize("status", ["building", "gapped", "crossed", "locked", "one_sided", "stale"])
def test_a_book_that_is_not_live_fills_nothing(status: str) -> None:
    venue = Venue()
    venue.place("a", "buy", 99, 10)
    assert venue.book(bid=90, ask=95, status=status) == []
    assert venue.book() == []
    assert venue.filled == {}


def test_depth_that_falls_below_the_front_moves_us_up() -> None:
    venue = Venue()
    venue.place("a", "buy", 99, 10)
    venue.book(size=20)
    assert venue.trade(99, 20, "sell") == []
    assert venue.trade(99, 1, "sell")[0].size_lots == 1


def test_inside_the_spread_nobody_is_before_us() -> None:
    venue = Venue()
    venue.place("a", "buy", 100, 10)
    assert venue.trade(100, 3, "sell")[0].size_lots == 3


def test_beyond_the_shown_levels_the_queue_is_unknown_until_it_is_shown() -> None:
    venue = Venue()
    venue.place("a", "buy", 90, 10)
    assert venue.trade(90, 10_000, "sell") == []
    venue.book(bid=91, ask=93)
    assert venue.trade(90, 50, "sell") == []
    assert venue.trade(90, 5, "sell")[0].size_lots == 5


@pytest.mark.parametrize(("price", "size", "keeps"), [(99, 5, True), (99, 11, False), (98, 10, False)])
def test_only_less_size_at_the_same_price_keeps_the_place_in_the_queue(
    price: int, size: int, keeps: bool
) -> None:
    venue = Venue()
    venue.place("a", "buy", 99, 10)
    venue.trade(99, 50, "sell")
    [amended] = venue.intent("amend_intent", "a", "buy", price, size)
    assert (amended.kind, amended.price_ticks, amended.size_lots) == ("amended", price, size)
    fills = venue.trade(price, 3, "sell")
    assert [fill.size_lots for fill in fills] == ([3] if keeps else [])


def test_an_amend_that_would_take_is_refused_and_the_old_order_stays() -> None:
    venue = Venue()
    venue.place("a", "buy", 99, 10)
    [refused] = venue.intent("amend_intent", "a", "buy", 101, 10)
    assert (refused.kind, refused.reason, refused.price_ticks) == ("amend_rejected", "POST_ONLY", 99)
    assert venue.trade(98, 10, "sell")[0].price_ticks == 99


def test_an_amend_to_less_than_is_filled_is_refused() -> None:
    venue = Venue()
    venue.place("a", "buy", 99, 10)
    venue.trade(98, 6, "sell")
    [refused] = venue.intent("amend_intent", "a", "buy", 99, 6)
    assert (refused.kind, refused.reason, refused.size_lots) == ("amend_rejected", "SIZE_FILLED", 10)
    [amended] = venue.intent("amend_intent", "a", "buy", 99, 7)
    assert (amended.kind, amended.size_lots) == ("amended", 7)
    assert venue.trade(98, 100, "sell")[0].size_lots == 1


def test_answers_about_an_ended_order() -> None:
    venue = Venue()
    venue.place("a", "buy", 99, 10)
    assert [report.kind for report in venue.intent("cancel_intent", "a", "buy")] == ["cancelled"]
    assert [report.kind for report in venue.intent("cancel_intent", "a", "buy")] == ["cancel_rejected"]
    [refused] = venue.intent("amend_intent", "a", "buy", 99, 5)
    assert (refused.kind, refused.reason) == ("amend_rejected", "ORDER_ENDED")
    assert venue.trade(90, 100, "sell") == []


def test_intents_of_one_moment_arrive_in_the_order_in_which_they_were_decided() -> None:
    venue = SimulatedVenue(VenueConfig())
    world = World(wide_config())
    world.book(0)
    world.target(1, 1, bids=[(99, 5)], asks=[(101, 5)])
    world.run_to(T0 + 100 * MS)
    assert [report.event_time_ns for report in world.reports] == [T0 + 19 * MS] * 2
    assert [report.side for report in world.reports] == ["buy", "sell"]
    assert venue.next_due_ns() is None


def test_other_events_are_not_for_a_venue() -> None:
    venue = Venue()
    assert venue.intent("denied", "a", "buy", 99, 5) == []
    assert venue.trade(98, 1_000, "sell") == []
    venue.venue.close()


def _random_market(seed: int, model: str) -> dict[str, int]:
    generator = random.Random(seed)
    venue = Venue(queue_model=model)
    mid = 200
    for n in range(12):
        mid += generator.choice((-1, 0, 1))
        venue.now_ns += MS
        for _ in range(10):
            venue.book(bid=mid - 1, ask=mid + 1, size=generator.randint(1, 40))
            taker = generator.choice(TAKERS)
            venue.trade(mid + generator.choice((-1, 1)), generator.randint(1, 60), taker)
        side = generator.choice(SIDES)
        price = mid - generator.randint(1, 3) if side == "buy" else mid + generator.randint(1, 3)
        venue.intent("place_intent", f"o{n}", side, price, generator.randint(1, 20))
    return venue.filled


@pytest.mark.parametrize("seed", range(25))
def test_risk_averse_fills_of_one_order_each_are_within_those_of_the_power_model(seed: int) -> None:
    """With several orders a trade's size is shared, so the sums are compared where orders do not compete."""
    careful, likely = _single_orders(seed, "risk_averse"), _single_orders(seed, "power")
    assert all(size <= likely.get(order, 0) for order, size in careful.items())


def _single_orders(seed: int, model: str) -> dict[str, int]:
    generator = random.Random(seed)
    filled: dict[str, int] = {}
    for n in range(6):
        venue = Venue(queue_model=model)
        side, price = generator.choice(PLACES)
        venue.place(f"o{n}", side, price, generator.randint(5, 60))
        for _ in range(30):
            shift = generator.choice((-1, 0, 0, 0, 0, 1))
            venue.book(bid=99 + shift, ask=101 + shift, size=generator.randint(1, 60))
            taker = generator.choice(TAKERS)
            venue.trade(generator.choice((98, 99, 101, 102)), generator.randint(1, 40), taker)
        filled.update(venue.filled)
    return filled


@pytest.mark.parametrize("model", ["risk_averse", "power"])
def test_the_venue_is_a_function_of_what_it_saw(model: str) -> None:
    assert _random_market(3, model) == _random_market(3, model)
    assert _random_market(3, model)
