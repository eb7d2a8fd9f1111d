"""What golden messages share: times, places, the contract, the book, and examples that are in place."""

from decimal import Decimal
from pathlib import Path
from typing import Any

from schemas.envelope import M, decode
from schemas.market import Instrument, VenueFilters

FOLDER = Path(__file__).resolve().parents[2] / "schemas" / "examples"

RECEIVED_NS = 1_723_161_254_206_652_067
EXCHANGE_NS = 1_723_161_254_198_000_000
SYMBOL = "BTC/USDT"
OF_SYMBOL: dict[str, Any] = {"event_time_ns": RECEIVED_NS, "venue": "binance", "symbol": SYMBOL}
OF_VENUE: dict[str, Any] = {"event_time_ns": RECEIVED_NS, "venue": "binance", "symbol": "*"}
OF_ACCOUNT: dict[str, Any] = {"event_time_ns": RECEIVED_NS, "venue": "*", "symbol": "*"}
INSTRUMENT: dict[str, Any] = {
    "version": 2,
    "tick_size": Decimal("0.01"),
    "lot_size": Decimal("0.00001"),
    "min_notional": Decimal(5),
    "maker_fee_bps": Decimal("-0.5"),
    "taker_fee_bps": Decimal("5.0"),
    "contract_kind": "linear",
    "multiplier": Decimal(1),
    "base_currency": "BTC",
    "quote_currency": "USDT",
    "reporting_rate": Decimal("0.9998"),
    "filters": VenueFilters(price_max=Decimal(1_000_000), open_orders_max=200),
    "inferred": ("tick_size", "lot_size"),
}
SIGNED: dict[str, Any] = {
    "request": "9f86d081884c7d659a2feaa0c55ad015-a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "scope": ("*",),
    "signature": "eyJhbGciOiJFZERTQSIsImtpZCI6IjNmMWEifQ.eyJpc3MiOiI1M2M0IiwibnVtIjoxfQ.c2lnbmF0dXJl",
}
SHOWN = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"
LEVELS: dict[str, Any] = {
    "bid_prices": (6_183_763, 6_183_760, 6_183_700),
    "bid_sizes": (378_000, 1_200, 50_000),
    "ask_prices": (6_183_764, 6_183_791, 6_183_800),
    "ask_sizes": (160_000, 2_500, 75_000),
}
TRADE: dict[str, Any] = {
    "exchange_time_ns": EXCHANGE_NS,
    "price_ticks": 6_183_763,
    "size_lots": 4_800,
    "side": "sell",
    "trade_id": "3735683260",
}


def contract(**fields: Any) -> Instrument:
    """The contract that carried state names; further fields take the place of these."""
    usual = {
        "tick_size": Decimal("0.01"),
        "lot_size": Decimal("0.00001"),
        "base_currency": "BTC",
        "quote_currency": "USDT",
        "reporting_rate": Decimal(1),
    }
    return Instrument(**OF_SYMBOL | usual | fields)


def golden(model: type[M]) -> M:
    """The example of a type that is in place."""
    return decode(model, (FOLDER / f"{model.type_name}.json").read_bytes())
