"""Why a side is not quoted: the closed set of codes."""

from schemas.market import BookStatus

NO_INSTRUMENT = "NO_INSTRUMENT"
NO_BOOK = "NO_BOOK"
NO_SIGNAL = "NO_SIGNAL"
NO_RISK_STATE = "NO_RISK_STATE"
RISK_HALT = "RISK_HALT"
"""Followed by a colon and risk-service's first reason."""
RISK_REDUCE_ONLY = "RISK_REDUCE_ONLY"
STOPPED_BY_COMMAND = "STOPPED_BY_COMMAND"
SHUTDOWN = "SHUTDOWN"
MAX_INVENTORY = "MAX_INVENTORY"
BELOW_MIN_NOTIONAL = "BELOW_MIN_NOTIONAL"
PRICE_NOT_POSITIVE = "PRICE_NOT_POSITIVE"

BOOK_REASONS: dict[BookStatus, str | None] = {
    "live": None,
    "building": "BOOK_BUILDING",
    "gapped": "BOOK_GAPPED",
    "crossed": "BOOK_CROSSED",
    "locked": "BOOK_LOCKED",
    "one_sided": "BOOK_ONE_SIDED",
    "stale": "BOOK_STALE",
}
