"""The core of risk-service: may a symbol, may the account trade, and why not."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from risk_service.core.account import AccountRisk, exact
from risk_service.core.limits import SymbolRisk
from risk_service.core.scope import CLEARS_AT, Scope
from schemas.config import Config
from schemas.control import Command, SettingChange
from schemas.inventory import Position
from schemas.live_settings import LiveSettings
from schemas.market import Instrument
from schemas.message import ALL_SYMBOLS, Event, SymbolEvent
from schemas.orders import Fill, TradingStop
from schemas.process import Tick
from schemas.recent_keys import RecentKeys
from schemas.risk import LimitUse, RiskAlert, RiskState, Severity
from schemas.signals import Signal
from schemas.topics import RISK
from schemas.units import NS_PER_S

REFRESH_NS = NS_PER_S
"""A symbol with a position, or whose use of its limits is no longer as told, is said anew this often."""
COMMAND_IDS_MAX = 10_000

_HALT_ACTIONS = ("halt", "resume_request", "resume")

Handler = Callable[[Any], tuple[Event, ...]]


class RiskCore:
    """Keeps the state of each symbol and of the account apart; readers take the worse of the two.

    The account's state, symbol `*`, is republished on every tick: without it nobody may trade.
    See Core in chassis.process.
    """

    def __init__(self, config: Config) -> None:
        self._settings = LiveSettings(RISK, config)
        self._limits = config.risk_limits
        self._warn_at = exact(config.risk_limits.warn_at)
        self._account = AccountRisk.of(config.reporting.capital)
        self._symbols: dict[str, SymbolRisk] = {}
        self._alerts = 0
        self._commands = RecentKeys(COMMAND_IDS_MAX)
        self._tick_ns = 0
        self._now_ns = 0
        """Of the event in hand, or of the newest tick where that is later: what comes late is late."""
        self._handlers: dict[type[Event], Handler] = {
            Signal: self._on_signal,
            Position: self._on_position,
            Fill: self._on_fill,
            Instrument: self._on_instrument,
            TradingStop: self._on_stop,
            Command: self._on_command,
            SettingChange: self._on_setting,
            Tick: self._on_tick,
        }

    def on_event(self, event: Event) -> tuple[Event, ...]:
        """The states and alerts that `event` changes."""
        handler = self._handlers.get(type(event))
        if handler is None:
            return ()
        self._now_ns = max(self._tick_ns, event.event_time_ns)
        return handler(event)

    def _symbol(self, event: Signal | Position | Fill | Instrument | TradingStop) -> SymbolRisk:
        symbol = self._symbols.get(event.key)
        if symbol is None:
            symbol = self._symbols[event.key] = SymbolRisk(Scope(event.venue, event.symbol))
        return symbol

    def _on_instrument(self, instrument: Instrument) -> tuple[Event, ...]:
        symbol = self._symbol(instrument)
        symbol.trade_as(instrument)
        return self._revalue(symbol, self._now_ns)

    def _on_signal(self, signal: Signal) -> tuple[Event, ...]:
        symbol = self._symbol(signal)
        alerts = self._book_alert(symbol, signal)
        if signal.mid_half_ticks is None or signal.mid_half_ticks == symbol.mark_half_ticks:
            return alerts
        symbol.mark_half_ticks = signal.mid_half_ticks
        if not symbol.position_lots:
            return alerts
        return alerts + self._revalue(symbol, self._now_ns)

    def _book_alert(self, symbol: SymbolRisk, signal: Signal) -> tuple[Event, ...]:
        status = signal.book_status
        if not symbol.book.is_new_episode(status, self._now_ns):
            return ()
        text = f"the book is {status}: nothing is quoted from it"
        return (self._alert(signal, "info", "BOOK_NOT_LIVE", text),)

    def _on_position(self, position: Position) -> tuple[Event, ...]:
        symbol = self._symbol(position)
        symbol.hold(position)
        if symbol.mark_half_ticks is None:
            symbol.mark_half_ticks = position.mark_half_ticks
        return self._revalue(symbol, self._now_ns)

    def _revalue(self, symbol: SymbolRisk, now_ns: int) -> tuple[Event, ...]:
        self._account.change(*symbol.revalue())
        messages = self._settle(symbol, now_ns)
        if self._account.scope.told is None:
            return messages  # the account is silent before its first tick: nobody may trade
        return messages + self._settle(self._account, now_ns)

    def _on_fill(self, fill: Fill) -> tuple[Event, ...]:
        symbol = self._symbol(fill)
        if not symbol.repeated.add(fill.event_time_ns, fill.side, fill.client_order_id, self._limits):
            return ()
        symbol.scope.latch("REPEATED_EXECUTIONS")
        return self._settle(symbol, self._now_ns)

    def _on_stop(self, stop: TradingStop) -> tuple[Event, ...]:
        """The router stopped a symbol: the halt is ours where only people may end it."""
        symbol = self._symbol(stop)
        alert = self._alert(stop, "critical" if stop.needs_person else "warning", stop.code, stop.text)
        if not stop.needs_person:
            return (alert,)
        symbol.scope.latch(stop.code)
        return (alert, *self._settle(symbol, self._now_ns))

    def _on_tick(self, tick: Tick) -> tuple[Event, ...]:
        now_ns = self._tick_ns = tick.event_time_ns
        messages = list(self._settle(self._account, now_ns, again=True))
        for symbol in self._symbols.values():
            told = symbol.scope.told
            if told is None or now_ns - told.event_time_ns < REFRESH_NS:
                continue
            if symbol.position_lots or told.limits != symbol.uses(self._limits):
                messages.extend(self._settle(symbol, now_ns, again=True))
        return tuple(messages)

    def _settle(
        self, risk: SymbolRisk | AccountRisk, now_ns: int, *, again: bool = False
    ) -> tuple[Event, ...]:
        """Judge a symbol or the account; say what is news, or all of it `again`.

        A signal comes here for every move of a mark: messages are built only where they are published.
        """
        scope = risk.scope
        verdict = scope.judge(risk.breaches(self._limits))
        warnings: tuple[Event, ...] = ()
        if scope.warned or max(risk.shares) >= self._warn_at:
            warnings = self._warnings(risk, now_ns)
        news = scope.is_news(verdict)
        if not news and not again:
            return warnings
        before = "RUN" if scope.told is None else scope.told.state
        state = scope.told = scope.state(now_ns, verdict, risk.uses(self._limits))
        if news and (state.state, before) != ("RUN", "RUN"):
            return (state, self._state_alert(state), *warnings)
        return (state, *warnings)

    def _state_alert(self, state: RiskState) -> RiskAlert:
        severity: Severity = "critical" if state.state == "HALT" else "warning"
        reasons = ", ".join(state.reasons) or "limits are kept again"
        return self._alert(state, "info" if state.state == "RUN" else severity, state.state, reasons)

    def _warnings(self, risk: SymbolRisk | AccountRisk, now_ns: int) -> tuple[Event, ...]:
        """One alert for each limit that has just come near; the next only after it was left."""
        near = [
            number
            for number, share in enumerate(risk.shares)
            if self._is_newly_near(risk.scope, risk.LIMIT_NAMES[number], share)
        ]
        if not near:
            return ()
        uses = risk.uses(self._limits)
        return tuple(self._near_alert(risk.scope, now_ns, uses[number]) for number in near)

    def _is_newly_near(self, scope: Scope, name: str, share: Decimal) -> bool:
        if share < self._warn_at * CLEARS_AT:
            scope.warned.pop(name, None)
        if share < self._warn_at or name in scope.warned:
            return False
        scope.warned[name] = None
        return True

    def _near_alert(self, scope: Scope, now_ns: int, use: LimitUse) -> RiskAlert:
        text = f"{use.name} is at {use.value / use.limit:.0%} of its limit"
        about = SymbolEvent(event_time_ns=now_ns, venue=scope.venue, symbol=scope.symbol)
        return self._alert(about, "warning", f"NEAR_{use.name.upper()}", text, use)

    def _alert(
        self,
        about: SymbolEvent,
        severity: Severity,
        name: str,
        text: str,
        use: LimitUse | None = None,
    ) -> RiskAlert:
        self._alerts += 1
        return RiskAlert(
            event_time_ns=about.event_time_ns,
            venue=about.venue,
            symbol=about.symbol,
            alert_id=f"risk-{self._alerts}",
            severity=severity,
            name=name,
            message=text,
            value=None if use is None else use.value,
            limit=None if use is None else use.limit,
        )

    def _on_command(self, command: Command) -> tuple[Event, ...]:
        if command.action not in _HALT_ACTIONS or not self._commands.is_new(command.command_id):
            return ()
        symbol = self._symbols.get(command.key)
        if command.symbol != ALL_SYMBOLS and symbol is None:
            return (
                self._alert(command, "warning", "COMMAND_REFUSED", f"no symbol {command.symbol} is known"),
            )
        scope = self._account.scope if symbol is None else symbol.scope
        if command.action == "halt":
            scope.latch("COMMAND", f"COMMAND: {command.reason} by {command.principal}")
        elif not _is_meant(command, scope):
            text = f"resume of halt {command.halt_sequence}, but {self._latch_text(scope)}"
            return (self._alert(command, "warning", "RESUME_REFUSED", text),)
        elif command.action == "resume_request" or self._awaits_second(command, scope):
            return self._note_request(command, scope, symbol)
        else:
            (self._account if symbol is None else symbol).forgive()
            scope.resume()
        if symbol is not None:
            return self._settle(symbol, self._now_ns)
        return self._settle(self._account, self._now_ns, again=scope.told is not None)

    def _note_request(self, command: Command, scope: Scope, symbol: SymbolRisk | None) -> tuple[Event, ...]:
        """One person alone ends nothing: the state says who waits for a second."""
        scope.note_request(command.principal, self._now_ns, self._resume_within_ns)
        text = f"{command.principal} asks to end halt {scope.halt_sequence}: a second person has to agree"
        alert = self._alert(command, "warning", "RESUME_REQUESTED", text)
        return (alert, *self._settle(symbol or self._account, self._now_ns, again=scope.told is not None))

    def _on_setting(self, change: SettingChange) -> tuple[Event, ...]:
        """Judge everything by the new limit at once."""
        applied = self._settings.take(change)
        if applied is None:
            return ()
        self._limits = self._settings.config.risk_limits
        self._warn_at = exact(self._limits.warn_at)
        messages: list[Event] = [applied]
        every: list[SymbolRisk | AccountRisk] = [self._account, *self._symbols.values()]
        for risk in every:
            if risk.scope.told is not None:
                messages.extend(self._settle(risk, self._now_ns, again=True))
        return tuple(messages)

    @staticmethod
    def _latch_text(scope: Scope) -> str:
        return f"halt {scope.halt_sequence} is in force" if scope.latches else "nothing is halted"

    def _awaits_second(self, command: Command, scope: Scope) -> bool:
        if self._limits.resume_people == 1:
            return False
        return not scope.has_first(command.principal, self._now_ns, self._resume_within_ns)

    @property
    def _resume_within_ns(self) -> int:
        return int(self._limits.resume_within_s * NS_PER_S)


def _is_meant(command: Command, scope: Scope) -> bool:
    """Is a halt in force, and the one that the command means?"""
    return bool(scope.latches) and command.halt_sequence in (None, scope.halt_sequence)
