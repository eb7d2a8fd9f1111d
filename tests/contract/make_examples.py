"""Writes schemas/examples: one golden message for every type on a topic, as the bytes of the wire.

    python tests/contract/make_examples.py

Run it after a type gained a field. It refuses to write an example that would lose a field of the one in
place: such a change is a new type with the next version, and the old example stays.
"""

import json
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from schemas.config import Config
from schemas.control import (
    AccessEvent,
    Acknowledgement,
    Command,
    Decision,
    Override,
    Proposal,
    ProposedOrder,
    SettingChange,
)
from schemas.envelope import encode
from schemas.inventory import Position
from schemas.market import (
    Book,
    FeedBook,
    FeedInstrument,
    FeedRefused,
    FeedTrade,
    Instrument,
    Refusal,
    Trade,
    VenueFilters,
)
from schemas.message import Event
from schemas.orders import (
    Fill,
    KillReport,
    OrderEvent,
    TradingStop,
    VenueBalance,
    VenueBalances,
    VenueOpenOrders,
    VenueReport,
    VenueStatus,
)
from schemas.process import ConfigApplied, EpochClaim, SettingApplied, Trace
from schemas.quoting import QuoteSide, QuoteStep, QuoteTarget
from schemas.risk import LimitUse, RiskAlert, RiskState
from schemas.signals import Signal
from schemas.statistics import MinuteStatistics

FOLDER = Path(__file__).resolve().parents[2] / "schemas" / "examples"

RECEIVED_NS = 1_723_161_254_206_652_067
EXCHANGE_NS = 1_723_161_254_198_000_000
SYMBOL = "BTC/USDT"
OF_SYMBOL = {"event_time_ns": RECEIVED_NS, "venue": "binance", "symbol": SYMBOL}
OF_VENUE = {"event_time_ns": RECEIVED_NS, "venue": "binance", "symbol": "*"}
OF_ACCOUNT = {"event_time_ns": RECEIVED_NS, "venue": "*", "symbol": "*"}
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


def market_examples() -> Iterator[Event]:
    """What the market said, and what was made of it."""
    yield FeedInstrument(**OF_SYMBOL, **INSTRUMENT)
    yield FeedBook(**OF_SYMBOL, **LEVELS, exchange_time_ns=EXCHANGE_NS, snapshot=True, sequence=49_012)
    yield FeedTrade(**OF_SYMBOL, **TRADE)
    yield FeedRefused(
        **OF_SYMBOL,
        reason="off_tick",
        detail="recording.jsonl.gz line 17: price 61837.635 is not a multiple of 0.01",
        event_type="book",
    )
    yield Instrument(**OF_SYMBOL, **INSTRUMENT)
    yield Book(**OF_SYMBOL, **LEVELS, instrument_version=2, exchange_time_ns=EXCHANGE_NS, status="live")
    yield Trade(**OF_SYMBOL, **TRADE, instrument_version=2)
    yield Refusal(**OF_SYMBOL, reason="duplicate_trade", detail="trade 3735683260 came before")
    yield Signal(
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


def order_examples() -> Iterator[Event]:
    """What should stand at the venue, and what became of it."""
    yield quote_target()
    yield OrderEvent(
        **OF_SYMBOL,
        instrument_version=2,
        kind="amend_rejected",
        status="live",
        client_order_id="mm-42-b0",
        side="buy",
        level=1,
        price_ticks=6_177_578,
        size_lots=8_000,
        filled_lots=2_000,
        target_sequence=42,
        reasons=("too_late",),
    )
    yield VenueReport(
        **OF_SYMBOL,
        kind="fill",
        client_order_id="mm-42-b0",
        side="buy",
        price_ticks=6_177_578,
        size_lots=2_000,
        venue_trade_id="sim-7",
        liquidity="maker",
        fee=Decimal("-0.00061"),
        fee_currency="USDT",
        recovered=True,
        reason="in the queue's turn",
    )
    yield VenueStatus(
        **OF_VENUE,
        state="degraded",
        reason="the user stream ended: NetworkError",
        clock_offset_us=-1_270,
        dead_mans_switch_armed=False,
    )
    balance = VenueBalance(currency="BTC", free=Decimal("1.25"), locked=Decimal("0.5"))
    yield VenueBalances(**OF_VENUE, balances=(balance,))
    asked_ns = RECEIVED_NS - 40_000_000
    yield VenueOpenOrders(**OF_VENUE, asked_ns=asked_ns, own=("mm-btcusdt-1a2b3c-b0-7",), foreign=2)
    yield KillReport(
        **OF_VENUE,
        state="incomplete",
        reasons=("RISK_HALT",),
        began_ns=RECEIVED_NS - 6_000_000_000,
        open_orders=("mm-btcusdt-1a2b3c-b0-7",),
        orders=10,
    )
    yield TradingStop(
        **OF_SYMBOL, code="MMP", text="31 lots filled, 11 net, at a quote of 10", needs_person=True
    )
    yield Fill(
        **OF_SYMBOL,
        instrument_version=2,
        venue_trade_id="sim-7",
        client_order_id="mm-42-b0",
        side="buy",
        price_ticks=6_177_578,
        size_lots=2_000,
        liquidity="maker",
        fee=Decimal("-0.0617757800"),
        fee_currency="USDT",
        mid_half_ticks=12_367_527,
    )


def quote_target() -> QuoteTarget:
    """A bid that is quoted, with the way to its price, and an ask that is not, with the reason."""
    step = QuoteStep(
        name="inventory_skew",
        input=0.25,
        effect_bps=-1.25,
        config_key="market_making.inventory_sensitivity",
        price_after=6_177_578.4,
    )
    return QuoteTarget(
        **OF_SYMBOL,
        instrument_version=2,
        sequence=42,
        valid_until_ns=RECEIVED_NS + 5_000_000_000,
        mid_half_ticks=12_367_527,
        model="vol_multiple",
        model_because="the arrival of orders is not calibrated yet",
        bid=QuoteSide(prices=(6_177_578,), sizes=(8_000,), steps=(step,)),
        ask=QuoteSide(prices=(), sizes=(), steps=(), not_quoting_because="reduce_only"),
    )


def decision_examples() -> Iterator[Event]:
    """What is held, whether trading is allowed, and what people asked for."""
    yield Position(
        **OF_SYMBOL,
        instrument_version=2,
        quote_currency="USDT",
        position_lots=-2_000,
        average_price_ticks=Decimal("6177578.5"),
        mark_half_ticks=12_367_527,
        realised=Decimal("12.50"),
        unrealised=Decimal("-1.2370"),
        fees=Decimal("-0.0617757800"),
        pnl=Decimal("11.3247757800"),
        pnl_capture=Decimal("14.00"),
        pnl_inventory=Decimal("-2.7370"),
        max_drawdown=Decimal("3.75"),
        pnl_reporting=Decimal("11.322510824844"),
        notional_reporting=Decimal("-1236.50534946"),
        fills=7,
        traded_notional=Decimal("8648.61"),
        bias=-0.00002,
        rebalance_action="buy",
        rebalance_size_lots=500,
        rebalance_urgency=0.125,
        adverse_bps=0.75,
    )
    yield RiskState(
        **OF_ACCOUNT,
        state="HALT",
        reasons=("max_drawdown",),
        latched=True,
        halt_sequence=3,
        resume_asked_by="ann",
        limits=(LimitUse(name="drawdown", value=0.102, limit=0.1, unit="ratio"),),
    )
    yield RiskAlert(
        **OF_ACCOUNT,
        alert_id="max_drawdown:3",
        severity="critical",
        name="max_drawdown",
        message="equity 898000 is 10.2 % below its maximum 1000000: all is halted until a resume",
        value=0.102,
        limit=0.1,
    )
    yield Override(
        **OF_SYMBOL,
        override_id="o-7",
        instrument_version=2,
        side="buy",
        price_ticks=6_177_578,
        size_lots=2_000,
        codes=("MAX_VALUE",),
        valid_until_ns=RECEIVED_NS + 300_000_000_000,
        requester="ann",
        approver="bob",
        reason="a client's position is taken over",
    )
    yield Command(
        **OF_SYMBOL,
        command_id="4f0c8f6e-3c0d-4c56-8d2b-0c7a9c1b2d3e",
        action="resume",
        principal="operator",
        reason="feed is back",
        halt_sequence=3,
    )
    yield from _of_people()


def _of_people() -> Iterator[Event]:
    yield SettingChange(
        **OF_ACCOUNT,
        change_id="c-7",
        setting_key="risk_limits.max_loss",
        value="-900",
        requester="ann",
        approver="bob",
        reason="a wider day",
    )
    yield Proposal(
        **OF_SYMBOL,
        proposal_id="p-7",
        requester="ann",
        reason="a client's position is taken over",
        valid_until_ns=RECEIVED_NS + 900_000_000_000,
        subject=ProposedOrder(
            instrument_version=2,
            side="buy",
            price_ticks=6_177_578,
            size_lots=2_000,
            codes=("MAX_VALUE",),
            valid_s=60,
        ),
    )
    yield Decision(**OF_ACCOUNT, proposal_id="p-7", principal="bob", approved=True, reason="as agreed")
    yield Acknowledgement(**OF_ACCOUNT, alert_id="risk-12", principal="ann", note="looked at the feed")
    yield AccessEvent(
        **OF_ACCOUNT, kind="denied", principal="eve", address="10.0.0.7", detail="resume: POST /api/v1"
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


def process_examples() -> Iterator[Event]:
    """What processes say about themselves."""
    about = {"event_time_ns": RECEIVED_NS, "process": "quote-service"}
    yield ConfigApplied(
        **about, code_version="0.1.0+5196649abcde", config_hash="9f2c" * 16, config=filled_config()
    )
    yield Trace(
        **about,
        entries=(("market.book", 0, 4, 2), ("tick", 0, RECEIVED_NS, 1)),
        last_output_sequence=42,
        state_digest="0a1b" * 16,
    )
    yield SettingApplied(
        **about,
        change_id="c-7",
        setting_key="risk_limits.max_loss",
        value="-500",
        refused_because="risk_limits.max_loss -900 is looser: a second person has to agree",
    )
    yield EpochClaim(**about, instance="pid-4711")


def filled_config() -> Config:
    """The defaults, with a value for whatever has none, and one symbol in each table."""
    values = Config().model_dump()
    values["routing"]["order_size_max"] = "25"
    values["feed"]["paths"] = ["recording.jsonl.gz"]
    values["feed"]["symbols"] = {SYMBOL: values["feed"]["symbols"][SYMBOL]}
    values["instruments"] = {
        SYMBOL: values["instruments"][SYMBOL] | {"base_currency": "BTC", "quote_currency": "USDT"}
    }
    values["engine"]["log_dir"] = "runs/first"
    return Config.model_validate(values)


def examples() -> dict[str, Event]:
    """By type name, in the order of the map of topics."""
    messages = (
        *market_examples(),
        *order_examples(),
        *decision_examples(),
        *statistics_examples(),
        *process_examples(),
    )
    return {message.type_name: message for message in messages}


def field_paths(value: Any, path: str = "") -> Iterator[str]:
    """The dotted names of all fields below a decoded JSON value; entries of a list share one name."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield f"{path}{name}"
            yield from field_paths(item, f"{path}{name}.")
    elif isinstance(value, list):
        for item in value:
            yield from field_paths(item, path)


def lost_fields(old: bytes, new: bytes) -> list[str]:
    """Fields that stand in the old message and no longer in the new one."""
    present = frozenset(field_paths(json.loads(new)))
    return [path for path in dict.fromkeys(field_paths(json.loads(old))) if path not in present]


def write_examples(folder: Path) -> list[str]:
    """Write each example that loses no field; what was refused, in words."""
    refused = []
    for type_name, message in examples().items():
        path = folder / f"{type_name}.json"
        payload = encode(message) + b"\n"
        lost = lost_fields(path.read_bytes(), payload) if path.exists() else []
        if lost:
            refused.append(
                f"{path.name} would lose {', '.join(lost)}: make a new version of the type instead"
            )
        else:
            path.write_bytes(payload)
    return refused


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    sys.exit("\n".join(write_examples(FOLDER)) or None)
