"""The documents in the state store: written by view-projector, read by the gateway and the summary.

Names: `symbol/<venue>:<symbol>` for each SymbolView, `minutes/<venue>:<symbol>` for its MinutesView,
`account` for the AccountView.
"""

from pydantic import Field

from schemas.control import Acknowledgement, Command, Proposal, SettingChange
from schemas.inventory import Position
from schemas.market import Book, Instrument, Refusal, Trade
from schemas.message import Event, SymbolEvent
from schemas.orders import Fill, KillReport, OrderEvent
from schemas.process import SettingApplied
from schemas.quoting import QuoteTarget
from schemas.risk import RiskAlert, RiskState
from schemas.signals import Signal
from schemas.statistics import MinuteStatistics

SYMBOL_PREFIX = "symbol/"
MINUTES_PREFIX = "minutes/"
ACCOUNT_DOCUMENT = "account"


class MinutesView(SymbolEvent):
    """The newest hour of a symbol, minute by minute, oldest first; `event_time_ns` is the newest record's."""

    minutes: tuple[MinuteStatistics, ...]


class Counters(Event):
    """What happened to one symbol since the engine's start; `event_time_ns` is the newest event's."""

    books: int = 0
    """Book updates that were accepted."""
    trades: int = 0
    refused_events: int = 0
    quotes: int = 0
    """Quote targets with at least one side quoted."""
    orders: int = 0
    """Orders sent to the venue."""
    amends: int = 0
    cancels: int = 0
    rejects: int = 0
    """Orders or amends that the venue refused."""
    denials: int = 0
    """Orders or amends that the gate did not let out."""
    fills: int = 0
    halts: int = 0
    time_ns: int = 0
    """From the first book of the symbol to the newest event."""
    two_sided_ns: int = 0
    """Time with live orders on both sides, as acknowledged by the venue."""
    spread_bps_ns: float = 0.0
    """Own quoted spread in bps, integrated over the two-sided time."""
    orders_finished: int = 0
    orders_with_fill: int = 0
    inventory_notional_ns: float = 0.0
    """Absolute value of the position in the quote currency, integrated over time."""


class SymbolView(SymbolEvent):
    """All that is known of one symbol: the newest of each level message, and folds of the ledgers."""

    instrument: Instrument | None = None
    book: Book | None = None
    signal: Signal | None = None
    target: QuoteTarget | None = None
    position: Position | None = None
    risk: RiskState | None = None
    live_orders: tuple[OrderEvent, ...] = ()
    """The newest event of each order that has not ended."""
    denials: tuple[OrderEvent, ...] = ()
    """By side: the newest order that the gate did not let out, if none was accepted since."""
    last_trades: tuple[Trade, ...] = ()
    """Newest last, at most 50."""
    last_fills: tuple[Fill, ...] = ()
    """Newest last, at most 50."""
    last_refusals: tuple[Refusal, ...] = ()
    """Newest last, at most 20."""
    refusals_by_reason: dict[str, int] = Field(default_factory=dict)
    stopped: bool = False
    """A stop command is in force."""
    counters: Counters


class ChangeView(Event):
    """A changed setting, and what the processes made of it."""

    change: SettingChange
    applied: tuple[SettingApplied, ...] = ()
    """The newest word of each process that reads it."""


class AccountView(Event):
    """The account as a whole."""

    risk: RiskState | None = None
    alerts: tuple[RiskAlert, ...] = ()
    """Newest last, at most 200."""
    last_commands: tuple[Command, ...] = ()
    """Newest last, at most 50."""
    proposals: tuple[Proposal, ...] = ()
    """Waiting for a second person, oldest first."""
    changes: tuple[ChangeView, ...] = ()
    """Newest last, at most 100: the newest of each setting stays."""
    acknowledgements: tuple[Acknowledgement, ...] = ()
    """Of the alerts above."""
    symbols: tuple[str, ...] = ()
    """Keys (`venue:symbol`) in the order in which they appeared."""
    withdrawals: tuple[KillReport, ...] = ()
    """How far orders are withdrawn, for the account and for each symbol that is halted."""
    refusals_without_symbol: int = 0
    """Market events that named no known symbol, malformed lines among them."""
