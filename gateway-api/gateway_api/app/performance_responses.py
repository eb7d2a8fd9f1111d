"""Responses of /maker/performance."""

from pydantic import ConfigDict, Field

from gateway_api.app.responses import Answer, Number, Viewed


class PnlSplit(Answer):
    """The PnL by period, and the parts of the total, exact."""

    total: str
    session: str
    day: str
    capture: str
    inventory: str
    fees: str
    balance: str
    """What taking liquidity to reduce the position earned: its part of capture less fees."""
    realised: str
    unrealised: str
    max_drawdown: str
    open_fees: tuple[str, ...] = ()
    """Not included above: amounts in currencies without a rate."""


class Minute(Answer):
    """Totals of one minute, see schemas.statistics; sizes in lots, times in nanoseconds."""

    start: str
    version: int
    book_ns: int
    spread_bps: float | None
    trades: int
    taker_buy_lots: int
    taker_sell_lots: int
    unknown_side_lots: int
    flow_lots: int
    quoting_ns: int
    two_sided_ns: int
    bid_at_top_ns: int
    ask_at_top_ns: int
    fills: int
    bought_lots: int
    sold_lots: int
    orders_ended: int
    orders_with_fill: int
    fills_per_quoting_s: float | None


class PerformanceResponse(Viewed):
    """Response of /maker/performance."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    symbol: str
    venue: str
    total_pnl: Number = Field(serialization_alias="totalPnL")
    """Since the ledger began."""
    session_pnl: Number = Field(serialization_alias="sessionPnL")
    """Since the session began."""
    day_pnl: Number = Field(serialization_alias="dayPnL")
    """Since 00:00 UTC."""
    total_trades: int = Field(serialization_alias="totalTrades")
    average_spread_bps: float = Field(serialization_alias="avgSpread")
    """Our quoted spread, time-weighted while orders are on both sides; 0 before there were any."""
    fill_rate: float = Field(serialization_alias="fillRate")
    """Orders with any fill / completed orders; 0 before one was completed."""
    inventory_turnover: float = Field(serialization_alias="inventoryTurnover")
    """Traded notional / time-weighted mean of the absolute inventory notional; 0 before the first fill."""
    two_sided_share: float | None = Field(serialization_alias="twoSidedShare")
    pnl: PnlSplit
    minutes: tuple[Minute, ...]
    """The last hour; empty without a statistics worker, as in one process."""
    units: dict[str, str]
