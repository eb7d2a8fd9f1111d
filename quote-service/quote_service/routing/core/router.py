"""The order router's core: quote targets, cut by risk, to order intents; venue reports to fills.

The single writer of orders for a symbol, so wanted minus live is all it has to compute.
"""

from collections.abc import Callable, Iterable
from typing import Any

from quote_service.routing.core import codes
from quote_service.routing.core.account import Account
from quote_service.routing.core.gate import Gate
from quote_service.routing.core.guards import Guards
from quote_service.routing.core.kill import VenueTruth, Withdrawals
from quote_service.routing.core.memory import Denied, Sent
from quote_service.routing.core.order_messages import denial, order_event
from quote_service.routing.core.order_states import AWAITING_ANSWER, Order
from quote_service.routing.core.reconciler import Plan, Rules, plan, pull_all
from quote_service.routing.core.reports import apply_report
from quote_service.routing.core.request import Request
from quote_service.routing.core.symbol_state import SymbolState
from quote_service.routing.core.terms import contract_terms
from quote_service.routing.core.wanted import reduced, wanted_of
from quote_service.routing.core.wrongness import turn_key
from schemas.config import Config
from schemas.control import Override, SettingChange
from schemas.inventory import Position
from schemas.live_settings import LiveSettings
from schemas.market import Book, Instrument
from schemas.message import ALL_SYMBOLS, Event, SymbolEvent
from schemas.orders import (
    INTENT_KINDS,
    KillReport,
    OrderEvent,
    VenueBalances,
    VenueOpenOrders,
    VenueReport,
    VenueStatus,
)
from schemas.process import ConfigApplied, Shutdown, Tick
from schemas.quoting import QuoteTarget
from schemas.risk import RiskState
from schemas.topics import ROUTER
from schemas.units import NS_PER_MS, NS_PER_S
from schemas.venues import VENUES

Outputs = tuple[Event, ...]
_NOTHING: Outputs = ()


class RouterCore:
    """Decides which orders go out. `on_event` never raises on what a message says."""

    def __init__(self, config: Config) -> None:
        self._settings = LiveSettings(ROUTER, config)
        self._symbols: dict[str, SymbolState] = {}
        self._account = Account(
            config.risk_limits.heartbeat_ttl_ms * NS_PER_MS,
            config.routing,
            venue=VENUES[config.exchange.id] if config.venue.kind == "ccxt" else None,
            venue_share=config.exchange.budget_share,
        )
        self._gate = Gate(config, self._account)
        self._guards = Guards(config)
        self._rules = Rules(config.routing.size_up_tolerance, config.routing.duplicate_window_ms * NS_PER_MS)
        self._target_age_max_ns = config.routing.target_age_ms_max * NS_PER_MS
        self._unknown_after_ns = config.routing.unknown_after_ms * NS_PER_MS
        self._replaces = config.venue.kind == "ccxt" and VENUES[config.exchange.id].amend == "replace"
        self._truth = VenueTruth(is_simulated=config.venue.kind == "simulated")
        self._withdrawals = Withdrawals(self._truth, config.routing.kill_deadline_ms * NS_PER_MS)
        self._is_turn = False
        """A tick is at hand: where messages are short, it is the turn of what waited for one."""
        self._tick_ns = 0
        self._judge_positions_ns = 0
        self._now_ns = 0
        """Of the event in hand, or of the newest tick where that is later: what comes late is late."""
        self._handlers: dict[type[Event], Callable[[Any], Outputs]] = {
            Book: self._on_book,
            QuoteTarget: self._on_target,
            VenueReport: self._on_report,
            Position: self._on_position,
            Override: self._on_override,
            SettingChange: self._on_setting,
            RiskState: self._on_risk,
            Instrument: self._on_instrument,
            Tick: self._on_tick,
            Shutdown: self._on_shutdown,
            ConfigApplied: self._on_start,
            VenueStatus: self._on_venue_status,
            VenueOpenOrders: self._on_open_orders,
            VenueBalances: self._on_balances,
        }

    def on_event(self, event: Event) -> Outputs:
        """Order events and fills because of `event`; messages that do not concern orders change nothing."""
        handler = self._handlers.get(type(event))
        if handler is None:
            return _NOTHING
        self._now_ns = max(self._tick_ns, event.event_time_ns)
        outputs = handler(event)
        for output in outputs:
            if type(output) is OrderEvent and output.kind in INTENT_KINDS:
                self._truth.note_sent(output.venue, self._symbols[output.key].id_prefix, self._now_ns)
        return outputs

    @property
    def is_drained(self) -> bool:
        """Is every order ended, and has the venue shown so? An order whose state is unknown is not."""
        if any(symbol.orders for symbol in self._symbols.values()):
            return False
        return all(self._truth.is_proven_empty(symbol.venue) for symbol in self._symbols.values())

    def open_orders(self) -> list[tuple[str, Order]]:
        """Every order that the venue may hold, with its `venue:symbol`."""
        return [(symbol.key, order) for symbol in self._symbols.values() for order in symbol.orders.values()]

    def instruments(self) -> list[Instrument]:
        """Every version of every contract that was announced, in order."""
        return [each for symbol in self._symbols.values() for each in symbol.instruments.values()]

    def _on_instrument(self, instrument: Instrument) -> Outputs:
        symbol = self._symbol(instrument)
        symbol.instruments[instrument.version] = instrument
        terms = contract_terms(instrument, self._settings.config)
        symbol.terms = terms
        if terms is not None:
            symbol.terms_by_version[terms.version] = terms
        return tuple(self._reconcile(symbol, self._now_ns))

    def _on_setting(self, change: SettingChange) -> Outputs:
        """Judge by the new limit from now on; what stands is judged when it is next looked at."""
        applied = self._settings.take(change)
        if applied is None:
            return _NOTHING
        config = self._settings.config
        self._gate.configure(config)
        outputs: list[Event] = [applied]
        for symbol in self._symbols.values():
            for version in symbol.terms_by_version:
                terms = contract_terms(symbol.instruments[version], config)
                if terms is not None:
                    symbol.terms_by_version[version] = terms
            if symbol.terms is not None:
                symbol.terms = symbol.terms_by_version[symbol.terms.version]
            outputs.extend(self._reconcile(symbol, self._now_ns))
        return tuple(outputs)

    def _on_book(self, book: Book) -> Outputs:
        symbol = self._symbols.get(book.key)
        if symbol is None:
            symbol = self._symbol(book)
        was_live = symbol.is_live
        bid_ticks, ask_ticks = symbol.best_bid_ticks, symbol.best_ask_ticks
        symbol.see_book(book)
        self._guards.see_book(symbol, self._now_ns)
        if self._now_ns < symbol.jumps.doubted_until_ns:
            return tuple(self._reconcile(symbol, self._now_ns))
        if was_live == symbol.is_live:
            moved = symbol.best_bid_ticks != bid_ticks or symbol.best_ask_ticks != ask_ticks
            if not (moved and symbol.awaits_book):
                return _NOTHING
        return tuple(self._reconcile(symbol, self._now_ns))

    def _on_target(self, target: QuoteTarget) -> Outputs:
        symbol = self._symbol(target)
        newest = symbol.target
        if newest and target.sequence < newest.sequence and target.event_time_ns < newest.event_time_ns:
            return _NOTHING
        symbol.target = target
        symbol.is_target_late = self._now_ns - target.event_time_ns > self._target_age_max_ns
        symbol.wanted = wanted_of(target)
        self._guards.see_target(symbol, target)
        return tuple(self._reconcile(symbol, self._now_ns))

    def _on_report(self, report: VenueReport) -> Outputs:
        symbol = self._symbol(report)
        outputs = apply_report(symbol, report)
        outputs += self._guards.see_report(symbol, report, outputs, self._now_ns)
        if outputs:
            self._account.value(symbol)
            self._truth.note_sent(symbol.venue, symbol.id_prefix, self._now_ns)
        outputs += self._reconcile(symbol, self._now_ns)
        return tuple(outputs)

    def _on_position(self, position: Position) -> Outputs:
        symbol = self._symbol(position)
        lots_before = symbol.position.lots
        symbol.position.reconcile(position)
        if symbol.position.lots == lots_before:
            return _NOTHING
        self._account.value(symbol)
        return tuple(self._reconcile(symbol, self._now_ns))

    def _on_risk(self, state: RiskState) -> Outputs:
        if state.symbol == ALL_SYMBOLS:
            if self._account.hear(state, self._now_ns):
                return (*self._reconcile_all(self._now_ns), *self._judge_withdrawals())
            return _NOTHING
        symbol = self._symbol(state)
        if state.state == symbol.risk:
            return _NOTHING
        if symbol.risk == "HALT":
            self._guards.release(symbol)
        symbol.risk = state.state
        return (*self._reconcile(symbol, self._now_ns), *self._judge_withdrawals())

    def _on_override(self, override: Override) -> Outputs:
        symbol = self._symbol(override)
        symbol.overrides.add(override)
        return tuple(self._reconcile(symbol, self._now_ns))

    def _on_tick(self, tick: Tick) -> Outputs:
        self._tick_ns = tick.event_time_ns
        outputs: list[Event] = []
        for symbol in self._symbols.values():
            self._account.value(symbol)
            outputs += self._give_up_waiting(symbol, self._now_ns)
        if self._now_ns >= self._judge_positions_ns:
            self._judge_positions_ns = self._now_ns + NS_PER_S
            outputs += self._guards.judge_positions(self._symbols.values(), self._account, self._now_ns)
        self._is_turn, self._account.has_waiting = True, False
        outputs += self._reconcile_all(self._now_ns)
        self._is_turn = False
        return (*outputs, *self._judge_withdrawals())

    def _on_shutdown(self, shutdown: Shutdown) -> Outputs:
        self._account.is_shut_down = True
        return (*self._reconcile_all(self._now_ns), *self._judge_withdrawals())

    def _on_start(self, start: ConfigApplied) -> Outputs:
        """The process began again after its end: a shutdown before that is over."""
        self._account.is_shut_down = False
        self._account.forget_venues()
        return _NOTHING

    def _on_venue_status(self, status: VenueStatus) -> Outputs:
        if not self._account.see_venue(status):
            return _NOTHING
        return self._reconcile_all(self._now_ns)

    def _on_open_orders(self, shown: VenueOpenOrders) -> Outputs:
        self._truth.see_open(shown.venue, shown.own, shown.asked_ns)
        return tuple(self._judge_withdrawals())

    def _on_balances(self, stated: VenueBalances) -> Outputs:
        self._account.see_balances(stated)
        self._guards.see_balances(stated, self._now_ns)
        return _NOTHING

    def _judge_withdrawals(self) -> list[KillReport]:
        return self._withdrawals.judge(self._symbols.values(), self._account, self._now_ns)

    def _symbol(self, event: SymbolEvent) -> SymbolState:
        symbol = self._symbols.get(event.key)
        if symbol is None:
            symbol = SymbolState.new(event.key, event.venue, event.symbol)
            permitted = self._settings.config.routing.permitted
            symbol.is_permitted = permitted is None or event.key in permitted
            symbol.excludes_own = self._account.venue is not None
            self._symbols[event.key] = symbol
        return symbol

    def _reconcile_all(self, now_ns: int) -> Outputs:
        outputs: list[Event] = []
        symbols: Iterable[SymbolState] = self._symbols.values()
        if self._is_turn and self._account.venue is not None:
            symbols = sorted(symbols, key=turn_key)
        for symbol in symbols:
            outputs += self._reconcile(symbol, now_ns)
        return tuple(outputs)

    def _reconcile(self, symbol: SymbolState, now_ns: int) -> list[OrderEvent]:
        """Send what leads from the open orders to the wanted ones."""
        outputs: list[OrderEvent] = []
        symbol.awaits_book = False
        target = symbol.target
        reason = self._stop_reason(symbol, now_ns)
        if reason is not None or target is None:
            self._cancel(symbol, pull_all(symbol, reason or codes.NO_TARGET), now_ns, outputs)
        else:
            self._carry_out(symbol, self._plan(symbol, target, now_ns), now_ns, outputs)
        return outputs

    def _stop_reason(self, symbol: SymbolState, now_ns: int) -> str | None:
        """Why nothing at all is wanted now; None: the target counts."""
        if self._account.is_shut_down:
            return codes.SHUTDOWN
        failing = self._gate.halt_codes(symbol, now_ns) or self._gate.reference_codes(symbol, now_ns)
        if failing:
            return failing[-1]
        target = symbol.target
        if target is None:
            return codes.NO_TARGET
        if now_ns > target.valid_until_ns:
            return codes.TARGET_EXPIRED
        if symbol.terms is None or symbol.terms.version != target.instrument_version:
            return codes.NO_INSTRUMENT
        return None

    def _plan(self, symbol: SymbolState, target: QuoteTarget, now_ns: int) -> Plan:
        bids, asks = symbol.wanted
        if self._account.trading_state(symbol) == "REDUCE_ONLY":
            bids = reduced(bids, symbol.reducing_room_lots("buy"))
            asks = reduced(asks, symbol.reducing_room_lots("sell"))
        return plan(symbol, target, (bids, asks), self._rules, now_ns)

    def _carry_out(self, symbol: SymbolState, made: Plan, now_ns: int, outputs: list[OrderEvent]) -> None:
        pace = self._gate.pace
        cancels = [each for each in made.cancels if not pace.holds(*each, symbol, now_ns)]
        self._cancel(symbol, cancels, now_ns, outputs)
        for request in made.requests:
            kind = request.message_kind
            if request.replaces and kind == "amend" and pace.holds(request.replaces, None, symbol, now_ns):
                continue
            if not self._account.may_send_now(
                symbol, now_ns, kind, takes_back=request.takes_back, is_turn=self._is_turn
            ):
                self._put_off(symbol, request, now_ns, outputs)
                continue
            new_id = None
            if request.replaces is None:
                new_id = symbol.next_client_order_id(request.side, request.level)
            failing = self._gate.check(request, symbol, now_ns, new_id)
            if failing:
                symbol.awaits_book |= not codes.MOVE_WITH_BOOK.isdisjoint(failing)
                self._deny(symbol, request, failing, now_ns, outputs)
            elif request.replaces is None:
                outputs.append(self._place(symbol, request, now_ns))
            else:
                outputs.append(self._amend(symbol, request, request.replaces, now_ns))

    def _put_off(self, symbol: SymbolState, request: Request, now_ns: int, outputs: list[OrderEvent]) -> None:
        """Messages are short: it waits for the next target or tick; too generous an order is cancelled."""
        order = request.replaces
        if order is not None and request.takes_back and self._is_turn:
            self._cancel(symbol, [(order, codes.MESSAGE_LIMIT)], now_ns, outputs)

    def _cancel(
        self, symbol: SymbolState, orders: Iterable[tuple[Order, str]], now_ns: int, outputs: list[OrderEvent]
    ) -> None:
        for order, reason in orders:
            order.move("cancel_intent")
            order.asked_at_ns = now_ns
            self._account.spend_message(symbol, now_ns, "cancel")
            outputs.append(order_event(symbol, order, "cancel_intent", now_ns, (reason,)))

    def _place(self, symbol: SymbolState, request: Request, now_ns: int) -> OrderEvent:
        order = Order(
            client_order_id=symbol.new_client_order_id(request.side, request.level),
            side=request.side,
            level=request.level,
            instrument_version=request.instrument_version,
            price_ticks=request.price_ticks,
            size_lots=request.size_lots,
            target_sequence=request.target_sequence,
            asked_price_ticks=request.price_ticks,
            asked_size_lots=request.size_lots,
            asked_at_ns=now_ns,
        )
        symbol.orders[request.side, request.level] = order
        self._note_sent(symbol, request, now_ns)
        return order_event(symbol, order, "place_intent", now_ns)

    def _amend(self, symbol: SymbolState, request: Request, order: Order, now_ns: int) -> OrderEvent:
        order.move("amend_intent")
        order.asked_price_ticks = request.price_ticks
        order.asked_size_lots = request.total_lots
        order.asked_at_ns = now_ns
        order.revision += 1
        is_new = self._replaces and request.message_kind == "amend"
        order.is_replaced = is_new
        order.shrinks = 0 if is_new else order.shrinks + 1
        order.target_sequence = request.target_sequence
        self._note_sent(symbol, request, now_ns)
        return order_event(symbol, order, "amend_intent", now_ns)

    def _note_sent(self, symbol: SymbolState, request: Request, now_ns: int) -> None:
        self._account.spend_message(symbol, now_ns, request.message_kind)
        symbol.last_sent_ns = now_ns
        self._account.value(symbol)
        self._gate.note_sent(request, symbol, now_ns)
        symbol.sent[request.side, request.level] = Sent(
            request.target_sequence, request.price_ticks, request.size_lots, now_ns
        )

    def _deny(
        self,
        symbol: SymbolState,
        request: Request,
        failing: tuple[str, ...],
        now_ns: int,
        outputs: list[OrderEvent],
    ) -> None:
        """Say what was denied, once; an order more generous than wanted may not stay for it."""
        slot = (request.side, request.level)
        denied = symbol.denied.get(slot)
        if denied is None or denied.target_sequence != request.target_sequence:
            denied = symbol.denied[slot] = Denied(request.target_sequence)
        if failing not in denied.codes:
            denied.codes.append(failing)
            outputs.append(denial(symbol, request, now_ns, failing))
        if request.replaces is not None and request.takes_back:
            self._cancel(symbol, [(request.replaces, codes.AMEND_DENIED)], now_ns, outputs)

    def _give_up_waiting(self, symbol: SymbolState, now_ns: int) -> list[OrderEvent]:
        """An intent without an answer for long: the order's state is unknown, its size stays reserved."""
        outputs = []
        for order in symbol.orders.values():
            if order.status in AWAITING_ANSWER and now_ns - order.asked_at_ns >= self._unknown_after_ns:
                order.move("unknown")
                outputs.append(order_event(symbol, order, "unknown", now_ns))
        return outputs
