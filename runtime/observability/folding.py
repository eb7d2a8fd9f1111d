"""Rate-limits repeated log lines of libraries; a line that is let through states how many were suppressed."""

import logging
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import monotonic

QUIET_S = (60.0, 600.0, 3600.0)
"""Suppression periods after a logged line; the next one applies for as long as it keeps being repeated."""
_LINES_KEPT = 1_000

_records: Counter[str] = Counter()


def library_records() -> Mapping[str, int]:
    """Warnings and errors by library, including suppressed ones."""
    return _records


@dataclass(slots=True)
class _Line:
    since_s: float
    step: int = 0
    suppressed: int = 0


class Folding(logging.Filter):
    """Suppresses repetitions of a line for a time.

    Lines are compared by logger and message template, so different arguments do not make a new line.
    """

    def __init__(self, clock_s: Callable[[], float] = monotonic) -> None:
        super().__init__()
        self._clock_s = clock_s
        self._lines: OrderedDict[tuple[str, str], _Line] = OrderedDict()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether to log the record; the number of suppressed repetitions is added to its message."""
        _records[record.name.partition(".")[0]] += 1
        now_s = self._clock_s()
        key = (record.name, str(record.msg))
        line = self._lines.get(key)
        if line is None:
            self._lines[key] = _Line(now_s)
            if len(self._lines) > _LINES_KEPT:
                self._lines.popitem(last=False)
            return True
        quiet_s = QUIET_S[line.step]
        if now_s - line.since_s < quiet_s:
            line.suppressed += 1
            return False
        self._repeat(line, record, now_s)
        return True

    def _repeat(self, line: _Line, record: logging.LogRecord, now_s: float) -> None:
        if line.suppressed:
            record.msg = f"{record.getMessage()} ({line.suppressed} similar lines suppressed)"
            record.args = ()
        line.step = min(line.step + 1, len(QUIET_S) - 1) if line.suppressed else 0
        line.since_s, line.suppressed = now_s, 0
