"""The final message of a process on Kafka: unconfirmed records, and orders left at the venue."""

from collections.abc import Collection
from pathlib import Path

from runtime.errors import DependencyError, EngineError, OrdersLeftError, left_at_venue
from schemas.topics import ROUTER


def final_error(
    processes: Collection[str], failure: EngineError | None, drained: bool, unconfirmed: int, state: Path
) -> EngineError | None:
    """The error with which processes end after `failure`; None: everything is confirmed and nothing is left.

    `unconfirmed` is the number of unconfirmed records; `state` is the folder that keeps them.
    """
    reasons = [] if failure is None else [str(failure)]
    if unconfirmed:
        reasons.append(
            f"the broker has not confirmed {unconfirmed} record{'' if unconfirmed == 1 else 's'}: "
            f"{state} keeps what is unconfirmed for the next start"
        )
    if drained and not reasons:
        return None
    if ROUTER in processes:
        reasons.append(left_at_venue(drained=drained))
    if not drained:
        return OrdersLeftError("; ".join(reasons))
    kind = DependencyError if failure is None else type(failure)
    return kind("; ".join(reasons))


def not_started(processes: Collection[str]) -> str:
    """The final message of a process stopped before its state was restored."""
    if ROUTER in processes:
        return "orders of an earlier run may be open at the venue: `maker cancel-all` cancels them"
    return "it has consumed and published nothing"
