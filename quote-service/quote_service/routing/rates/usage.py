"""One symbol's use of the account: exposure, funds, messages."""

from dataclasses import dataclass, field
from decimal import Decimal

from quote_service.routing.rates.message_budget import MessageBudget
from quote_service.routing.rates.venue_budget import VenueBudget
from schemas.gating import GateRoom


@dataclass(slots=True)
class SymbolUsage:
    """Of one symbol, as last computed."""

    exposure_micro: int = 0
    """Worst-case value, millionths of the reporting currency."""
    committed: dict[str, Decimal] = field(default_factory=dict)
    """The most its orders may spend of the account, by currency."""
    venue_grant: VenueBudget | None = None
    """The venue's rate limits for this symbol; unused at first."""
    budget: MessageBudget | None = None
    """This symbol's own message limit; unused at first."""
    published_balance: Decimal | None = None
    """The newest published balance of the quote currency."""
    published_room: GateRoom | None = None
    """What quoting was last told of the limits that bind."""
