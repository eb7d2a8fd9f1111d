"""Applies the shape settings that need memory to a draft: bands, pauses after fills, hanging orders."""

from dataclasses import dataclass, field

from quote_service.quoting.draft import QuoteDraft
from quote_service.quoting.ladder.after_fills import AfterFills, FilledSide
from quote_service.quoting.ladder.bands import MovingBand, moving_bar, price_bar
from quote_service.quoting.ladder.levels import DraftSide, barred, with_levels
from quote_service.quoting.reasons import FILLED_ORDER_DELAY
from quote_service.quoting.requote import SideMemory
from quote_service.quoting.sizing import SizeLimits
from quote_service.quoting.spread import PricedQuote
from schemas.market import Instrument
from schemas.message import Side
from schemas.shape_settings import Shape

_MAY_HANG = (None, FILLED_ORDER_DELAY)
"""For any other reason not to quote a side, hanging orders go as well."""


@dataclass(slots=True)
class ShapeMemory:
    """Shape memory of one symbol; all in units of one contract version."""

    band: MovingBand = field(default_factory=MovingBand)
    after_fills: AfterFills = field(default_factory=AfterFills)
    sides: tuple[SideMemory, SideMemory] = field(default_factory=lambda: (SideMemory(), SideMemory()))
    """Bid and ask."""

    def apply(
        self, draft: QuoteDraft, instrument: Instrument, limits: SizeLimits, now_ns: int, shape: Shape
    ) -> QuoteDraft:
        """The draft after bands, pauses and hanging orders."""
        priced = draft.priced
        if priced is None:
            return draft
        reference = self.band.update(priced.inputs.fair_ticks, now_ns, shape)

        def side(name: Side, made: DraftSide, filled: FilledSide) -> DraftSide:
            fair = priced.inputs.fair_ticks
            because = price_bar(name, fair, instrument, shape) or moving_bar(name, fair, reference, shape)
            if because is not None:
                return barred(because)
            if filled.is_delayed(now_ns, shape):
                made = barred(FILLED_ORDER_DELAY)._replace(room_lots=made.room_lots)
            if not filled.hanging or made.reason not in _MAY_HANG:
                return made
            opposite = _opposite_ticks(name, priced)
            return with_levels(name, made, filled.keep_hanging(name, opposite, fair, now_ns, shape), limits)

        fills = self.after_fills
        return draft._replace(bid=side("buy", draft.bid, fills.bid), ask=side("sell", draft.ask, fills.ask))


def _opposite_ticks(name: Side, priced: PricedQuote) -> int:
    return priced.inputs.best_ask_ticks if name == "buy" else priced.inputs.best_bid_ticks
