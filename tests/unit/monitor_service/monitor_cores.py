"""Monitor cores for the tests, and what they said."""

from collections.abc import Iterable
from typing import Any, TypeVar

from monitor_service.core.monitor import MonitorCore

from schemas.config import Config
from schemas.market import (
    FeedBook,
    FeedRefused,
    Refusal,
)
from schemas.message import Event
from tests.kit.messages import BTC, T0, feed_book, feed_instrument

BIDS = {99: 5, 98: 7}
ASKS = {101: 5, 102: 7}
M = TypeVar("M", bound=Event)


def opening(time_ns: int = T0, symbol: str = BTC) -> FeedBook:
    return feed_book(BIDS, ASKS, snapshot=True, sequence=1, symbol=symbol, time_ns=time_ns)


def refused(time_ns: int, event_type: Any, symbol: str = BTC) -> FeedRefused:
    return FeedRefused(
        event_time_ns=time_ns,
        venue="sim",
        symbol=symbol,
        reason="off_tick",
        detail="file line 7: price 1.5",
        event_type=event_type,
    )


def core(*symbols: str, **sections: dict[str, Any]) -> MonitorCore:
    """A core to which the symbols were announced."""
    made = MonitorCore(Config.model_validate(sections))
    for symbol in symbols or (BTC,):
        made.on_event(feed_instrument(symbol))
    return made


def open_core(*symbols: str, **sections: dict[str, Any]) -> MonitorCore:
    """The same, with a live book each."""
    made = core(*symbols, **sections)
    for symbol in symbols or (BTC,):
        made.on_event(opening(symbol=symbol))
    return made


def only(kind: type[M], messages: Iterable[Event]) -> M:
    (found,) = [each for each in messages if isinstance(each, kind)]
    return found


def reason(messages: Iterable[Event]) -> str:
    return only(Refusal, messages).reason
