"""Watches a symbol beyond the gate, and stops it: fast fills, price jumps, position breaks."""

from collections.abc import Collection, Iterable

from quote_service.routing.account import AccountState
from quote_service.routing.desired.post_only_backoff import PostOnlyBackoff, PostOnlyRefusals
from quote_service.routing.orders.order_messages import account_change, trading_stop
from quote_service.routing.protection.fill_rate import FillLimits
from quote_service.routing.protection.position_break import Finding, PositionBreaks
from quote_service.routing.protection.price_jumps import JumpLimits
from quote_service.routing.symbol_state import RoutedSymbol
from schemas.carried.router import CarriedHolding
from schemas.config import Config
from schemas.holdings import HoldingSeen
from schemas.message import Event, TimeNs
from schemas.orders import (
    AccountChange,
    Fill,
    StopCode,
    TradingStop,
    VenueBalances,
    VenuePositions,
    VenueReport,
    VenueStatus,
)
from schemas.quoting import QuoteTarget
from schemas.units import side_sign

POST_ONLY_REFUSED = "POST_ONLY"
"""A report's reason: the order would have taken."""


class MarketMakerProtection:
    """The limits of all watches, and their state across symbols."""

    def __init__(self, config: Config) -> None:
        self._fills = FillLimits(config.protection)
        self._jumps = JumpLimits(config.protection)
        self._crossings = PostOnlyBackoff(config.protection)
        self._breaks = PositionBreaks(
            config.protection.position_break_s, config.inventory, config.exchange.request_timeout_ms / 1e3
        )

    def observe_book(self, symbol: RoutedSymbol, now_ns: int) -> None:
        """The symbol's book was updated."""
        if symbol.market.is_live and symbol.market.mid_half_ticks is not None:
            self._jumps.observe(symbol.protection.jumps, symbol.market.mid_half_ticks, now_ns)

    @staticmethod
    def observe_target(symbol: RoutedSymbol, target: QuoteTarget) -> None:
        """Record how much a target quotes at once."""
        quoted = max(sum(target.bid.sizes), sum(target.ask.sizes))
        symbol.protection.quote_lots = quoted or symbol.protection.quote_lots

    def observe_report(
        self, symbol: RoutedSymbol, report: VenueReport, outputs: Iterable[Event], now_ns: int
    ) -> list[TradingStop]:
        """The stops and freezes due to a report and its fills."""
        if report.reason == POST_ONLY_REFUSED and report.kind in {"rejected", "amend_rejected"}:
            self._observe_crossing(symbol, report, now_ns)
        fills = [output for output in outputs if isinstance(output, Fill)]
        for fill in fills:
            self._breaks.observe_fill(fill, symbol, report.executed_ns)
        read_ns = report.executed_ns if report.recovered else None
        return [made for fill in fills for made in self._observe_fill(symbol, fill, now_ns, read_ns)]

    def begin(self) -> None:
        """On start: account and ledgers are compared again."""
        self._breaks.begin()

    def observe_holdings(self, stated: VenueBalances | VenuePositions, account: AccountState) -> None:
        """The account's holdings, as the venue states them."""
        is_ready = account.is_venue_ready(stated.venue)
        if isinstance(stated, VenueBalances):
            self._breaks.observe_balances(stated, is_ready=is_ready)
        else:
            self._breaks.observe_positions(stated, is_ready=is_ready)

    def observe_venue(self, status: VenueStatus) -> None:
        """The venue connection's status."""
        if status.state != "ready":
            self._breaks.interrupt()

    def compare(
        self, symbols: Collection[RoutedSymbol], account: AccountState, now_ns: int
    ) -> list[AccountChange]:
        """Re-check assets not yet found equal to their ledgers, and return the opening balances of empty
        ledgers.
        """
        if account.venue is None or not any(map(account.is_venue_ready, account.ready_venues)):
            return []
        return [account_change(opening, now_ns) for opening in self._breaks.look(symbols)]

    def judge_positions(
        self, symbols: Collection[RoutedSymbol], account: AccountState, now_ns: int
    ) -> list[TradingStop]:
        """Stops for symbols in a position break, or in doubt of one."""
        if account.is_shut_down:
            return []
        return [
            made
            for finding in self._breaks.judge(symbols, now_ns)
            for made in (_doubts_of if finding.asks_trades else _stops_of)(finding, now_ns)
        ]

    def release(self, symbol: RoutedSymbol, symbols: Collection[RoutedSymbol]) -> None:
        """An operator has resumed the symbol: it trades once account and ledger are equal."""
        symbol.protection.release()
        self._breaks.forgive(symbol, symbols)

    def holdings(self, symbols: Collection[RoutedSymbol]) -> list[HoldingSeen]:
        """Ledger and account of every symbol, as far as the venue has stated them."""
        return self._breaks.seen(symbols)

    def carried(self) -> tuple[CarriedHolding, ...]:
        """State across symbols that must survive a restart."""
        return self._breaks.carried()

    def restore(self, holdings: Iterable[CarriedHolding]) -> None:
        """Restore an earlier session's state."""
        self._breaks.restore(holdings)

    def _observe_fill(
        self, symbol: RoutedSymbol, fill: Fill, now_ns: int, executed_ns: TimeNs | None
    ) -> list[TradingStop]:
        if fill.purpose == "balance":  # we chose it: it says nothing about takers
            return []
        version = fill.instrument_version if symbol.contract.terms is None else symbol.contract.terms.version
        signed_lots = symbol.contract.lots_in(
            side_sign(fill.side) * fill.size_lots, fill.instrument_version, version
        )
        trip = self._fills.observe(
            symbol.protection.fill_rate, signed_lots, symbol.protection.quote_lots, now_ns, executed_ns
        )
        if trip is None:
            return []
        return [_stop(symbol, "MMP", trip.text, now_ns, is_last=trip.is_last)]

    def _observe_crossing(self, symbol: RoutedSymbol, report: VenueReport, now_ns: int) -> None:
        order = symbol.orders.find(report.client_order_id)
        if order is not None:
            crossing = symbol.recent.post_only_refusals.setdefault(
                (order.side, order.level), PostOnlyRefusals()
            )
            self._crossings.observe(crossing, order.target_sequence, now_ns)


def _doubts_of(finding: Finding, now_ns: int) -> list[TradingStop]:
    """Ask for the trades of all symbols that share the asset, unless none of them is traded anyway."""
    if all(symbol.protection.stopped_by for symbol in finding.symbols):
        return []
    text = f"not quoted until the account's trades are read: {finding.text}"
    return [
        trading_stop(symbol, "POSITION_BREAK", text, now_ns, needs_person=False, asks_trades=True)
        for symbol in finding.symbols
    ]


def _stops_of(finding: Finding, now_ns: int) -> list[TradingStop]:
    return [
        _stop(symbol, "POSITION_BREAK", finding.text, now_ns, is_last=finding.is_last)
        for symbol in finding.symbols
        if symbol.protection.stopped_by is None
    ]


def _stop(symbol: RoutedSymbol, code: StopCode, text: str, now_ns: int, *, is_last: bool) -> TradingStop:
    """Stop a symbol, for good where `is_last`; returns the message about it."""
    if is_last:
        symbol.protection.stopped_by = code
    return trading_stop(symbol, code, text, now_ns, needs_person=is_last)
