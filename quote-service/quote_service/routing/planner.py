"""From open orders to desired quotes: what to send now, for one symbol or for all."""

from collections.abc import Iterable

from quote_service.routing.account import AccountState
from quote_service.routing.balance import SliceLimits, slice_of
from quote_service.routing.desired.desired_quotes import DesiredSide, fitted, reduced
from quote_service.routing.desired.order_plan import Plan, Rules, plan, pull_all
from quote_service.routing.gate import codes
from quote_service.routing.gate.dispatch import Dispatch
from quote_service.routing.gate.gate import Gate
from quote_service.routing.gate.request import Request
from quote_service.routing.orders.order_messages import order_event
from quote_service.routing.orders.order_states import AWAITING_ANSWER
from quote_service.routing.rates.turns import Turns, record_waiting
from quote_service.routing.symbol_state import RoutedSymbol
from schemas.balancing import BalanceOrder
from schemas.config import Config
from schemas.orders import OrderEvent
from schemas.quoting import QuoteTarget
from schemas.units import NS_PER_MS


class Planner:
    """Compares desired quotes with open orders, and hands the resulting actions to dispatch."""

    def __init__(self, config: Config, account: AccountState, gate: Gate) -> None:
        self._account = account
        self._gate = gate
        self._dispatch = Dispatch(config, account, gate)
        self._turns = Turns()
        self._balance = config.balance
        self._rules = Rules(config.routing.size_up_tolerance, config.routing.duplicate_window_ms * NS_PER_MS)
        self._unknown_after_ns = config.routing.unknown_after_ms * NS_PER_MS

    def update_all(self, symbols: Iterable[RoutedSymbol], now_ns: int) -> list[OrderEvent]:
        """See `update_orders`, for all symbols."""
        return [output for symbol in symbols for output in self.update_orders(symbol, now_ns)]

    def give_turns(self, symbols: Iterable[RoutedSymbol], now_ns: int) -> list[OrderEvent]:
        """At an exchange, send all symbols' requests in order of their claim to message budget."""
        outputs: list[OrderEvent] = []
        self._account.has_waiting = False
        desired = [
            (symbol, request)
            for symbol in symbols
            for request in self.cancel_undesired(symbol, now_ns, outputs)
        ]
        for turn in self._turns.in_order(desired, now_ns):
            if self._dispatch.send_in_turn(turn, now_ns, outputs):
                self._turns.record_sent(turn)
        return outputs

    def update_orders(self, symbol: RoutedSymbol, now_ns: int) -> list[OrderEvent]:
        """Send the actions that lead from the open orders to the desired ones."""
        outputs: list[OrderEvent] = []
        for request in self.cancel_undesired(symbol, now_ns, outputs):
            self._dispatch.send(symbol, request, now_ns, outputs)
        return outputs

    def cancel_undesired(self, symbol: RoutedSymbol, now_ns: int, outputs: list[OrderEvent]) -> list[Request]:
        """Cancel undesired orders regardless of budget; returns the other requests still needed."""
        symbol.recent.awaits_book = False
        target = symbol.quotes.target
        reason = self._stop_reason(symbol, now_ns)
        if reason is not None or target is None:
            flattens = self._account.flattens_under_halt(symbol)
            made = Plan(pull_all(symbol, reason or codes.NO_TARGET, leaves_takers=flattens), [])
        else:
            made = self._plan(symbol, target, now_ns)
        self._dispatch.send_cancels(symbol, made.cancels, now_ns, outputs)
        if self._account.venue is not None:
            self._dispatch.give_up(symbol, made.refused, now_ns, outputs)
            record_waiting(symbol, made.requests, now_ns)
        return made.requests

    def _stop_reason(self, symbol: RoutedSymbol, now_ns: int) -> str | None:
        """Why no quotes at all are desired now; None: the target applies."""
        if self._account.is_shut_down:
            return codes.SHUTDOWN
        failing = self._gate.halt_codes(symbol, now_ns) or self._gate.reference_codes(symbol, now_ns)
        if failing:
            return failing[-1]
        target = symbol.quotes.target
        if target is None:
            return codes.NO_TARGET
        if symbol.quotes.is_overdue:
            return codes.STALE_COMMAND
        if now_ns > target.valid_until_ns:
            return codes.TARGET_EXPIRED
        if symbol.contract.terms is None or symbol.contract.terms.version != target.instrument_version:
            return codes.NO_INSTRUMENT
        return None

    def _plan(self, symbol: RoutedSymbol, target: QuoteTarget, now_ns: int) -> Plan:
        bids, asks = symbol.quotes.sides
        terms = symbol.contract.terms
        if terms is not None and self._account.trading_state(symbol) == "REDUCE_ONLY":
            bids = fitted(reduced(bids, _room_to_reduce(symbol, bids)), terms)
            asks = fitted(reduced(asks, _room_to_reduce(symbol, asks)), terms)
        return plan(symbol, target, (bids, asks), self._rules, now_ns)

    def balance(self, symbol: RoutedSymbol, decision: BalanceOrder, now_ns: int) -> list[OrderEvent]:
        """Send a slice of what the balancer wants, where the gate lets it out; each decision once."""
        outputs: list[OrderEvent] = []
        if decision.sequence > symbol.balance_sequence:
            symbol.balance_sequence = decision.sequence
            may_grow = self._account.trading_state(symbol) == "RUN"
            limits = SliceLimits(self._balance, self._gate.collar)
            request = slice_of(symbol, decision, limits, now_ns, may_grow=may_grow)
            if request is not None:
                self._dispatch.send(symbol, request, now_ns, outputs)
        return outputs

    def give_up_waiting(self, symbol: RoutedSymbol, now_ns: int) -> list[OrderEvent]:
        """Intents unanswered for too long: the order becomes unknown, its size stays reserved."""
        outputs = []
        for order in symbol.orders.open.values():
            if order.status in AWAITING_ANSWER and now_ns - order.asked_at_ns >= self._unknown_after_ns:
                order.move("unknown")
                outputs.append(order_event(symbol, order, "unknown", now_ns))
        return outputs


def _room_to_reduce(symbol: RoutedSymbol, desired: DesiredSide) -> int:
    """The position, less what orders in no desired slot may still fill: orphans, and ones of unknown fate."""
    others = sum(
        order.reserved_lots
        for (side, level), order in symbol.orders.open.items()
        if side == desired.side and not 0 <= level < len(desired.levels)
    )
    return max(0, symbol.position.reducing_room_lots(desired.side) - others)
