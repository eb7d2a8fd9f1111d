"""One builder for each message: sound and calm unless said otherwise, with money in the reporting currency.

The symbol is BTC/USDT of the venue `sim`, its mid 100 ticks; one tick is 1, and one lot is 1. Whatever a
builder does not name is given by the field's own name.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from schemas.config import Config
from schemas.control import Command, CommandAction, SettingChange
from schemas.inventory import Position
from schemas.market import Book, BookStatus, FeedBook, FeedInstrument, FeedTrade, Instrument, Trade
from schemas.message import ALL_SYMBOLS, Side
from schemas.orders import (
    Fill,
    OrderEvent,
    OrderEventKind,
    OrderStatus,
    ReportKind,
    VenueBalance,
    VenueBalances,
    VenueReport,
    VenueState,
    VenueStatus,
)
from schemas.process import ConfigApplied, Tick
from schemas.quoting import QuoteSide, QuoteTarget
from schemas.risk import RiskState, TradingState
from schemas.signals import Signal
from schemas.topics import ROUTER

MS = 1_000_000
S = 1_000 * MS
T0 = 1_000 * S
"""Where the tests' time begins."""
VENUE = "sim"
BTC = "BTC/USDT"
ETH = "ETH/USDT"
KEY = f"{VENUE}:{BTC}"

_CONTRACT: Mapping[str, Any] = {
    "tick_size": Decimal(1),
    "lot_size": Decimal(1),
    "base_currency": "BTC",
    "quote_currency": "USDT",
    "reporting_rate": Decimal(1),
}
_MONEY = ["realised", "unrealised", "fees", "pnl_capture", "pnl_inventory", "max_drawdown", "traded_notional"]


def named(symbol: str = BTC, time_ns: int = T0) -> dict[str, Any]:
    """Time, venue and symbol of a message; `*` is the whole account."""
    venue = ALL_SYMBOLS if symbol == ALL_SYMBOLS else VENUE
    return {"event_time_ns": time_ns, "venue": venue, "symbol": symbol}


def tick(seconds: float = 0) -> Tick:
    """So long after T0."""
    return Tick(event_time_ns=T0 + round(seconds * S))


# --- the market ---


def instrument(symbol: str = BTC, *, time_ns: int = T0, **fields: Any) -> Instrument:
    """One tick is 1, one lot is 1."""
    return Instrument(**{**named(symbol, time_ns), **_CONTRACT, **fields})


def feed_instrument(symbol: str = BTC, *, time_ns: int = T0, **fields: Any) -> FeedInstrument:
    """The same as a feed announces it."""
    return FeedInstrument(**{**named(symbol, time_ns), **_CONTRACT, **fields})


def book(
    bid: int | None = 99,
    ask: int | None = 101,
    *,
    size: int = 50,
    levels: int = 5,
    status: BookStatus = "live",
    symbol: str = BTC,
    time_ns: int = T0,
    **fields: Any,
) -> Book:
    """Levels a tick apart, each of one size; None: the side is empty."""
    bids = () if bid is None else tuple(bid - level for level in range(levels))
    asks = () if ask is None else tuple(ask + level for level in range(levels))
    sides: dict[str, Any] = {
        "bid_prices": bids,
        "bid_sizes": (size,) * len(bids),
        "ask_prices": asks,
        "ask_sizes": (size,) * len(asks),
    }
    return Book(**{**named(symbol, time_ns), **sides, "status": status, **fields})


def feed_book(
    bids: Mapping[int, int] | None = None,
    asks: Mapping[int, int] | None = None,
    *,
    snapshot: bool = False,
    sequence: int | None = None,
    symbol: str = BTC,
    time_ns: int = T0,
    **fields: Any,
) -> FeedBook:
    """A delta, or a snapshot, of sizes by price."""
    bids, asks = bids or {}, asks or {}
    facts: dict[str, Any] = {
        "snapshot": snapshot,
        "sequence": sequence,
        "bid_prices": tuple(bids),
        "bid_sizes": tuple(bids.values()),
        "ask_prices": tuple(asks),
        "ask_sizes": tuple(asks.values()),
    }
    return FeedBook(**{**named(symbol, time_ns), **facts, **fields})


def trade(
    price: int = 100,
    lots: int = 1,
    side: Side | None = "buy",
    *,
    trade_id: str = "t1",
    symbol: str = BTC,
    time_ns: int = T0,
    **fields: Any,
) -> Trade:
    """A public trade; the side is the taker's."""
    facts = {"price_ticks": price, "size_lots": lots, "side": side, "trade_id": trade_id}
    return Trade(**{**named(symbol, time_ns), **facts, **fields})


def feed_trade(
    price: int = 100,
    lots: int = 1,
    side: Side | None = "buy",
    *,
    trade_id: str = "t1",
    symbol: str = BTC,
    time_ns: int = T0,
    **fields: Any,
) -> FeedTrade:
    """The same as it came from the venue."""
    facts = {"price_ticks": price, "size_lots": lots, "side": side, "trade_id": trade_id}
    return FeedTrade(**{**named(symbol, time_ns), **facts, **fields})


def signal(mid: int | None = 200, symbol: str = BTC, time_ns: int = T0, **fields: Any) -> Signal:
    """Calm and balanced, in warm-up; the mid in half ticks."""
    facts: dict[str, Any] = {
        "book_status": "live",
        "book_time_ns": time_ns,
        "mid_half_ticks": mid,
        "spread_ticks": 2,
        "weighted_mid_ticks": None,
        "volatility_per_sqrt_s": None,
        "volatility_ready": False,
        "regime": "low",
        "jump": False,
        "bid_depth_lots": 1,
        "ask_depth_lots": 1,
        "imbalance": 0.0,
        "flow_imbalance": 0.0,
        "flow_volume_lots": 0.0,
    }
    return Signal(**{**named(symbol, time_ns), **facts, **fields})


# --- what is decided ---


def quote_side(levels: Iterable[tuple[int, int]] = (), because: str | None = None) -> QuoteSide:
    """(price, size) of each level, best first; `because`: why there is none."""
    prices, sizes = zip(*levels, strict=True) if (levels := tuple(levels)) else ((), ())
    return QuoteSide(prices=prices, sizes=sizes, steps=(), not_quoting_because=because)


def target(
    sequence: int = 1,
    bids: Iterable[tuple[int, int]] = (),
    asks: Iterable[tuple[int, int]] = (),
    *,
    ttl_ms: float = 5_000,
    because: str | None = None,
    symbol: str = BTC,
    time_ns: int = T0,
    **fields: Any,
) -> QuoteTarget:
    """Desired quotes, (price, size) of each level; in force for `ttl_ms`."""
    facts: dict[str, Any] = {
        "sequence": sequence,
        "valid_until_ns": time_ns + round(ttl_ms * MS),
        "mid_half_ticks": None,
        "model": "test",
        "bid": quote_side(bids, because),
        "ask": quote_side(asks, because),
    }
    return QuoteTarget(**{**named(symbol, time_ns), **facts, **fields})


def risk_state(
    state: TradingState = "RUN", symbol: str = ALL_SYMBOLS, *reasons: str, time_ns: int = T0, **fields: Any
) -> RiskState:
    """Of the account, unless a symbol is named."""
    return RiskState(**{**named(symbol, time_ns), "state": state, "reasons": reasons, **fields})


def command(
    action: CommandAction, command_id: str = "c1", *, symbol: str = BTC, time_ns: int = T0, **fields: Any
) -> Command:
    """A person's word."""
    facts = {"command_id": command_id, "action": action, "principal": "ann", "reason": "odd prices"}
    return Command(**{**named(symbol, time_ns), **facts, **fields})


def setting_change(
    key: str, value: str, change_id: str = "c1", *, time_ns: int = T0, **fields: Any
) -> SettingChange:
    """A person changes a setting; of one symbol by its key."""
    facts = {"change_id": change_id, "setting_key": key, "value": value, "requester": "ann"}
    return SettingChange(**{"event_time_ns": time_ns, "venue": "*", "symbol": "*", **facts, **fields})


# --- orders, and what we hold ---


def order_event(
    kind: OrderEventKind = "place_intent",
    status: OrderStatus = "pending_new",
    *,
    order_id: str = "mm-1",
    side: Side = "buy",
    price: int = 100,
    lots: int = 1,
    symbol: str = BTC,
    time_ns: int = T0,
    **fields: Any,
) -> OrderEvent:
    """A step in the life of the order at the best level."""
    facts: dict[str, Any] = {
        "kind": kind,
        "status": status,
        "client_order_id": order_id,
        "side": side,
        "level": 0,
        "price_ticks": price,
        "size_lots": lots,
        "target_sequence": 1,
    }
    return OrderEvent(**{**named(symbol, time_ns), **facts, **fields})


def venue_report(
    kind: ReportKind,
    order_id: str = "mm-1",
    price: int = 0,
    lots: int = 0,
    *,
    symbol: str = BTC,
    time_ns: int = T0,
    **fields: Any,
) -> VenueReport:
    """What the venue said about an order."""
    facts = {"kind": kind, "client_order_id": order_id, "price_ticks": price, "size_lots": lots}
    return VenueReport(**{**named(symbol, time_ns), **facts, **fields})


def reported_fill(
    order_id: str = "mm-1", price: int = 100, lots: int = 1, trade_id: str | None = "t1", **fields: Any
) -> VenueReport:
    """The venue says that an order was filled."""
    return venue_report(
        "fill", order_id, price, lots, **{"venue_trade_id": trade_id, "liquidity": "maker", **fields}
    )


def fill(
    trade_id: str = "t1",
    side: Side = "buy",
    price: int = 100,
    lots: int = 1,
    *,
    mid: int | None = None,
    fee: str | Decimal = "0",
    currency: str = "USDT",
    symbol: str = BTC,
    time_ns: int = T0,
    **fields: Any,
) -> Fill:
    """An execution of an order of its own; the mid, in half ticks, is at its price unless said otherwise."""
    facts: dict[str, Any] = {
        "venue_trade_id": trade_id,
        "client_order_id": f"order of {trade_id}",
        "side": side,
        "price_ticks": price,
        "size_lots": lots,
        "liquidity": "maker",
        "fee": Decimal(fee),
        "fee_currency": currency,
        "mid_half_ticks": 2 * price if mid is None else mid,
    }
    return Fill(**{**named(symbol, time_ns), **facts, **fields})


def position(
    lots: int = 0,
    pnl: str = "0",
    symbol: str = BTC,
    *,
    mark: int | None = 200,
    time_ns: int = T0,
    **fields: Any,
) -> Position:
    """After one fill, at a mark in half ticks of one lot and tick each."""
    facts: dict[str, Any] = {
        **dict.fromkeys(_MONEY, Decimal(0)),
        "quote_currency": "USDT",
        "position_lots": lots,
        "average_price_ticks": None,
        "mark_half_ticks": mark,
        "pnl": Decimal(pnl),
        "pnl_reporting": Decimal(pnl),
        "notional_reporting": Decimal(lots * (mark or 0)) / 2,
        "fills": 1,
        "bias": 0.0,
        "rebalance_action": "none",
        "rebalance_size_lots": 0,
        "rebalance_urgency": 0.0,
    }
    return Position(**{**named(symbol, time_ns), **facts, **fields})


def venue_status(state: VenueState = "ready", *, time_ns: int = T0, **fields: Any) -> VenueStatus:
    """How the connection to the venue stands."""
    return VenueStatus(**{**named(time_ns=time_ns), "symbol": ALL_SYMBOLS, "state": state, **fields})


def venue_balances(held: Mapping[str, tuple[str, str]], *, time_ns: int = T0, **fields: Any) -> VenueBalances:
    """(free, locked) of each currency of the account."""
    stated = tuple(
        VenueBalance(currency=currency, free=Decimal(free), locked=Decimal(locked))
        for currency, (free, locked) in held.items()
    )
    return VenueBalances(**{**named(time_ns=time_ns), "symbol": ALL_SYMBOLS, "balances": stated, **fields})


# --- processes ---


def config_applied(
    config: Config | None = None, process: str = ROUTER, *, time_ns: int = T0, **fields: Any
) -> ConfigApplied:
    """The first input of a process."""
    facts = {"process": process, "code_version": "1", "config_hash": "x", "config": config or Config()}
    return ConfigApplied(**{"event_time_ns": time_ns, **facts, **fields})
