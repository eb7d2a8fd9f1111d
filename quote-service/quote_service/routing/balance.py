"""Taking to reduce a position: one IOC slice of what the balancer wants, as far as the market allows it."""

from typing import NamedTuple

from quote_service.routing.gate.contract_terms import ContractTerms
from quote_service.routing.gate.request import Request
from quote_service.routing.gate.share import Share
from quote_service.routing.orders.client_ids import TAKER_LEVEL
from quote_service.routing.symbol_state import RoutedSymbol
from schemas.balance_settings import Balance
from schemas.balancing import BalanceOrder
from schemas.market import Book
from schemas.message import Side
from schemas.units import BPS_PER_UNIT, side_sign


class SliceLimits(NamedTuple):
    """How far a slice may go."""

    own: Balance
    collar: Share


def slice_of(
    symbol: RoutedSymbol, decision: BalanceOrder, limits: SliceLimits, now_ns: int, *, may_grow: bool
) -> Request | None:
    """The order to send now; None where nothing can be taken within cost, depth and position.

    Its limit lies inside every own order of the other side, so that it cannot match one. Where the position
    must not grow, orders of its own side that may still fill are left their part of it.
    """
    terms, book, mid = symbol.contract.terms, symbol.market.book, symbol.market.mid_half_ticks
    if terms is None or book is None or mid is None or now_ns > decision.valid_until_ns:
        return None
    versions = {terms.version, decision.instrument_version, book.instrument_version}
    if decision.stage != "take" or len(versions) > 1 or not symbol.market.is_live or has_taker(symbol):
        return None
    limit = _inside_own(decision.side, _limit_ticks(decision.side, mid, limits), symbol)
    reserved_lots = 0 if may_grow else symbol.orders.reserved_lots(decision.side)
    size_lots = min(
        decision.size_lots,
        symbol.position.reducing_room_lots(decision.side) - reserved_lots,
        int(limits.own.depth_share_max * shown_lots(book, decision.side, limit)),
        _largest_order(limit, terms),
    )
    if size_lots <= 0 or size_lots * limit < terms.order_value_min:
        return None
    return Request(
        side=decision.side,
        level=TAKER_LEVEL,
        price_ticks=limit,
        size_lots=size_lots,
        instrument_version=terms.version,
        target_sequence=decision.sequence,
        valid_until_ns=decision.valid_until_ns,
        takes=True,
    )


def has_taker(symbol: RoutedSymbol) -> bool:
    """Is an earlier slice still without its end?"""
    return any(order.is_taker for order in symbol.orders.open.values())


def shown_lots(book: Book, side: Side, limit_ticks: int) -> int:
    """Size that the other side shows up to a limit."""
    prices, sizes = (book.ask_prices, book.ask_sizes) if side == "buy" else (book.bid_prices, book.bid_sizes)
    levels = zip(prices, sizes, strict=False)
    return sum(size for price, size in levels if side_sign(side) * (limit_ticks - price) >= 0)


def _limit_ticks(side: Side, mid_half_ticks: int, limits: SliceLimits) -> int:
    """The worst price within `cost_bps_max` and the gate's collar of the mid, rounded towards the mid."""
    away = mid_half_ticks * limits.own.cost_bps_max / BPS_PER_UNIT
    away = min(away, limits.collar.of_whole(mid_half_ticks))
    return int((mid_half_ticks + away) // 2) if side == "buy" else int(-((away - mid_half_ticks) // 2))


def _inside_own(side: Side, limit_ticks: int, symbol: RoutedSymbol) -> int:
    """The limit, at least a tick better than any own order that it could reach."""
    others = [order.most_generous_ticks for order in symbol.orders.open.values() if order.side != side]
    if side == "buy":
        return min([limit_ticks, *(price - 1 for price in others)])
    return max([limit_ticks, *(price + 1 for price in others)])


def _largest_order(limit_ticks: int, terms: ContractTerms) -> int:
    """By our limits of one order, and the venue's filters."""
    if limit_ticks <= 0:
        return 0
    by_value = min(terms.order_value_max, terms.filters.value_max) // limit_ticks
    return min(terms.order_size_max_lots, terms.filters.size_max, by_value)
