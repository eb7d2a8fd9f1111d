"""How a side of the quotes reacts to takers and to the queues at the market's best prices."""

from pydantic import model_validator

from schemas.message import Instruction
from schemas.numbers import Count, Fraction, Milliseconds, Positive, Widening


class Reaction(Instruction):
    """When a side is left, or widened, before the price moves. Fitted by `maker calibrate --reaction`."""

    burst_depths: Positive | None = None
    """Short-lived volume of takers towards a side, in mean depths of that side, beyond which the side
    reacts. None: it does not."""
    burst_hold_ms: Milliseconds = 500
    """How long it does, from the newest such volume on."""
    burst_widening: Widening | None = None
    """Factor on the side's half-spread for that time. None: the side is left."""
    imbalance_leave_share: Fraction | None = None
    """A side is left while its share of the two best sizes is smaller. None: never for that."""
    queue_spread_ticks: Count = 1
    """In spreads of at most this many ticks the best price is joined and left by its queue."""
    queue_join_share: Fraction | None = None
    """There the best price is joined from this share of the two best sizes on. None: always."""
    queue_leave_share: Fraction = 0.3
    """And left below this one at the end of its queue, below half of it at the front."""

    @property
    def is_on(self) -> bool:
        """Does anything of it react?"""
        return not (
            self.burst_depths is None and self.imbalance_leave_share is None and self.queue_join_share is None
        )

    @model_validator(mode="after")
    def _joins_before_it_leaves(self) -> "Reaction":
        join = self.queue_join_share
        if join is not None and self.queue_leave_share > join:
            raise ValueError(
                f"queue_leave_share {self.queue_leave_share} is above queue_join_share {join}: "
                "what is joined would be left at once"
            )
        return self
