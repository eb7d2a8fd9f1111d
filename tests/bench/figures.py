"""Figures of many measurements."""


def percentiles(values_ns: list[int]) -> dict[str, float]:
    """Of nanoseconds, in milliseconds."""
    ordered = sorted(values_ns)
    picked = {"p50": 0.5, "p99": 0.99, "p99.9": 0.999}
    return {
        name: round(ordered[min(len(ordered) - 1, int(len(ordered) * share))] / 1e6, 2)
        for name, share in picked.items()
    }
