"""What the engine measures about itself."""

from array import array


class LatencyRecorder:
    """Keeps every observation, in seconds, so that percentiles are exact. 8 bytes each."""

    def __init__(self) -> None:
        self._seconds = array("d")

    def observe(self, seconds: float) -> None:
        """Add one observation."""
        self._seconds.append(seconds)

    def __len__(self) -> int:
        return len(self._seconds)

    def percentile_ms(self, percent: float) -> float | None:
        """The smallest observation that `percent` of all do not exceed, in milliseconds; None before any."""
        if not self._seconds:
            return None
        ordered = sorted(self._seconds)
        rank = max(0, -(-len(ordered) * percent // 100) - 1)
        return round(ordered[int(rank)] * 1e3, 4)
