"""Sends: cancels at once; orders and amends when there is message budget and the gate passes them."""

from collections.abc import Iterable

from quote_service.routing.account import AccountState
from quote_service.routing.desired.recent_actions import DeniedQuote, Sent
from quote_service.routing.gate import codes
from quote_service.routing.gate.gate import Gate
from quote_service.routing.gate.request import Denied, Passed, Request
from quote_service.routing.orders.client_ids import order_prefix_of
from quote_service.routing.orders.order_messages import denial, order_event
from quote_service.routing.orders.order_states import Order
from quote_service.routing.rates.turns import MessageTurn, may_wait, presses
from quote_service.routing.symbol_state import RoutedSymbol
from schemas.config import Config
from schemas.gating import RefusedQuote
from schemas.orders import OrderEvent


class Dispatch:
    """Builds the intents, and records what later checks compare with."""

    def __init__(self, config: Config, account: AccountState, gate: Gate) -> None:
        self._account = account
        self._gate = gate
        self._size_tolerance = config.routing.size_up_tolerance
        self._order_prefix = order_prefix_of(config)

    def send_cancels(
        self,
        symbol: RoutedSymbol,
        cancels: Iterable[tuple[Order, str]],
        now_ns: int,
        outputs: list[OrderEvent],
    ) -> None:
        """Cancel at once. Only an order that is young and under no pressure may rest first; budgets,
        limits and venue holds do not apply.
        """
        resting_time = self._gate.resting_time
        pressing = [each for each in cancels if not resting_time.holds(*each, symbol, now_ns)]
        self._cancel(symbol, pressing, now_ns, outputs)

    def send(self, symbol: RoutedSymbol, request: Request, now_ns: int, outputs: list[OrderEvent]) -> None:
        """Send an order or an amend at once unless messages wait before it; otherwise report why not."""
        is_last = request.replaces is not None and not presses(request, symbol)
        self._send(MessageTurn(symbol, request, is_last), now_ns, outputs, is_turn=False)

    def send_in_turn(self, turn: MessageTurn, now_ns: int, outputs: list[OrderEvent]) -> bool:
        """Send an order or an amend whose turn it is, if there is budget; otherwise report why not.

        True where it was sent.
        """
        return self._send(turn, now_ns, outputs, is_turn=True)

    def give_up(
        self, symbol: RoutedSymbol, refused: Iterable[Request], now_ns: int, outputs: list[OrderEvent]
    ) -> None:
        """The venue refused these amends: orders that may not stay as they are get cancelled."""
        for request in refused:
            self._put_off(symbol, request, codes.AMEND_DENIED, now_ns, outputs)

    def _send(self, turn: MessageTurn, now_ns: int, outputs: list[OrderEvent], *, is_turn: bool) -> bool:
        symbol, request = turn.symbol, turn.request
        order, resting_time = request.replaces, self._gate.resting_time
        if order and request.message_kind == "amend" and resting_time.holds(order, None, symbol, now_ns):
            return False
        if self._account.is_held(symbol.venue, now_ns):
            self._hold(symbol, request, now_ns, outputs)
            return False
        symbol.recent.held.clear()
        if not self._account.request_turn(turn, now_ns, is_turn=is_turn):
            self._put_off(symbol, request, codes.MESSAGE_LIMIT, now_ns, outputs)
            return False
        new_id = None if order else symbol.orders.next_client_order_id(request.side, request.level)
        verdict = self._gate.check(request, symbol, now_ns, new_id)
        if isinstance(verdict, Denied):
            symbol.recent.awaits_book |= not codes.MOVE_WITH_BOOK.isdisjoint(verdict.codes)
            self._deny(symbol, request, verdict.codes, now_ns, outputs)
            return False
        if order is None:
            outputs.append(self._place(symbol, verdict, now_ns))
        else:
            outputs.append(self._amend(symbol, verdict, order, now_ns))
        return True

    def _hold(self, symbol: RoutedSymbol, request: Request, now_ns: int, outputs: list[OrderEvent]) -> None:
        """The venue takes cancels only: reported once per slot until that ends."""
        slot = (request.side, request.level)
        if slot not in symbol.recent.held:
            symbol.recent.held[slot] = None
            order_id = symbol.orders.new_client_order_id(request.side, request.level)
            outputs.append(denial(symbol, request, order_id, now_ns, (codes.VENUE_HELD,)))
        self._put_off(symbol, request, codes.VENUE_HELD, now_ns, outputs)

    def _put_off(
        self, symbol: RoutedSymbol, request: Request, reason: str, now_ns: int, outputs: list[OrderEvent]
    ) -> None:
        """Queue it for its turn; an order that may not wait is cancelled, and its slot queued as empty."""
        is_reducing = self._account.trading_state(symbol) == "REDUCE_ONLY"
        tolerance = 0.0 if is_reducing else self._size_tolerance
        if request.replaces is not None and not may_wait(request, symbol, tolerance):
            self._cancel(symbol, [(request.replaces, reason)], now_ns, outputs)

    def _cancel(
        self,
        symbol: RoutedSymbol,
        orders: Iterable[tuple[Order, str]],
        now_ns: int,
        outputs: list[OrderEvent],
    ) -> None:
        for order, reason in orders:
            order.move("cancel_intent")
            order.asked_at_ns = now_ns
            self._account.spend_message(symbol, now_ns, "cancel")
            outputs.append(order_event(symbol, order, "cancel_intent", now_ns, (reason,)))

    def _place(self, symbol: RoutedSymbol, passed: Passed, now_ns: int) -> OrderEvent:
        request = passed.request
        order = Order(
            client_order_id=symbol.orders.new_client_order_id(request.side, request.level),
            side=request.side,
            level=request.level,
            instrument_version=request.instrument_version,
            price_ticks=request.price_ticks,
            size_lots=request.size_lots,
            target_sequence=request.target_sequence,
            asked_price_ticks=request.price_ticks,
            asked_size_lots=request.size_lots,
            asked_at_ns=now_ns,
            time_in_force="ioc" if request.takes else "gtc",
            order_prefix=self._order_prefix,
        )
        symbol.orders.open[request.side, request.level] = order
        self._record_sent(symbol, request, now_ns)
        return order_event(symbol, order, "place_intent", now_ns)

    def _amend(self, symbol: RoutedSymbol, passed: Passed, order: Order, now_ns: int) -> OrderEvent:
        request = passed.request
        order.move("amend_intent")
        order.asked_price_ticks = request.price_ticks
        order.asked_size_lots = request.total_lots
        order.asked_at_ns = now_ns
        order.revision += 1
        venue = self._account.venue
        is_new = venue is not None and venue.amend == "replace" and request.message_kind == "amend"
        order.is_replaced = is_new
        order.shrinks = 0 if is_new else order.shrinks + 1
        order.target_sequence = request.target_sequence
        self._record_sent(symbol, request, now_ns)
        return order_event(symbol, order, "amend_intent", now_ns)

    def _record_sent(self, symbol: RoutedSymbol, request: Request, now_ns: int) -> None:
        self._account.spend_message(symbol, now_ns, request.message_kind)
        self._account.revalue(symbol)
        self._gate.record_sent(request, symbol, now_ns)
        symbol.recent.denied.pop((request.side, request.level), None)
        symbol.recent.refused_prices.pop(request.side, None)
        symbol.recent.sent[request.side, request.level] = Sent(
            request.target_sequence, request.price_ticks, request.size_lots, now_ns
        )

    def _deny(
        self,
        symbol: RoutedSymbol,
        request: Request,
        failing: tuple[str, ...],
        now_ns: int,
        outputs: list[OrderEvent],
    ) -> None:
        """Report a denial once; an order more generous than desired must not stay because of it."""
        slot = (request.side, request.level)
        quote = (request.price_ticks, request.size_lots)
        denied = symbol.recent.denied.get(slot)
        if denied is None or (denied.price_ticks, denied.size_lots) != quote:
            denied = symbol.recent.denied[slot] = DeniedQuote(*quote)
        if not codes.OF_PRICE.isdisjoint(failing):
            symbol.recent.refused_prices[request.side] = RefusedQuote(
                side=request.side,
                price_ticks=request.price_ticks,
                target_sequence=request.target_sequence,
                codes=failing,
            )
        if failing not in denied.codes:
            denied.codes.append(failing)
            order_id = symbol.orders.new_client_order_id(request.side, request.level)
            outputs.append(denial(symbol, request, order_id, now_ns, failing))
        if request.replaces is not None and request.is_less_generous:
            self._cancel(symbol, [(request.replaces, codes.AMEND_DENIED)], now_ns, outputs)
