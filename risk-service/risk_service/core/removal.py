"""The words for a symbol that an operator removed."""

from risk_service.core.limits import SymbolRisk


def removal_words(symbol: SymbolRisk) -> str:
    """What ended, and what is held all the same."""
    ended = "removed: no order of ours is left, and its market data has ended"
    position, instrument = symbol.position, symbol.instrument
    if position is None or not position.position_lots:
        return f"{ended}; nothing is held"
    if instrument is None:
        return f"{ended}; {position.position_lots} lots are still held"
    size = position.position_lots * instrument.lot_size * instrument.multiplier
    return f"{ended}; {size:f} {instrument.base_currency} are still held, and count at the last mark"
