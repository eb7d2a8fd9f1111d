"""Holds back those who guess passwords."""

from collections import OrderedDict
from dataclasses import dataclass

_FREE_TRIES = 5
_WAIT_S_MAX = 300.0
_FORGET_S = 900.0
_KEYS_MAX = 10_000


@dataclass(slots=True)
class _Failures:
    count: int
    newest_s: float


class Throttle:
    """After five failures each further one doubles the wait, for the name and for the address alike."""

    def __init__(self) -> None:
        self._failures: OrderedDict[str, _Failures] = OrderedDict()

    def wait_s(self, keys: tuple[str, ...], now_s: float) -> float:
        """Seconds until the next try counts; 0: now."""
        return max((self._wait_s(key, now_s) for key in keys), default=0.0)

    def _wait_s(self, key: str, now_s: float) -> float:
        failures = self._failures.get(key)
        if failures is None or failures.count < _FREE_TRIES or now_s - failures.newest_s > _FORGET_S:
            return 0.0
        wait_s = min(2.0 ** (failures.count - _FREE_TRIES), _WAIT_S_MAX)
        return max(0.0, failures.newest_s + wait_s - now_s)

    def note_failure(self, keys: tuple[str, ...], now_s: float) -> None:
        """One more try that failed."""
        for key in keys:
            known = self._failures.pop(key, None)
            fresh = known is None or now_s - known.newest_s > _FORGET_S
            count = 1 if fresh or known is None else known.count + 1
            self._failures[key] = _Failures(count, now_s)
            if len(self._failures) > _KEYS_MAX:
                self._failures.popitem(last=False)

    def note_success(self, keys: tuple[str, ...]) -> None:
        """The right person has come."""
        for key in keys:
            self._failures.pop(key, None)
