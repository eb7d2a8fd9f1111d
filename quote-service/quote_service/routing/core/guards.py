"""What watches a symbol besides the gate, and stops it: fills that come too fast, jumps, lost fills."""

from collections.abc import Collection, Iterable

from quote_service.routing.core.account import Account
from quote_service.routing.core.jumps import JumpLimits
from quote_service.routing.core.order_messages import stop
from quote_service.routing.core.position_break import PositionBreaks
from quote_service.routing.core.protection import FillLimits
from quote_service.routing.core.standing_back import Crossing, CrossingLimits
from quote_service.routing.core.symbol_state import SymbolState
from schemas.config import Config
from schemas.message import Event
from schemas.orders import Fill, TradingStop, VenueBalances, VenueReport
from schemas.quoting import QuoteTarget
from schemas.units import side_sign

POST_ONLY_REFUSED = "POST_ONLY"
"""Reason of a report: the order would have taken."""


class Guards:
    """Their limits, and what they know across symbols."""

    def __init__(self, config: Config) -> None:
        self._fills = FillLimits(config.protection)
        self._jumps = JumpLimits(config.protection)
        self._crossings = CrossingLimits(config.protection)
        self._breaks = PositionBreaks(config.protection.position_break_s)

    def see_book(self, symbol: SymbolState, now_ns: int) -> None:
        """The symbol has taken over a book."""
        if symbol.is_live and symbol.mid_half_ticks is not None:
            self._jumps.see(symbol.jumps, symbol.mid_half_ticks, now_ns)

    @staticmethod
    def see_target(symbol: SymbolState, target: QuoteTarget) -> None:
        """A target says how much is quoted at once."""
        quoted = max(sum(target.bid.sizes), sum(target.ask.sizes))
        symbol.quote_lots = quoted or symbol.quote_lots

    def see_report(
        self, symbol: SymbolState, report: VenueReport, outputs: Iterable[Event], now_ns: int
    ) -> list[TradingStop]:
        """What a report, and the fills made of it, lead to."""
        if report.reason == POST_ONLY_REFUSED and report.kind in {"rejected", "amend_rejected"}:
            self._see_crossing(symbol, report, now_ns)
        fills = [output for output in outputs if isinstance(output, Fill)]
        return [made for fill in fills for made in self._see_fill(symbol, fill, now_ns)]

    def see_balances(self, stated: VenueBalances, now_ns: int) -> None:
        """What the account has, by the venue's word."""
        self._breaks.see_balances(stated.balances, now_ns)

    def judge_positions(
        self, symbols: Collection[SymbolState], account: Account, now_ns: int
    ) -> list[TradingStop]:
        """Stops of symbols whose position the venue's balances do not bear out."""
        stated = [symbol for symbol in symbols if symbol.venue in account.balances]
        return [
            stop(symbol, "POSITION_BREAK", text, now_ns, needs_person=True)
            for symbol, text in self._breaks.judge(stated, now_ns)
            if symbol.stopped_by is None
        ]

    def release(self, symbol: SymbolState) -> None:
        """People have looked, and trade the symbol on."""
        symbol.release()
        if symbol.terms is not None:
            self._breaks.forgive(symbol.terms.base_currency)

    def _see_fill(self, symbol: SymbolState, fill: Fill, now_ns: int) -> list[TradingStop]:
        self._breaks.see_fill(fill, symbol)
        signed_lots = side_sign(fill.side) * fill.size_lots
        trip = self._fills.see(symbol.guard, signed_lots, symbol.quote_lots, now_ns)
        if trip is None:
            return []
        return [stop(symbol, "MMP", trip.text, now_ns, needs_person=trip.is_last)]

    def _see_crossing(self, symbol: SymbolState, report: VenueReport, now_ns: int) -> None:
        order = symbol.order(report.client_order_id)
        if order is not None:
            crossing = symbol.crossings.setdefault((order.side, order.level), Crossing())
            self._crossings.see(crossing, order.target_sequence, now_ns)
