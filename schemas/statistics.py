"""What happened to a symbol in one minute: for people, charts and reports. Nothing that trades reads it."""

from typing import Annotated, ClassVar

from pydantic import Field

from schemas.message import SizeLots, SymbolEvent, TimeNs

MINUTE_NS = 60_000_000_000

DurationNs = Annotated[int, Field(ge=0, le=MINUTE_NS, description="nanoseconds of the minute")]
Count = Annotated[int, Field(ge=0)]


class MinuteStatistics(SymbolEvent):
    """The totals of one symbol and minute, by the event time of the records that they are made of.

    They are said again as the minute fills. Of one minute the highest version is the truth: it replaces every
    other, whenever that is read. `event_time_ns` is that of the newest record counted.
    """

    type_name: ClassVar[str] = "monitor.statistics.v1"

    window_start_ns: TimeNs
    """A whole minute, UTC; the window ends 60 s later."""
    version: Annotated[int, Field(ge=1)]
    """Number of records counted: the whole of a minute has more than any part of it."""
    book_ns: DurationNs
    """Time with a live book, from the minute's first book on."""
    spread_bps: float | None
    """Mean spread over mean mid of that time, each weighted by time; None: no live book."""
    trades: Count
    taker_buy_lots: SizeLots
    taker_sell_lots: SizeLots
    unknown_side_lots: SizeLots
    """Volume of trades whose taker's side the venue does not say."""
    flow_lots: int
    """Taker buys less taker sells."""
    quoting_ns: DurationNs
    """Time with a valid quote target for one side at least, from the minute's first target on."""
    two_sided_ns: DurationNs
    """The same for both sides."""
    bid_at_top_ns: DurationNs
    """Time in which our best bid was at the market's best bid or above it."""
    ask_at_top_ns: DurationNs
    """Time in which our best ask was at the market's best ask or below it."""
    fills: Count
    bought_lots: SizeLots
    sold_lots: SizeLots
    orders_ended: Count
    """Orders that the venue had taken and that were filled or cancelled in this minute."""
    orders_with_fill: Count
    """Those of them that were filled, at least in part."""
    fills_per_quoting_s: float | None
    """Fill rate: fills for each second of `quoting_ns`; None: not quoting."""
