"""The view projector's core: folds the topics into one document a symbol and one for the account."""

from collections import deque
from collections.abc import Callable
from itertools import chain, islice
from typing import Any

from gateway_api.projector.core.minutes import MinuteFold
from gateway_api.projector.core.people import PeopleEvent, PeopleFold
from gateway_api.projector.core.symbol import SymbolFold
from schemas.config import Config
from schemas.control import Acknowledgement, Command, Decision, Proposal, SettingChange
from schemas.envelope import encode
from schemas.inventory import Position
from schemas.market import Book, Instrument, Refusal, Trade
from schemas.message import ALL_SYMBOLS, Event, SymbolEvent
from schemas.orders import Fill, KillReport, OrderEvent
from schemas.process import SettingApplied, Shutdown, Tick
from schemas.quoting import QuoteTarget
from schemas.recent_keys import RecentKeys
from schemas.risk import RiskAlert, RiskState
from schemas.signals import Signal
from schemas.statistics import MinuteStatistics
from schemas.views import ACCOUNT_DOCUMENT, MINUTES_PREFIX, SYMBOL_PREFIX, AccountView

_ALERTS_MAX = 200
_COMMANDS_MAX = 50
_COMMAND_IDS_MAX = 10_000
"""A command that comes again after this many others would count again."""
_NOT_UPDATES = ("stale", "gapped")
"""A book with such a status says what it lacks; it repeats the levels of the update before."""
_NOTHING: tuple[Event, ...] = ()


class ProjectorCore:
    """All views. It publishes nothing: the shell's adapter writes what `take_dirty` gives."""

    def __init__(self, config: Config) -> None:
        self._symbols: dict[str, SymbolFold] = {}
        self._account_risk: RiskState | None = None
        self._alerts: deque[RiskAlert] = deque(maxlen=_ALERTS_MAX)
        self._commands: deque[Command] = deque(maxlen=_COMMANDS_MAX)
        self._command_ids = RecentKeys(_COMMAND_IDS_MAX)
        self._refusals_without_symbol = 0
        self._withdrawals: dict[str, KillReport] = {}
        self._all_stopped = False
        self._newest_ns = 0
        self._dirty: dict[str, SymbolFold] = {}
        self._news: dict[str, SymbolFold] = {}
        """Dirty ones that somebody waits for, a fill, an order, a risk state: they come first."""
        self._account_dirty = False
        self._minutes: dict[str, MinuteFold] = {}
        self._people = PeopleFold()
        self._handlers: dict[type[Event], Callable[[Any], None]] = {
            Book: self._on_book,
            Trade: self._on_trade,
            Signal: self._on_signal,
            QuoteTarget: self._on_target,
            OrderEvent: self._on_order_event,
            Position: self._on_position,
            Fill: self._on_fill,
            Instrument: self._on_instrument,
            Refusal: self._on_refusal,
            RiskState: self._on_risk_state,
            RiskAlert: self._on_alert,
            KillReport: self._on_kill_report,
            Command: self._on_command,
            SettingChange: self._on_people,
            SettingApplied: self._on_people,
            Proposal: self._on_people,
            Decision: self._on_people,
            Acknowledgement: self._on_people,
            MinuteStatistics: self._on_minute,
            Tick: self._on_time,
            Shutdown: self._on_time,
        }

    def on_event(self, event: Event) -> tuple[Event, ...]:
        """Fold a message in; nothing is ever published."""
        handler = self._handlers.get(type(event))
        if handler is not None:
            handler(event)
        return _NOTHING

    def take_dirty(self, symbols_max: int | None = None) -> dict[str, bytes]:
        """The documents that changed since they were last taken, by name; they count as written from now on.

        With `symbols_max`, that many symbols at the most: those with news, then those that have waited
        longest, so that all have their turn and none of the turns is long.
        """
        keys = list(islice(chain(self._news, self._dirty), symbols_max))
        for key in keys:
            (self._news if key in self._news else self._dirty).pop(key)
        documents = {SYMBOL_PREFIX + key: encode(self._symbols[key].view()) for key in keys}
        documents |= {
            MINUTES_PREFIX + key: encode(fold.view())
            for key, fold in self._minutes.items()
            if fold.take_dirty()
        }
        if self._account_dirty:
            documents[ACCOUNT_DOCUMENT] = encode(self._account_view())
            self._account_dirty = False
        return documents

    def mark_all_dirty(self) -> None:
        """The store may hold nothing: everything is to be written."""
        self._news.clear()
        self._dirty.update(self._symbols)
        self._account_dirty = bool(self._symbols)
        for fold in self._minutes.values():
            fold.is_dirty = True

    def digest_state(self) -> tuple[object, ...]:
        """The state that a replay must reach; what was written to the store is not part of it."""
        return (
            self._symbols,
            self._account_risk,
            self._alerts,
            self._commands,
            self._command_ids,
            self._refusals_without_symbol,
            self._withdrawals,
            self._people,
            self._all_stopped,
            self._newest_ns,
            {key: fold.minutes for key, fold in self._minutes.items()},
        )

    def _touch(self, event: SymbolEvent, *, is_news: bool = False) -> SymbolFold:
        """The fold of the event's symbol, made at its first event, with its clock moved on."""
        key = f"{event.venue}:{event.symbol}"
        fold = self._symbols.get(key)
        if fold is None:
            fold = self._symbols[key] = self._first_seen(event)
        now_ns = event.event_time_ns
        if now_ns > fold.newest_ns:
            fold.newest_ns = now_ns
            self._newest_ns = max(self._newest_ns, now_ns)
        if is_news:
            self._news[key] = fold
            self._dirty.pop(key, None)
        else:
            self._mark(key, fold)
        return fold

    def _mark(self, key: str, fold: SymbolFold) -> None:
        """Its document is to be written, in its turn."""
        if key not in self._news:
            self._dirty[key] = fold

    def _first_seen(self, event: SymbolEvent) -> SymbolFold:
        self._account_dirty = True
        halted = self._account_risk is not None and self._account_risk.state == "HALT"
        fold = SymbolFold(event.venue, event.symbol, stopped=self._all_stopped)
        fold.take_halted(halted=halted)
        return fold

    def _on_minute(self, minute: MinuteStatistics) -> None:
        fold = self._minutes.get(minute.key)
        if fold is None:
            fold = self._minutes[minute.key] = MinuteFold()
        fold.take(minute)

    def _touch_account(self, event: Event) -> None:
        self._newest_ns = max(self._newest_ns, event.event_time_ns)
        self._account_dirty = True

    def _on_book(self, book: Book) -> None:
        fold = self._touch(book)
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

    def _on_instrument(self, instrument: Instrument) -> None:
        self._touch(instrument).instrument = instrument

    def _on_target(self, target: QuoteTarget) -> None:
        self._touch(target).take_target(target)

    def _on_order_event(self, event: OrderEvent) -> None:
        self._touch(event, is_news=True).take_order_event(event)

    def _on_position(self, position: Position) -> None:
        self._touch(position).take_position(position)

    def _on_fill(self, fill: Fill) -> None:
        fold = self._touch(fill, is_news=True)
        fold.fills += 1
        fold.last_fills.append(fill)

    def _on_refusal(self, refusal: Refusal) -> None:
        if refusal.key in self._symbols:
            self._touch(refusal).take_refusal(refusal)
        else:
            self._refusals_without_symbol += 1
            self._touch_account(refusal)

    def _on_risk_state(self, risk: RiskState) -> None:
        if risk.symbol != ALL_SYMBOLS:
            fold = self._touch(risk, is_news=risk.state != "RUN")
            fold.risk = risk
            self._settle_halt(fold)
            return
        before = self._account_risk
        self._account_risk = risk
        self._touch_account(risk)
        if before is None or before.state != risk.state:
            for key, fold in self._symbols.items():
                self._settle_halt(fold)
                self._mark(key, fold)

    def _settle_halt(self, fold: SymbolFold) -> None:
        states = (fold.risk, self._account_risk)
        fold.take_halted(halted=any(risk is not None and risk.state == "HALT" for risk in states))

    def _on_alert(self, alert: RiskAlert) -> None:
        self._alerts.append(alert)
        self._touch_account(alert)

    def _on_kill_report(self, report: KillReport) -> None:
        if report.state == "none":
            self._withdrawals.pop(report.key, None)
        else:
            self._withdrawals[report.key] = report
        self._touch_account(report)

    def _on_people(self, event: PeopleEvent) -> None:
        self._people.take(event)
        self._touch_account(event)

    def _on_command(self, command: Command) -> None:
        if not self._command_ids.is_new(command.command_id):
            return
        self._commands.append(command)
        self._touch_account(command)
        if command.action in {"start", "stop"}:
            self._switch(command)

    def _switch(self, command: Command) -> None:
        stopped = command.action == "stop"
        if command.symbol == ALL_SYMBOLS:
            self._all_stopped = stopped
        for key, fold in self._symbols.items():
            if command.symbol == ALL_SYMBOLS or command.key == key:
                fold.stopped = stopped
                self._mark(key, fold)

    def _on_time(self, event: Event) -> None:
        self._newest_ns = max(self._newest_ns, event.event_time_ns)

    def _account_view(self) -> AccountView:
        return AccountView.model_construct(
            event_time_ns=self._newest_ns,
            risk=self._account_risk,
            alerts=tuple(self._alerts),
            last_commands=tuple(self._commands),
            proposals=self._people.open_proposals(self._newest_ns),
            changes=self._people.changes(),
            acknowledgements=self._people.acknowledgements(self._alerts),
            symbols=tuple(self._symbols),
            withdrawals=tuple(self._withdrawals.values()),
            refusals_without_symbol=self._refusals_without_symbol,
        )
