"""The messages about orders, built in one place."""

from collections.abc import Iterable, Iterator
from decimal import Decimal

from quote_service.routing.gate.request import Request
from quote_service.routing.orders.order_states import Order
from quote_service.routing.protection.opening_positions import Opening
from quote_service.routing.symbol_state import RoutedSymbol
from schemas.config import Config
from schemas.orders import (
    AccountBalance,
    AccountChange,
    Fill,
    OrderEvent,
    OrderEventKind,
    StopCode,
    TradingStop,
    VenueBalances,
    VenueReport,
)


def order_event(
    symbol: RoutedSymbol, order: Order, kind: OrderEventKind, now_ns: int, reasons: tuple[str, ...] = ()
) -> OrderEvent:
    """What happened to an order, with its state afterwards; an amend intent carries the requested values."""
    is_amend = kind == "amend_intent"
    return OrderEvent(
        event_time_ns=now_ns,
        venue=symbol.venue,
        symbol=symbol.symbol,
        instrument_version=order.instrument_version,
        kind=kind,
        status=order.status,
        client_order_id=order.client_order_id,
        side=order.side,
        level=order.level,
        price_ticks=order.asked_price_ticks if is_amend else order.price_ticks,
        size_lots=order.asked_size_lots if is_amend else order.size_lots,
        filled_lots=order.filled_lots,
        revision=order.revision,
        target_sequence=order.target_sequence,
        time_in_force=order.time_in_force,
        reasons=reasons,
    )


def denial(
    symbol: RoutedSymbol, request: Request, order_id: str, now_ns: int, reasons: tuple[str, ...]
) -> OrderEvent:
    """A request the gate denied. `order_id` is its own: the order to amend, if any, is still live."""
    return OrderEvent(
        event_time_ns=now_ns,
        venue=symbol.venue,
        symbol=symbol.symbol,
        instrument_version=request.instrument_version,
        kind="denied",
        status="denied",
        client_order_id=order_id,
        side=request.side,
        level=request.level,
        price_ticks=request.price_ticks,
        size_lots=max(0, request.size_lots),
        target_sequence=request.target_sequence,
        time_in_force="ioc" if request.takes else "gtc",
        reasons=reasons,
    )


def trading_stop(
    symbol: RoutedSymbol,
    code: StopCode,
    text: str,
    now_ns: int,
    *,
    needs_person: bool,
    asks_trades: bool = False,
) -> TradingStop:
    """The symbol stops; where it needs a person, until risk-service has halted and resumed it."""
    return TradingStop(
        event_time_ns=now_ns,
        venue=symbol.venue,
        symbol=symbol.symbol,
        code=code,
        text=text,
        needs_person=needs_person,
        asks_trades=asks_trades,
    )


def account_balances(
    symbols: Iterable[RoutedSymbol], stated: VenueBalances, config: Config
) -> Iterator[AccountBalance]:
    """Balances of quote currencies of symbols whose target is a share of the account, where they changed
    since they were published.
    """
    totals = {each.currency: each.free + each.locked for each in stated.balances}
    for symbol in symbols:
        if symbol.venue != stated.venue or symbol.contract.terms is None or not _has_share(symbol, config):
            continue
        currency = symbol.contract.terms.fee_currency
        reserved = config.inventory.reserved.get(currency, Decimal(0))
        total = totals.get(currency, Decimal(0)) - reserved
        if total != symbol.usage.published_balance:
            yield AccountBalance(
                event_time_ns=stated.event_time_ns,
                venue=symbol.venue,
                symbol=symbol.symbol,
                currency=currency,
                total=total,
            )


def _has_share(symbol: RoutedSymbol, config: Config) -> bool:
    own = config.of_symbol(symbol.symbol) if symbol.symbol in config.per_symbol else config
    return own.inventory.target_share is not None


def account_change(opening: Opening, now_ns: int) -> AccountChange:
    """A ledger's opening balance: a symbol's is opened once, so its id is always the same."""
    symbol = opening.symbol
    return AccountChange(
        event_time_ns=now_ns,
        venue=symbol.venue,
        symbol=symbol.symbol,
        instrument_version=1 if symbol.contract.terms is None else symbol.contract.terms.version,
        change_id="opening",
        kind="opening",
        size_change_lots=opening.lots,
        price=opening.price,
        reason=opening.reason,
    )


def fill_of(symbol: RoutedSymbol, report: VenueReport, order: Order, trade_id: str) -> Fill:
    """Our execution. Without a stated liquidity it is charged as taker: profit is not flattered.

    Raises KeyError where the report's contract, which may not be the order's, is unknown.
    """
    version = report.instrument_version or order.instrument_version
    terms = symbol.contract.terms_by_version[version]
    liquidity = report.liquidity or "taker"
    mid = symbol.mid_in(version) or 2 * report.price_ticks
    fee, fee_currency = report.fee, report.fee_currency
    if fee is None or fee_currency is None:
        fee, fee_currency = (
            terms.fee(report.price_ticks, report.size_lots, maker=liquidity == "maker"),
            terms.fee_currency,
        )
    return Fill(
        event_time_ns=report.event_time_ns,
        venue=symbol.venue,
        symbol=symbol.symbol,
        instrument_version=version,
        venue_trade_id=trade_id,
        client_order_id=order.client_order_id,
        side=order.side,
        price_ticks=report.price_ticks,
        size_lots=report.size_lots,
        liquidity=liquidity,
        fee=fee,
        fee_currency=fee_currency,
        base_fee=report.base_fee,
        executed_ns=report.executed_ns or 0,
        mid_half_ticks=symbol.mid_before(report, version) or mid,
        report_mid_half_ticks=mid,
        purpose="balance" if order.is_taker else "quote",
    )
