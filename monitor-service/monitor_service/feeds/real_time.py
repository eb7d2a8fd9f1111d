"""A generated market in real time: like an exchange, it does not wait for an engine that is late."""

from collections.abc import Callable, Iterable

from monitor_service.feeds.feed_queue import RELIEVE_AFTER_NS, FeedQueue
from monitor_service.feeds.synthetic import SyntheticFeed
from schemas.message import Event
from schemas.process import TopicLag

_MADE_MAX = 500
"""Events that are generated in one turn."""


class RealTimeFeed:
    """An Adapter of the runtime: a synthetic feed, and the events that the engine was late for."""

    def __init__(self, feed: SyntheticFeed, now_ns: Callable[[], int], lag_ms_max: float) -> None:
        self._feed = feed
        self._now_ns = now_ns
        self._queue = FeedQueue(lag_ms_max)
        self.close = feed.close
        self.on_event = feed.on_event

    def lag(self, now_ns: int) -> TopicLag:
        """See MeasuresLag."""
        return self._queue.lag(now_ns)

    def next_due_ns(self) -> int | None:
        """When the oldest event was due."""
        head_ns = self._queue.head_ns
        return self._feed.next_due_ns() if head_ns is None else head_ns

    def poll_due(self, now_ns: int) -> Iterable[Event]:
        """The next event while the engine keeps up; otherwise a turn of everything that is due."""
        due_ns = self._feed.next_due_ns()
        is_late = due_ns is not None and self._now_ns() - due_ns > RELIEVE_AFTER_NS
        if not (is_late or self._queue):
            return [self._queue.numbered(event) for event in self._feed.poll_due(now_ns)]
        self._fill(now_ns)
        return self._queue.pop_due(now_ns, self._feed.next_due_ns())

    def _fill(self, now_ns: int) -> None:
        made = 0
        while made < _MADE_MAX and (due_ns := self._feed.next_due_ns()) is not None and due_ns <= now_ns:
            for event in self._feed.poll_due(due_ns):
                self._queue.put(event)
                made += 1
