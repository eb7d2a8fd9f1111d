"""The venue's rates are kept in every window, and what is most wrong is mended first."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from quote_service.routing.core.router import RouterCore
from quote_service.routing.core.venue_budget import PACES, VenueBudget

from schemas.config import Config
from schemas.market import Book, Instrument
from schemas.message import Event
from schemas.orders import INTENT_KINDS, OrderEvent, VenueReport, VenueStatus
from schemas.process import Tick
from schemas.quoting import QuoteSide, QuoteTarget
from schemas.risk import RiskState
from schemas.venues import VENUES, MessageKind, OrderRate
from tests.unit.quote_service.routing.builders import MS, T0, wide_config

VENUE = "binance"
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
        if budget.has_room(kind, 1.0, now_ms * MS_NS):
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
            if budget.has_room("place", 1.0, second * 1_000 * MS_NS):
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


def test_where_messages_are_short_the_most_wrong_is_mended_first() -> None:
    market = Market(60)
    for index, symbol in enumerate(market.symbols):
        market.now_ms = index * 1_000
        market.beat()
        market.move(symbol, 100_000)
    while any(len(state.orders) < 2 for state in market.core._symbols.values()):
        market.now_ms += 250
        market.beat()
        for symbol in market.symbols:
            market.move(symbol, 100_000)
        market.tick()
    for _ in range(80):  # until nothing more goes out at once
        market.now_ms += 100
        market.beat()
        market.move(market.symbols[0], 100_000, 99_800 + market.now_ms // 100 % 90)
    quiet = len(market.sent)
    for index, symbol in enumerate(market.symbols[1:], start=1):
        market.move(symbol, 100_000, 99_900 + (index * 37) % 59)
    before = len(market.sent)
    sizes = []
    for _ in range(8):
        market.now_ms += 250
        market.beat()
        sent = len(market.sent)
        market.tick()
        sizes.append(len(market.sent) - sent)
    assert max(sizes[1:]) <= -(-LIMIT * 0.9 // PACES), "evenly, once what goes at once is used up"
    mended = [event.symbol for event in market.sent[before:] if event.symbol != market.symbols[0]]
    at_once = {event.symbol for event in market.sent[quiet:before]}
    waiting = ((index, symbol) for index, symbol in enumerate(market.symbols) if index)
    distances = {symbol: (index * 37) % 59 for index, symbol in waiting if symbol not in at_once}
    best = sorted(distances.values(), reverse=True)[: len(set(mended))]
    assert len(mended) > 10
    assert len(at_once) < 5
    assert sorted({distances[symbol] for symbol in mended}, reverse=True) == sorted(set(best), reverse=True)
