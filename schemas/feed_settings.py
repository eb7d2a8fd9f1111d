"""Where market data comes from, and the contracts that its symbols have."""

from decimal import Decimal
from typing import Literal

from pydantic import Field

from schemas.market import ContractKind
from schemas.message import Instruction
from schemas.numbers import FeeBps, NonNegativeDecimal, Positive, PositiveBps, PositiveDecimal, Seed


class InstrumentConfig(Instruction):
    """One contract. The recorded feed infers a missing tick or lot, and the summary says so."""

    venue: str | None = None
    """The venue whose contract this is; none: the symbol at any venue."""
    tick_size: PositiveDecimal | None = None
    lot_size: PositiveDecimal | None = None
    min_notional: NonNegativeDecimal = Decimal(0)
    maker_fee_bps: FeeBps = Decimal("1.0")
    taker_fee_bps: FeeBps = Decimal("5.0")
    contract_kind: ContractKind | None = None
    """none: by the symbol's form, BTC/USDT is spot and BTC/USDT:USDT linear."""
    multiplier: PositiveDecimal = Decimal(1)
    base_currency: str | None = None
    """none: by the symbol's form, as the quote currency."""
    quote_currency: str | None = None


class SyntheticSymbol(Instruction):
    """How one synthetic market behaves."""

    price: PositiveDecimal
    spread_bps: PositiveBps
    """Typical spread of the market."""
    volatility_bps: PositiveBps
    """Per square root of a second, in the calm regime."""
    depth_notional: Positive = 20_000.0
    """Typical money at a level."""
    trades_per_s: Positive = 0.5
    updates_per_s: Positive = 10.0


def _default_synthetic() -> dict[str, SyntheticSymbol]:
    return {
        symbol: SyntheticSymbol(price=Decimal(price), spread_bps=spread_bps, volatility_bps=volatility_bps)
        for symbol, price, spread_bps, volatility_bps in (
            ("BTC/USDT", "60000", 4.0, 0.6),
            ("ETH/USDT", "3000", 8.0, 0.8),
            ("SOL/USDT", "150", 20.0, 1.2),
            ("AAVE/USDT", "100", 30.0, 1.5),
            ("LTC/USDT", "80", 50.0, 2.0),
        )
    }


class Feed(Instruction):
    """The source of market data."""

    kind: Literal["synthetic", "recorded", "live"] = "synthetic"
    """live: from the exchange of the section `exchange`."""
    paths: tuple[str, ...] = ()
    speed: Positive | Literal["max"] = 1.0
    """Recorded or synthetic seconds per second of wall clock time, or `max`: as fast as possible."""
    seed: Seed = 1
    on_malformed: Literal["skip", "fail"] = "skip"
    """How a recorded run treats an unreadable line: counted and skipped, or an end with exit 1."""
    symbols: dict[str, SyntheticSymbol] = Field(default_factory=_default_synthetic)
    """The synthetic markets; each needs its entry under `instruments`."""


def default_instruments() -> dict[str, InstrumentConfig]:
    """The contracts of the default synthetic markets."""
    return {
        symbol: InstrumentConfig(
            venue="synthetic", tick_size=Decimal(tick), lot_size=Decimal(lot), min_notional=Decimal(10)
        )
        for symbol, tick, lot in (
            ("BTC/USDT", "0.1", "0.00001"),
            ("ETH/USDT", "0.01", "0.0001"),
            ("SOL/USDT", "0.01", "0.01"),
            ("AAVE/USDT", "0.01", "0.001"),
            ("LTC/USDT", "0.01", "0.001"),
        )
    }
