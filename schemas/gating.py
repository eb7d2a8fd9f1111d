"""What the order router's gate leaves to a symbol, so that quoting states nothing that it would refuse."""

from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from schemas.message import PriceTicks, Side, SizeLots, SymbolEvent


class RefusedQuote(BaseModel):
    """A quote that the gate denied for its price."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    side: Side
    price_ticks: PriceTicks
    target_sequence: int
    """The quote.target that asked for it."""
    codes: tuple[str, ...]
    """All codes of the gate against it."""


class GateRoom(SymbolEvent):
    """Limits of the account that bind this symbol tighter than its own. State, compacted.

    Published where one of them begins or ends to bind, is lower, or is higher by a tenth; the gate itself
    compares exactly.
    """

    type_name: ClassVar[str] = "order.room.v1"

    instrument_version: int = 1
    position_lots_max: SizeLots | None = None
    """The largest position, long or short, that fills of all open orders may lead to under
    `risk_limits.max_exposure` with the other symbols' open orders. None: the symbol's own limits bind."""
    buy_lots_max: SizeLots | None = None
    """The most that all buy orders may show, by the account's balance of the quote currency. None: it is not
    stated, or does not bind."""
    sell_lots_max: SizeLots | None = None
    """The same of sell orders, by the balance of the base currency."""
    waits_for_messages: bool = False
    """The message budget is used up: only cancels, and amends that offer less, go out."""
    refused: tuple[RefusedQuote, ...] = ()
    """At most one a side, the newest. It waits until the gate would let it pass: then it is here no more."""
