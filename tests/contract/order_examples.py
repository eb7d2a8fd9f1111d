"""Golden messages of quotes, orders, fills and the account at the venue."""

from collections.abc import Iterator
from decimal import Decimal

from schemas.balancing import BalanceOrder
from schemas.gating import GateRoom, RefusedQuote
from schemas.message import Event
from schemas.orders import (
    AccountBalance,
    AccountChange,
    Fill,
    KillReport,
    OrderEvent,
    TradingStop,
    VenueBalance,
    VenueBalances,
    VenueOpenOrders,
    VenuePosition,
    VenuePositions,
    VenueReport,
    VenueStatus,
)
from schemas.quoting import QuoteSide, QuoteStep, QuoteTarget
from tests.contract.example_values import EXCHANGE_NS, OF_SYMBOL, OF_VENUE, RECEIVED_NS


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
        time_in_force="ioc",
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
        executed_ns=EXCHANGE_NS,
        recovered=True,
        reason="in the queue's turn",
    )
    yield BalanceOrder(
        **OF_SYMBOL,
        instrument_version=2,
        sequence=3,
        stage="take",
        side="sell",
        size_lots=8_000,
        urgency=0.875,
        cost_bps=5.5,
        valid_until_ns=RECEIVED_NS + 3_000_000_000,
        flattens=True,
        held_back="taking costs 14.2 bps, more than balance.cost_bps_max (10)",
    )
    refused = RefusedQuote(side="buy", price_ticks=6_000_000, target_sequence=41, codes=("PRICE_COLLAR",))
    yield GateRoom(
        **OF_SYMBOL,
        instrument_version=2,
        position_lots_max=50_000,
        buy_lots_max=40_000,
        sell_lots_max=30_000,
        waits_for_messages=True,
        refused=(refused,),
    )
    yield from venue_examples()
    yield from fill_examples()


def venue_examples() -> Iterator[Event]:
    """How a venue and the account at it stand."""
    yield VenueStatus(
        **OF_VENUE,
        state="degraded",
        reason="the user stream ended: NetworkError",
        clock_offset_us=-1_270,
        dead_mans_switch_armed=False,
        held_until_ns=RECEIVED_NS + 2_000_000_000,
    )
    balance = VenueBalance(currency="BTC", free=Decimal("1.25"), locked=Decimal("0.5"))
    asked_ns = RECEIVED_NS - 40_000_000
    read = (("BTC/USDT", RECEIVED_NS - 90_000_000),)
    yield VenueBalances(**OF_VENUE, asked_ns=asked_ns, balances=(balance,), trades_read=read)
    short = VenuePosition(symbol="BTC/USDT:USDT", size=Decimal("-0.75"), entry_price=Decimal("61775.78"))
    yield VenuePositions(**OF_VENUE, asked_ns=asked_ns, positions=(short,))
    yield VenueOpenOrders(**OF_VENUE, asked_ns=asked_ns, own=("mm-btcusdt-1a2b3c-b0-7",), foreign=2)
    yield KillReport(
        **OF_VENUE,
        state="incomplete",
        reasons=("RISK_HALT",),
        began_ns=RECEIVED_NS - 6_000_000_000,
        open_orders=("mm-btcusdt-1a2b3c-b0-7",),
        orders=10,
        shard=1,
        shards=2,
    )
    yield TradingStop(
        **OF_SYMBOL, code="MMP", text="31 lots filled, 11 net, at a quote of 10", needs_person=True
    )


def fill_examples() -> Iterator[Event]:
    """What changes a position or the money of an account."""
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
    yield AccountBalance(**OF_SYMBOL, currency="USDT", total=Decimal("52417.3"))
    yield AccountChange(
        **OF_SYMBOL,
        instrument_version=2,
        change_id="opening-1723161254206652067",
        kind="opening",
        size_change_lots=-5_000,
        price=Decimal("61775.78"),
        reason="the venue's position when the ledger began",
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
