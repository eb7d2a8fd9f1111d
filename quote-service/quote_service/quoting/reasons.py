"""Reason codes for a side that is not quoted; the set is closed."""

from quote_service.quoting.spread import TICKS_MAX
from schemas.market import Book, BookStatus
from schemas.risk import RiskState

NO_INSTRUMENT = "NO_INSTRUMENT"
"""The symbol has no contract, unusable terms, or a book in another version's units."""
NO_BOOK = "NO_BOOK"
NO_SIGNAL = "NO_SIGNAL"
NO_RISK_STATE = "NO_RISK_STATE"
RISK_HALT = "RISK_HALT"
"""Followed by a colon and the first reason of the risk state."""
RISK_REDUCE_ONLY = "RISK_REDUCE_ONLY"
STOPPED_BY_COMMAND = "STOPPED_BY_COMMAND"
SHUTDOWN = "SHUTDOWN"
MAX_INVENTORY = "MAX_INVENTORY"
POSITION_BAND = "POSITION_BAND"
"""shape.position_min or position_max leaves no room."""
PRICE_BAND = "PRICE_BAND"
"""The fair value is beyond shape.price_ceiling or price_floor."""
MOVING_BAND = "MOVING_BAND"
"""The fair value is outside the moving band."""
FILLED_ORDER_DELAY = "FILLED_ORDER_DELAY"
"""The side was filled a moment ago."""
TAKER_BURST = "TAKER_BURST"
"""Takers print towards the side: `reaction.burst_depths`."""
BOOK_IMBALANCE = "BOOK_IMBALANCE"
"""The other side's best size is too heavy: `reaction.imbalance_leave_share`."""
BALANCING = "BALANCING"
"""The balancer takes on the other side."""
QUEUE = "QUEUE"
"""In a spread of a tick the best price has too short a queue to join or to stay in:
`reaction.queue_join_share`, `reaction.queue_leave_share`."""
BELOW_MIN_NOTIONAL = "BELOW_MIN_NOTIONAL"
"""The venue's smallest order is larger than a maximum allows: the text behind the colon names it."""
PRICE_COLLAR = "PRICE_COLLAR"
POS_LIMIT = "POS_LIMIT"
EXPOSURE = "EXPOSURE"
INSUFFICIENT_BALANCE = "INSUFFICIENT_BALANCE"
MESSAGE_LIMIT = "MESSAGE_LIMIT"
"""These five are codes of the order router's gate, which would refuse the quote."""
PRICE_NOT_POSITIVE = "PRICE_NOT_POSITIVE"
PRICE_OUT_OF_RANGE = "PRICE_OUT_OF_RANGE"
"""A price in ticks is beyond float precision: the inputs are absurd."""

BOOK_REASONS: dict[BookStatus, str | None] = {
    "live": None,
    "building": "BOOK_BUILDING",
    "gapped": "BOOK_GAPPED",
    "crossed": "BOOK_CROSSED",
    "locked": "BOOK_LOCKED",
    "one_sided": "BOOK_ONE_SIDED",
    "stale": "BOOK_STALE",
    "lagging": "BOOK_LAGGING",
}


def book_reason(book: Book) -> str | None:
    """The reason a book cannot be quoted from: a bad status is taken as is, a good one is verified."""
    if book.status != "live":
        return BOOK_REASONS[book.status]
    if not book.bid_prices or not book.ask_prices:
        return BOOK_REASONS["one_sided"]
    bid, ask = book.bid_prices[0], book.ask_prices[0]
    if bid <= 0:
        return PRICE_NOT_POSITIVE
    if ask > TICKS_MAX:
        return PRICE_OUT_OF_RANGE
    if bid < ask:
        return None
    return BOOK_REASONS["locked" if bid == ask else "crossed"]


def code_of(reason: str | None) -> str | None:
    """The code of a reason, without the text behind the colon."""
    return None if reason is None else reason.partition(":")[0]


def halt_reason(risk: RiskState) -> str:
    """RISK_HALT with the first reason of the risk state."""
    return f"{RISK_HALT}: {risk.reasons[0] if risk.reasons else 'no reason given'}"
