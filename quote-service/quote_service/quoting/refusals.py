"""Keeps to the gate's word: a price that it would refuse, or has refused, waits until a fact changes."""

from dataclasses import dataclass
from typing import NamedTuple

from quote_service.quoting import reasons
from quote_service.quoting.gate_limits import GateLimits
from quote_service.quoting.ladder.levels import DraftSide, barred
from schemas.gating import GateRoom, RefusedQuote
from schemas.message import Side
from schemas.quoting import QuoteSide
from schemas.units import side_sign


class Moment(NamedTuple):
    """What refusals are judged by."""

    mid_half_ticks: int
    now_ns: int
    rest_ns: int
    waits_for_messages: bool


@dataclass(slots=True)
class SideRefusals:
    """One side's newest refusals, in the units of one contract version."""

    since_ns: int | None = None
    """When the best price was last refused: a side that is not quoted rests after it."""
    by_gate: RefusedQuote | None = None
    """The router's newest denial for a price."""
    by_gate_ns: int = 0

    def observe(self, room: GateRoom, side: Side, now_ns: int) -> None:
        """Apply the router's word."""
        refused = next((each for each in room.refused if each.side == side), None)
        if refused is not None and refused != self.by_gate:
            self.by_gate, self.by_gate_ns = refused, now_ns

    def allowed(
        self, side: Side, made: DraftSide, standing: QuoteSide | None, limits: GateLimits, at: Moment
    ) -> DraftSide:
        """The side as the gate would let it through."""
        made = self._passing(made, standing, limits, at)
        return without_messages(side, made, standing) if at.waits_for_messages else made

    def _passing(
        self, made: DraftSide, standing: QuoteSide | None, limits: GateLimits, at: Moment
    ) -> DraftSide:
        """The side without levels whose price would be refused.

        A price that stands is not asked for again, however far the market has moved from it.
        """
        if not made.prices:
            return made
        stands = () if standing is None else standing.prices
        words = [None if price in stands else self._word(price, limits, at) for price in made.prices]
        if words[0] is not None:
            self.since_ns = at.now_ns
            return barred(words[0])
        if not stands and self.since_ns is not None and at.now_ns - self.since_ns < at.rest_ns:
            return barred(f"{reasons.PRICE_COLLAR}: its price was refused a moment ago, and rests")
        self.since_ns = None
        if not any(words):
            return made
        levels = zip(made.prices, made.sizes, words, strict=True)
        kept = [(price, size) for price, size, word in levels if word is None]
        prices, sizes = zip(*kept, strict=True)
        return made._replace(prices=prices, sizes=sizes)

    def _word(self, price_ticks: int, limits: GateLimits, at: Moment) -> str | None:
        """Why the gate would refuse a price; None: it would not, as far as is known."""
        if limits.is_beyond_collar(price_ticks, at.mid_half_ticks):
            return f"{reasons.PRICE_COLLAR}: {limits.collar_text(price_ticks, at.mid_half_ticks)}"
        refused = self.by_gate
        if refused is None or refused.price_ticks != price_ticks or at.now_ns - self.by_gate_ns >= at.rest_ns:
            return None
        return f"{refused.codes[0]}: the gate refused this price"


def without_messages(side: Side, made: DraftSide, standing: QuoteSide | None) -> DraftSide:
    """The side while the message budget is used up: it may only offer less than what stands."""
    if not made.prices:
        return made
    if standing is None or not standing.prices:
        return barred(f"{reasons.MESSAGE_LIMIT}: the message budget is used up")
    is_nearer = side_sign(side) * (made.prices[0] - standing.prices[0]) > 0
    if is_nearer or sum(made.sizes) > sum(standing.sizes):
        return DraftSide(standing.prices, standing.sizes, None, made.size_is_limit)
    return made
