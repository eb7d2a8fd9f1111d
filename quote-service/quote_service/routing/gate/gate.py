"""The one gate: every order and every amend passes it, in this process, with no way around.

It returns all failing codes, not only the first. Missing, stale or out-of-range data denies.
Cancels do not pass the gate: nothing may block them.
"""

from decimal import Decimal

from quote_service.routing.account import AccountState
from quote_service.routing.desired.resting_time import MinimumRestingTime
from quote_service.routing.gate import codes
from quote_service.routing.gate.contract_terms import MICRO, ContractTerms
from quote_service.routing.gate.funds import funds_codes
from quote_service.routing.gate.market_checks import MarketChecks
from quote_service.routing.gate.order_checks import filter_codes, order_codes
from quote_service.routing.gate.request import Denied, Passed, Request
from quote_service.routing.gate.share import Share
from quote_service.routing.symbol_state import RoutedSymbol
from schemas.config import Config
from schemas.message import Side
from schemas.orders import REMOVED
from schemas.units import NS_PER_MS, side_sign


class Gate:
    """The checks, with their limits."""

    def __init__(self, config: Config, account: AccountState) -> None:
        self._account = account
        self.resting_time = MinimumRestingTime(config.protection)
        self._book_age_max_ns = config.market_data.book_age_ms_max * NS_PER_MS
        self._duplicate_window_ns = config.routing.duplicate_window_ms * NS_PER_MS
        self.configure(config)

    def configure(self, config: Config) -> None:
        """Apply limits that may change at run time; memory is kept."""
        self._market = MarketChecks(config)
        exposure = Decimal(str(config.risk_limits.max_exposure)) * config.reporting.capital
        self._exposure_max_micro = int(config.process.account_share * int(exposure * MICRO))

    def check(
        self, request: Request, symbol: RoutedSymbol, now_ns: int, order_id: str | None = None
    ) -> Passed | Denied:
        """May the request be sent now? Otherwise all codes against it. `order_id` is a new order's id."""
        failing = self.reference_codes(symbol, now_ns)
        failing += self._risk_codes(request, symbol, now_ns)
        failing += self._flow_codes(request, symbol, now_ns)
        if (
            order_id is not None
            and symbol.orders.find(order_id) is not None
            and codes.DUPLICATE not in failing
        ):
            failing.append(codes.DUPLICATE)
        terms = symbol.contract.terms
        if terms is None or not self._versions_agree(request, symbol, terms):
            failing.append(codes.NO_INSTRUMENT)
        else:
            failing += order_codes(request, terms)
            failing += filter_codes(request, symbol, terms.filters)
            failing += self._market.codes(request, symbol, now_ns)
            failing += self._limit_codes(request, symbol, terms)
            failing += self._funds_codes(request, symbol, terms)
        if failing and symbol.gate.overrides.find(request, failing, now_ns) is None:
            return Denied(tuple(failing))
        return Passed(request)

    @property
    def collar(self) -> Share:
        """Largest distance of an order's price from the mid, as a share of it."""
        return self._market.collar

    def record_sent(self, request: Request, symbol: RoutedSymbol, now_ns: int) -> None:
        """Record a sent request for later checks."""
        self._market.record_sent(request, symbol, now_ns)
        self.resting_time.record_sent(request, symbol, now_ns)
        symbol.gate.overrides.use(request)

    def exposure_lots(self, symbol: RoutedSymbol, terms: ContractTerms, mid_half_ticks: int) -> int:
        """The largest position in lots that the exposure of the other symbols leaves to this one."""
        others = self._account.exposure_micro - symbol.usage.exposure_micro
        left = max(0, self._exposure_max_micro - others)
        return left * terms.micro_denominator // (mid_half_ticks * terms.micro_numerator)

    def refuses_price(self, side: Side, price_ticks: int, symbol: RoutedSymbol, now_ns: int) -> bool:
        """Would an order be denied for this price, whatever its size?"""
        terms, mid = symbol.contract.terms, symbol.market.mid_half_ticks
        if terms is None or mid is None:
            return True
        filters = terms.filters
        if not filters.price_min <= price_ticks <= filters.price_max:
            return True
        if not filters.allows_price(side, price_ticks, mid):
            return True
        return bool(self._market.price_codes(side, price_ticks, symbol, now_ns))

    def reference_codes(self, symbol: RoutedSymbol, now_ns: int) -> list[str]:
        """What is wrong with the market data of a symbol."""
        book = symbol.market.book
        if book is None:
            return [codes.NO_REFERENCE]
        if book.status == "stale" or now_ns - book.event_time_ns > self._book_age_max_ns:
            return [codes.NO_REFERENCE, codes.STALE_MD]
        failing = [] if symbol.market.is_live else [codes.NO_REFERENCE]
        if now_ns < symbol.protection.jumps.doubted_until_ns:
            failing.append(codes.MD_JUMP)
        return failing

    def halt_codes(self, symbol: RoutedSymbol, now_ns: int) -> list[str]:
        """Why a symbol may not be traded at all."""
        if self._account.is_silent(now_ns):
            return [codes.NO_RISK_STATE]
        failing = []
        if not symbol.gate.is_permitted:
            failing.append(codes.NOT_PERMITTED)
        if not self._account.is_venue_ready(symbol.venue):
            failing.append(codes.VENUE_NOT_READY)
        if symbol.protection.stopped_by is not None or now_ns < symbol.protection.fill_rate.frozen_until_ns:
            failing.append(codes.OF_STOP[symbol.protection.stopped_by or "MMP"])
        if not symbol.protection.is_explained and codes.POSITION_BREAK not in failing:
            failing.append(codes.POSITION_BREAK)
        if symbol.removal is not None:
            failing.append(REMOVED)
        if self._account.trading_state(symbol) == "HALT":
            failing.append(codes.RISK_HALT)
        return failing

    def _versions_agree(self, request: Request, symbol: RoutedSymbol, terms: ContractTerms) -> bool:
        books = symbol.market.book is None or symbol.market.book.instrument_version == terms.version
        position = symbol.position.version in (None, terms.version)
        orders = not symbol.orders.has_other_units()
        return books and position and orders and request.instrument_version == terms.version

    def _risk_codes(self, request: Request, symbol: RoutedSymbol, now_ns: int) -> list[str]:
        failing = self.halt_codes(symbol, now_ns)
        state = self._account.trading_state(symbol)
        flattens = request.takes and self._account.flattens_under_halt(symbol)
        if flattens:
            failing = [code for code in failing if code != codes.RISK_HALT]
        if request.takes and symbol.protection.stopped_by is None and self._only_reduces(request, symbol):
            # quotes are frozen against takers; taking ourselves brings the inventory back
            failing = [code for code in failing if code != codes.MMP_FROZEN]
        if (flattens or state == "REDUCE_ONLY") and not self._only_reduces(request, symbol):
            failing.append(codes.RISK_REDUCE_ONLY)
        return failing

    def _flow_codes(self, request: Request, symbol: RoutedSymbol, now_ns: int) -> list[str]:
        failing = []
        if self._account.is_shut_down:
            failing.append(codes.SHUTDOWN)
        if symbol.quotes.is_late or now_ns > request.valid_until_ns:
            failing.append(codes.STALE_COMMAND)
        if request.replaces is None and self._was_just_sent(request, symbol, now_ns):
            failing.append(codes.DUPLICATE)
        if self.resting_time.flickers(request, symbol, now_ns):
            failing.append(codes.FLICKER)
        if self._account.is_held(symbol.venue, now_ns):
            failing.append(codes.VENUE_HELD)
        if not self._account.has_quote_budget(symbol, now_ns, request.message_kind):
            failing.append(codes.MESSAGE_LIMIT)
        return failing

    def _limit_codes(self, request: Request, symbol: RoutedSymbol, terms: ContractTerms) -> list[str]:
        """Limits on the worst case: everything open or in flight on this side fills, nothing on the other."""
        mid = symbol.market.mid_half_ticks
        if mid is None or self._only_reduces(request, symbol) or _shrinks(request):
            return []
        failing = []
        worst_lots = side_sign(request.side) * symbol.position.lots + _side_lots(request, symbol)
        if worst_lots > terms.position_limit_lots(mid):
            failing.append(codes.POS_LIMIT)
        if request.side == "buy" and worst_lots > terms.filters.position_max_lots:
            failing.append(codes.MAX_POSITION)
        after = terms.exposure_micro(max(abs(worst_lots), symbol.worst_lots()), mid)
        if self._account.exposure_micro - symbol.usage.exposure_micro + after > self._exposure_max_micro:
            failing.append(codes.EXPOSURE)
        return failing

    def _funds_codes(self, request: Request, symbol: RoutedSymbol, terms: ContractTerms) -> list[str]:
        if _shrinks(request):
            return []
        account = self._account
        balances = account.balances.get(symbol.venue)
        return funds_codes(request, terms, balances, account.committed)

    def _only_reduces(self, request: Request, symbol: RoutedSymbol) -> bool:
        return _side_lots(request, symbol) <= symbol.position.reducing_room_lots(request.side)

    def _was_just_sent(self, request: Request, symbol: RoutedSymbol, now_ns: int) -> bool:
        sent = symbol.recent.sent.get((request.side, request.level))
        return (
            sent is not None
            and sent.target_sequence == request.target_sequence
            and sent.price_ticks == request.price_ticks
            and sent.size_lots == request.size_lots
            and now_ns - sent.time_ns < self._duplicate_window_ns
        )


def _side_lots(request: Request, symbol: RoutedSymbol) -> int:
    """All that may be filled on the request's side once it is sent."""
    return symbol.orders.reserved_lots(request.side, without=request.replaces) + request.size_lots


def _shrinks(request: Request) -> bool:
    """An amend that adds no size cannot make the worst case worse."""
    return request.replaces is not None and request.size_lots <= request.replaces.reserved_lots
