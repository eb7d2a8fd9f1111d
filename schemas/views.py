"""The documents in the state store: written by view-projector, read by the gateway and the summary.

Names: `symbol/<venue>:<symbol>` for each SymbolView, `minutes/<venue>:<symbol>` for its MinutesView,
`account` for the AccountView, `requests/<person>` for the RequestsView of each.
"""

from decimal import Decimal

from pydantic import Field

from schemas.balancing import BalanceOrder
from schemas.control import Acknowledgement, Command, Proposal, SettingChange
from schemas.inventory import Position
from schemas.live_settings import live_setting
from schemas.market import Book, Instrument, MarketLag, Refusal, Trade
from schemas.message import Event, SymbolEvent
from schemas.orders import Fill, KillReport, OrderEvent
from schemas.process import SettingApplied
from schemas.quoting import QuoteTarget
from schemas.risk import RiskAlert, RiskState
from schemas.signals import Signal
from schemas.statistics import MinuteStatistics
from schemas.tallies import Counters, RequestSeen

SYMBOL_PREFIX = "symbol/"
MINUTES_PREFIX = "minutes/"
ACCOUNT_DOCUMENT = "account"
REQUESTS_PREFIX = "requests/"


class MinutesView(SymbolEvent):
    """The newest hour of a symbol, minute by minute, oldest first; `event_time_ns` is the newest record's."""

    minutes: tuple[MinuteStatistics, ...]


class Profits(Event):
    """The PnL of one symbol by span, after fees, at the same mark as its position; see docs/GLOSSARY.md.

    `event_time_ns` is the mark's: the newest mid, or the position's where it is newer.
    """

    currency: str
    """The quote currency."""
    rate: Decimal
    """Units of the reporting currency for one of it."""
    total: Decimal
    """Since the ledger began."""
    session: Decimal
    """Since the session began."""
    day: Decimal
    """Since 00:00 UTC."""


class SymbolView(SymbolEvent):
    """All that is known of one symbol: the newest of each level message, and sums over the ledgers."""

    instrument: Instrument | None = None
    book: Book | None = None
    signal: Signal | None = None
    lag: MarketLag | None = None
    """The newest report on the feed's lag; None: it never lagged."""
    target: QuoteTarget | None = None
    position: Position | None = None
    """As its ledger would publish it at the newest mid, see schemas.marking."""
    position_contract: Instrument | None = None
    """The contract whose units the position counts in; None: unknown."""
    profits: Profits | None = None
    """None: no position yet."""
    risk: RiskState | None = None
    balance: BalanceOrder | None = None
    """The balancer's newest decision; None: leaning was always all."""
    slice_denied: OrderEvent | None = None
    """The balancer's newest order, if the gate denied it."""
    live_orders: tuple[OrderEvent, ...] = ()
    """The newest event of each order that has not ended."""
    denials: tuple[OrderEvent, ...] = ()
    """By side: the newest order denied by the gate, if none was accepted since."""
    last_trades: tuple[Trade, ...] = ()
    """Newest last, at most 50."""
    last_fills: tuple[Fill, ...] = ()
    """Newest last, at most 50."""
    last_refusals: tuple[Refusal, ...] = ()
    """Newest last, at most 20."""
    refusals_by_reason: dict[str, int] = Field(default_factory=dict)
    first_refusals: dict[str, str] = Field(default_factory=dict)
    """By reason: what was refused first, and where."""
    stopped: bool = False
    """A stop command is in force."""
    removed: bool = False
    """An operator removed it, and it has not come back."""
    counters: Counters


class RequestsView(Event):
    """One person's recent requests with idempotency keys, newest last, at most 200."""

    seen: tuple[RequestSeen, ...]


class ChangeView(Event):
    """A changed setting, and the processes' answers."""

    change: SettingChange
    applied: tuple[SettingApplied, ...] = ()
    """The newest answer of each process that reads it."""

    @property
    def change_id(self) -> str:
        """The change's own."""
        return self.change.change_id

    @property
    def is_in_force(self) -> bool:
        """Have all processes that read the setting applied it?"""
        setting = live_setting(self.change.setting_key)
        taken = {each.process for each in self.applied if each.refused_because is None}
        return setting is not None and taken.issuperset(setting.processes)


class AccountView(Event):
    """The account as a whole."""

    risk: RiskState | None = None
    alerts: tuple[RiskAlert, ...] = ()
    """Newest last: all that are not acknowledged, and the newest 200."""
    last_commands: tuple[Command, ...] = ()
    """Newest last: the newest of each action and key, however old, and the newest 50."""
    proposals: tuple[Proposal, ...] = ()
    """Awaiting a second person, oldest first: all of them."""
    changes: tuple[ChangeView, ...] = ()
    """Newest last: per setting what is in force and what is undecided, however old; the newest 100."""
    acknowledgements: tuple[Acknowledgement, ...] = ()
    """Of the alerts above."""
    symbols: tuple[str, ...] = ()
    """Keys (`venue:symbol`) in order of appearance."""
    removed: tuple[str, ...] = ()
    """Of them, those that an operator removed, without a position."""
    withdrawals: tuple[KillReport, ...] = ()
    """Progress of mass cancels, for the account and for each halted symbol."""
    session_began_ns: int = 0
    """0: before there were sessions."""
    refusals_without_symbol: int = 0
    """Market events that named no known symbol, including malformed lines."""
    refusals_by_reason: dict[str, int] = Field(default_factory=dict)
    """Of these."""
    first_refusals: dict[str, str] = Field(default_factory=dict)
    """By reason: what was refused first, and where."""
