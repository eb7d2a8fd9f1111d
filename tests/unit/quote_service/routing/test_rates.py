"""The venue's rates are kept in every window and last for it; whose turn it is where they are short."""

import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from quote_service.routing.gate.request import Request
from quote_service.routing.rates.turns import OTHERS_MIN, PATIENCE_NS, Turns, may_wait, record_waiting
from quote_service.routing.rates.venue_budget import VenueBudget
from quote_service.routing.router import RouterCore
from quote_service.routing.symbol_state import RoutedSymbol

from schemas.config import Config
from schemas.market import Book, Instrument
from schemas.message import Event
from schemas.orders import INTENT_KINDS, OrderEvent, VenueReport, VenueStatus
from schemas.process import Tick
from schemas.quoting import QuoteSide, QuoteTarget
from schemas.risk import RiskState
from schemas.venues import VENUES, MessageKind, OrderRate, VenueId
from tests.kit.messages import MS, T0
from tests.unit.quote_service.routing.builders import wide_config

VENUE: VenueId = "binance"
LIMIT, INTERVAL_MS = 100, 10_000
MS_NS = int(MS)


@given(
    steps=st.lists(st.tuples(st.integers(0, 900), st.sampled_from(["place", "amend", "shrink", "cancel"]))),
    share=st.sampled_from([0.5, 0.9, 1.0]),
)
def test_no_window_holds_more_than_is_granted(steps: list[tuple[int, MessageKind]], share: float) -> None:
    rate = OrderRate("account", 10, 1_000, {"place": 1, "amend": 2, "shrink": 0, "cancel": 0})
    budget = VenueBudget([rate], share)
    now_ms, sent = 0, []
    for pause_ms, kind in steps:
        now_ms += pause_ms
        if budget.has_room(kind, now_ms * MS_NS):
            budget.spend(kind, now_ms * MS_NS)
            sent.append((now_ms, rate.costs[kind]))
        else:
            assert rate.costs[kind] > 0
    for end_ms, _ in sent:
        assert sum(cost for at, cost in sent if end_ms - 1_000 < at <= end_ms) <= int(10 * share)


def test_a_window_of_many_is_counted_in_parts_and_never_too_little() -> None:
    rate = OrderRate("account", 200_000, 86_400_000, {"place": 1, "amend": 1, "shrink": 0, "cancel": 0})
    budget = VenueBudget([rate], 1.0)
    sent = 0
    for second in range(0, 86_400, 10):
        for _ in range(30):
            if budget.has_room("place", second * 1_000 * MS_NS):
                budget.spend("place", second * 1_000 * MS_NS)
                sent += 1
    assert sent == 200_000
    assert len(budget._rates[0][1].spent) <= 1_001


class Market:
    """Many symbols at an exchange that answers at once, moved by hand."""

    def __init__(self, symbols: int) -> None:
        base = wide_config().model_dump()
        self.symbols = [f"S{number}/USDT" for number in range(symbols)]
        base |= {
            "venue": {"kind": "ccxt"},
            "feed": {"kind": "live"},
            "exchange": {"id": VENUE, "symbols": self.symbols},
        }
        self.core = RouterCore(Config.model_validate(base))
        self.sent: list[OrderEvent] = []
        self.sequence = 0
        self.now_ms = 0
        self.send(VenueStatus(**self.about("*"), state="ready"))
        for symbol in self.symbols:
            self.send(
                Instrument(
                    **self.about(symbol),
                    tick_size=1,
                    lot_size=1,
                    base_currency="S",
                    quote_currency="USDT",
                    reporting_rate=1,
                )
            )
        self.beat()

    def about(self, symbol: str) -> dict[str, Any]:
        return {"event_time_ns": T0 + self.now_ms * MS_NS, "venue": VENUE, "symbol": symbol}

    def send(self, event: Event) -> None:
        for output in self.core.on_event(event):
            if isinstance(output, OrderEvent) and output.kind in INTENT_KINDS:
                self.sent.append(output)
                self.answer(output)

    def answer(self, intent: OrderEvent) -> None:
        kind: Any = {"place_intent": "accepted", "amend_intent": "amended", "cancel_intent": "cancelled"}
        self.core.on_event(
            VenueReport(
                **self.about(intent.symbol),
                kind=kind[intent.kind],
                client_order_id=intent.client_order_id,
                price_ticks=intent.price_ticks,
                size_lots=intent.size_lots,
            )
        )

    def beat(self) -> None:
        self.send(RiskState(**self.about("*"), state="RUN"))

    def move(self, symbol: str, mid: int, bid: int | None = None) -> None:
        """Book and target, both around a mid, but for the bid where one is given."""
        self.sequence += 1
        book = {"bid_prices": (mid - 50,), "ask_prices": (mid + 50,), "bid_sizes": (9,), "ask_sizes": (9,)}
        self.send(Book(**self.about(symbol), status="live", **book))
        sides = {
            name: QuoteSide(prices=(price,), sizes=(5,), steps=())
            for name, price in (("bid", mid - 100 if bid is None else bid), ("ask", mid + 100))
        }
        self.send(
            QuoteTarget(
                **self.about(symbol),
                sequence=self.sequence,
                valid_until_ns=T0 + (self.now_ms + 60_000) * MS_NS,
                mid_half_ticks=2 * mid,
                model="any",
                **sides,
            )
        )

    def tick(self) -> None:
        self.send(Tick(event_time_ns=T0 + self.now_ms * MS_NS))


def test_a_hundred_symbols_at_ten_updates_a_second_stay_within_the_rates() -> None:
    market = Market(100)
    granted = VENUES[VENUE].order_rates[0]
    assert (granted.limit, granted.interval_ms) == (LIMIT, INTERVAL_MS)
    times: list[int] = []
    for step in range(600):  # a minute
        market.now_ms = step * 100
        market.beat()
        for index, symbol in enumerate(market.symbols):
            market.move(symbol, 100_000 + (step * (index + 1) * 7) % 60)
        if step % 3 == 0:
            market.tick()
        costly = sum(event.kind != "cancel_intent" for event in market.sent)
        times += [step * 100] * (costly - len(times))
    for end_ms in times:
        assert sum(1 for at in times if end_ms - INTERVAL_MS < at <= end_ms) <= LIMIT * 0.9
    assert len(times) > LIMIT * 2
    assert len({event.symbol for event in market.sent}) == 100


def moving(market: Market, seconds: int, volatility_ticks: float = 20.0) -> Iterator[int]:
    """Mids that walk at random, a target each 250 ms where one moved, and a tick; the time in ms."""
    walk = random.Random(1)
    mids = dict.fromkeys(market.symbols, 100_000.0)
    for step in range(seconds * 4):
        market.now_ms = step * 250
        market.beat()
        for symbol in market.symbols:
            mids[symbol] += walk.gauss(0, volatility_ticks / 2)
            market.move(symbol, round(mids[symbol]))
        market.tick()
        yield market.now_ms


def test_all_symbols_have_both_sides_before_any_is_refreshed_or_has_a_second_turn() -> None:
    market = Market(100)
    places: dict[tuple[str, str], int] = {}
    for now_ms in moving(market, 24):
        for event in market.sent:
            if event.kind == "place_intent" and len(places) < 200:
                places[event.symbol, event.side] = places.get((event.symbol, event.side), 0) + 1
            assert event.kind != "amend_intent" or len(places) == 200
        market.sent.clear()
        if now_ms == 10_000:
            assert len(places) >= LIMIT * 0.9
    assert len(places) == 200
    assert sum(places.values()) <= 230, "an early one that had to be cancelled waits behind the others"


def test_what_holds_for_ten_minutes_holds_for_a_day() -> None:
    """Somebody always wants to send: after the first minutes each ten of the day bring as many messages."""
    budget = VenueBudget(VENUES[VENUE].order_rates, 0.9)
    sent = [0] * 144
    for second in range(86_400):
        now_ns = second * 1_000 * MS_NS
        while budget.request("place", now_ns):
            budget.spend("place", now_ns)
            sent[second // 600] += 1
    even = 200_000 * 0.9 / 144
    assert sum(sent) <= 200_000 * 0.9
    assert all(abs(count - even) <= even * 0.05 for count in sent[2:])


def test_what_only_improves_a_quote_leaves_a_reserve() -> None:
    budget = VenueBudget(VENUES[VENUE].order_rates, 1.0)
    improved = 0
    while budget.request("amend", T0, keeps_reserve=True):
        budget.spend("amend", T0)
        improved += 1
    assert improved == LIMIT // 5
    assert budget.request("amend", T0)
    assert budget.is_free("cancel")
    assert budget.is_free("shrink")


def test_nobody_waits_for_ever_for_a_better_price() -> None:
    """Others lose their quotes again and again; one only wants a better price, and gets it."""
    market = Market(30)
    patient = market.symbols[0]
    for symbol in market.symbols:
        market.now_ms += 1_000
        market.beat()
        market.move(symbol, 100_000)
        market.tick()
    market.sent.clear()
    served_ms = None
    grant = market.core._account.venue_grant
    assert grant is not None
    for _, window in grant._rates:
        window.saved = 0
    for step in range(2_000):
        market.now_ms += 250
        market.beat()
        market.move(patient, 100_000, 99_905)
        for number, symbol in enumerate(market.symbols[1:]):
            market.move(symbol, 100_000 + (3_000 if (step + number) % 2 else 0))
        market.tick()
        if any(event.symbol == patient for event in market.sent):
            served_ms = (step + 1) * 250
            break
        market.sent.clear()
    slots, share, a_second = 60, OTHERS_MIN + 1, 200_000 * 0.9 / 86_400
    assert served_ms is not None
    assert PATIENCE_NS / MS <= served_ms <= PATIENCE_NS / MS + slots * share / a_second * 1_000


def test_of_those_that_stand_the_most_wrong_are_mended_first_what_is_too_generous_before_the_others() -> None:
    market = Market(3)
    for symbol in market.symbols:
        market.move(symbol, 100_000)
    states = [market.core._symbols[f"{VENUE}:{symbol}"] for symbol in market.symbols]
    prices = (99_960, 99_970, 99_860)
    for state, wanted in zip(states, prices, strict=True):
        state.orders.open["buy", 0].asked_price_ticks = state.orders.open["buy", 0].price_ticks = 99_900
        record_waiting(state, [request(state, wanted)], T0)
    asked = [(state, request(state, price)) for state, price in zip(states, prices, strict=True)]
    order = Turns().in_order(asked, T0)
    assert [turn.symbol for turn in order] == [states[2], states[1], states[0]]
    assert [turn.is_last for turn in order] == [False, True, True]


def request(state: RoutedSymbol, price_ticks: int) -> Request:
    return Request("buy", 0, price_ticks, 5, 1, 1, T0 + 10**12, replaces=state.orders.open["buy", 0])


@pytest.mark.parametrize(
    ("stands", "wants", "wanted_lots", "may"),
    [
        (99_950, 99_900, 5, True),
        (99_951, 99_900, 5, False),
        (99_800, 99_900, 5, True),
        (99_900, 99_900, 3, False),
        (99_900, 99_900, 4, True),
        (100_001, 99_900, 5, False),
    ],
)
def test_what_may_wait_keeps_half_its_distance_from_the_mid(
    stands: int, wants: int, wanted_lots: int, *, may: bool
) -> None:
    market = Market(1)
    market.move(market.symbols[0], 100_000)
    state = market.core._symbols[f"{VENUE}:{market.symbols[0]}"]
    state.orders.open["buy", 0].price_ticks = stands
    asked = replace(request(state, wants), size_lots=wanted_lots)
    assert may_wait(asked, state, 0.5) is may
