"""What ends the worker, for its supervisor to start it again: standing still, and too much memory."""

import resource
from collections.abc import Mapping

from chassis.bus.base import TopicPartition
from chassis.errors import EngineError
from monitor_service.streams.open_minutes import Extent

STALL_S_MAX = 60.0
MEMORY_BYTES_MAX = 2 * 1024**3
_BYTES_PER_KIB = 1024


class Watch:
    """Knows when each partition last moved."""

    def __init__(self) -> None:
        self._moved: dict[TopicPartition, tuple[int, float]] = {}

    def check(
        self, positions: Mapping[TopicPartition, int], extents: Mapping[TopicPartition, Extent], now_s: float
    ) -> None:
        """Raise EngineError where a partition has records and none was taken for STALL_S_MAX.

        `now_s` is of a monotonic clock.
        """
        for place, extent in extents.items():
            position = positions.get(place, extent.begin)
            was, since_s = self._moved.get(place, (-1, now_s))
            if position >= extent.end or position != was:
                self._moved[place] = (position, now_s)
            elif now_s - since_s > STALL_S_MAX:
                raise EngineError(
                    f"{place.topic} partition {place.partition} stands at {position} of {extent.end} for "
                    f"{now_s - since_s:.0f} s: start the worker again"
                )


def check_memory(bytes_max: int = MEMORY_BYTES_MAX) -> None:
    """Raise EngineError where this process has ever held more."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _BYTES_PER_KIB
    if peak > bytes_max:
        raise EngineError(f"{peak >> 20} MiB of memory, of at most {bytes_max >> 20}: start the worker again")
