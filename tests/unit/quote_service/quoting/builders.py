"""The facts of one symbol around 10,000 ticks, and what a quoter says to them."""

from decimal import Decimal
from typing import Any

from quote_service.quoting.core.quoter import QuoterCore

from schemas.config import Config
from schemas.control import Command, CommandAction
from schemas.inventory import Position
from schemas.market import Book, BookStatus, Instrument
from schemas.message import ALL_SYMBOLS, Event
from schemas.quoting import QuoteSide, QuoteTarget
from schemas.risk import RiskState, TradingState
from schemas.signals import Signal

MS = 1_000_000
S = 1_000 * MS
T0 = 1_000_000 * S
SOL = "SOL/USDT"
ETH = "ETH/USDT"


def config(**sections: dict[str, Any]) -> Config:
    return Config.model_validate(sections)


def instrument(symbol: str = SOL, **terms: Any) -> Instrument:
    """Tick 0.01, lot 0.001: at 10,000 ticks a lot is worth 0.1."""
    facts: dict[str, Any] = {
        "tick_size": Decimal("0.01"),
        "lot_size": Decimal("0.001"),
        "base_currency": "SOL",
        "quote_currency": "USDT",
        "reporting_rate": Decimal(1),
    }
    return Instrument(event_time_ns=T0, venue="sim", symbol=symbol, **{**facts, **terms})


def book(
    bid: int = 9_999,
    ask: int = 10_001,
    *,
    at: int = T0,
    status: BookStatus = "live",
    sizes: tuple[int, int] = (20_000, 20_000),
    symbol: str = SOL,
    version: int = 1,
) -> Book:
    """Around 10,000 ticks, where the default base spread is 10 ticks each side."""
    return Book(
        event_time_ns=at,
        venue="sim",
        symbol=symbol,
        instrument_version=version,
        status=status,
        bid_prices=(bid,),
        bid_sizes=(sizes[0],),
        ask_prices=(ask,),
        ask_sizes=(sizes[1],),
    )


def signal(symbol: str = SOL, **features: Any) -> Signal:
    """Calm and balanced, with a mean level of 20,000 lots, of which a tenth is quoted."""
    facts: dict[str, Any] = {
        "book_status": "live",
        "book_time_ns": T0,
        "mid_half_ticks": 20_000,
        "spread_ticks": 2,
        "weighted_mid_ticks": 10_000.0,
        "volatility_per_sqrt_s": 0.0,
        "volatility_ready": True,
        "regime": "medium",
        "jump": False,
        "bid_depth_lots": 20_000,
        "ask_depth_lots": 20_000,
        "imbalance": 0.0,
        "flow_imbalance": 0.0,
        "flow_volume_lots": 0.0,
    }
    return Signal(event_time_ns=T0, venue="sim", symbol=symbol, **{**facts, **features})


def position(lots: int = 0, bias: float = 0.0, *, at: int = T0, version: int = 1) -> Position:
    money = dict.fromkeys(
        (
            *("realised", "unrealised", "fees", "pnl", "pnl_capture", "pnl_inventory", "max_drawdown"),
            *("pnl_reporting", "notional_reporting", "traded_notional"),
        ),
        Decimal(0),
    )
    return Position(
        event_time_ns=at,
        venue="sim",
        symbol=SOL,
        instrument_version=version,
        quote_currency="USDT",
        position_lots=lots,
        average_price_ticks=None,
        mark_half_ticks=None,
        fills=0,
        bias=bias,
        rebalance_action="none",
        rebalance_size_lots=0,
        rebalance_urgency=0.0,
        **money,
    )


def risk(state: TradingState = "RUN", symbol: str = ALL_SYMBOLS, *why: str, at: int = T0) -> RiskState:
    return RiskState(
        event_time_ns=at,
        venue="*" if symbol == ALL_SYMBOLS else "sim",
        symbol=symbol,
        state=state,
        reasons=why,
    )


def command(action: CommandAction, symbol: str = SOL, *, at: int = T0) -> Command:
    return Command(
        event_time_ns=at,
        venue="*" if symbol == ALL_SYMBOLS else "sim",
        symbol=symbol,
        command_id="c1",
        action=action,
        principal="tester",
        reason="a test",
    )


def targets(core: QuoterCore, *events: Event) -> list[QuoteTarget]:
    """What the core says to all of the events."""
    said = [output for event in events for output in core.on_event(event)]
    assert all(isinstance(output, QuoteTarget) for output in said)
    return [output for output in said if isinstance(output, QuoteTarget)]


def facts(symbol: str = SOL) -> tuple[Event, ...]:
    """All that a quote needs beside the book."""
    return (risk(), instrument(symbol), signal(symbol))


def quoting(settings: Config | None = None) -> QuoterCore:
    """A core whose target 9,990 and 10,010 for 2,000 lots stands since T0."""
    core = QuoterCore(settings or config())
    (target,) = targets(core, *facts(), book())
    assert quotes(target) == ((9_990, 2_000), (10_010, 2_000))
    return core


def quotes(target: QuoteTarget) -> tuple[tuple[int, int] | None, tuple[int, int] | None]:
    """(price, size) of each side, None where it is not quoted."""

    def level(side: QuoteSide) -> tuple[int, int] | None:
        return (side.prices[0], side.sizes[0]) if side.prices else None

    return level(target.bid), level(target.ask)


def why_not(target: QuoteTarget) -> tuple[str | None, str | None]:
    for side in (target.bid, target.ask):
        assert bool(side.prices) == bool(side.sizes) == (side.not_quoting_because is None)
    return target.bid.not_quoting_because, target.ask.not_quoting_because
