"""Symbols that operators remove: nothing is placed any more, and they end once no order of ours is left."""

from collections.abc import Iterable

from quote_service.routing.symbol_state import Removal, RoutedSymbol
from schemas.orders import TradingStop


def refuse_held(symbols: Iterable[RoutedSymbol], now_ns: int) -> list[TradingStop]:
    """End the removals of symbols with a position, unless forced: a fill may have come meanwhile."""
    refused = []
    for symbol in symbols:
        removal = symbol.removal
        if removal is not None and symbol.position.lots and not removal.is_forced:
            symbol.removal = None
            refused.append(_refusal(symbol, removal, now_ns))
    return refused


def _refusal(symbol: RoutedSymbol, removal: Removal, now_ns: int) -> TradingStop:
    return TradingStop(
        event_time_ns=now_ns,
        venue=symbol.venue,
        symbol=symbol.symbol,
        code="REMOVE_REFUSED",
        text=(
            f"{symbol.key} was not removed by command {removal.command_id}: {symbol.position.lots} lots are "
            "held; it stays stopped. Reduce the position, or remove it with force"
        ),
        needs_person=False,
    )
