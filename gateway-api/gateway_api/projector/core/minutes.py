"""The last hour of a symbol, minute by minute."""

from dataclasses import dataclass, field

from schemas.statistics import MinuteStatistics
from schemas.views import MinutesView

MINUTES_MAX = 60


@dataclass(slots=True)
class MinuteFold:
    """Keeps the highest version of each minute: a later repetition may be partial."""

    minutes: dict[int, MinuteStatistics] = field(default_factory=dict)
    """By the start of the minute."""
    is_dirty: bool = False

    def apply(self, minute: MinuteStatistics) -> None:
        """Apply a total that supersedes a known one, or is new and not too old."""
        known = self.minutes.get(minute.window_start_ns)
        if known is not None and known.version >= minute.version:
            return
        self.minutes[minute.window_start_ns] = minute
        for start_ns in sorted(self.minutes)[:-MINUTES_MAX]:
            del self.minutes[start_ns]
        self.is_dirty = True

    def pop_changed(self) -> bool:
        """Whether it changed since the last call."""
        was_dirty, self.is_dirty = self.is_dirty, False
        return was_dirty

    def view(self) -> MinutesView:
        """The document; requires at least one minute."""
        ordered = tuple(self.minutes[start_ns] for start_ns in sorted(self.minutes))
        newest = ordered[-1]
        return MinutesView(
            event_time_ns=newest.event_time_ns, venue=newest.venue, symbol=newest.symbol, minutes=ordered
        )
