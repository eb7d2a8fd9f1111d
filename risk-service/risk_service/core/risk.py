"""The core of risk-service: may a symbol, and the account, trade, and why not."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, assert_never, get_args

from risk_service.core import adjustments
from risk_service.core.account import AccountRisk, exact
from risk_service.core.agreement import Agreement
from risk_service.core.alerts import Alerts
from risk_service.core.carrying import account_carried, restore_account, restore_symbol, symbol_carried
from risk_service.core.halt_commands import HALT_ACTIONS, obey
from risk_service.core.inputs import RiskInput
from risk_service.core.limits import SymbolRisk, own_limits
from risk_service.core.old_marks import MARK_AGE_NS_MAX, observe_mark_age, old_since_ns, words
from risk_service.core.removal import removal_words
from risk_service.core.scope import CLEARS_AT, Scope
from schemas.carried.risk import RiskCarried
from schemas.config import Config, RiskLimits
from schemas.control import Command, SettingChange
from schemas.core import DecidingCore
from schemas.inventory import Position
from schemas.live_settings import LiveSettings
from schemas.market import Instrument, MarketLag, Refusal, SymbolRemoved
from schemas.message import ALL_SYMBOLS, Event, SymbolEvent
from schemas.orders import Fill, TradingStop
from schemas.process import AdjustmentApplied, ControlRefused, MessageFault, SettingApplied, Tick
from schemas.recent_keys import RecentKeys
from schemas.risk import RiskState, Severity
from schemas.signals import Signal
from schemas.topics import RISK
from schemas.units import NS_PER_S

REFRESH_NS = NS_PER_S
"""Republish interval of a symbol with a position, or whose use of limits changed since published."""
COMMAND_IDS_MAX = 10_000

Handler = Callable[[Any], tuple[Event, ...]]


class RiskCore(DecidingCore[RiskInput]):
    """Keeps separate states of each symbol and of the account; readers apply the stricter of the two.

    The account's state, symbol `*`, is republished on every tick: without it nothing trades.
    See Core in runtime.process.definition.
    """

    inputs = frozenset(get_args(RiskInput))

    def __init__(self, config: Config) -> None:
        super().__init__()
        self._settings = LiveSettings(RISK, config)
        self._limits = config.risk_limits
        self._own_limits = own_limits(config)
        self._warn_at = exact(config.risk_limits.warn_at)
        self._account = AccountRisk.of(config.reporting.capital)
        self._symbols: dict[str, SymbolRisk] = {}
        self._alerts = Alerts()
        self._commands = RecentKeys(COMMAND_IDS_MAX)
        self._agreement = Agreement()
        self._began_ns = 0
        """Of the first tick."""

    def _decide(self, event: RiskInput) -> tuple[Event, ...]:  # noqa: C901, PLR0912  a case for each input
        """The states and alerts that `event` changes."""
        match event:
            case Signal():
                return self._on_signal(event)
            case Position():
                return self._on_position(event)
            case Fill():
                return self._on_fill(event)
            case Instrument():
                return self._on_instrument(event)
            case TradingStop():
                return self._on_stop(event)
            case MessageFault():
                return self._on_fault(event)
            case SettingApplied():
                return self._on_applied(event)
            case AdjustmentApplied():
                return self._on_adjustment(event)
            case Command():
                return self._on_command(event)
            case SettingChange():
                return self._on_setting(event)
            case ControlRefused():
                return self._on_refused(event)
            case Refusal():
                return self._on_market_refusal(event)
            case MarketLag():
                return self._on_lag(event)
            case SymbolRemoved():
                return self._on_removed(event)
            case RiskCarried():
                return self._on_carried(event)
            case Tick():
                return self._on_tick(event)
            case _:
                assert_never(event)

    def carried(self, now_ns: int) -> tuple[Event, ...]:
        """See Carries: halts, sums and maxima. Symbols first: they add up to the account's sums."""
        currency = self._currency
        symbols = [symbol_carried(each, currency, now_ns) for each in self._symbols.values()]
        return (
            *symbols,
            account_carried(self._account, self._agreement, self._alerts.count, currency, now_ns),
        )

    @property
    def _currency(self) -> str:
        return self._settings.config.reporting.currency

    def _on_carried(self, carried: RiskCarried) -> tuple[Event, ...]:
        """From the last session: whatever it halted is halted from the start of this one."""
        if carried.symbol == ALL_SYMBOLS:
            self._alerts.count = carried.alerts
            restore_account(self._account, self._agreement, carried, self._currency)
            return self._publish_latched(self._account.scope)
        symbol = self._symbol_of(carried.symbol_key, carried.venue, carried.symbol)
        restore_symbol(symbol, carried, self._currency)
        self._account.adopt(symbol.pnl, abs(symbol.notional))
        return self._publish_latched(symbol.scope)

    def _publish_latched(self, scope: Scope) -> tuple[Event, ...]:
        """Publish a carried halt without checking limits, whose inputs are not there yet."""
        if not scope.latches:
            return ()
        verdict = scope.judge([])
        is_for_people = scope.is_for_people(verdict)
        state = scope.publish(scope.state(self._now_ns, verdict, ()))
        return (state, self._alerts.of_state(state)) if is_for_people else (state,)

    def _symbol(self, event: SymbolEvent) -> SymbolRisk:
        return self._symbol_of(event.key, event.venue, event.symbol)

    def _symbol_of(self, key: str, venue: str, symbol: str) -> SymbolRisk:
        found = self._symbols.get(key)
        if found is None:
            found = self._symbols[key] = SymbolRisk(Scope(venue, symbol))
        return found

    def _on_instrument(self, instrument: Instrument) -> tuple[Event, ...]:
        symbol = self._symbol(instrument)
        symbol.trade_as(instrument)
        return self._revalue(symbol, self._now_ns)

    def _on_signal(self, signal: Signal) -> tuple[Event, ...]:
        symbol = self._symbol(signal)
        alerts = self._book_alert(symbol, signal)
        if signal.mid_half_ticks is None or not symbol.mark(signal.mid_half_ticks, self._now_ns):
            return alerts
        if not symbol.is_held:
            return alerts
        return alerts + self._revalue(symbol, self._now_ns)

    def _book_alert(self, symbol: SymbolRisk, signal: Signal) -> tuple[Event, ...]:
        status = signal.book_status
        if not symbol.book.observe(status, self._now_ns):
            return ()
        text = f"the book is {status}: nothing is quoted from it"
        return (self._alerts.make(signal, "info", "BOOK_NOT_LIVE", text),)

    def _on_lag(self, lag: MarketLag) -> tuple[Event, ...]:
        words = self._symbol(lag).overload.observe(lag)
        return () if words is None else (self._alerts.make(lag, "warning", "FEED_OVERLOAD", words),)

    def _on_position(self, position: Position) -> tuple[Event, ...]:
        symbol = self._symbol(position)
        symbol.hold(position)
        fee_alerts = self._alerts.of_fees(position, *symbol.fees.observe(position))
        return (*fee_alerts, *self._revalue(symbol, self._now_ns))

    def _revalue(self, symbol: SymbolRisk, now_ns: int) -> tuple[Event, ...]:
        self._account.change(*symbol.revalue())
        messages = self._settle(symbol, now_ns)
        if self._account.scope.published is None:
            return messages  # the account is not published before its first tick: nothing trades
        return messages + self._settle(self._account, now_ns)

    def _on_fill(self, fill: Fill) -> tuple[Event, ...]:
        symbol = self._symbol(fill)
        if not symbol.repeated.add(fill.event_time_ns, fill.side, fill.client_order_id, self._limits):
            return ()
        symbol.scope.latch("REPEATED_EXECUTIONS")
        return self._settle(symbol, self._now_ns)

    def _on_stop(self, stop: TradingStop) -> tuple[Event, ...]:
        """The router stopped a symbol: risk halts it where an operator has to resume it."""
        symbol = self._symbol(stop)
        alert = self._alerts.make(stop, "critical" if stop.needs_person else "warning", stop.code, stop.text)
        if not stop.needs_person:
            return (alert,)
        symbol.scope.latch(stop.code)
        return (alert, *self._settle(symbol, self._now_ns))

    def _on_fault(self, fault: MessageFault) -> tuple[Event, ...]:
        """A process failed on a message: its symbol, or the account, halts.

        Nothing is computed here: what failed there might fail here too.
        """
        about = SymbolEvent(event_time_ns=fault.event_time_ns, venue=fault.venue, symbol=fault.symbol)
        text = f"FAULT: {fault.process} could not work with {fault.message_type} ({fault.error})"
        if fault.detail:
            text = f"{text}: {fault.detail}"
        where = "a tick" if fault.event_id is None else f"{fault.topic} {fault.event_id}"
        return self._latched(about, "FAULT", text, f"{text}: {where}")

    def _on_applied(self, applied: SettingApplied) -> tuple[Event, ...]:
        """Processes with different settings must not trade."""
        other = self._agreement.observe(applied)
        if other is None:
            return ()
        about = SymbolEvent(event_time_ns=applied.event_time_ns, venue=ALL_SYMBOLS, symbol=ALL_SYMBOLS)
        text = f"SETTINGS_DIFFER: {applied.setting_key} in {applied.process} and in {other}"
        return self._latched(about, "SETTINGS_DIFFER", text, f"{text}: {applied.change_id}")

    def _on_adjustment(self, applied: AdjustmentApplied) -> tuple[Event, ...]:
        return (self._alerts.make(*adjustments.alert_of(applied)),)

    def _latched(self, about: SymbolEvent, cause: str, text: str, alert: str) -> tuple[Event, ...]:
        """Halt a symbol or the account without checking its limits; a repeated cause is ignored."""
        risk = self._account if about.symbol == ALL_SYMBOLS else self._symbol(about)
        scope = risk.scope
        if scope.latches.get(cause) == text:
            return ()
        scope.latch(cause, text)
        alerted = self._alerts.make(about, "critical", cause, alert)
        if risk is self._account and scope.published is None:
            return (alerted,)  # the account is not published before its first tick: nothing trades
        limits = () if scope.published is None else scope.published.limits
        state = scope.publish(scope.state(self._now_ns, scope.judge([]), limits))
        return (state, alerted, *self._end_flattens(state))

    def _on_tick(self, tick: Tick) -> tuple[Event, ...]:
        now_ns = self._tick_ns = tick.event_time_ns
        self._began_ns = self._began_ns or now_ns
        messages = list(self._settle(self._account, now_ns, again=True))
        for symbol in self._symbols.values():
            messages.extend(self._old_mark_alert(symbol, now_ns))
            published = symbol.scope.published
            if published is None or now_ns - published.event_time_ns < REFRESH_NS:
                continue
            if symbol.is_held or published.limits != symbol.uses(self._limits_of(symbol)):
                messages.extend(self._settle(symbol, now_ns, again=True))
        return tuple(messages)

    def _old_mark_alert(self, symbol: SymbolRisk, now_ns: int) -> tuple[Event, ...]:
        since_ns = old_since_ns(symbol, now_ns)
        allowed = self._account.equity * exact(self._limits.max_exposure)
        is_early = now_ns - self._began_ns <= MARK_AGE_NS_MAX  # the feed may not have delivered yet
        if is_early or not observe_mark_age(symbol, since_ns, allowed) or since_ns is None:
            return ()
        about = SymbolEvent(event_time_ns=now_ns, venue=symbol.scope.venue, symbol=symbol.scope.symbol)
        return (self._alerts.make(about, "warning", "OLD_MARK", words(symbol, since_ns, now_ns)),)

    def _settle(
        self, risk: SymbolRisk | AccountRisk, now_ns: int, *, again: bool = False
    ) -> tuple[Event, ...]:
        """Judge a symbol or the account; publish on change, or always with `again`.

        Called for every move of a mark, so messages are built only when published.
        """
        scope = risk.scope
        limits = self._limits_of(risk)
        risk.measure(limits)
        verdict = scope.judge(risk.breaches())
        warnings: tuple[Event, ...] = ()
        if scope.warned or max(risk.shares) >= self._warn_at:
            warnings = self._warnings(risk, now_ns)
        news = scope.is_news(verdict)
        if not news and not again:
            return warnings
        is_for_people = news and scope.is_for_people(verdict)
        since_ns = old_since_ns(risk, now_ns) if isinstance(risk, SymbolRisk) else None
        state = scope.publish(scope.state(now_ns, verdict, risk.uses(limits), since_ns))
        ended = self._end_flattens(state)
        if is_for_people:
            return (state, self._alerts.of_state(state), *warnings, *ended)
        return (state, *warnings, *ended)

    def _end_flattens(self, state: RiskState) -> tuple[Event, ...]:
        """A halt of the account that lets nothing out ends what its symbols' halts let out."""
        if state.symbol != ALL_SYMBOLS or state.state != "HALT" or state.flattens:
            return ()
        found = [each for each in self._symbols.values() if each.scope.flattens]
        for each in found:
            each.scope.end_flatten()
        return tuple(message for each in found for message in self._settle(each, self._now_ns))

    def _warnings(self, risk: SymbolRisk | AccountRisk, now_ns: int) -> tuple[Event, ...]:
        """One alert per limit that was nearly reached; again only after its use has fallen."""
        near = [
            number
            for number, share in enumerate(risk.shares)
            if self._is_newly_near(risk.scope, risk.limit_names[number], share)
        ]
        if not near:
            return ()
        uses = risk.uses(self._limits_of(risk))
        about = SymbolEvent(event_time_ns=now_ns, venue=risk.scope.venue, symbol=risk.scope.symbol)
        return tuple(self._alerts.near(about, uses[number]) for number in near)

    def _is_newly_near(self, scope: Scope, name: str, share: Decimal) -> bool:
        if share < self._warn_at * CLEARS_AT:
            scope.warned.pop(name, None)
        if share < self._warn_at or name in scope.warned:
            return False
        scope.warned[name] = None
        return True

    def _on_command(self, command: Command) -> tuple[Event, ...]:
        if command.action not in HALT_ACTIONS:
            return ()
        symbol = self._symbols.get(command.key)
        if not self._commands.add(command.command_id) and not self._halts_again(command, symbol):
            return ()
        if command.symbol != ALL_SYMBOLS and symbol is None:
            return (
                self._alerts.make(
                    command, "warning", "COMMAND_REFUSED", f"no symbol {command.symbol} is known"
                ),
            )
        risk = self._account if symbol is None else symbol
        done = obey(command, risk.scope, self._limits, self._now_ns)
        alerts = () if done.alert is None else (self._alerts.make(command, "warning", *done.alert),)
        if done.effect == "refused":
            return alerts
        if done.effect == "resumes":
            risk.forgive()
            risk.scope.resume()
        again = (symbol is None or done.effect == "requested") and risk.scope.published is not None
        return (*alerts, *self._settle(risk, self._now_ns, again=again))

    def _halts_again(self, command: Command, symbol: SymbolRisk | None) -> bool:
        """Does a command recur that preceded a halt ended by a resume? It is obeyed again."""
        risk = self._account if command.symbol == ALL_SYMBOLS else symbol
        return command.action == "halt" and risk is not None and "COMMAND" not in risk.scope.latches

    def _on_setting(self, change: SettingChange) -> tuple[Event, ...]:
        """Judge everything by the new limit at once."""
        applied = self._settings.apply(change, self._try)
        if applied is None:
            return ()
        self._limits = self._settings.config.risk_limits
        self._own_limits = own_limits(self._settings.config)
        self._warn_at = exact(self._limits.warn_at)
        messages: list[Event] = [applied]
        every: list[SymbolRisk | AccountRisk] = [self._account, *self._symbols.values()]
        for risk in every:
            if risk.scope.published is not None:
                messages.extend(self._settle(risk, self._now_ns, again=True))
        return tuple(messages)

    def _on_refused(self, refused: ControlRefused) -> tuple[Event, ...]:
        """A message without a valid gateway signature, or signed too long ago."""
        more = f" (and {refused.more} more since the alert before)" if refused.more else ""
        text = f"{refused.what} by {refused.claimed!r} was dropped: {refused.because}{more}"
        return (self._alerts.make(refused, "critical", "CONTROL_REFUSED", text),)

    def _on_market_refusal(self, refusal: Refusal) -> tuple[Event, ...]:
        """Alert the operator whose start of a symbol was refused; other refusals are the feed's own."""
        if refusal.command_id is None:
            return ()
        text = f"the start of {refusal.key} by command {refusal.command_id} was refused: {refusal.detail}"
        return (self._alerts.make(refusal, "warning", "START_REFUSED", text),)

    def _on_removed(self, removed: SymbolRemoved) -> tuple[Event, ...]:
        """A held position counts on, at its last mark."""
        symbol = self._symbol(removed)
        severity: Severity = "warning" if symbol.is_held else "info"
        return (self._alerts.make(removed, severity, "REMOVED", removal_words(symbol)),)

    def _try(self, config: Config) -> None:
        """Compute limit uses under the given configuration; raises where that fails."""
        limits, own = config.risk_limits, own_limits(config)
        exact(limits.warn_at)
        self._account.uses(limits)
        for symbol in self._symbols.values():
            symbol.uses(own.get(symbol.scope.symbol, limits))

    def _limits_of(self, risk: SymbolRisk | AccountRisk) -> RiskLimits:
        """Of a symbol its own, where it has any."""
        return self._own_limits.get(risk.scope.symbol, self._limits)
