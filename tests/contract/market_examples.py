"""Golden messages of the market: what it said, and what was made of it."""

from collections.abc import Iterator
from decimal import Decimal

from schemas.market import (
    Book,
    FeedBook,
    FeedInstrument,
    FeedLag,
    FeedRate,
    FeedRefused,
    FeedTrade,
    Instrument,
    MarketLag,
    Rate,
    Refusal,
    SymbolRemoved,
    Trade,
)
from schemas.message import Event
from schemas.signals import Signal
from schemas.statistics import MinuteStatistics
from tests.contract.example_values import EXCHANGE_NS, INSTRUMENT, LEVELS, OF_SYMBOL, RECEIVED_NS, TRADE


def market_examples() -> Iterator[Event]:
    """What the market said, and what was made of it."""
    yield FeedInstrument(**OF_SYMBOL, **INSTRUMENT)
    rate = {"base_currency": "BNB", "quote_currency": "USDT", "rate": Decimal("594.255")}
    yield FeedRate(**OF_SYMBOL | {"symbol": "BNB/USDT"}, **rate)
    yield Rate(**OF_SYMBOL | {"symbol": "BNB/USDT"}, **rate)
    yield FeedBook(**OF_SYMBOL, **LEVELS, exchange_time_ns=EXCHANGE_NS, snapshot=True, sequence=49_012)
    yield FeedTrade(**OF_SYMBOL, **TRADE)
    yield FeedRefused(
        **OF_SYMBOL,
        reason="off_tick",
        detail="recording.jsonl.gz line 17: price 61837.635 is not a multiple of 0.01",
        event_type="book",
        command_id="c-41",
    )
    lag = {"lag_ms": 1_312, "left_ms": 1_205, "conflated": 9_138}
    yield FeedLag(**OF_SYMBOL, **lag)
    yield MarketLag(**OF_SYMBOL, **lag)
    yield SymbolRemoved(**OF_SYMBOL, command_id="c-42")
    yield Instrument(**OF_SYMBOL, **INSTRUMENT)
    yield Book(**OF_SYMBOL, **LEVELS, instrument_version=2, exchange_time_ns=EXCHANGE_NS, status="live")
    yield Trade(**OF_SYMBOL, **TRADE, instrument_version=2)
    yield Refusal(
        **OF_SYMBOL, reason="duplicate_trade", detail="trade 3735683260 came before", command_id="c-41"
    )
    yield signal()


def signal() -> Signal:
    """What the book and the trades of a symbol tell, with every estimate there is."""
    return Signal(
        **OF_SYMBOL,
        book_status="live",
        book_time_ns=RECEIVED_NS,
        mid_half_ticks=12_367_527,
        spread_ticks=1,
        weighted_mid_ticks=6_183_763.702,
        volatility_per_sqrt_s=6.25e-05,
        volatility_ready=True,
        regime="medium",
        jump=True,
        bid_depth_lots=429_200,
        ask_depth_lots=237_500,
        imbalance=0.28753,
        flow_imbalance=-0.5,
        flow_volume_lots=96_000.25,
        robust_volatility_per_sqrt_s=0.00002,
        noise=0.00000125,
        without_jumps_per_sqrt_s=0.0000175,
        ofi=(1.5, -0.25),
        toxicity=0.375,
        arrival_rate_per_s=1.75,
        arrival_decay_per_tick=0.015625,
        arrival_ready=True,
    )


def statistics_examples() -> Iterator[Event]:
    """What a minute came to."""
    yield MinuteStatistics(
        **OF_SYMBOL,
        window_start_ns=1_723_161_240_000_000_000,
        version=412,
        book_ns=59_800_000_000,
        spread_bps=0.0125,
        trades=31,
        taker_buy_lots=96_000,
        taker_sell_lots=160_000,
        unknown_side_lots=1_200,
        flow_lots=-64_000,
        quoting_ns=58_000_000_000,
        two_sided_ns=55_000_000_000,
        bid_at_top_ns=12_000_000_000,
        ask_at_top_ns=9_500_000_000,
        fills=3,
        bought_lots=2_000,
        sold_lots=4_000,
        orders_ended=7,
        orders_with_fill=2,
        fills_per_quoting_s=3 / 58,
    )
