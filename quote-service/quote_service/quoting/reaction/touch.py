"""The queues at the market's best prices: when a side is left, or not joined.

A short queue is about to be used up, and who stands in it is filled just before the price moves through it.
A place near its front is kept longer: a fill comes sooner there, and less often with such a move (Moallemi
and Yuan 2017; Lehalle and Mounjid 2017).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from quote_service.quoting.models.answer import ModelFacts
from quote_service.quoting.reasons import BOOK_IMBALANCE, QUEUE, TAKER_BURST
from schemas.market import Book
from schemas.message import Side
from schemas.reaction_settings import Reaction


@dataclass(slots=True)
class QueueFront:
    """What is ahead of our quote at the best price, at the most: trades and cancels ahead cannot be told from
    those behind, so only a queue that became shorter than that brings us forward.
    """

    price_ticks: int = 0
    """Of the quote; 0: there is none."""
    front_lots: int = 0
    share: float | None = None
    """Of the queue; None while the quote is not at the best price."""

    def observe(self, quoted: Sequence[int], best_ticks: int, best_lots: int) -> None:
        """The quoted prices of a side, and the market's best price with its size."""
        if not quoted or quoted[0] != best_ticks:
            self.price_ticks, self.share = 0, None
            return
        joined = self.price_ticks != best_ticks
        self.price_ticks = best_ticks
        self.front_lots = best_lots if joined else min(self.front_lots, best_lots)
        self.share = self.front_lots / best_lots if best_lots else 0.0


def left_because(
    side: Side, price_ticks: int, book: Book, facts: ModelFacts, reaction: Reaction
) -> str | None:
    """Why a side of a live book is left, with its figures; None: it is quoted.

    `price_ticks` is its best price.
    """
    place = 0 if side == "buy" else 1
    depths = facts.taker_depths[place]
    if depths and reaction.burst_widening is None:
        return f"{TAKER_BURST}: takers towards it had {depths:.3g} of the side's depth"
    share = touch_share(side, book)
    least = reaction.imbalance_leave_share
    if least is not None and share < least:
        return f"{BOOK_IMBALANCE}: it has {share:.3g} of the best sizes, and stays from {least:g} on"
    best_ticks = book.bid_prices[0] if side == "buy" else book.ask_prices[0]
    spread_ticks = book.ask_prices[0] - book.bid_prices[0]
    if price_ticks != best_ticks or spread_ticks > reaction.queue_spread_ticks:
        return None
    return _queue_bar(share, facts.front_shares[place], reaction)


def touch_share(side: Side, book: Book) -> float:
    """The side's share of the two best sizes; a half where nothing is shown."""
    bid, ask = book.bid_sizes[0], book.ask_sizes[0]
    total = bid + ask
    return (bid if side == "buy" else ask) / total if total else 0.5


def _queue_bar(share: float, front_share: float | None, reaction: Reaction) -> str | None:
    join = reaction.queue_join_share
    if join is None:
        return None
    if front_share is None:
        return (
            None if share >= join else f"{QUEUE}: it has {share:.3g} of the best sizes, and joins at {join:g}"
        )
    least = reaction.queue_leave_share * (1 + front_share) / 2
    if share >= least:
        return None
    return f"{QUEUE}: it has {share:.3g} of the best sizes, and leaves this place below {least:.3g}"
