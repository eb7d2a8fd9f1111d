"""How long our quotes rested, and at what quality (docs/FORMULAS.md, Performance).

Presence: both sides live, each of at least the minimum size and together within the maximum spread. At the
top: our live price is the displayed best of its side, including our order. All are shares of the session.
"""

from decimal import Decimal

from research.attribution.errors import InputError
from research.attribution.exact import ratio
from research.attribution.lines import InstrumentLine, QuoteLine
from research.attribution.report import QuotesReport
from research.attribution.symbol_account import ZERO
from schemas.units import BPS_PER_UNIT


class QuoteTime:
    """Time in each state of our quotes."""

    def __init__(self, instrument: InstrumentLine) -> None:
        self._instrument = instrument
        self.live_ns = 0
        """With any side live."""
        self._present_ns = self._top_bid_ns = self._top_ask_ns = self._top_both_ns = 0
        self._spread = ZERO
        self._spread_ns = ZERO
        self._is_live = self._is_present = self._at_bid = self._at_ask = False
        self.is_given = False
        self._best_is_given = False

    def set(self, quote: QuoteLine) -> None:
        """The quotes from now on; raises InputError where a size is missing that the minimum size needs."""
        self.is_given = True
        self._best_is_given |= quote.best_bid is not None or quote.best_ask is not None
        self._is_live = quote.bid is not None or quote.ask is not None
        self._at_bid = quote.bid is not None and quote.bid == quote.best_bid
        self._at_ask = quote.ask is not None and quote.ask == quote.best_ask
        self._is_present = False
        if quote.bid is not None and quote.ask is not None:
            self._spread = quote.ask - quote.bid
            sizes = self._is_large("bid_size", quote.bid_size), self._is_large("ask_size", quote.ask_size)
            self._is_present = all(sizes) and self._is_tight(quote.bid + quote.ask)

    def _is_large(self, field: str, size: Decimal | None) -> bool:
        least = self._instrument.quote_size_min
        if size is None:
            if least:
                raise InputError(
                    field, None, "the instrument has a quote_size_min: give the size of the quote"
                )
            return True
        return size >= least

    def _is_tight(self, twice_mid: Decimal) -> bool:
        """Is the spread, in basis points of our quotes' middle, within the maximum? In whole numbers."""
        widest_bps = self._instrument.quote_spread_bps_max
        return widest_bps is None or 2 * BPS_PER_UNIT * self._spread <= widest_bps * twice_mid

    def pass_time(self, time_ns: int) -> None:
        """Account `time_ns` for the current quotes."""
        self.live_ns += time_ns * self._is_live
        self._top_bid_ns += time_ns * self._at_bid
        self._top_ask_ns += time_ns * self._at_ask
        self._top_both_ns += time_ns * (self._at_bid and self._at_ask)
        if self._is_present:
            self._present_ns += time_ns
            self._spread_ns += self._spread * time_ns

    def report(self, session_ns: int) -> QuotesReport:
        """The figures so far; top-of-book figures are None where the best was never given."""
        at_top = session_ns if self._best_is_given else 0
        return QuotesReport(
            presence=ratio(self._present_ns, session_ns),
            time_at_top_bid=ratio(self._top_bid_ns, at_top),
            time_at_top_ask=ratio(self._top_ask_ns, at_top),
            time_at_top_both=ratio(self._top_both_ns, at_top),
            mean_spread=ratio(self._spread_ns, self._present_ns),
        )
