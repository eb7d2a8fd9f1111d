"""The facts of one symbol around 10,000 ticks, and what a quoter says to them."""

from decimal import Decimal
from typing import Any

from quote_service.quoting.quoter import QuoterCore

from schemas.config import Config
from schemas.control import Command, CommandAction
from schemas.inventory import Position
from schemas.market import Book, BookStatus, Instrument
from schemas.message import ALL_SYMBOLS, Event
from schemas.quoting import QuoteSide, QuoteTarget
from schemas.risk import RiskState, TradingState
from schemas.signals import Signal
from tests.kit import messages as kit
from tests.kit.messages import T0

SOL = "SOL/USDT"


def config(**sections: dict[str, Any]) -> Config:
    return Config.model_validate(sections)


def instrument(symbol: str = SOL, **terms: Any) -> Instrument:
    """Tick 0.01, lot 0.001: at 10,000 ticks a lot is worth 0.1."""
    units = {"tick_size": Decimal("0.01"), "lot_size": Decimal("0.001"), "base_currency": "SOL"}
    return kit.instrument(symbol, **{**units, **terms})


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
    bids, asks = sizes[:1], sizes[1:]
    facts: dict[str, Any] = {"bid_sizes": bids, "ask_sizes": asks, "instrument_version": version}
    return kit.book(bid, ask, levels=1, status=status, symbol=symbol, time_ns=at, **facts)


def signal(symbol: str = SOL, **features: Any) -> Signal:
    """Calm and balanced, with a mean level of 20,000 lots, of which a tenth is quoted."""
    calm: dict[str, Any] = {
        "weighted_mid_ticks": 10_000.0,
        "volatility_per_sqrt_s": 0.0,
        "volatility_ready": True,
        "regime": "medium",
        "bid_depth_lots": 20_000,
        "ask_depth_lots": 20_000,
    }
    return kit.signal(20_000, symbol, **{**calm, **features})


def position(lots: int = 0, bias: float = 0.0, *, at: int = T0, version: int = 1) -> Position:
    return kit.position(
        lots, symbol=SOL, mark=None, fills=0, bias=bias, instrument_version=version, time_ns=at
    )


def risk(state: TradingState = "RUN", symbol: str = ALL_SYMBOLS, *why: str, at: int = T0) -> RiskState:
    return kit.risk_state(state, symbol, *why, time_ns=at)


def command(action: CommandAction, symbol: str = SOL, *, at: int = T0) -> Command:
    return kit.command(action, symbol=symbol, time_ns=at)


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
