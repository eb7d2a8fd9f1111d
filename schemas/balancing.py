"""The position balancer's decision for one symbol."""

from typing import ClassVar

from schemas.balance_settings import BalanceStage
from schemas.message import Side, SizeLots, SymbolEvent, TimeNs


class BalanceOrder(SymbolEvent):
    """What inventory-service wants done about an inventory, beyond leaning. State.

    The order router's gate decides whether a slice of it is sent.
    """

    type_name: ClassVar[str] = "inventory.balance.v1"

    instrument_version: int = 1
    sequence: int
    """Numbers the decisions of this symbol, from 1: each is acted on once."""
    stage: BalanceStage
    """lean: nothing beyond it; it ends an earlier decision."""
    side: Side
    """The side that brings the inventory back to its target."""
    size_lots: SizeLots
    """All that is to be traded until then."""
    urgency: float
    """0 to 1, see `Position.rebalance_urgency`."""
    cost_bps: float
    """What taking costs now: half the market's spread and the taker fee."""
    valid_until_ns: TimeNs
    flattens: bool = False
    """A person wants nothing held: `size_lots` is the whole position."""
    held_back: str = ""
    """Why taking, though urgent enough, is not the stage; empty: it is, or is not due."""
