"""Classification of failed requests: rejected, order not found, not executed, or unknown.

Only the venue's own response to the request counts as a reject. Anything not listed here is unknown, since
treating a live order as rejected loses money.
"""

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class RequestFailedError(Exception):
    """The venue did not confirm that the request was executed."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason


class RequestRefusedError(RequestFailedError):
    """The venue rejected it with a reason."""


class ReplacementRefusedError(RequestRefusedError):
    """The new order of a cancel-replace was rejected; the old one may be cancelled already."""


class OrderGoneError(RequestFailedError):
    """The venue does not know the order: it ended, never arrived, or is not visible yet."""


class HeldBackError(RequestFailedError):
    """Certainly not executed: rate limited, or not sent at all."""


class NoAnswerError(RequestFailedError):
    """Outcome unknown: it may have been executed, or may still be."""


POST_ONLY = "POST_ONLY"
INSUFFICIENT_BALANCE = "INSUFFICIENT_BALANCE"
RATE_LIMIT = "RATE_LIMIT"
WITHDRAWING = "WITHDRAWING"
DISK_STALLED = "DISK_STALLED"
CLOCK = "CLOCK"
NOT_AT_VENUE = "NOT_AT_VENUE"
ACCOUNT_REFUSED = "ACCOUNT_REFUSED"
MARKET_CLOSED = "MARKET_CLOSED"
FILTER = "FILTER"
VENUE_REFUSED = "VENUE_REFUSED"
NO_ANSWER = "NO_ANSWER"

_CODE = re.compile(r'"code"\s*:\s*"?(-?\d+)')
_REPLACEMENT_CODES = {-2021, -2022}
_ACCOUNT_CODES = {-2015, -2014, -1022, -2008}
_CLOCK_CODES = {-1021}
_DISABLED = "disabled on this account"
_DUPLICATE = "Duplicate order"


def classified(error: BaseException) -> RequestFailedError:
    """Classify an exception of a ccxt request; our own exceptions are returned unchanged."""
    if isinstance(error, RequestFailedError):
        return error
    text = str(error)
    code = _code(text)
    names = _names(error)
    if code in _REPLACEMENT_CODES:
        return ReplacementRefusedError(_refusal(names, text), text)
    # ccxt reports these as a missing order or a transient error
    if _DISABLED in text or code in _ACCOUNT_CODES:
        return RequestRefusedError(ACCOUNT_REFUSED, text)
    if _DUPLICATE in text:  # an order with this id is open: ours, whose acknowledgement was lost
        return NoAnswerError(NO_ANSWER, text)
    if code in _CLOCK_CODES:
        return RequestRefusedError(CLOCK, text)
    if names & {"DDoSProtection", "RateLimitExceeded"}:
        return HeldBackError(RATE_LIMIT, text)
    if "OrderNotFound" in names:
        return OrderGoneError(NOT_AT_VENUE, text)
    if names & {"OperationFailed", "NetworkError"} or "ExchangeError" not in names:
        return NoAnswerError(NO_ANSWER, f"{type(error).__name__}: {text}")
    return RequestRefusedError(_refusal(names, text), text)


def _refusal(names: "set[str]", text: str) -> str:
    for known, reason in _REFUSALS:
        if known in names or known in text:
            return reason
    return VENUE_REFUSED


_REFUSALS: "Sequence[tuple[str, str]]" = (
    ("OrderImmediatelyFillable", POST_ONLY),
    ("immediately match", POST_ONLY),
    ("InsufficientFunds", INSUFFICIENT_BALANCE),
    ("insufficient balance", INSUFFICIENT_BALANCE),
    ("MarketClosed", MARKET_CLOSED),
    ("Filter failure", FILTER),
    ("AuthenticationError", ACCOUNT_REFUSED),
    ("AccountSuspended", ACCOUNT_REFUSED),
)


def _names(error: BaseException) -> set[str]:
    """The names of its classes: ccxt itself may be imported in one module only, which is not this one."""
    return {kind.__name__ for kind in type(error).__mro__}


def _code(text: str) -> int | None:
    match = _CODE.search(text)
    return None if match is None else int(match[1])
