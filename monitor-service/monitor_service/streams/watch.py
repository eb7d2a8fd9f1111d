"""What makes the worker exit, to be restarted by its supervisor: a stall, and excessive memory."""

import resource
from collections.abc import Mapping

from monitor_service.streams.open_minutes import Extent
from runtime.bus import TopicPartition
from runtime.errors import EngineError

STALL_S_MAX = 60.0
MEMORY_BYTES_MAX = 2 * 1024**3
_BYTES_PER_KIB = 1024


class Watch:
    """Tracks when each partition last advanced."""

    def __init__(self) -> None:
        self._moved: dict[TopicPartition, tuple[int, float]] = {}

    def check(
        self, positions: Mapping[TopicPartition, int], extents: Mapping[TopicPartition, Extent], now_s: float
    ) -> None:
        """Raise EngineError where a partition has records and none was received for STALL_S_MAX.

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
    """Raise EngineError where this process ever exceeded the limit."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _BYTES_PER_KIB
    if peak > bytes_max:
        raise EngineError(f"{peak >> 20} MiB of memory, of at most {bytes_max >> 20}: start the worker again")
