"""Responses of the API: prices, sizes and money as exact decimal strings."""

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, PlainSerializer

from schemas.balance_settings import BalanceStage
from schemas.market import BookStatus
from schemas.message import Side
from schemas.orders import OrderStatus
from schemas.risk import Severity, TradingState
from schemas.signals import Regime

MakerState = Literal[
    "HALTED",
    "REDUCE_ONLY",
    "NO_MARKET",
    "NOT_QUOTING",
    "ONE_SIDE",
    "NOT_QUOTED",
    "STOPPED",
    "WAITING",
    "QUOTING",
]
"""In order of urgency. NOT_QUOTED: known from an earlier session, without market data in this one; its
position stays in the ledger."""


Number = Annotated[Decimal, PlainSerializer(float, return_type=float, when_used="json")]
"""A plain JSON number of an exact figure, for programs that want no text."""


class Answer(BaseModel):
    """Base of all responses and their parts."""

    model_config = ConfigDict(frozen=True)

    def json_bytes(self) -> bytes:
        """The response as JSON."""
        return self.__pydantic_serializer__.to_json(self)


class Timed(Answer):
    """A response with the time of its data."""

    event_time: str | None
    """UTC time of the newest event in the data."""
    age_ms: float | None
    """The engine's time now minus `event_time`."""


class Viewed(Timed):
    """A response from the state store, which may lag behind the engine."""

    partial: bool
    """Newer data may be missing. The engine keeps trading without the store."""
    partial_because: Literal["stale", "away"] | None
    """stale: the view projector is silent or behind. away: the store does not respond."""
    store_age_ms: int | None
    """Time since the view projector last confirmed the store; None: never."""


class Market(Answer):
    """The market as the engine sees it."""

    status: BookStatus
    event_time_ms: float
    """Time of the newest book, milliseconds since 1970."""
    bid: str | None
    bid_size: str | None
    ask: str | None
    ask_size: str | None
    mid: str | None
    spread_bps: float | None


class Features(Answer):
    """Features that the engine computes from the market."""

    volatility_bps: float | None
    """Standard deviation of returns, bps per square root of a second."""
    volatility_ready: bool
    regime: Regime
    jump: bool
    imbalance: float
    flow_imbalance: float


class OwnQuote(Answer):
    """Our best order on a side at the venue."""

    price: str
    size: str
    """Remaining size."""
    distance_bps: float | None
    """Distance from the mid; negative for a bid below it."""
    status: OrderStatus


class OwnSide(Answer):
    """One side: the order, or the reason why there is none."""

    quote: OwnQuote | None
    reason: str | None


class Inventory(Answer):
    """The position."""

    position: str
    base_currency: str
    notional: str | None
    """Signed value in the quote currency."""
    notional_reporting: str
    mark: str | None
    """The mid at which the position and PnL are valued; None: no market data yet."""
    marked_ms: float | None
    """Time of that mid."""
    average_price: str | None
    bias: float
    """(position - target) / maximum, -1 to 1."""
    rebalance_action: str
    rebalance_size: str
    rebalance_urgency: float


class Profit(Answer):
    """PnL by period (see docs/GLOSSARY.md), and the parts of the total.

    total = capture + inventory - fees = realised + unrealised - fees
    """

    currency: str
    total: str
    """Since the ledger began."""
    session: str
    """Since the session began."""
    day: str
    """Since 00:00 UTC."""
    capture: str
    inventory: str
    fees: str
    balance: str
    """What taking liquidity to reduce the position earned, mostly below 0: its part of capture less fees."""
    realised: str
    unrealised: str
    max_drawdown: str
    total_reporting: str
    session_reporting: str
    day_reporting: str
    open_fees: tuple[str, ...] = ()
    """Not included above: amounts in currencies without a rate."""


class Limit(Answer):
    """Utilisation of a limit."""

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
    """Number of the symbol's own halt, which a resume of the symbol refers to."""
    resume_asked_by: str | None
    """The first of two people, who requested the end of this symbol's halt."""
    flattens: bool
    """It is halted, and orders that reduce the position go out until nothing is held."""
    flatten_asked_by: str | None
    """The first of two people, who requested that, for the symbol or the account."""
    own_state: TradingState
    """Limits of the symbol only."""
    limits: tuple[Limit, ...]


class Activity(Answer):
    """Counters since the engine first traded the symbol, over all sessions."""

    books: int
    trades: int
    refused_events: int
    books_conflated: int
    """Book updates merged into newer ones, because the feed was faster than the engine."""
    quotes: int
    orders: int
    amends: int
    cancels: int
    rejects: int
    denials: int
    fills: int
    halts: int
    two_sided_share: float | None
    """Share of the time with acknowledged orders on both sides."""


FlattenState = Literal["awaits_second", "under_way", "done"]
"""awaits_second: a second person has to agree. done: nothing is held, and the halt is still in force."""


class Balancing(Answer):
    """What is done about the inventory beyond leaning, see docs/QUOTING.md."""

    stage: BalanceStage
    side: Side | None
    """The side that reduces the position; None: nothing is due."""
    size: str
    """All that is to be traded, in base units of a spot contract, in contracts of a derivative."""
    urgency: float
    """0 to 1."""
    cost_bps: float | None
    """What taking costs now: half the market's spread and the taker fee."""
    held_back: str | None
    """Why nothing is taken although it is urgent enough."""
    flatten: FlattenState | None
    """Of a person's wish that nothing is held; None: nobody asks for it."""


class SymbolFacts(Answer):
    """What is known of one symbol, but for inventory and PnL."""

    key: str
    symbol: str
    venue: str
    state: MakerState
    rank: int
    """0 for the most urgent state."""
    stopped: bool
    removed: bool
    """By an operator; it is listed for the position that it still holds."""
    event_time_ms: float
    market: Market | None
    features: Features | None
    bid: OwnSide
    ask: OwnSide
    risk: Risk | None
    balancing: Balancing | None
    """None: leaning is all."""
    activity: Activity
    feed_lag_ms: int
    """How long the oldest market data waited for the engine, where the feed is faster than it; else 0."""


class SymbolStatus(SymbolFacts):
    """The status of one symbol at a glance."""

    inventory: Inventory | None
    pnl: Profit | None


class ActiveMaker(Answer):
    """A symbol that is not stopped."""

    symbol: str
    venue: str
    state: MakerState
    bid: str | None
    ask: str | None


class StoppedMaker(Answer):
    """A symbol stopped by an operator."""

    symbol: str
    venue: str


class ActiveResponse(Viewed):
    """Response of /maker/active."""

    active_symbols: tuple[str, ...]
    total_count: int
    count: int
    """The same."""
    makers: tuple[ActiveMaker, ...]
    stopped: tuple[StoppedMaker, ...]


class Alert(Timed):
    """An alert for the operator."""

    alert_id: str
    severity: Severity
    name: str
    message: str
    symbol: str
    venue: str
    timestamp: str
    """UTC time of the alert."""
    issues: tuple[str, ...]
    """What it is about, in words."""
    value: float | None
    limit: float | None


class AlertsResponse(Viewed):
    """Response of /maker/risk/alerts, newest first."""

    alerts: tuple[Alert, ...]
    alert_count: int


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
    gate: str | None = None
    """What the order router's gate denied the newest order of this side for; None: nothing since it last let
    one through."""


class WhyResponse(Viewed):
    """Response of /maker/why: the newest quote target, step by step."""

    symbol: str
    venue: str
    model: str
    model_because: str | None
    """Why a model other than the configured one was used."""
    sequence: int
    expired: bool
    """The target has expired and should have been replaced."""
    bid: ExplainedSide
    ask: ExplainedSide
    balancing: Balancing | None
    """What is done about the inventory beyond leaning; None: nothing."""
    units: dict[str, str]


class LiveResponse(Answer):
    """The process is alive."""

    status: Literal["alive"] = "alive"
    version: str


class ReadyResponse(Viewed):
    """There is data to serve."""

    status: Literal["ready"] = "ready"
    symbols: int
