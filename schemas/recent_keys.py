"""Deduplication of event topics, where each message counts once: recent natural keys."""

from collections import deque
from collections.abc import Iterator


class RecentKeys:
    """The newest natural keys, at most `limit`; a key counts as new again after that many others."""

    __slots__ = ("_count", "_known", "_limit", "_order")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._order: deque[str] = deque()
        self._known: dict[str, None] = {}
        self._count = 0

    def __len__(self) -> int:
        return len(self._order)

    def __contains__(self, key: str) -> bool:
        return key in self._known

    def __iter__(self) -> Iterator[str]:
        """From the oldest to the newest."""
        return iter(self._order)

    def add(self, key: str) -> bool:
        """Add a key; false where it is known already."""
        if key in self._known:
            return False
        self._known[key] = None
        self._order.append(key)
        self._count += 1
        if len(self._order) > self._limit:
            del self._known[self._order.popleft()]
        return True

    def digest_state(self) -> tuple[int, str | None]:
        """Represents the window in a digest of a core's state: how many keys there were, and the newest."""
        return self._count, self._order[-1] if self._order else None
