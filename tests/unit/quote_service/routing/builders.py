"""Messages and a small engine around the order router, for its tests."""

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from typing import Any

from quote_service.routing.core.account import Account
from quote_service.routing.core.gate import Gate
from quote_service.routing.core.order_states import Order
from quote_service.routing.core.request import Request
from quote_service.routing.core.router import RouterCore
from quote_service.routing.core.symbol_state import SymbolState
from quote_service.routing.core.terms import contract_terms
from quote_service.routing.venues.simulated import SimulatedVenue

from schemas.config import Config
from schemas.inventory import Position
from schemas.market import Book, Instrument, Trade
from schemas.message import Event
from schemas.orders import Fill, KillReport, OrderEvent, TradingStop, VenueReport
from schemas.process import Shutdown, Tick
from schemas.quoting import QuoteSide, QuoteTarget
from schemas.risk import RiskState

VENUE = "sim"
SYMBOL = "BTC/USDT"
KEY = f"{VENUE}:{SYMBOL}"
MS = 1_000_000
T0 = 1_000_000 * MS
"""Where the tests' time begins."""
NAMES = {"venue": VENUE, "symbol": SYMBOL}


def config(**sections: dict[str, Any]) -> Config:
    return Config.model_validate(sections)


def instrument(time_ns: int = T0, **fields: Any) -> Instrument:
    """One tick is 1, one lot is 1, and money is the reporting currency, unless said otherwise."""
    facts: dict[str, Any] = {
        "tick_size": Decimal(1),
        "lot_size": Decimal(1),
        "base_currency": "BTC",
        "quote_currency": "USDT",
        "reporting_rate": Decimal(1),
        **NAMES,
    }
    return Instrument(event_time_ns=time_ns, **{**facts, **fields})


def book(
    time_ns: int = T0, bid: int = 99, ask: int = 101, size: int = 50, levels: int = 5, **fields: Any
) -> Book:
    facts: dict[str, Any] = {
        "status": "live",
        "bid_prices": tuple(bid - i for i in range(levels)),
        "bid_sizes": (size,) * levels,
        "ask_prices": tuple(ask + i for i in range(levels)),
        "ask_sizes": (size,) * levels,
        **NAMES,
    }
    return Book(event_time_ns=time_ns, **{**facts, **fields})


def trade(time_ns: int, price: int, size: int, side: str | None, trade_id: str = "t") -> Trade:
    return Trade(
        event_time_ns=time_ns, price_ticks=price, size_lots=size, side=side, trade_id=trade_id, **NAMES
    )


def quote_side(levels: Iterable[tuple[int, int]], because: str | None = None) -> QuoteSide:
    levels = tuple(levels)
    return QuoteSide(
        prices=tuple(price for price, _ in levels),
        sizes=tuple(size for _, size in levels),
        steps=(),
        not_quoting_because=because,
    )


def target(
    time_ns: int,
    sequence: int,
    bids: Iterable[tuple[int, int]] = (),
    asks: Iterable[tuple[int, int]] = (),
    **fields: Any,
) -> QuoteTarget:
    """`ttl_ms` and `because` are of this function, other fields of the message."""
    because = fields.pop("because", None)
    facts: dict[str, Any] = {
        "sequence": sequence,
        "valid_until_ns": time_ns + fields.pop("ttl_ms", 5_000) * MS,
        "mid_half_ticks": None,
        "model": "test",
        "bid": quote_side(bids, because),
        "ask": quote_side(asks, because),
        **NAMES,
    }
    return QuoteTarget(event_time_ns=time_ns, **{**facts, **fields})


def risk(time_ns: int, state: str = "RUN", symbol: str = "*") -> RiskState:
    return RiskState(event_time_ns=time_ns, venue="*" if symbol == "*" else VENUE, symbol=symbol, state=state)


def position(time_ns: int, lots: int, fills: int, **fields: Any) -> Position:
    zero = Decimal(0)
    facts: dict[str, Any] = {
        "quote_currency": "USDT",
        "position_lots": lots,
        "average_price_ticks": None,
        "mark_half_ticks": None,
        "fills": fills,
        "bias": 0.0,
        "rebalance_action": "none",
        "rebalance_size_lots": 0,
        "rebalance_urgency": 0.0,
        **NAMES,
    }
    money = (
        "realised", "unrealised", "fees", "pnl", "pnl_capture", "pnl_inventory", "max_drawdown",
        "pnl_reporting", "notional_reporting", "traded_notional",
    )  # fmt: skip
    return Position(event_time_ns=time_ns, **dict.fromkeys(money, zero), **{**facts, **fields})


def report(
    time_ns: int, kind: str, order_id: str, price: int = 0, size: int = 0, **fields: Any
) -> VenueReport:
    return VenueReport(
        event_time_ns=time_ns,
        kind=kind,
        client_order_id=order_id,
        price_ticks=price,
        size_lots=size,
        **{**NAMES, **fields},
    )


def fill(
    time_ns: int, order_id: str, price: int, size: int, trade_id: str | None, **fields: Any
) -> VenueReport:
    return report(
        time_ns, "fill", order_id, price, size, venue_trade_id=trade_id, **{"liquidity": "maker", **fields}
    )


class Desk:
    """A core alone: the test plays market, target, risk and venue. Time is in ms after T0."""

    def __init__(self, settings: Config | None = None, **instrument_fields: Any) -> None:
        self.config = settings or Config()
        self.core = RouterCore(self.config)
        self.events: list[OrderEvent] = []
        self.fills: list[Fill] = []
        self.kills: list[KillReport] = []
        self.stops: list[TradingStop] = []
        self.send(instrument(T0, **instrument_fields))
        self.send(risk(T0))

    @property
    def symbol(self) -> SymbolState:
        return self.core._symbols[KEY]

    @property
    def account(self) -> Account:
        return self.core._account

    def send(self, event: Event) -> list[OrderEvent]:
        outputs = self.core.on_event(event)
        made = [output for output in outputs if isinstance(output, OrderEvent)]
        self.events += made
        fills = [output for output in outputs if isinstance(output, Fill)]
        kills = [output for output in outputs if isinstance(output, KillReport)]
        stops = [output for output in outputs if isinstance(output, TradingStop)]
        self.fills += fills
        self.kills += kills
        self.stops += stops
        assert len(outputs) == len(made) + len(fills) + len(kills) + len(stops)
        assert all(output.event_time_ns >= event.event_time_ns for output in outputs)
        return made

    def book(self, at_ms: float, **fields: Any) -> list[OrderEvent]:
        return self.send(book(_ns(at_ms), **fields))

    def target(self, at_ms: float, sequence: int, **fields: Any) -> list[OrderEvent]:
        return self.send(target(_ns(at_ms), sequence, **fields))

    def beat(self, at_ms: float, state: str = "RUN", symbol: str = "*") -> list[OrderEvent]:
        return self.send(risk(_ns(at_ms), state, symbol))

    def tick(self, at_ms: float) -> list[OrderEvent]:
        return self.send(Tick(event_time_ns=_ns(at_ms)))

    def shutdown(self, at_ms: float) -> list[OrderEvent]:
        return self.send(Shutdown(event_time_ns=_ns(at_ms)))

    def position(self, at_ms: float, lots: int, fills: int = 0, **fields: Any) -> list[OrderEvent]:
        return self.send(position(_ns(at_ms), lots, fills, **fields))

    def answer(self, at_ms: float, kind: str, intent: OrderEvent | str, **fields: Any) -> list[OrderEvent]:
        """The venue answers an intent as it was asked."""
        if isinstance(intent, OrderEvent):
            fields = {"price": intent.price_ticks, "size": intent.size_lots, **fields}
            intent = intent.client_order_id
        return self.send(report(_ns(at_ms), kind, intent, **fields))

    def fill(
        self, at_ms: float, order: OrderEvent, size: int, trade_id: str, **fields: Any
    ) -> list[OrderEvent]:
        price = fields.pop("price", order.price_ticks)
        return self.send(fill(_ns(at_ms), order.client_order_id, price, size, trade_id, **fields))

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
        self.account = Account(self.config.risk_limits.heartbeat_ttl_ms * MS, self.config.routing)
        self.account.hear(risk(T0), T0)
        self.gate = Gate(self.config, self.account)
        self.symbol = SymbolState.new(KEY, VENUE, SYMBOL)
        self.symbol.terms = contract_terms(instrument(T0, **instrument_fields), self.config)
        self.symbol.see_book(book(T0))

    def order(
        self, side: str, size: int, price: int | None = None, level: int = 9, status: str = "live"
    ) -> Order:
        """An own order at the venue, far from the market unless a price is given."""
        price = price if price is not None else (90 if side == "buy" else 110)
        order = Order(f"x-{side}-{level}", side, level, 1, price, size, 1, price, size, T0, status=status)  # type: ignore[arg-type]
        self.symbol.orders[side, level] = order  # type: ignore[index]
        return order

    def value(self) -> None:
        self.account.value(self.symbol)

    def check(self, side: str, price: int, size: int, at_ms: float = 0, **fields: Any) -> tuple[str, ...]:
        order_id = fields.pop("order_id", None)
        request = Request(
            side=side,  # type: ignore[arg-type]
            level=0,
            price_ticks=price,
            size_lots=size,
            instrument_version=1,
            target_sequence=1,
            valid_until_ns=T0 + 60_000 * MS,
        )
        self.value()
        return self.gate.check(replace(request, **fields), self.symbol, _ns(at_ms), order_id)


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
        self.send(instrument(T0, **instrument_fields))
        self.send(risk(T0))

    @property
    def symbol(self) -> SymbolState:
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
            for event in self.venue.take_due(due_ns):
                self.send(event)
        self.now_ns = time_ns

    def at(self, at_ms: float, event: Event) -> None:
        """Feed an event of that time, after what is due before it."""
        assert event.event_time_ns == _ns(at_ms)
        self.run_to(event.event_time_ns)
        self.send(event)

    def trade(self, at_ms: float, price: int, size: int, side: str | None) -> None:
        self.at(at_ms, trade(_ns(at_ms), price, size, side))

    def book(self, at_ms: float, **fields: Any) -> None:
        self.at(at_ms, book(_ns(at_ms), **fields))

    def target(self, at_ms: float, sequence: int, **fields: Any) -> None:
        self.at(at_ms, target(_ns(at_ms), sequence, **fields))


def _ns(at_ms: float) -> int:
    return T0 + round(at_ms * MS)
