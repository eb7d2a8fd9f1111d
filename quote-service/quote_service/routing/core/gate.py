"""The one gate: every order and every amend passes it, in this process, with no way around.

It answers with all failing codes, not only the first. What is missing, stale or out of range denies.
Cancels do not pass the gate: nothing may hold them up.
"""

from dataclasses import dataclass
from decimal import Decimal

from quote_service.routing.core import codes
from quote_service.routing.core.account import Account
from quote_service.routing.core.order_states import Order
from quote_service.routing.core.symbol_state import SymbolState
from quote_service.routing.core.terms import MICRO, ContractTerms
from schemas.config import Config
from schemas.message import Side
from schemas.units import NS_PER_MS, side_sign
from schemas.venues import MessageKind


@dataclass(frozen=True, slots=True)
class Request:
    """An order or an amend that is to go out."""

    side: Side
    level: int
    price_ticks: int
    size_lots: int
    """Open size wanted, what is filled already left out."""
    instrument_version: int
    target_sequence: int
    valid_until_ns: int
    replaces: Order | None = None
    """The order to amend; None: a new one."""

    @property
    def total_lots(self) -> int:
        """Total size of the order, the filled part included."""
        return self.size_lots + (self.replaces.filled_lots if self.replaces is not None else 0)

    @property
    def message_kind(self) -> MessageKind:
        """What it is to the venue, which grants so many of each kind."""
        order = self.replaces
        if order is None:
            return "place"
        shrinks = self.price_ticks == order.price_ticks and self.total_lots <= order.size_lots
        return "shrink" if shrinks else "amend"

    @property
    def takes_back(self) -> bool:
        """Does it amend an order that offers more, or at a better price, than is wanted?"""
        order = self.replaces
        return order is not None and order.is_more_generous_than(self.price_ticks, self.size_lots)


class Gate:
    """The checks, with their limits."""

    def __init__(self, config: Config, account: Account) -> None:
        self._account = account
        collar = Decimal(str(config.routing.price_collar))
        self._collar_numerator, self._collar_denominator = collar.as_integer_ratio()
        self._book_age_max_ns = config.market_data.book_age_ms_max * NS_PER_MS
        self._duplicate_window_ns = config.routing.duplicate_window_ms * NS_PER_MS
        exposure = Decimal(str(config.risk_limits.max_exposure)) * config.reporting.capital
        self._exposure_max_micro = int(exposure * MICRO)

    def check(
        self, request: Request, symbol: SymbolState, now_ns: int, order_id: str | None = None
    ) -> tuple[str, ...]:
        """All codes that forbid the request now; empty: it may go out. `order_id` is a new order's id."""
        failing = self.reference_codes(symbol, now_ns)
        failing += self._risk_codes(request, symbol, now_ns)
        failing += self._flow_codes(request, symbol, now_ns)
        if order_id is not None and symbol.order(order_id) is not None and codes.DUPLICATE not in failing:
            failing.append(codes.DUPLICATE)
        terms = symbol.terms
        if terms is None or not self._versions_agree(request, symbol, terms):
            failing.append(codes.NO_INSTRUMENT)
        else:
            failing += self._order_codes(request, terms)
            failing += self._market_codes(request, symbol)
            failing += self._limit_codes(request, symbol, terms)
        return tuple(failing)

    def reference_codes(self, symbol: SymbolState, now_ns: int) -> list[str]:
        """What is wrong with the market data of a symbol."""
        book = symbol.book
        if book is None:
            return [codes.NO_REFERENCE]
        if book.status == "stale" or now_ns - book.event_time_ns > self._book_age_max_ns:
            return [codes.NO_REFERENCE, codes.STALE_MD]
        return [] if symbol.is_live else [codes.NO_REFERENCE]

    def halt_codes(self, symbol: SymbolState, now_ns: int) -> list[str]:
        """Why a symbol may not be traded at all."""
        if self._account.is_silent(now_ns):
            return [codes.NO_RISK_STATE]
        failing = []
        if not self._account.is_venue_ready(symbol.venue):
            failing.append(codes.VENUE_NOT_READY)
        if symbol.has_unaccounted_fill:
            failing.append(codes.UNACCOUNTED_FILL)
        if self._account.trading_state(symbol) == "HALT":
            failing.append(codes.RISK_HALT)
        return failing

    def _versions_agree(self, request: Request, symbol: SymbolState, terms: ContractTerms) -> bool:
        books = symbol.book is None or symbol.book.instrument_version == terms.version
        position = symbol.position.version in (None, terms.version)
        return books and position and request.instrument_version == terms.version

    def _risk_codes(self, request: Request, symbol: SymbolState, now_ns: int) -> list[str]:
        failing = self.halt_codes(symbol, now_ns)
        reduces_only = self._account.trading_state(symbol) == "REDUCE_ONLY"
        if reduces_only and not self._only_reduces(request, symbol):
            failing.append(codes.RISK_REDUCE_ONLY)
        return failing

    def _flow_codes(self, request: Request, symbol: SymbolState, now_ns: int) -> list[str]:
        failing = []
        if self._account.is_shut_down:
            failing.append(codes.SHUTDOWN)
        if symbol.is_target_late or now_ns > request.valid_until_ns:
            failing.append(codes.STALE_COMMAND)
        if request.replaces is None and self._was_just_sent(request, symbol, now_ns):
            failing.append(codes.DUPLICATE)
        if not self._account.has_quote_budget(symbol, now_ns, request.message_kind):
            failing.append(codes.MESSAGE_LIMIT)
        return failing

    def _order_codes(self, request: Request, terms: ContractTerms) -> list[str]:
        failing = []
        value = request.price_ticks * request.size_lots
        if request.price_ticks <= 0:
            failing.append(codes.PRICE_NOT_POSITIVE)
        if request.size_lots <= 0:
            failing.append(codes.SIZE_NOT_POSITIVE)
        if value > terms.order_value_max:
            failing.append(codes.MAX_VALUE)
        if request.size_lots > terms.order_size_max_lots:
            failing.append(codes.MAX_QTY)
        if value < terms.order_value_min:
            failing.append(codes.MIN_NOTIONAL)
        return failing

    def _market_codes(self, request: Request, symbol: SymbolState) -> list[str]:
        failing = []
        mid = symbol.mid_half_ticks
        price = request.price_ticks
        if mid is not None and abs(2 * price - mid) * self._collar_denominator > self._collar_numerator * mid:
            failing.append(codes.PRICE_COLLAR)
        if crosses_own(request, symbol) is not None:
            failing.append(codes.SELF_CROSS)
        if symbol.is_live and would_take(request, symbol):
            failing.append(codes.POST_ONLY)
        return failing

    def _limit_codes(self, request: Request, symbol: SymbolState, terms: ContractTerms) -> list[str]:
        """Limits on the worst case: everything open or in flight on the side is filled, and nothing else."""
        mid = symbol.mid_half_ticks
        if mid is None or self._only_reduces(request, symbol) or _shrinks(request):
            return []
        failing = []
        worst_lots = side_sign(request.side) * symbol.position.lots + _side_lots(request, symbol)
        if worst_lots > terms.position_limit_lots(mid):
            failing.append(codes.POS_LIMIT)
        after = terms.exposure_micro(max(abs(worst_lots), symbol.worst_lots()), mid)
        if self._account.exposure_micro - symbol.exposure_micro + after > self._exposure_max_micro:
            failing.append(codes.EXPOSURE)
        return failing

    def _only_reduces(self, request: Request, symbol: SymbolState) -> bool:
        return _side_lots(request, symbol) <= symbol.reducing_room_lots(request.side)

    def _was_just_sent(self, request: Request, symbol: SymbolState, now_ns: int) -> bool:
        sent = symbol.sent.get((request.side, request.level))
        return (
            sent is not None
            and sent.target_sequence == request.target_sequence
            and sent.price_ticks == request.price_ticks
            and sent.size_lots == request.size_lots
            and now_ns - sent.time_ns < self._duplicate_window_ns
        )


def would_take(request: Request, symbol: SymbolState) -> bool:
    """Would the order match at once against the newest live book?"""
    if request.side == "buy":
        return request.price_ticks >= symbol.best_ask_ticks
    return request.price_ticks <= symbol.best_bid_ticks


def crosses_own(request: Request, symbol: SymbolState) -> Order | None:
    """An own order of the other side that the request could trade with, in flight and being cancelled too."""
    for order in symbol.orders.values():
        if order.side == request.side:
            continue
        distance_ticks = order.most_generous_ticks - request.price_ticks
        if side_sign(request.side) * distance_ticks <= 0:
            return order
    return None


def _side_lots(request: Request, symbol: SymbolState) -> int:
    """All that may be filled on the request's side once it has gone out."""
    return symbol.reserved_lots(request.side, without=request.replaces) + request.size_lots


def _shrinks(request: Request) -> bool:
    """An amend that adds no size cannot make the worst case worse."""
    return request.replaces is not None and request.size_lots <= request.replaces.reserved_lots
