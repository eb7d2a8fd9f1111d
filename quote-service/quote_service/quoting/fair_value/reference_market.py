"""Fair value from a reference market: its mid times the recent average ratio of the two mids."""

from dataclasses import dataclass
from math import exp, log

from schemas.market import Book
from schemas.units import NS_PER_S


@dataclass(slots=True)
class Reference:
    """A symbol's mid relative to its reference market's. Units cancel out in the ratio."""

    mid_half_ticks: int | None = None
    """Of the reference market's newest live book; None while it has none."""
    seen_ns: int = 0
    version: int = 1
    """Of the reference market's contract."""
    log_ratio: float | None = None
    """Own half ticks over the reference's, averaged over time."""
    at_ns: int = 0

    def observe(self, book: Book) -> None:
        """The reference market's newest book; a change of units voids the ratio."""
        if book.instrument_version != self.version:
            self.version, self.log_ratio = book.instrument_version, None
        is_live = book.status == "live" and bool(book.bid_prices) and bool(book.ask_prices)
        self.mid_half_ticks = book.bid_prices[0] + book.ask_prices[0] if is_live else None
        self.seen_ns = book.event_time_ns

    def update(self, own: Book, now_ns: int, half_life_s: float, age_ns_max: int) -> float | None:
        """Apply the own mid to the ratio; returns the mid that the reference implies, in ticks.

        None while the reference is not usable.
        """
        other = self.mid_half_ticks
        if other is None or other <= 0 or now_ns - self.seen_ns > age_ns_max:
            return None
        now = log((own.bid_prices[0] + own.ask_prices[0]) / other)
        if self.log_ratio is None:
            self.log_ratio = now
        else:
            kept = exp(-log(2) * max(0, now_ns - self.at_ns) / NS_PER_S / half_life_s)
            self.log_ratio = now + (self.log_ratio - now) * kept
        self.at_ns = now_ns
        return exp(self.log_ratio) * other / 2
