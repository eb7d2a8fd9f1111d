"""The core of risk-service: may a symbol, may the account trade, and why not."""

from collections.abc import Callable
from typing import Any

from risk_service.core.account import AccountRisk
from risk_service.core.limits import SymbolRisk
from risk_service.core.scope import Scope
from schemas.config import Config
from schemas.control import Command
from schemas.inventory import Position
from schemas.market import Instrument
from schemas.message import ALL_SYMBOLS, Event
from schemas.orders import Fill
from schemas.process import Tick
from schemas.recent_keys import RecentKeys
from schemas.risk import LimitUse, RiskAlert, RiskState, Severity
from schemas.signals import Signal
from schemas.units import NS_PER_S

REFRESH_NS = NS_PER_S
"""A symbol with a position has its limit use republished this often."""
COMMAND_IDS_MAX = 10_000

Handler = Callable[[Any], tuple[Event, ...]]


class RiskCore:
    """Keeps the state of each symbol and of the account apart; readers take the worse of the two.

    The account's state, symbol `*`, is republished on every tick: without it nobody may trade.
    See Core in chassis.process.
    """

    def __init__(self, config: Config) -> None:
        self._limits = config.risk_limits
        self._account = AccountRisk.of(config.reporting.capital)
        self._symbols: dict[str, SymbolRisk] = {}
        self._alerts = 0
        self._commands = RecentKeys(COMMAND_IDS_MAX)
        self._handlers: dict[type[Event], Handler] = {
            Signal: self._on_signal,
            Position: self._on_position,
            Fill: self._on_fill,
            Instrument: self._on_instrument,
            Command: self._on_command,
            Tick: self._on_tick,
        }

    def on_event(self, event: Event) -> tuple[Event, ...]:
        """The states and alerts that `event` changes."""
        handler = self._handlers.get(type(event))
        return handler(event) if handler is not None else ()

    def _symbol(self, event: Signal | Position | Fill | Instrument) -> SymbolRisk:
        symbol = self._symbols.get(event.key)
        if symbol is None:
            symbol = self._symbols[event.key] = SymbolRisk(Scope(event.venue, event.symbol))
        return symbol

    def _on_instrument(self, instrument: Instrument) -> tuple[Event, ...]:
        symbol = self._symbol(instrument)
        symbol.instrument = instrument
        return self._revalue(symbol, instrument.event_time_ns)

    def _on_signal(self, signal: Signal) -> tuple[Event, ...]:
        symbol = self._symbol(signal)
        if signal.mid_half_ticks is None or signal.mid_half_ticks == symbol.mark_half_ticks:
            return ()
        symbol.mark_half_ticks = signal.mid_half_ticks
        return self._revalue(symbol, signal.event_time_ns) if symbol.position_lots else ()

    def _on_position(self, position: Position) -> tuple[Event, ...]:
        symbol = self._symbol(position)
        symbol.position = position
        if symbol.mark_half_ticks is None:
            symbol.mark_half_ticks = position.mark_half_ticks
        return self._revalue(symbol, position.event_time_ns)

    def _revalue(self, symbol: SymbolRisk, now_ns: int) -> tuple[Event, ...]:
        self._account.change(*symbol.revalue())
        return self._settle_symbol(symbol, now_ns) + self._settle_account(now_ns, heartbeat=False)

    def _on_fill(self, fill: Fill) -> tuple[Event, ...]:
        symbol = self._symbol(fill)
        if not symbol.repeated.add(fill.event_time_ns, fill.side, fill.client_order_id, self._limits):
            return ()
        symbol.scope.latch("REPEATED_EXECUTIONS")
        return self._settle_symbol(symbol, fill.event_time_ns)

    def _on_tick(self, tick: Tick) -> tuple[Event, ...]:
        now_ns = tick.event_time_ns
        messages = list(self._settle_account(now_ns, heartbeat=True))
        for symbol in self._symbols.values():
            told = symbol.scope.told
            if symbol.position_lots and told is not None and now_ns - told.event_time_ns >= REFRESH_NS:
                messages.extend(self._settle_symbol(symbol, now_ns, refresh=True))
        return tuple(messages)

    def _settle_symbol(self, symbol: SymbolRisk, now_ns: int, *, refresh: bool = False) -> tuple[Event, ...]:
        uses = symbol.uses(self._limits)
        state = symbol.scope.settle(now_ns, symbol.breaches(self._limits), uses)
        return self._tell(symbol.scope, state, uses, even_if_same=refresh)

    def _settle_account(self, now_ns: int, *, heartbeat: bool) -> tuple[Event, ...]:
        account = self._account
        if account.scope.told is None and not heartbeat:
            return ()  # nobody may trade before the first tick
        uses = account.uses(self._limits)
        state = account.scope.settle(now_ns, account.breaches(self._limits), uses)
        return self._tell(account.scope, state, uses, even_if_same=heartbeat)

    def _tell(
        self, scope: Scope, state: RiskState, uses: tuple[LimitUse, ...], *, even_if_same: bool
    ) -> tuple[Event, ...]:
        warnings = self._warnings(scope, state.event_time_ns, uses)
        news = scope.is_news(state)
        if not news and not even_if_same:
            return warnings
        before = "RUN" if scope.told is None else scope.told.state
        scope.told = state
        if news and (state.state, before) != ("RUN", "RUN"):
            return (state, self._state_alert(state), *warnings)
        return (state, *warnings)

    def _state_alert(self, state: RiskState) -> RiskAlert:
        severity: Severity = "critical" if state.state == "HALT" else "warning"
        reasons = ", ".join(state.reasons) or "limits are kept again"
        return self._alert(state, "info" if state.state == "RUN" else severity, state.state, reasons)

    def _warnings(self, scope: Scope, now_ns: int, uses: tuple[LimitUse, ...]) -> tuple[Event, ...]:
        """One alert for each limit that has just come near; the next only after it was left."""
        found: list[Event] = []
        for use in uses:
            if use.value / use.limit < self._limits.warn_at:
                scope.warned.pop(use.name, None)
            elif use.name not in scope.warned:
                scope.warned[use.name] = None
                text = f"{use.name} is at {use.value / use.limit:.0%} of its limit"
                at = RiskState(event_time_ns=now_ns, venue=scope.venue, symbol=scope.symbol, state="RUN")
                found.append(self._alert(at, "warning", f"NEAR_{use.name.upper()}", text, use))
        return tuple(found)

    def _alert(
        self,
        about: RiskState | Command,
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
        if command.action not in ("halt", "resume") or not self._commands.is_new(command.command_id):
            return ()
        symbol = self._symbols.get(command.key)
        if command.symbol != ALL_SYMBOLS and symbol is None:
            return (
                self._alert(command, "warning", "COMMAND_REFUSED", f"no symbol {command.symbol} is known"),
            )
        scope = self._account.scope if symbol is None else symbol.scope
        if command.action == "halt":
            scope.latch(f"COMMAND: {command.reason} (by {command.principal})")
        elif not self._resume(command, scope, symbol):
            text = f"resume of halt {command.halt_sequence}, but {self._latch_text(scope)}"
            return (self._alert(command, "warning", "RESUME_REFUSED", text),)
        if symbol is None:
            return self._settle_account(command.event_time_ns, heartbeat=scope.told is not None)
        return self._settle_symbol(symbol, command.event_time_ns)

    @staticmethod
    def _latch_text(scope: Scope) -> str:
        return (
            "nothing is halted" if scope.latched_reason is None else f"halt {scope.halt_sequence} is in force"
        )

    def _resume(self, command: Command, scope: Scope, symbol: SymbolRisk | None) -> bool:
        """End the latch that the command means; false where it means another, or none is in force."""
        if scope.latched_reason is None or command.halt_sequence not in (None, scope.halt_sequence):
            return False
        scope.latched_reason = None
        if symbol is None:
            self._account.forgive()
        else:
            symbol.forgiven = symbol.pnl
            symbol.repeated.clear()
        return True
