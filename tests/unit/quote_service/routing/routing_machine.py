"""The random life of the router at the simulated venue: what can happen, and what must hold all the time.

The checks read the messages alone: they keep an order table of their own and never look into the core.
"""

from dataclasses import dataclass

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from quote_service.routing.router import RouterCore

from runtime.state.digest import state_digest
from schemas.gating import GateRoom
from schemas.market import Book, BookStatus
from schemas.message import Event, Side
from schemas.orders import TERMINAL_STATUSES, Fill, KillReport, OrderEvent, OrderStatus
from schemas.process import Shutdown, Tick
from schemas.quoting import QuoteTarget
from schemas.risk import RiskState, TradingState
from schemas.units import side_sign
from tests.kit.messages import MS, T0, book, instrument, position, risk_state, target, trade
from tests.unit.quote_service.routing.builders import World, wide_config

MAX_POSITION = 20
HEARTBEAT_TTL_MS = 1_000
BOOK_AGE_MS = 3_000
TICK_MS = 250
LATENCY_MS = 18
INTENTS = {"place_intent", "amend_intent"}
STATUSES: tuple[BookStatus, ...] = ("live", "live", "live", "gapped", "crossed", "stale", "one_sided")
sizes = st.integers(0, 12)
offsets = st.integers(-1, 6)
levels = st.lists(st.tuples(offsets, sizes), max_size=2)


@dataclass
class Known:
    """What the messages say of one order."""

    side: Side
    level: int
    size: int
    asked: int
    largest: int
    status: OrderStatus
    filled: int = 0
    is_answered: bool = True

    @property
    def open_lots(self) -> int:
        if self.status in TERMINAL_STATUSES:
            return 0
        return max(0, self.size - self.filled, self.asked - self.filled)


class Ledger:
    """An order table and a position, folded from the messages."""

    def __init__(self) -> None:
        self.orders: dict[str, Known] = {}
        self.position = 0
        self.fills = 0
        self.trade_ids: list[str] = []

    def fold(self, event: Event) -> None:
        if isinstance(event, OrderEvent) and event.kind != "denied":
            self._fold_order(event)
        elif isinstance(event, Fill):
            self.position += side_sign(event.side) * event.size_lots
            self.trade_ids.append(event.venue_trade_id)

    def _fold_order(self, event: OrderEvent) -> None:
        known = self.orders.get(event.client_order_id)
        if known is None:
            assert event.kind == "place_intent"
            known = Known(event.side, event.level, event.size_lots, event.size_lots, 0, event.status)
            self.orders[event.client_order_id] = known
        assert known.status not in TERMINAL_STATUSES or known.status == event.status
        known.status = event.status
        if event.kind == "amend_intent":
            known.asked = event.size_lots
        else:
            known.size = event.size_lots
            known.asked = known.asked if event.status == "pending_amend" else event.size_lots
        known.filled = event.filled_lots
        known.largest = max(known.largest, known.size, known.asked)
        known.is_answered = not event.kind.endswith("_intent")

    def worst(self, side: Side) -> int:
        held = self.position if side == "buy" else -self.position
        return held + sum(order.open_lots for order in self.orders.values() if order.side == side)


class RoutingMachine(RuleBasedStateMachine):
    """Time in ms since T0."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World(
            wide_config(
                risk_limits={"max_position": MAX_POSITION, "heartbeat_ttl_ms": HEARTBEAT_TTL_MS},
                market_data={"book_age_ms_max": BOOK_AGE_MS},
                routing={"messages_per_10s": 60},
                reporting={"capital": 10**9},
            )
        )
        self.ledger = Ledger()
        self.seen = 0
        self.now = 0
        self.mid = 100
        self.sequence = 0
        self.state: TradingState = "RUN"
        self.beat_at = 0.0
        self.book_at: float | None = None
        self.valid_until = -1.0
        self.is_shut_down = False
        self.reported_fills: list[int] = [0]

    # -- what can happen ---------------------------------------------------------------------------

    @initialize()
    def open_market(self) -> None:
        self.observe_book(0, "live", 10)

    @rule(step=st.integers(0, 400))
    def pass_time(self, step: int) -> None:
        for at in range(self.now + 1, self.now + step + 1):
            if at % TICK_MS == 0:
                self.send(at, Tick(event_time_ns=T0 + at * MS))
        self.now += step
        self.send(self.now, None)

    @rule()
    def beat(self) -> None:
        self.send(self.now, risk_state(self.state, time_ns=T0 + self.now * MS))

    @rule(state=st.sampled_from(("RUN", "RUN", "REDUCE_ONLY", "HALT")))
    def change_state(self, state: TradingState) -> None:
        self.state = state
        self.beat()

    @rule(move=st.integers(-3, 3), status=st.sampled_from(STATUSES), size=st.integers(1, 20))
    def observe_book(self, move: int, status: BookStatus, size: int) -> None:
        self.mid += move
        self.send(
            self.now,
            book(bid=self.mid - 1, ask=self.mid + 1, size=size, status=status, time_ns=T0 + self.now * MS),
        )

    @rule(bids=levels, asks=levels, ttl_ms=st.sampled_from((5, 300, 5_000)))
    def want(self, bids: list[tuple[int, int]], asks: list[tuple[int, int]], ttl_ms: int) -> None:
        self.sequence += 1
        self.send(
            self.now,
            target(
                self.sequence,
                bids=[(self.mid - offset, size) for offset, size in bids],
                asks=[(self.mid + offset, size) for offset, size in asks],
                ttl_ms=ttl_ms,
                time_ns=T0 + self.now * MS,
            ),
        )

    @rule(offset=st.integers(-6, 6), size=st.integers(1, 30), side=st.sampled_from(("buy", "sell", None)))
    def print_trade(self, offset: int, size: int, side: Side | None) -> None:
        self.send(self.now, trade(self.mid + offset, size, side, time_ns=T0 + self.now * MS))

    @rule(lag=st.integers(0, 3))
    def report_position(self, lag: int) -> None:
        counted = max(0, len(self.reported_fills) - 1 - lag)
        lots = self.reported_fills[counted]
        self.send(self.now, position(lots, fills=counted, time_ns=T0 + self.now * MS))

    @rule(which=st.integers(0, 100))
    def repeat_a_report(self, which: int) -> None:
        repeatable = [report for report in self.world.reports if not report.kind.startswith("amend")]
        if repeatable:
            repeated = repeatable[which % len(repeatable)]
            self.send(self.now, repeated.model_copy(update={"event_time_ns": T0 + self.now * MS}))

    @rule()
    def announce_again(self) -> None:
        self.send(self.now, instrument(time_ns=T0 + self.now * MS))

    # -- what must hold ----------------------------------------------------------------------------

    def send(self, at: int, event: Event | None) -> None:
        """Feed an event, or just let time pass; every message is checked as it comes."""
        self.world.run_to(T0 + at * MS)
        if event is not None:
            self.world.send(event)
        while self.seen < len(self.world.log):
            self.check(self.world.log[self.seen])
            self.seen += 1

    def check(self, event: Event) -> None:
        at = (event.event_time_ns - T0) / MS
        self.note(event, at)
        if isinstance(event, OrderEvent) and event.kind in INTENTS:
            self.check_intent(event, at)
        self.ledger.fold(event)
        if isinstance(event, Fill):
            self.reported_fills.append(self.ledger.position)
        assert self.ledger.worst("buy") <= MAX_POSITION
        assert self.ledger.worst("sell") <= MAX_POSITION

    def note(self, event: Event, at: float) -> None:
        if isinstance(event, RiskState):
            self.beat_at, self.in_force = at, event.state
        elif isinstance(event, Book):
            self.book_at = at if event.status == "live" else None
            self.touch = (event.bid_prices[0], event.ask_prices[0])
        elif isinstance(event, QuoteTarget):
            self.valid_until = (event.valid_until_ns - T0) / MS
        elif isinstance(event, Shutdown):
            self.is_shut_down = True

    def check_intent(self, event: OrderEvent, at: float) -> None:
        assert not self.is_shut_down
        assert self.in_force != "HALT"
        assert at - self.beat_at <= HEARTBEAT_TTL_MS
        assert self.book_at is not None
        assert at - self.book_at <= BOOK_AGE_MS
        assert at <= self.valid_until
        known = self.ledger.orders.get(event.client_order_id)
        if event.kind == "place_intent":
            assert known is None
        else:
            assert known is not None
            assert known.status == "live"
        assert event.price_ticks < self.touch[1] if event.side == "buy" else event.price_ticks > self.touch[0]
        if self.in_force == "REDUCE_ONLY":
            before = -side_sign(event.side) * self.ledger.position
            assert before > 0
            assert event.size_lots - event.filled_lots <= before

    @invariant()
    def one_order_a_slot(self) -> None:
        slots = [
            (order.side, order.level)
            for order in self.ledger.orders.values()
            if order.status not in TERMINAL_STATUSES
        ]
        assert len(slots) == len(set(slots))

    @invariant()
    def fills_count_once(self) -> None:
        assert len(self.ledger.trade_ids) == len(set(self.ledger.trade_ids))
        assert all(order.filled <= order.largest for order in self.ledger.orders.values())
        filled = sum(side_sign(o.side) * o.filled for o in self.ledger.orders.values())
        assert filled == self.ledger.position

    @invariant()
    def own_orders_never_meet(self) -> None:
        resting = [o for market in self.world.venue._markets.values() for o in market.orders.values()]
        bids = [order.price_ticks for order in resting if order.side == "buy"]
        asks = [order.price_ticks for order in resting if order.side == "sell"]
        assert not bids or not asks or max(bids) < min(asks)

    def teardown(self) -> None:
        """After a shutdown nothing is left within two round trips, and a replay gives the same messages."""
        if not hasattr(self, "world") or self.seen == 0:
            return
        self.send(self.now, Shutdown(event_time_ns=T0 + self.now * MS))
        self.now += 2 * LATENCY_MS
        self.send(self.now, None)
        assert self.world.core.is_drained
        assert all(order.status in TERMINAL_STATUSES for order in self.ledger.orders.values())
        assert all(order.is_answered for order in self.ledger.orders.values())
        assert self.world.venue.next_due_ns() is None
        assert not any(market.orders for market in self.world.venue._markets.values())
        self.replay()

    def replay(self) -> None:
        core = RouterCore(self.world.config)
        outputs: list[Event] = []
        expected: list[Event] = []
        for event in self.world.log:
            if isinstance(event, OrderEvent | Fill | KillReport | GateRoom):
                expected.append(event)
            else:
                outputs += core.on_event(event)
        assert outputs == expected
        assert state_digest(core) == state_digest(self.world.core)
