"""How far what stands is from what is wanted: where messages are short, the most wrong is mended first."""

from quote_service.routing.core.symbol_state import SymbolState

MISSING = 1_000_000
"""Of a wanted level without an order: worse than any distance that the collar lets stand."""
_SCALE = 2_000_000


def turn_key(symbol: SymbolState) -> tuple[int, int]:
    """Sort key: the most wrong first; of equally wrong ones who waited longest, so that nobody starves."""
    return -wrongness(symbol), symbol.last_sent_ns


def wrongness(symbol: SymbolState) -> int:
    """Sum over all levels of the distance in millionths of the mid: a whole number, which sorts exactly."""
    mid = symbol.mid_half_ticks
    if mid is None:
        return 0
    total = 0
    for wanted in symbol.wanted:
        for level, (price_ticks, size_lots) in enumerate(wanted.levels):
            order = symbol.orders.get((wanted.side, level))
            if size_lots <= 0:
                continue
            if order is None:
                total += MISSING
            else:
                total += min(MISSING, abs(price_ticks - order.asked_price_ticks) * _SCALE // mid)
    return total
