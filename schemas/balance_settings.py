"""How far the position balancer goes to bring an inventory back."""

from typing import Annotated, Literal

from pydantic import Field

from schemas.message import Instruction
from schemas.numbers import Bps, Fraction

BalanceStage = Literal["lean", "touch", "take"]


class Balance(Instruction):
    """Stages by urgency: the share of the room between `inventory.rebalance_threshold` and the maximum that
    the inventory uses. See docs/QUOTING.md."""

    stage_max: BalanceStage = "lean"
    """lean: quotes lean against the inventory, and that is all. touch: the side that reduces it is quoted at
    the best price of the market. take: orders that execute at once or not at all (IOC) reduce it as well."""
    urgency_touch: Fraction = 0.25
    """Urgency from which the reducing side is at the touch."""
    urgency_take: Fraction = 0.75
    """Urgency from which liquidity is taken."""
    cost_bps_max: Annotated[Bps, Field(gt=0)] = 10.0
    """No IOC order is further than this from the mid; where half the market's spread and the taker fee cost
    more, none is sent."""
    depth_share_max: Annotated[Fraction, Field(gt=0)] = 0.2
    """Largest share of the size shown within `cost_bps_max` that one slice takes. There is at most one a
    second, and one at a time."""
