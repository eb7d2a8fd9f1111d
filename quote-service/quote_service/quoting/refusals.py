"""Keeps to the gate's word: a price that it would refuse, or refuses, waits until a fact changes."""

from typing import NamedTuple

from quote_service.quoting import reasons
from quote_service.quoting.draft import QuoteDraft
from quote_service.quoting.gate_limits import GateLimits
from quote_service.quoting.ladder.levels import DraftSide, barred
from quote_service.quoting.sizing import SizeLimits, least_lots
from quote_service.quoting.spread import PricedQuote
from quote_service.quoting.symbol_state import QuotedSymbol
from schemas.gating import GateRoom
from schemas.message import Side
from schemas.quoting import QuoteSide
from schemas.units import side_sign


class GateFacts(NamedTuple):
    """What a price is judged by."""

    mid_half_ticks: int
    limits: GateLimits
    room: GateRoom | None
    """The router's newest word."""

    def word(self, side: Side, price_ticks: int) -> str | None:
        """Why the gate would refuse a price; None: it would not, as far as is known."""
        if self.is_beyond_collar(price_ticks):
            return f"{reasons.PRICE_COLLAR}: {self.limits.collar_text(price_ticks, self.mid_half_ticks)}"
        for refused in () if self.room is None else self.room.refused:
            if (refused.side, refused.price_ticks) == (side, price_ticks):
                return f"{refused.codes[0]}: the gate refuses this price"
        return None

    def is_beyond_collar(self, price_ticks: float) -> bool:
        """See GateLimits."""
        return self.limits.is_beyond_collar(price_ticks, self.mid_half_ticks)


def within_collar(draft: QuoteDraft, state: QuotedSymbol) -> QuoteDraft:
    """Both sides with the best price a tick nearer to the market, where only rounding to whole ticks takes it
    beyond the collar.

    Where a tick is a large part of the collar, a side would otherwise come and go with each half tick of the
    mid. For the same reason a best price that stands already is kept while the next tick is refused, though
    the model's price has left the collar: it is less than a tick from there.
    """
    facts, limits = _facts(state), state.limits
    if facts is None or limits is None or draft.priced is None:
        return draft
    bids, asks = _standing(state)
    return draft._replace(
        bid=_nearer("buy", draft.bid, draft.priced, bids, limits, facts),
        ask=_nearer("sell", draft.ask, draft.priced, asks, limits, facts),
    )


def allowed(bid: DraftSide, ask: DraftSide, state: QuotedSymbol) -> tuple[DraftSide, DraftSide]:
    """Both sides without what the gate would refuse for its price, or for lack of messages."""
    facts = _facts(state)
    if facts is None:
        return bid, ask
    bids, asks = _standing(state)
    return _allowed("buy", bid, bids, facts), _allowed("sell", ask, asks, facts)


def _facts(state: QuotedSymbol) -> GateFacts | None:
    """None while nothing can be quoted."""
    book, limits = state.book, state.limits
    if book is None or limits is None or not (book.bid_prices and book.ask_prices):
        return None
    return GateFacts(book.bid_prices[0] + book.ask_prices[0], limits.gate, state.room_in_force)


def _standing(state: QuotedSymbol) -> tuple[QuoteSide | None, QuoteSide | None]:
    target = state.target_in_force
    return (None, None) if target is None else (target.bid, target.ask)


def _nearer(
    name: Side,
    side: DraftSide,
    priced: PricedQuote,
    standing: QuoteSide | None,
    limits: SizeLimits,
    facts: GateFacts,
) -> DraftSide:
    passive, rounded, nearer = priced.roundings(name)
    if nearer is None or side.prices[:1] != (rounded,) or facts.word(name, rounded) is None:
        return side
    stands = standing is not None and standing.prices[:1] == (nearer,)
    is_allowed = stands or not facts.is_beyond_collar(passive)
    if not is_allowed or facts.word(name, nearer) is not None:
        return side
    if side.sizes[0] < least_lots(nearer, limits):
        return side
    return side._replace(prices=(nearer, *side.prices[1:]), refused_ticks=rounded)


def _allowed(name: Side, side: DraftSide, standing: QuoteSide | None, facts: GateFacts) -> DraftSide:
    side = _passing(name, side, standing, facts)
    if facts.room is None or not facts.room.waits_for_messages:
        return side
    return _without_messages(name, side, standing)


def _passing(name: Side, side: DraftSide, standing: QuoteSide | None, facts: GateFacts) -> DraftSide:
    """The side without levels whose price would be refused.

    A price that stands is not asked for again, however far the market has moved from it.
    """
    if not side.prices:
        return side
    stands = () if standing is None else standing.prices
    words = [None if price in stands else facts.word(name, price) for price in side.prices]
    if words[0] is not None:
        return barred(words[0])
    if not any(words):
        return side
    levels = zip(side.prices, side.sizes, words, strict=True)
    kept = [(price, size) for price, size, word in levels if word is None]
    prices, sizes = zip(*kept, strict=True)
    return side._replace(prices=prices, sizes=sizes)


def _without_messages(name: Side, side: DraftSide, standing: QuoteSide | None) -> DraftSide:
    """The side while the message budget is used up: it may only offer less than what stands."""
    if not side.prices:
        return side
    if standing is None or not standing.prices:
        return barred(f"{reasons.MESSAGE_LIMIT}: the message budget is used up")
    is_nearer = side_sign(name) * (side.prices[0] - standing.prices[0]) > 0
    if is_nearer or sum(side.sizes) > sum(standing.sizes):
        return DraftSide(standing.prices, standing.sizes, None, side.size_is_limit)
    return side
