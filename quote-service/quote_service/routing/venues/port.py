"""The interface that a venue adapter implements.

It alone holds the venue's keys and communicates with the venue. Its obligations to the core:

- It acts on intents (`place_intent`, `amend_intent`, `cancel_intent`) and on nothing else. An intent is in
  the log before the adapter receives it; one that was acted on is never sent a second time.
- Every order is post-only, but for those whose intent says `ioc`: they execute at once, and the rest is
  reported as cancelled. The client order id of the intent is the order's id at the venue.
- Every intent is answered by one report: a place by `accepted` or `rejected`, an amend by `amended` or
  `amend_rejected`, a cancel by `cancelled` or `cancel_rejected`. Where the venue gives no answer there is no
  report: silence is never turned into a refusal.
- `accepted` and `amended` carry the price and total size that the venue holds.
- Each execution is one `fill` report with the trade's price, size, liquidity, the venue's trade id and our
  side. The same trade may be reported again; its id is then the same.
- A report's `event_time_ns` is when it was received, and no report is earlier than the one before it.
- After `close` nothing is sent.
"""

from collections.abc import Iterable
from typing import Protocol

from schemas.message import Event


class VenueAdapter(Protocol):
    """The runtime's adapter, with reports as its external inputs."""

    def on_event(self, event: Event) -> None:
        """Act on an intent of ours; a simulated venue also receives books and trades here."""

    def next_due_ns(self) -> int | None:
        """When the next report or other work is due, nanoseconds UTC; None: nothing is pending."""

    def poll_due(self, now_ns: int) -> Iterable[Event]:
        """Reports due at `now_ns`, in order of their time."""

    def close(self) -> None:
        """End the connection."""
