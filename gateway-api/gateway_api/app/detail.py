"""One symbol in depth: the ladder with our levels, trades, fills, and the explanation of our quotes."""

from typing import Any

from gateway_api.access.visibility import Sight
from gateway_api.app.numbers import amount_text, milliseconds, plain, price_text, size_text
from gateway_api.app.responses import Answer, ExplainedSide
from gateway_api.app.symbol_status import STANDING
from runtime.replay.explain import explain_target
from schemas.market import Instrument
from schemas.message import Side
from schemas.orders import Fill, Liquidity, OrderStatus
from schemas.units import bps, side_sign
from schemas.views import SymbolView

_LADDER_LEVELS = 12
_TRADES_SHOWN = 20
_FILLS_SHOWN = 20
_REFUSALS_SHOWN = 5


class LadderLevel(Answer):
    """A price level: market size and our own size."""

    price: str
    size: str | None
    """None: beyond the market depth available here."""
    own_size: str | None


class TradeViewModel(Answer):
    """A public trade; the side is the taker's."""

    time_ms: float
    price: str
    size: str
    side: Side | None


class FillViewModel(Answer):
    """An execution of ours."""

    time_ms: float
    side: Side
    price: str
    size: str
    liquidity: Liquidity
    edge_bps: float | None
    """Price improvement over the mid."""
    fee: str | None
    """None, as is the edge, where PnL is not visible to the user."""
    fee_currency: str | None


class RefusalViewModel(Answer):
    """A rejected market event."""

    time_ms: float
    reason: str
    detail: str


class Contract(Answer):
    """The contract traded."""

    tick_size: str
    lot_size: str
    maker_fee_bps: str
    contract_kind: str
    inferred: tuple[str, ...]


class Explanation(Answer):
    """Explanation of the best prices of the newest target."""

    model: str
    model_because: str | None
    """Why a model other than the configured one was used."""
    sequence: int
    event_time_ms: float
    valid_until_ms: float
    bid: ExplainedSide
    ask: ExplainedSide


class OwnOrder(Answer):
    """An open order of ours."""

    client_order_id: str
    side: Side
    price: str
    size: str
    filled: str
    status: OrderStatus
    level: int
    age_ms: float
    """Time since its newest event."""


class Detail(Answer):
    """The page's panel of one symbol."""

    key: str
    contract: Contract | None
    bids: tuple[LadderLevel, ...]
    """Best first."""
    asks: tuple[LadderLevel, ...]
    trades: tuple[TradeViewModel, ...]
    """Newest first, as are the fills and refusals."""
    fills: tuple[FillViewModel, ...]
    refusals: tuple[RefusalViewModel, ...]
    orders: tuple[OwnOrder, ...]
    """Closest to the market first, bids before asks."""
    why: Explanation | None


def detail_of(view: SymbolView, sight: Sight) -> Detail:
    """The complete detail; without an instrument there are no prices."""
    instrument = view.instrument
    return Detail(
        key=view.key,
        contract=None if instrument is None else _contract(instrument),
        bids=() if instrument is None else _ladder(view, instrument, "buy"),
        asks=() if instrument is None else _ladder(view, instrument, "sell"),
        trades=() if instrument is None else _trades(view, instrument),
        fills=fills_of(view, sight),
        refusals=tuple(
            RefusalViewModel(
                time_ms=milliseconds(refusal.event_time_ns), reason=refusal.reason, detail=refusal.detail
            )
            for refusal in reversed(view.last_refusals[-_REFUSALS_SHOWN:])
        ),
        orders=() if instrument is None else _orders(view, instrument),
        why=explanation(view),
    )


def _orders(view: SymbolView, instrument: Instrument) -> tuple[OwnOrder, ...]:
    standing = sorted(
        view.live_orders, key=lambda order: (order.side == "sell", -side_sign(order.side) * order.price_ticks)
    )
    return tuple(
        OwnOrder(
            client_order_id=order.client_order_id,
            side=order.side,
            price=price_text(order.price_ticks, instrument),
            size=size_text(order.size_lots, instrument),
            filled=size_text(order.filled_lots, instrument),
            status=order.status,
            level=order.level,
            age_ms=milliseconds(max(0, view.event_time_ns - order.event_time_ns)),
        )
        for order in standing
    )


def explanation(view: SymbolView) -> Explanation | None:
    """The newest target, step by step; None before the first."""
    target = view.target
    if target is None:
        return None
    denied = {each.side: each.reasons for each in view.denials}
    explained: dict[str, Any] = explain_target(target, view.instrument, denied)
    return Explanation(
        model=target.model,
        model_because=target.model_because,
        sequence=target.sequence,
        event_time_ms=milliseconds(target.event_time_ns),
        valid_until_ms=milliseconds(target.valid_until_ns),
        bid=ExplainedSide.model_validate(explained["bid"]),
        ask=ExplainedSide.model_validate(explained["ask"]),
    )


def _ladder(view: SymbolView, instrument: Instrument, side: Side) -> tuple[LadderLevel, ...]:
    """The best market levels and all of ours, best first, even where ours are deeper."""
    market = _market_levels(view, side)
    own: dict[int, int] = {}
    for order in view.live_orders:
        if order.side == side and order.status in STANDING:
            own[order.price_ticks] = own.get(order.price_ticks, 0) + order.size_lots - order.filled_lots
    prices = sorted({**market, **own}, reverse=side == "buy")
    return tuple(
        LadderLevel(
            price=price_text(price, instrument),
            size=size_text(market[price], instrument) if price in market else None,
            own_size=size_text(own[price], instrument) if price in own else None,
        )
        for price in prices
    )


def _market_levels(view: SymbolView, side: Side) -> dict[int, int]:
    book = view.book
    if book is None:
        return {}
    prices, sizes = (book.bid_prices, book.bid_sizes) if side == "buy" else (book.ask_prices, book.ask_sizes)
    return dict(zip(prices[:_LADDER_LEVELS], sizes, strict=False))


def _contract(instrument: Instrument) -> Contract:
    return Contract(
        tick_size=plain(instrument.tick_size),
        lot_size=plain(instrument.lot_size),
        maker_fee_bps=plain(instrument.maker_fee_bps),
        contract_kind=instrument.contract_kind,
        inferred=instrument.inferred,
    )


def _trades(view: SymbolView, instrument: Instrument) -> tuple[TradeViewModel, ...]:
    return tuple(
        TradeViewModel(
            time_ms=milliseconds(trade.event_time_ns),
            price=price_text(trade.price_ticks, instrument),
            size=size_text(trade.size_lots, instrument),
            side=trade.side,
        )
        for trade in reversed(view.last_trades[-_TRADES_SHOWN:])
    )


def fills_of(view: SymbolView, sight: Sight) -> tuple[FillViewModel, ...]:
    """The newest executions of ours, newest first."""
    instrument = view.instrument
    if instrument is None:
        return ()
    newest = reversed(view.last_fills[-_FILLS_SHOWN:])
    return tuple(_fill(fill, instrument, sight.hidden(fill)) for fill in newest)


def _fill(fill: Fill, instrument: Instrument, hidden: frozenset[str]) -> FillViewModel:
    return FillViewModel(
        time_ms=milliseconds(fill.event_time_ns),
        side=fill.side,
        price=price_text(fill.price_ticks, instrument),
        size=size_text(fill.size_lots, instrument),
        liquidity=fill.liquidity,
        edge_bps=None if "mid_half_ticks" in hidden else _edge_bps(fill),
        fee=None if "fee" in hidden else amount_text(fill.fee),
        fee_currency=None if "fee_currency" in hidden else fill.fee_currency,
    )


def _edge_bps(fill: Fill) -> float | None:
    half_ticks = fill.mid_half_ticks
    if not half_ticks:
        return None
    return round(side_sign(fill.side) * bps(half_ticks - 2 * fill.price_ticks, half_ticks), 2)
