"""Feeds a core and contains its exceptions: an error on one message affects at most that message's symbol.

All inputs pass through here, live and in replay, so that a message refused once is refused again: a fault is
a function of the inputs, like every output. A core whose handler failed may be half updated; it is notified
(`FailsClosed`), and risk-service halts the symbol until an operator resumes it.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from decimal import localcontext
from traceback import extract_tb
from typing import Any

import structlog

from runtime.process.arithmetic import DECIMALS
from runtime.process.definition import Core, FailsClosed
from schemas.inventory import Position
from schemas.market import FeedBook, FeedInstrument, FeedRate, FeedTrade, Instrument
from schemas.message import ALL_SYMBOLS, Event, SymbolEvent
from schemas.numbers import INTEGER_MAX, TIME_NS_BEFORE, OutOfScaleError, check_scale, shortened
from schemas.orders import Fill, VenueBalances, VenueOpenOrders, VenueReport
from schemas.process import MessageFault
from schemas.topics import TOPIC_OF
from schemas.units import NS_PER_S

REPORT_INTERVAL_NS = NS_PER_S
"""Interval at which the same fault of a symbol is reported again, so that it does not flood the log."""
_FAULTS_KEPT_MAX = 1_000


def _is_trade_in_scale(trade: FeedTrade) -> bool:
    in_scale = -INTEGER_MAX < trade.price_ticks < INTEGER_MAX and trade.size_lots < INTEGER_MAX
    return in_scale and (trade.exchange_time_ns or 0) < TIME_NS_BEFORE


def _is_book_in_scale(book: FeedBook) -> bool:
    """Upper bounds only: the monitor itself rejects values that are not positive."""
    found = book.bid_prices + book.ask_prices + book.bid_sizes + book.ask_sizes
    return max(found, default=0) < INTEGER_MAX and (book.exchange_time_ns or 0) < TIME_NS_BEFORE


def _needs_full_check(event: Event) -> bool:
    return False


_IN_SCALE: Mapping[type[Event], Callable[[Any], bool]] = {
    FeedTrade: _is_trade_in_scale,
    FeedBook: _is_book_in_scale,
    **dict.fromkeys((FeedInstrument, FeedRate, Instrument, Fill, Position), _needs_full_check),
    **dict.fromkeys((VenueReport, VenueBalances, VenueOpenOrders), _needs_full_check),
}
"""Fast checks of messages with external numbers; all others derive from these. A message that fails the fast
check is examined number by number."""

logger = structlog.get_logger()


class Containment:
    """One core, and its reported faults."""

    def __init__(self, core: Core, process: str, reported: dict[str, int] | None = None) -> None:
        self.core = core
        self.reported = reported or {}
        """Time of the last report by fault. Part of the process's state."""
        self._process = process
        self._on_event = core.on_event

    @property
    def state(self) -> object:
        """The digested state: the core and, if there were any, the reported faults."""
        return (self.core, self.reported) if self.reported else self.core

    def feed(self, event: Event, cause: str | None) -> tuple[Event, ...]:
        """The core's outputs for `event`; `cause` is its event id, None for injected time."""
        with localcontext(DECIMALS):
            try:
                is_in_scale = _IN_SCALE.get(type(event))
                if (is_in_scale and not is_in_scale(event)) or event.event_time_ns >= TIME_NS_BEFORE:
                    check_scale(event)
                return self._on_event(event)
            except MemoryError:  # caused by the machine, not by the message
                raise
            except Exception as error:
                return self._contain(event, cause, error)

    def _contain(self, event: Event, cause: str | None, error: Exception) -> tuple[Event, ...]:
        fault = self._fault(event, cause, error)
        try:
            outputs = self._fail_closed(event)
        except MemoryError:
            raise
        except Exception as second:  # then the whole account is unsafe
            whole = fault.model_copy(update={"venue": ALL_SYMBOLS, "symbol": ALL_SYMBOLS})
            return (whole,) if self._record_report(whole, second) else ()
        return (*outputs, fault) if self._record_report(fault, error) else outputs

    def _fail_closed(self, event: Event) -> tuple[Event, ...]:
        core = self.core
        return core.on_fault(event) if isinstance(core, FailsClosed) else ()

    def _fault(self, event: Event, cause: str | None, error: Exception) -> MessageFault:
        about = (event.venue, event.symbol) if isinstance(event, SymbolEvent) else (ALL_SYMBOLS, ALL_SYMBOLS)
        return MessageFault(
            event_time_ns=event.event_time_ns if event.event_time_ns < TIME_NS_BEFORE else 0,
            process=self._process,
            venue=about[0],
            symbol=about[1],
            message_type=event.type_name,
            topic=TOPIC_OF.get(event.type_name),
            event_id=cause,
            error=type(error).__name__,
            detail=str(error) if isinstance(error, OutOfScaleError) else "",
        )

    def _record_report(self, fault: MessageFault, error: Exception) -> bool:
        """Record and log the fault unless it was reported within the interval; returns whether it is due."""
        key = f"{fault.venue}:{fault.symbol} {fault.message_type} {type(error).__name__}"
        reported_ns = self.reported.get(key)
        if reported_ns is not None and fault.event_time_ns - reported_ns < REPORT_INTERVAL_NS:
            return False
        self.reported.pop(key, None)
        self.reported[key] = fault.event_time_ns
        if len(self.reported) > _FAULTS_KEPT_MAX:
            del self.reported[next(iter(self.reported))]
        _log(fault, error)
        return True


def _log(fault: MessageFault, error: Exception) -> None:
    """Log the fault; a closed terminal must not end a process that the message could not."""
    with suppress(OSError, ValueError):
        logger.error(
            "message_refused",
            process=fault.process,
            symbol=f"{fault.venue}:{fault.symbol}",
            message=fault.message_type,
            event_id=fault.event_id,
            error=shortened(repr(error)),
            raised_at=[f"{frame.filename}:{frame.lineno}" for frame in extract_tb(error.__traceback__)[-3:]],
        )
