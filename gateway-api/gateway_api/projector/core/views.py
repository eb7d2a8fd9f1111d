"""The core of the view projector: folds the topics into one document per symbol and one for the account."""

from itertools import chain, islice
from typing import assert_never, get_args

from gateway_api.projector.core.account import AccountFold
from gateway_api.projector.core.minutes import MinuteFold
from gateway_api.projector.core.people import PeopleEvent
from gateway_api.projector.core.profit import DAY_NS, ProfitFold, day_of
from gateway_api.projector.core.symbol import SymbolFold
from schemas.balancing import BalanceOrder
from schemas.carried.view import ViewCarried
from schemas.config import Config
from schemas.control import SWITCHES, Acknowledgement, Command, Decision, Proposal, SettingChange
from schemas.core import DecidingCore
from schemas.envelope import encode
from schemas.inventory import Position
from schemas.market import Book, Instrument, MarketLag, Refusal, SymbolRemoved, Trade
from schemas.message import ALL_SYMBOLS, Event, SymbolEvent
from schemas.orders import Fill, KillReport, OrderEvent
from schemas.process import ConfigApplied, SettingApplied, Shutdown, Tick
from schemas.quoting import QuoteTarget
from schemas.risk import RiskAlert, RiskState
from schemas.signals import Signal
from schemas.statistics import MinuteStatistics
from schemas.views import ACCOUNT_DOCUMENT, MINUTES_PREFIX, REQUESTS_PREFIX, SYMBOL_PREFIX

_NOT_UPDATES = ("stale", "gapped")
"""A book with such a status only reports a defect; it repeats the levels of the previous update."""
_BEGINNING = (ConfigApplied, ViewCarried)
"""Messages that precede everything else in a session."""
_NOTHING: tuple[Event, ...] = ()


ProjectorInput = (
    Book
    | Trade
    | Signal
    | QuoteTarget
    | OrderEvent
    | Position
    | Fill
    | Instrument
    | Refusal
    | MarketLag
    | SymbolRemoved
    | BalanceOrder
    | RiskState
    | RiskAlert
    | KillReport
    | Command
    | SettingChange
    | SettingApplied
    | Proposal
    | Decision
    | Acknowledgement
    | MinuteStatistics
    | Tick
    | Shutdown
    | ConfigApplied
    | ViewCarried
)
"""The inputs."""


class ProjectorCore(DecidingCore[ProjectorInput]):
    """All views. It publishes nothing: the adapter writes the result of `pop_changed`."""

    inputs = frozenset(get_args(ProjectorInput))

    def __init__(self, config: Config) -> None:
        super().__init__()
        self._symbols: dict[str, SymbolFold] = {}
        self._profits: dict[str, ProfitFold] = {}
        self._account = AccountFold()
        self._newest_ns = 0
        self._day_ends_ns = DAY_NS
        self._is_fresh = True
        """Nothing has been counted yet, so the counters of the previous session are restored."""
        self._is_restored = False
        """A halt of the previous session stays until both states are known, and is not counted twice."""
        self._dirty: dict[str, SymbolFold] = {}
        self._urgent: dict[str, SymbolFold] = {}
        """Changed symbols with priority: a fill, an order, a risk state."""
        self._account_dirty = False
        self._minutes: dict[str, MinuteFold] = {}

    def _decide(self, event: ProjectorInput) -> tuple[Event, ...]:
        """Fold a message; nothing is ever published."""
        if event.event_time_ns >= self._day_ends_ns:
            self._begin_day(event.event_time_ns)
        if type(event) not in _BEGINNING:
            self._is_fresh = False
        self._fold(event)
        return _NOTHING

    def _fold(self, event: ProjectorInput) -> None:  # noqa: C901, PLR0912  one case per input
        match event:
            case Book():
                self._on_book(event)
            case Trade():
                self._on_trade(event)
            case Signal():
                self._on_signal(event)
            case QuoteTarget():
                self._on_target(event)
            case OrderEvent():
                self._on_order_event(event)
            case Position():
                self._on_position(event)
            case Fill():
                self._on_fill(event)
            case Instrument():
                self._on_instrument(event)
            case Refusal():
                self._on_refusal(event)
            case MarketLag():
                self._touch(event).apply_lag(event)
            case SymbolRemoved():
                self._touch(event).apply_removal(event)
                self._account_dirty = True
            case BalanceOrder():
                self._touch(event).balance = event
            case RiskState():
                self._on_risk_state(event)
            case RiskAlert():
                self._on_alert(event)
            case KillReport():
                self._on_kill_report(event)
            case Command():
                self._on_command(event)
            case SettingChange() | SettingApplied() | Proposal() | Decision() | Acknowledgement():
                self._on_people(event)
            case MinuteStatistics():
                self._on_minute(event)
            case Tick() | Shutdown():
                self._on_time(event)
            case ConfigApplied():
                self._on_config(event)
            case ViewCarried():
                self._on_carried(event)
            case _:
                assert_never(event)

    def carried(self, now_ns: int) -> tuple[Event, ...]:
        """State known only to this core: the account's parts first, then each symbol."""
        day_began_ns = self._day_ends_ns - DAY_NS
        symbols = (
            fold.carried(self._profits[key].carried(day_began_ns), self._minutes_of(key), now_ns)
            for key, fold in self._symbols.items()
        )
        return (*self._account.carried(self._newest_ns, now_ns), *symbols)

    def _minutes_of(self, key: str) -> tuple[MinuteStatistics, ...]:
        fold = self._minutes.get(key)
        return () if fold is None else fold.view().minutes

    def pop_changed(self, symbols_max: int | None = None) -> dict[str, bytes]:
        """The documents changed since the last call, by name; they then count as written.

        With `symbols_max`, at most that many symbols: those with priority, then those waiting longest, so
        that every symbol is served and no call takes long.
        """
        keys = list(islice(chain(self._urgent, self._dirty), symbols_max))
        for key in keys:
            (self._urgent if key in self._urgent else self._dirty).pop(key)
        documents = {SYMBOL_PREFIX + key: encode(self._symbols[key].view(self._profits[key])) for key in keys}
        documents |= {
            MINUTES_PREFIX + key: encode(fold.view())
            for key, fold in self._minutes.items()
            if fold.pop_changed()
        }
        requests = self._account.requests.pop_changed()
        documents |= {REQUESTS_PREFIX + name: encode(view) for name, view in requests.items()}
        if self._account_dirty:
            documents[ACCOUNT_DOCUMENT] = encode(self._account.view(self._newest_ns, self._symbols))
            self._account_dirty = False
        return documents

    def advance(self, time_ns: int) -> None:
        """The time has come to this: what ends by then has ended, whichever symbols were folded."""
        self._newest_ns = max(self._newest_ns, time_ns)

    def mark_all_dirty(self) -> None:
        """The store may be empty: everything has to be written."""
        self._urgent.clear()
        self._dirty.update(self._symbols)
        self._account.requests.mark_all_dirty()
        self._account_dirty = bool(self._symbols)
        for fold in self._minutes.values():
            fold.is_dirty = True

    def digest_state(self) -> tuple[object, ...]:
        """The state that a replay must reproduce; the contents of the store are not part of it."""
        account = self._account
        return (
            self._symbols,
            account.risk,
            account.alerts,
            account.commands,
            account.command_ids,
            account.refusals_without_symbol,
            account.mass_cancels,
            account.people,
            account.in_force.all_stopped,
            self._newest_ns,
            {key: fold.minutes for key, fold in self._minutes.items()},
            *([account.requests.of_person] if account.requests.of_person else []),
            *([self._profits] if account.session_began_ns else []),
        )

    def _touch(self, event: SymbolEvent, *, is_urgent: bool = False) -> SymbolFold:
        """The fold of the event's symbol, created at its first event, with its clock advanced."""
        key = f"{event.venue}:{event.symbol}"
        fold = self._symbols.get(key)
        if fold is None:
            fold = self._symbols[key] = self._add_symbol(event)
        now_ns = event.event_time_ns
        if now_ns > fold.newest_ns:
            fold.newest_ns = now_ns
            self._newest_ns = max(self._newest_ns, now_ns)
        if is_urgent:
            self._urgent[key] = fold
            self._dirty.pop(key, None)
        else:
            self._mark(key, fold)
        return fold

    def _mark(self, key: str, fold: SymbolFold) -> None:
        """Mark its document for writing."""
        if key not in self._urgent:
            self._dirty[key] = fold

    def _add_symbol(self, event: SymbolEvent | ViewCarried) -> SymbolFold:
        self._account_dirty = True
        key, risk = f"{event.venue}:{event.symbol}", self._account.risk
        self._profits[key] = ProfitFold()
        fold = SymbolFold(event.venue, event.symbol, stopped=self._account.in_force.is_stopped(key))
        fold.apply_halted(halted=risk is not None and risk.state == "HALT")
        return fold

    def _on_config(self, applied: ConfigApplied) -> None:
        self._account.applied = applied
        self._on_time(applied)

    def _on_carried(self, carried: ViewCarried) -> None:
        if self._is_fresh:
            self._restore(carried)
        elif carried.symbol_key in self._profits:  # history is read across a session boundary
            self._profits[carried.symbol_key].begin_session(carried.event_time_ns)

    def _restore(self, carried: ViewCarried) -> None:
        self._is_restored = self._account_dirty = True
        self._newest_ns = max(self._newest_ns, carried.newest_ns)
        if carried.symbol == ALL_SYMBOLS:
            self._account.restore(carried)
            return
        key, applied = carried.symbol_key, self._account.applied
        began_ns = carried.event_time_ns if applied is None else applied.event_time_ns
        fold = self._symbols[key] = self._add_symbol(carried)
        fold.restore(carried, began_ns)
        if carried.profit is not None:
            self._profits[key].restore(carried.profit, self._day_ends_ns - DAY_NS, carried.event_time_ns)
        for minute in carried.minutes:
            self._on_minute(minute)
        self._mark(key, fold)

    def continue_sessions(self) -> None:
        """What was restored is of the sessions in progress, and not of those before."""
        for profit in self._profits.values():
            profit.continue_session()

    def _begin_day(self, now_ns: int) -> None:
        """PnL until now is not part of the new day; at the very first message there is none."""
        for key, profit in self._profits.items():
            profit.begin_day()
            self._mark(key, self._symbols[key])
        self._day_ends_ns = day_of(now_ns) + DAY_NS

    def _on_minute(self, minute: MinuteStatistics) -> None:
        fold = self._minutes.get(minute.key)
        if fold is None:
            fold = self._minutes[minute.key] = MinuteFold()
        fold.apply(minute)

    def _touch_account(self, event: Event) -> None:
        self._newest_ns = max(self._newest_ns, event.event_time_ns)
        self._account_dirty = True

    def _on_book(self, book: Book) -> None:
        fold = self._touch(book)
        if fold.removed_ns is not None:
            if book.event_time_ns <= fold.removed_ns:
                return
            fold.removed_ns, self._account_dirty = None, True
        fold.book = book
        if book.status not in _NOT_UPDATES:
            fold.books += 1
        if fold.first_book_ns is None:
            fold.first_book_ns = book.event_time_ns

    def _on_trade(self, trade: Trade) -> None:
        fold = self._touch(trade)
        fold.trades += 1
        fold.last_trades.append(trade)

    def _on_signal(self, signal: Signal) -> None:
        self._touch(signal).signal = signal
        if signal.mid_half_ticks is not None:
            self._profits[signal.key].apply_mid(signal.mid_half_ticks, signal.event_time_ns)

    def _on_instrument(self, instrument: Instrument) -> None:
        self._touch(instrument).instrument = instrument
        self._profits[instrument.key].apply_instrument(instrument)

    def _on_target(self, target: QuoteTarget) -> None:
        self._touch(target).apply_target(target)

    def _on_order_event(self, event: OrderEvent) -> None:
        self._touch(event, is_urgent=True).apply_order_event(event)

    def _on_position(self, position: Position) -> None:
        fold = self._touch(position)
        fold.apply_position(position)
        self._account_dirty = self._account_dirty or fold.removed_ns is not None
        profit = self._profits[position.key]
        if profit.position is None and profit.carried_ns is None:
            self._begin_ledger(profit, position)
        profit.apply_position(position)

    def _begin_ledger(self, profit: ProfitFold, position: Position) -> None:
        """The first position of a ledger. If the ledger is older than the session, earlier PnL is omitted."""
        if position.event_time_ns < self._account.session_began_ns:
            profit.begin_with(position)

    def _on_fill(self, fill: Fill) -> None:
        fold = self._touch(fill, is_urgent=True)
        fold.fills += 1
        fold.last_fills.append(fill)

    def _on_refusal(self, refusal: Refusal) -> None:
        if refusal.key in self._symbols:
            self._touch(refusal).apply_refusal(refusal)
        else:
            self._account.apply_refusal(refusal)
            self._touch_account(refusal)

    def _on_risk_state(self, risk: RiskState) -> None:
        if risk.symbol != ALL_SYMBOLS:
            fold = self._touch(risk, is_urgent=risk.state != "RUN")
            fold.risk = risk
            self._settle_halt(fold)
            return
        before = self._account.risk
        self._account.risk = risk
        self._touch_account(risk)
        if before is None or before.state != risk.state:
            for key, fold in self._symbols.items():
                self._settle_halt(fold)
                self._mark(key, fold)

    def _settle_halt(self, fold: SymbolFold) -> None:
        account = self._account.risk
        halted = any(risk is not None and risk.state == "HALT" for risk in (fold.risk, account))
        are_known = account is not None and fold.risk is not None
        if halted or are_known or not self._is_restored:
            fold.apply_halted(halted=halted)

    def _on_alert(self, alert: RiskAlert) -> None:
        self._account.apply_alert(alert)
        self._touch_account(alert)

    def _on_kill_report(self, report: KillReport) -> None:
        self._account.apply_kill_report(report)
        self._touch_account(report)

    def _on_people(self, event: PeopleEvent) -> None:
        self._account.apply_people(event)
        self._touch_account(event)

    def _on_command(self, command: Command) -> None:
        if not self._account.apply_command(command):
            return
        self._touch_account(command)
        if command.action in SWITCHES:
            self._switch(command)

    def _switch(self, command: Command) -> None:
        stopped = command.action != "start"
        for key, fold in self._symbols.items():
            if command.symbol == ALL_SYMBOLS or command.key == key:
                fold.stopped = stopped
                self._mark(key, fold)

    def _on_time(self, event: Event) -> None:
        self._newest_ns = max(self._newest_ns, event.event_time_ns)
