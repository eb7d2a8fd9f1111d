"""Messages and a small engine around the order router, for its tests."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from quote_service.routing.account import AccountState
from quote_service.routing.gate.contract_terms import contract_terms
from quote_service.routing.gate.gate import Gate
from quote_service.routing.gate.request import Denied, Passed, Request
from quote_service.routing.orders.order_states import Order
from quote_service.routing.router import RouterCore
from quote_service.routing.symbol_state import RoutedSymbol
from quote_service.routing.venues.simulated.venue import SimulatedVenue

from schemas.carried.router import RouterCarried
from schemas.config import Config
from schemas.gating import GateRoom
from schemas.message import Event, Side
from schemas.orders import (
    AccountBalance,
    AccountChange,
    Fill,
    KillReport,
    OrderEvent,
    OrderStatus,
    ReportKind,
    StopCode,
    TradingStop,
    VenueReport,
)
from schemas.process import Shutdown, Tick
from schemas.risk import TradingState
from tests.kit.messages import (
    BTC,
    KEY,
    MS,
    T0,
    VENUE,
    book,
    instrument,
    position,
    reported_fill,
    risk_state,
    target,
    trade,
    venue_report,
)


def config(**sections: dict[str, Any]) -> Config:
    return Config.model_validate(sections)


def carried_over(core: RouterCore, time_ns: int) -> tuple[RouterCarried, ...]:
    """What a core carries, as it comes out of a log."""
    carried = core.carried(time_ns)
    return tuple(RouterCarried.model_validate_json(each.model_dump_json()) for each in carried)


class Desk:
    """A core alone: the test plays market, target, risk and venue. Time is in ms after T0."""

    def __init__(self, settings: Config | None = None, **instrument_fields: Any) -> None:
        self.config = settings or Config()
        self.core = RouterCore(self.config)
        self.events: list[OrderEvent] = []
        self.fills: list[Fill] = []
        self.kills: list[KillReport] = []
        self.stops: list[TradingStop] = []
        self.doubts: list[TradingStop] = []
        """Those that ask for the account's trades."""
        self.changes: list[AccountChange] = []
        self.account_balances: list[AccountBalance] = []
        self.rooms: list[GateRoom] = []
        self.send(instrument(**instrument_fields))
        self.send(risk_state())

    @property
    def symbol(self) -> RoutedSymbol:
        return self.core._symbols[KEY]

    @property
    def account(self) -> AccountState:
        return self.core._account

    def stopped_by(self) -> StopCode | None:
        """A method, for it changes between two looks."""
        return self.symbol.protection.stopped_by

    def send(self, event: Event) -> list[OrderEvent]:
        outputs = self.core.on_event(event)
        made = [output for output in outputs if isinstance(output, OrderEvent)]
        self.events += made
        fills = [output for output in outputs if isinstance(output, Fill)]
        kills = [output for output in outputs if isinstance(output, KillReport)]
        stops = [output for output in outputs if isinstance(output, TradingStop)]
        self.fills += fills
        self.kills += kills
        self.stops += [stop for stop in stops if not stop.asks_trades]
        self.doubts += [stop for stop in stops if stop.asks_trades]
        changes = [output for output in outputs if isinstance(output, AccountChange)]
        self.changes += changes
        balances = [output for output in outputs if isinstance(output, AccountBalance)]
        self.account_balances += balances
        rooms = [output for output in outputs if isinstance(output, GateRoom)]
        self.rooms += rooms
        known = (made, fills, kills, stops, changes, balances, rooms)
        assert len(outputs) == sum(len(each) for each in known)
        assert all(output.event_time_ns >= event.event_time_ns for output in outputs)
        return made

    def book(self, at_ms: float, **fields: Any) -> list[OrderEvent]:
        return self.send(book(time_ns=_ns(at_ms), **fields))

    def target(self, at_ms: float, sequence: int, **fields: Any) -> list[OrderEvent]:
        return self.send(target(sequence, time_ns=_ns(at_ms), **fields))

    def beat(self, at_ms: float, state: TradingState = "RUN", symbol: str = "*") -> list[OrderEvent]:
        return self.send(risk_state(state, symbol, time_ns=_ns(at_ms)))

    def tick(self, at_ms: float) -> list[OrderEvent]:
        return self.send(Tick(event_time_ns=_ns(at_ms)))

    def shutdown(self, at_ms: float) -> list[OrderEvent]:
        return self.send(Shutdown(event_time_ns=_ns(at_ms)))

    def position(self, at_ms: float, lots: int, fills: int = 0, **fields: Any) -> list[OrderEvent]:
        return self.send(position(lots, fills=fills, time_ns=_ns(at_ms), **fields))

    def answer(
        self, at_ms: float, kind: ReportKind, intent: OrderEvent | str, **fields: Any
    ) -> list[OrderEvent]:
        """The venue answers an intent as it was asked."""
        if isinstance(intent, OrderEvent):
            fields = {"price": intent.price_ticks, "size": intent.size_lots, **fields}
            intent = intent.client_order_id
        fields["lots"] = fields.pop("size", 0)
        return self.send(venue_report(kind, intent, time_ns=_ns(at_ms), **fields))

    def fill(
        self, at_ms: float, order: OrderEvent, size: int, trade_id: str, **fields: Any
    ) -> list[OrderEvent]:
        price = fields.pop("price", order.price_ticks)
        return self.send(
            reported_fill(order.client_order_id, price, size, trade_id, time_ns=_ns(at_ms), **fields)
        )

    def live(
        self,
        at_ms: float,
        sequence: int,
        bids: Iterable[tuple[int, int]] = (),
        asks: Iterable[tuple[int, int]] = (),
    ) -> list[OrderEvent]:
        """Book, target, and the venue accepts all orders; the place intents."""
        self.book(at_ms)
        intents = self.target(at_ms, sequence, bids=bids, asks=asks)
        assert [intent.kind for intent in intents] == ["place_intent"] * len(intents)
        for intent in intents:
            self.answer(at_ms + 1, "accepted", intent)
        return intents


class GateDesk:
    """A gate with one symbol: one lot and one tick are 1, mid 100, spread 2, position 0, unless changed."""

    def __init__(self, settings: Config | None = None, **instrument_fields: Any) -> None:
        self.config = settings or wide_config()
        self.account = AccountState(self.config.risk_limits.heartbeat_ttl_ms * MS, self.config.routing)
        self.account.observe_risk(risk_state(), T0)
        self.gate = Gate(self.config, self.account)
        self.symbol = RoutedSymbol.new(KEY, VENUE, BTC)
        self.symbol.contract.terms = contract_terms(instrument(**instrument_fields), self.config)
        self.symbol.observe_book(book())

    def order(
        self, side: Side, size: int, price: int | None = None, level: int = 9, status: OrderStatus = "live"
    ) -> Order:
        """An own order at the venue, far from the market unless a price is given."""
        price = price if price is not None else (90 if side == "buy" else 110)
        order = Order(f"x-{side}-{level}", side, level, 1, price, size, 1, price, size, T0, status=status)
        self.symbol.orders.put(order)
        return order

    def value(self) -> None:
        self.account.revalue(self.symbol)

    def check(self, side: Side, price: int, size: int, at_ms: float = 0, **fields: Any) -> tuple[str, ...]:
        order_id = fields.pop("order_id", None)
        request = Request(
            side=side,
            level=0,
            price_ticks=price,
            size_lots=size,
            instrument_version=1,
            target_sequence=1,
            valid_until_ns=T0 + 60_000 * MS,
        )
        self.value()
        return codes_of(self.gate.check(replace(request, **fields), self.symbol, _ns(at_ms), order_id))


def codes_of(verdict: Passed | Denied) -> tuple[str, ...]:
    """What forbids a request; nothing: the gate lets it pass."""
    return () if isinstance(verdict, Passed) else verdict.codes


def wide_config(**sections: dict[str, Any]) -> Config:
    """Limits so wide that only those a test sets can bind."""
    huge = 10**9
    base: dict[str, dict[str, Any]] = {
        "risk_limits": {
            "max_position": huge, "max_position_notional": 10**12, "max_exposure": 1_000,
            "heartbeat_ttl_ms": 60_000,
        },
        "routing": {"price_collar": 10, "order_value_max": 10**12, "messages_per_10s": 10**6,
                    "messages_per_10s_symbol": 10**6},
        "reporting": {"capital": 10**9},
        "market_data": {"book_age_ms_max": 60_000},
        "protection": {"quote_move_max": 1, "jump_bps_min": 10**6, "fill_quantity_max": huge,
                       "fill_delta_max": huge, "price_repeats_max": huge},
    }  # fmt: skip
    for name, fields in sections.items():
        base[name] = {**base.get(name, {}), **fields}
    return Config.model_validate(base)


class World:
    """Core and simulated venue in a small discrete event loop, as the embedded engine drives them."""

    def __init__(self, settings: Config | None = None, **instrument_fields: Any) -> None:
        self.config = settings or wide_config()
        self.core = RouterCore(self.config)
        self.venue = SimulatedVenue(self.config.venue)
        self.now_ns = T0
        self.log: list[Event] = []
        """All inputs and outputs, in order."""
        self.send(instrument(**instrument_fields))
        self.send(risk_state())

    @property
    def symbol(self) -> RoutedSymbol:
        return self.core._symbols[KEY]

    def events(self, *kinds: str) -> list[OrderEvent]:
        return [event for event in self.log if isinstance(event, OrderEvent) and event.kind in kinds]

    @property
    def fills(self) -> list[Fill]:
        return [event for event in self.log if isinstance(event, Fill)]

    @property
    def reports(self) -> list[VenueReport]:
        return [event for event in self.log if isinstance(event, VenueReport)]

    def send(self, event: Event) -> None:
        outputs = self.core.on_event(event)
        for seen in (event, *outputs):
            self.log.append(seen)
            self.venue.on_event(seen)

    def run_to(self, time_ns: int) -> None:
        """Let the venue do all that is due by then."""
        while (due_ns := self.venue.next_due_ns()) is not None and due_ns <= time_ns:
            for event in self.venue.poll_due(due_ns):
                self.send(event)
        self.now_ns = time_ns

    def at(self, at_ms: float, event: Event) -> None:
        """Feed an event of that time, after what is due before it."""
        assert event.event_time_ns == _ns(at_ms)
        self.run_to(event.event_time_ns)
        self.send(event)

    def trade(self, at_ms: float, price: int, size: int, side: Side | None) -> None:
        self.at(at_ms, trade(price, size, side, time_ns=_ns(at_ms)))

    def book(self, at_ms: float, **fields: Any) -> None:
        self.at(at_ms, book(time_ns=_ns(at_ms), **fields))

    def target(self, at_ms: float, sequence: int, **fields: Any) -> None:
        self.at(at_ms, target(sequence, time_ns=_ns(at_ms), **fields))


def _ns(at_ms: float) -> int:
    return T0 + round(at_ms * MS)
