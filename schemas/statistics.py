"""A symbol's totals per minute: for people, charts and reports. Nothing that trades reads them."""

from typing import Annotated, ClassVar

from pydantic import Field

from schemas.message import SizeLots, SymbolEvent, TimeNs

MINUTE_NS = 60_000_000_000

DurationNs = Annotated[int, Field(ge=0, le=MINUTE_NS, description="nanoseconds of the minute")]
Count = Annotated[int, Field(ge=0)]


class MinuteStatistics(SymbolEvent):
    """The totals of one symbol and minute, by the event time of the records.

    They are published repeatedly as the minute fills. The highest version of a minute replaces all others, in
    whatever order they are read. `event_time_ns` is that of the newest record counted.
    """

    type_name: ClassVar[str] = "monitor.statistics.v1"

    window_start_ns: TimeNs
    """A whole minute, UTC; the window ends 60 s later."""
    version: Annotated[int, Field(ge=1)]
    """Number of records counted: complete totals have more than partial ones."""
    book_ns: DurationNs
    """Time with a live book, from the minute's first book on."""
    spread_bps: float | None
    """Mean spread over mean mid of that time, both time-weighted; None: no live book."""
    trades: Count
    taker_buy_lots: SizeLots
    taker_sell_lots: SizeLots
    unknown_side_lots: SizeLots
    """Volume of trades without a taker side."""
    flow_lots: int
    """Taker buys less taker sells."""
    quoting_ns: DurationNs
    """Time with a valid quote target for at least one side, from the minute's first target on."""
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
    """Accepted orders that were filled or cancelled in this minute."""
    orders_with_fill: Count
    """Those of them that were filled, at least in part."""
    fills_per_quoting_s: float | None
    """Fill rate: fills per second of `quoting_ns`; None: not quoting."""
