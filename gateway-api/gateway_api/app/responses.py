"""What the application answers: prices and sizes as exact decimal strings, money to four decimals."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from schemas.control import CommandAction
from schemas.market import BookStatus
from schemas.orders import OrderStatus
from schemas.risk import Severity, TradingState
from schemas.signals import Regime

MakerState = Literal[
    "HALTED", "REDUCE_ONLY", "NO_MARKET", "NOT_QUOTING", "ONE_SIDE", "STOPPED", "WAITING", "QUOTING"
]
"""From the one that most needs a person to the one that needs none."""


class Answer(BaseModel):
    """A part of an answer."""

    model_config = ConfigDict(frozen=True)

    def json_bytes(self) -> bytes:
        """The answer as JSON."""
        return self.__pydantic_serializer__.to_json(self)


class Timed(Answer):
    """An answer made from data of a certain time."""

    event_time: str | None
    """UTC time of the newest event in the data."""
    age_ms: float | None
    """The engine's time now minus `event_time`."""


class Viewed(Timed):
    """An answer from the state store, which may lag behind the engine."""

    partial: bool
    """Newer data may be missing. The engine goes on without the store."""
    partial_because: Literal["stale", "away"] | None
    """stale: the view projector is silent or behind. away: the store does not answer."""
    store_age_ms: int | None
    """Since the view projector last confirmed the store; None: it never did."""


class Market(Answer):
    """The market as the engine sees it."""

    status: BookStatus
    event_time_ms: float
    """Of the newest book, milliseconds since 1970."""
    bid: str | None
    bid_size: str | None
    ask: str | None
    ask_size: str | None
    mid: str | None
    spread_bps: float | None


class Features(Answer):
    """What the engine computed from the market."""

    volatility_bps: float | None
    """Standard deviation of returns, bps per square root of a second."""
    volatility_ready: bool
    regime: Regime
    jump: bool
    imbalance: float
    flow_imbalance: float


class OwnQuote(Answer):
    """Our best order of a side at the venue."""

    price: str
    size: str
    """What is left of it."""
    distance_bps: float | None
    """From the mid; a bid below it is negative."""
    status: OrderStatus


class OwnSide(Answer):
    """One side: the order, or why there is none."""

    quote: OwnQuote | None
    reason: str | None


class Inventory(Answer):
    """What we hold."""

    position: str
    base_currency: str
    notional: str | None
    """Signed value in the quote currency."""
    notional_reporting: str
    average_price: str | None
    bias: float
    """(position - target) / maximum, -1 to 1."""
    rebalance_action: str
    rebalance_size: str
    rebalance_urgency: float


class Profit(Answer):
    """Profit and loss: total = capture + inventory - fees = realised + unrealised - fees."""

    currency: str
    total: str
    capture: str
    inventory: str
    fees: str
    realised: str
    unrealised: str
    max_drawdown: str
    total_reporting: str


class Limit(Answer):
    """How near a limit is."""

    name: str
    value: float
    limit: float
    unit: str


class Risk(Answer):
    """The worse of the symbol's own state and the account's, with the reasons of both."""

    state: TradingState
    reasons: tuple[str, ...]
    latched: bool
    halt_sequence: int
    """Of the symbol's own halts: what a resume of the symbol names."""
    resume_asked_by: str | None
    """The first of two people, who wants this symbol's halt to end."""
    own_state: TradingState
    """Of the symbol alone."""
    limits: tuple[Limit, ...]


class Activity(Answer):
    """What happened since the engine's start."""

    books: int
    trades: int
    refused_events: int
    quotes: int
    orders: int
    amends: int
    cancels: int
    rejects: int
    denials: int
    fills: int
    halts: int
    two_sided_share: float | None
    """Part of the time with acknowledged orders on both sides."""


class SymbolStatus(Answer):
    """All that matters of one symbol at a glance."""

    key: str
    symbol: str
    venue: str
    state: MakerState
    rank: int
    """0 for the state that most needs a person."""
    stopped: bool
    event_time_ms: float
    market: Market | None
    features: Features | None
    bid: OwnSide
    ask: OwnSide
    inventory: Inventory | None
    pnl: Profit | None
    risk: Risk | None
    activity: Activity

    def without_money(self) -> "SymbolStatus":
        """For those who run the machine and have no business with its profit."""
        return self.model_copy(update={"pnl": None})


class StatusResponse(SymbolStatus, Viewed):
    """Answer of /maker/status."""


class ActiveMaker(Answer):
    """A symbol that is not stopped."""

    symbol: str
    venue: str
    state: MakerState
    bid: str | None
    ask: str | None


class StoppedMaker(Answer):
    """A symbol that a person stopped."""

    symbol: str
    venue: str


class ActiveResponse(Viewed):
    """Answer of /maker/active."""

    count: int
    makers: tuple[ActiveMaker, ...]
    stopped: tuple[StoppedMaker, ...]


class PnlSplit(Answer):
    """Where the profit came from."""

    capture: str
    inventory: str
    fees: str
    realised: str
    unrealised: str
    max_drawdown: str


class Minute(Answer):
    """The totals of one minute, see schemas.statistics; sizes in lots, times in nanoseconds."""

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
    """Answer of /maker/performance."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    symbol: str
    venue: str
    total_pnl: str = Field(serialization_alias="totalPnL")
    total_trades: int = Field(serialization_alias="totalTrades")
    average_spread_bps: float | None = Field(serialization_alias="avgSpread")
    """Own quoted spread, time-weighted over the time with orders on both sides."""
    fill_rate: float | None = Field(serialization_alias="fillRate")
    """Orders with any fill / orders finished."""
    inventory_turnover: float | None = Field(serialization_alias="inventoryTurnover")
    """Traded notional / time-weighted mean of the absolute inventory notional."""
    two_sided_share: float | None = Field(serialization_alias="twoSidedShare")
    pnl: PnlSplit
    minutes: tuple[Minute, ...]
    """The newest hour; empty where no statistics worker runs, as in one process."""
    units: dict[str, str]


class Alert(Timed):
    """Something that a person should see."""

    alert_id: str
    severity: Severity
    name: str
    message: str
    symbol: str
    venue: str
    value: float | None
    limit: float | None


class AlertsResponse(Viewed):
    """Answer of /maker/risk/alerts, newest first."""

    alerts: tuple[Alert, ...]


class Step(Answer):
    """One step from fair value to the quoted price."""

    name: str
    input: float
    effect_bps: float
    config_key: str | None
    price_after: float


class ExplainedSide(Answer):
    """One side of a quote, step by step."""

    price: str | None
    size: str | None
    steps: tuple[Step, ...]
    not_quoting_because: str | None


class WhyResponse(Viewed):
    """Answer of /maker/why: the newest quote target, step by step."""

    symbol: str
    venue: str
    model: str
    model_because: str | None
    """Why it is another model than was configured."""
    sequence: int
    expired: bool
    """Nothing acts on this target any more; a fresh one should have come."""
    bid: ExplainedSide
    ask: ExplainedSide
    units: dict[str, str]


class CommandResponse(Answer):
    """A command was sent; whether it is in force shows in the status."""

    command_id: str
    action: CommandAction
    symbol: str
    venue: str
    status: Literal["sent"] = "sent"
    event_time: str


class LiveResponse(Answer):
    """The process answers."""

    status: Literal["alive"] = "alive"
    version: str


class ReadyResponse(Viewed):
    """There is data to serve."""

    status: Literal["ready"] = "ready"
    symbols: int
