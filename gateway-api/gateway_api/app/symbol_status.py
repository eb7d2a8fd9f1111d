"""The status of one symbol, shared by the REST response and the page's stream."""

from typing import get_args

from gateway_api.access.visibility import Sight
from gateway_api.app.balancing import balancing, flatten_asked_by
from gateway_api.app.numbers import mid_text, milliseconds, plain, price_text, size_text
from gateway_api.app.responses import (
    Activity,
    Features,
    Inventory,
    Limit,
    MakerState,
    Market,
    OwnQuote,
    OwnSide,
    Profit,
    Risk,
    SymbolStatus,
)
from schemas.inventory import Position
from schemas.market import Book, Instrument
from schemas.message import Side
from schemas.orders import OrderEvent, OrderStatus
from schemas.quoting import QuoteSide
from schemas.risk import RiskState, TradingState, flattens_under_halt
from schemas.units import BPS_PER_UNIT, bps, from_units, money_text
from schemas.views import AccountView, SymbolView

STANDING: frozenset[OrderStatus] = frozenset({"live", "pending_amend", "pending_cancel"})
"""Statuses of an order that is open at the venue."""
_STATES_WORST_FIRST: tuple[TradingState, ...] = ("HALT", "REDUCE_ONLY", "RUN")
_RANKS: dict[str, int] = {state: rank for rank, state in enumerate(get_args(MakerState))}


def symbol_status(view: SymbolView, account: AccountView | None, sight: Sight) -> SymbolStatus:
    """The complete status; parts that are unknown or not visible are None."""
    risk = _risk(view.risk, account.risk if account else None, sight)
    bid, ask = _side(view, "buy", risk), _side(view, "sell", risk)
    state = _state(view, risk, bid, ask)
    return SymbolStatus(
        key=view.key,
        symbol=view.symbol,
        venue=view.venue,
        state=state,
        rank=_RANKS[state],
        stopped=view.stopped,
        removed=view.removed,
        event_time_ms=milliseconds(view.event_time_ns),
        market=_market(view.book, view.instrument),
        features=_features(view),
        bid=bid,
        ask=ask,
        inventory=_inventory(view, sight),
        pnl=_profit(view, sight),
        risk=risk,
        balancing=balancing(view, account.risk if account else None),
        activity=_activity(view),
        feed_lag_ms=0 if view.lag is None else view.lag.lag_ms,
    )


def _state(view: SymbolView, risk: Risk | None, bid: OwnSide, ask: OwnSide) -> MakerState:
    quoted = (bid.quote is not None) + (ask.quote is not None)
    checks: tuple[tuple[bool, MakerState], ...] = (
        (risk is not None and risk.state == "HALT", "HALTED"),
        (view.stopped, "STOPPED"),
        (is_unquoted(view), "NOT_QUOTED"),
        (view.book is None or view.instrument is None, "WAITING"),
        (risk is not None and risk.state == "REDUCE_ONLY", "REDUCE_ONLY"),
        (view.book is not None and view.book.status != "live", "NO_MARKET"),
        (quoted == 0, "NOT_QUOTING"),
        (quoted == 1, "ONE_SIDE"),
    )
    return next((state for holds, state in checks if holds), "QUOTING")


def is_unquoted(view: SymbolView) -> bool:
    """Whether it is known only from an earlier session."""
    return view.book is None and view.counters.books > 0


def _market(book: Book | None, instrument: Instrument | None) -> Market | None:
    if book is None or instrument is None:
        return None
    bid = book.bid_prices[0] if book.bid_prices else None
    ask = book.ask_prices[0] if book.ask_prices else None
    both = None if bid is None or ask is None else bid + ask
    return Market(
        status=book.status,
        event_time_ms=milliseconds(book.event_time_ns),
        bid=None if bid is None else price_text(bid, instrument),
        bid_size=None if bid is None else size_text(book.bid_sizes[0], instrument),
        ask=None if ask is None else price_text(ask, instrument),
        ask_size=None if ask is None else size_text(book.ask_sizes[0], instrument),
        mid=None if both is None else mid_text(both, instrument),
        spread_bps=None if not both or bid is None or ask is None else round(bps(ask - bid, both / 2), 4),
    )


def _features(view: SymbolView) -> Features | None:
    signal = view.signal
    if signal is None:
        return None
    volatility = signal.volatility_per_sqrt_s
    return Features(
        volatility_bps=None if volatility is None else round(volatility * BPS_PER_UNIT, 4),
        volatility_ready=signal.volatility_ready,
        regime=signal.regime,
        jump=signal.jump,
        imbalance=round(signal.imbalance, 4),
        flow_imbalance=round(signal.flow_imbalance, 4),
    )


def _side(view: SymbolView, side: Side, risk: Risk | None) -> OwnSide:
    instrument, best = view.instrument, best_order(view, side)
    if instrument is None or best is None:
        return OwnSide(quote=None, reason=_reason(view, side, risk))
    quote = OwnQuote(
        price=price_text(best.price_ticks, instrument),
        size=size_text(best.size_lots - best.filled_lots, instrument),
        distance_bps=_distance_bps(best.price_ticks, view.book),
        status=best.status,
    )
    return OwnSide(quote=quote, reason=None)


def best_order(view: SymbolView, side: Side) -> OrderEvent | None:
    """Our open order on a side that is nearest to the market."""
    standing = [order for order in view.live_orders if order.side == side and order.status in STANDING]
    sign = 1 if side == "buy" else -1
    return max(standing, key=lambda order: sign * order.price_ticks, default=None)


def _distance_bps(price_ticks: int, book: Book | None) -> float | None:
    if book is None or not book.bid_prices or not book.ask_prices:
        return None
    half_ticks = book.bid_prices[0] + book.ask_prices[0]
    return round(bps(2 * price_ticks - half_ticks, half_ticks), 2) if half_ticks else None


def _reason(view: SymbolView, side: Side, risk: Risk | None) -> str:
    """Why there is no order on a side; the first applicable reason."""
    target_side = _target_side(view, side)
    if risk is not None and risk.state == "HALT":
        return "halted: " + (", ".join(risk.reasons) or "no reason given")
    if view.removed:
        return "removed by an operator, with a position: it counts at its last mark"
    if view.stopped:
        return "stopped by command"
    if is_unquoted(view):
        return "not quoted"
    if target_side is None:
        return "no quote yet"
    if target_side.not_quoting_because:
        return target_side.not_quoting_because
    if any(order.side == side for order in view.live_orders):
        return "order on its way"
    denied = next((each for each in view.denials if each.side == side), None)
    if denied is not None:
        return f"held back: {', '.join(denied.reasons)}"
    return "filled: the next quote follows" if _was_filled(view, side) else "no order at the venue"


def _was_filled(view: SymbolView, side: Side) -> bool:
    """Whether the newest quote of a side was filled: it is not offered again."""
    since_ns = 0 if view.target is None else view.target.event_time_ns
    return any(fill.side == side and fill.event_time_ns >= since_ns for fill in view.last_fills)


def _target_side(view: SymbolView, side: Side) -> QuoteSide | None:
    if view.target is None:
        return None
    return view.target.bid if side == "buy" else view.target.ask


def _risk(own: RiskState | None, account: RiskState | None, sight: Sight) -> Risk | None:
    known = [risk for risk in (own, account) if risk is not None]
    if not known:
        return None
    states = [risk.state for risk in known]
    return Risk(
        state=min(states, key=_STATES_WORST_FIRST.index),
        reasons=tuple(dict.fromkeys(reason for risk in known for reason in risk.reasons)),
        latched=any(risk.latched for risk in known),
        halt_sequence=own.halt_sequence if own else 0,
        resume_asked_by=own.resume_asked_by if own else None,
        flattens=flattens_under_halt(own, account),
        flatten_asked_by=flatten_asked_by(own, account),
        own_state=own.state if own else "RUN",
        limits=limits(own, sight),
    )


def limits(risk: RiskState | None, sight: Sight) -> tuple[Limit, ...]:
    """The limits of one risk state."""
    used = sight.limits(risk)
    return tuple(Limit(name=use.name, value=use.value, limit=use.limit, unit=use.unit) for use in used)


def _inventory(view: SymbolView, sight: Sight) -> Inventory | None:
    position, instrument = view.position, position_contract(view)
    if position is None or instrument is None:
        return None
    mark, profits = position.mark_half_ticks, view.profits
    hidden = "average_price_ticks" in sight.hidden(position)
    average = None if hidden else position.average_price_ticks
    return Inventory(
        position=size_text(position.position_lots, instrument),
        base_currency=instrument.base_currency,
        notional=None
        if mark is None
        else money_text(from_units(position.position_lots * mark, instrument.money_per_tick_lot) / 2),
        notional_reporting=money_text(position.notional_reporting),
        mark=None if mark is None else mid_text(mark, instrument),
        marked_ms=None if mark is None or profits is None else milliseconds(profits.event_time_ns),
        average_price=None if average is None else plain(round(average * instrument.tick_size, 8)),
        bias=round(position.bias, 4),
        rebalance_action=position.rebalance_action,
        rebalance_size=size_text(position.rebalance_size_lots, instrument),
        rebalance_urgency=round(position.rebalance_urgency, 4),
    )


def position_contract(view: SymbolView) -> Instrument | None:
    """The contract in whose units the position is counted."""
    return view.position_contract or view.instrument


def open_fees(position: Position) -> tuple[str, ...]:
    """Fees not included in any figure, as their currency has no rate."""
    return tuple(f"{fee.amount:f} {fee.currency}" for fee in position.open_fees)


def _profit(view: SymbolView, sight: Sight) -> Profit | None:
    position, profits = view.position, view.profits
    if position is None or profits is None or "pnl" in sight.hidden(position):
        return None
    return Profit(
        currency=position.quote_currency,
        total=money_text(profits.total),
        session=money_text(profits.session),
        day=money_text(profits.day),
        capture=money_text(position.pnl_capture),
        inventory=money_text(position.pnl_inventory),
        fees=money_text(position.fees),
        balance=money_text(position.pnl_balance),
        realised=money_text(position.realised),
        unrealised=money_text(position.unrealised),
        max_drawdown=money_text(position.max_drawdown),
        total_reporting=money_text(position.pnl_reporting),
        session_reporting=money_text(profits.session * profits.rate),
        day_reporting=money_text(profits.day * profits.rate),
        open_fees=open_fees(position),
    )


def _activity(view: SymbolView) -> Activity:
    counters = view.counters
    return Activity(
        books=counters.books,
        trades=counters.trades,
        refused_events=counters.refused_events,
        books_conflated=counters.books_conflated,
        quotes=counters.quotes,
        orders=counters.orders,
        amends=counters.amends,
        cancels=counters.cancels,
        rejects=counters.rejects,
        denials=counters.denials,
        fills=counters.fills,
        halts=counters.halts,
        two_sided_share=two_sided_share(view),
    )


def two_sided_share(view: SymbolView) -> float | None:
    """Time with orders on both sides / time since the first book; None before any time has passed."""
    counters = view.counters
    return round(counters.two_sided_ns / counters.time_ns, 6) if counters.time_ns else None
