"""Mass cancel without a log, and the error of an end caused by the disk, or before the venue was reconciled.

Nothing is decided or recorded. The adapter queries our open
orders at the venue, cancels them, and repeats until the venue shows none. The next start learns the fate of
its orders from the venue, as after any crash.
"""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import structlog

from runtime.errors import EngineError, LogLostError, OrdersLeftError, left_at_venue

CANCEL_LIMIT_S = 30.0
"""After this time without confirmation, orders may be left open at the venue."""
UNTRADED_CANCEL_LIMIT_S = 5.0
"""The same where this run has sent nothing: only an earlier one can have left orders."""
_NAMED_MAX = 10
_COMMAND = "`maker cancel-all --config FILE` shows and cancels them"

logger = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class CancelResult:
    """The result of a mass cancel; ids are a symbol and the client order id as known to the exchange."""

    exchange: str
    prefix: str
    cancelled: tuple[str, ...]
    left: tuple[str, ...]
    is_proven: bool
    """Whether the exchange showed that no order is left."""
    failure: str

    def as_text(self) -> str:
        """The result as text."""
        done = f"{len(self.cancelled)} orders with the prefix {self.prefix} cancelled at {self.exchange}"
        if self.is_proven:
            return f"{done}; it shows none of them open"
        because = f" ({self.failure})" if self.failure else ""
        return f"{done}; {self._shown()}{because}: check there; {_COMMAND}"

    def _shown(self) -> str:
        if not self.left:
            return "it has not confirmed whether any is left"
        more = len(self.left) - _NAMED_MAX
        named = ", ".join(self.left[:_NAMED_MAX]) + (f" and {more} more" if more > 0 else "")
        return f"{len(self.left)} of them may be left open: {named}"


@runtime_checkable
class CancelsAll(Protocol):
    """An adapter with orders at a venue outside this process."""

    async def cancel_all(self, limit_s: float) -> CancelResult:
        """Stop sending orders, cancel all of ours that the venue shows, and repeat until it shows none.

        It is not recorded and not an intent of the core. It does not raise errors of the venue.
        """


async def ended_by_disk(lost: LogLostError, *adapters: object) -> LogLostError | OrdersLeftError:
    """Cancel all orders without a log; returns the error to end with: reason and result."""
    texts, is_proven = await _cancelled(f"the log is lost: {lost}", CANCEL_LIMIT_S, *adapters)
    text = "; ".join((str(lost), *(texts or ["there are no orders outside this process"])))
    return type(lost)(text) if is_proven else OrdersLeftError(text)


async def ended_undrained(failure: EngineError, limit_s: float, *adapters: object) -> EngineError:
    """Cancel all orders where an end could not: a venue that was never reconciled, such as after a start with
    a symbol that it does not have. Returns the error to end with: reason and result.
    """
    texts, is_proven = await _cancelled(str(failure), limit_s, *adapters)
    text = "; ".join((str(failure), *(texts or [left_at_venue(drained=False)])))
    return type(failure)(text) if texts and is_proven else OrdersLeftError(text)


async def _cancelled(because: str, limit_s: float, *adapters: object) -> tuple[list[str], bool]:
    """The result of each adapter with orders outside this process, and whether all of it is proven."""
    results = []
    for adapter in adapters:
        if isinstance(adapter, CancelsAll):
            logger.critical("cancels_all", because=because, then="all orders are cancelled without a record")
            results.append(await adapter.cancel_all(limit_s))
    return [each.as_text() for each in results], all(each.is_proven for each in results)
