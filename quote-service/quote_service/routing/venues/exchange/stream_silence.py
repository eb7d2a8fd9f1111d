"""Detects a user data stream that is silent although the account is active."""

from collections.abc import Callable

Trade = tuple[str, str]
"""Symbol and the venue's trade id."""


class SilenceDetector:
    """Expects an event for each change that a request confirmed, and each trade that a request returned."""

    def __init__(self, limit_s: float, clock_s: Callable[[], float]) -> None:
        self._limit_s = limit_s
        self._clock_s = clock_s
        self.last_event_s = clock_s()
        """When the last account event arrived, or the stream started."""
        self._due_since_s: float | None = None
        """Request time of the oldest confirmed change without a later event."""
        self._missing: dict[Trade, float] = {}
        """Trades that only a request returned so far, and when."""

    def reset(self) -> None:
        """Start over with a new stream."""
        self.last_event_s = self._clock_s()
        self._due_since_s = None
        self._missing.clear()

    def now_s(self) -> float:
        """The time on this detector's clock."""
        return self._clock_s()

    def silent_s(self) -> float:
        """Seconds since the last account event."""
        return self._clock_s() - self.last_event_s

    def observe_event(self) -> None:
        """An account event arrived."""
        self.last_event_s = self._clock_s()
        self._due_since_s = None

    def observe_change(self, asked_s: float) -> None:
        """The venue confirmed a change that was requested then, so its event is due."""
        if asked_s > self.last_event_s and self._due_since_s is None:
            self._due_since_s = asked_s

    def observe_requested(self, trade: Trade) -> None:
        """A request returned a trade that the stream has not delivered yet."""
        self._missing.setdefault(trade, self._clock_s())

    def observe_streamed(self, trade: Trade) -> None:
        """The stream delivered a trade."""
        self._missing.pop(trade, None)

    def failure(self) -> str | None:
        """Why the stream counts as dead; None: it is alive."""
        now_s = self._clock_s()
        due_s = self._due_since_s
        if due_s is not None and now_s - due_s > self._limit_s:
            return f"the user data stream delivered no event for a change confirmed {now_s - due_s:.1f} s ago"
        late = [trade for trade, shown_s in self._missing.items() if now_s - shown_s > self._limit_s]
        if late:
            symbol, trade_id = late[0]
            return f"the user data stream did not deliver trade {trade_id} of {symbol}, known from a request"
        return None
