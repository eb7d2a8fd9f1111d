"""risk-service's state that survives a change of code or configuration, see schemas.carried.risk."""

from collections import deque

from risk_service.core.account import LEAST_MAXIMUM, AccountRisk
from risk_service.core.agreement import Agreement
from risk_service.core.limits import SymbolRisk
from risk_service.core.repeated_executions import ANY_SIDE_WINDOW_NS
from risk_service.core.scope import FirstRequest, LimitVerdict, Scope
from schemas.carried.risk import (
    CarriedExecution,
    CarriedLatch,
    CarriedRequest,
    CarriedVerdict,
    RiskCarried,
)
from schemas.inventory import OpenFee
from schemas.topics import RISK

CURRENCY_CHANGED = "CURRENCY_CHANGED"


def symbol_carried(symbol: SymbolRisk, currency: str, now_ns: int) -> RiskCarried:
    """The state of one symbol, with the executions that the throttle still counts."""
    instrument = symbol.instrument
    return _of_scope(symbol.scope, currency, now_ns).model_copy(
        update={
            "pnl": symbol.pnl,
            "forgiven": symbol.forgiven,
            "is_held": symbol.is_held,
            "units": symbol.units,
            "notional": symbol.notional,
            "mark_half_ticks": symbol.mark_half_ticks,
            "tick_size": symbol.mark_tick_size if instrument is None else instrument.tick_size,
            "mark_time_ns": symbol.mark_ns,
            "has_old_mark": symbol.has_old_mark,
            "executions": tuple(
                CarriedExecution(time_ns=at_ns, side=side, client_order_id=client_order_id)
                for at_ns, side, client_order_id in symbol.repeated.orders
                if now_ns - at_ns < ANY_SIDE_WINDOW_NS
            ),
            "open_fees": tuple(
                OpenFee(currency=each, amount=amount) for each, amount in symbol.fees.open.items()
            ),
        }
    )


def account_carried(
    account: AccountRisk, agreement: Agreement, alerts: int, currency: str, now_ns: int
) -> RiskCarried:
    """The state of the account."""
    capital = account.equity - account.pnl
    return _of_scope(account.scope, currency, now_ns).model_copy(
        update={
            "pnl": account.pnl,
            "forgiven": account.forgiven,
            "peak": account.high_water - capital,
            "notional": account.gross,
            "alerts": alerts,
            "verdicts": tuple(
                CarriedVerdict(change_id=change_id, process=process, is_taken=is_taken)
                for change_id, (process, is_taken) in agreement.first.items()
            ),
        }
    )


def _of_scope(scope: Scope, currency: str, now_ns: int) -> RiskCarried:
    before = scope.published_verdict
    return RiskCarried(
        event_time_ns=now_ns,
        process=RISK,
        venue=scope.venue,
        symbol=scope.symbol,
        reporting_currency=currency,
        latches=tuple(CarriedLatch(cause=cause, text=text) for cause, text in scope.latches.items()),
        halt_sequence=scope.halt_sequence,
        resume_asked=_request_of(scope.resume_asked),
        flatten_asked=_request_of(scope.flatten_asked),
        flattens_under=scope.flattens_under,
        state=None if before is None else before.state,
        reasons=() if before is None else before.reasons,
        warned=tuple(scope.warned),
        reached=tuple(scope.reached),
    )


def _request_of(asked: FirstRequest | None) -> CarriedRequest | None:
    if asked is None:
        return None
    return CarriedRequest(principal=asked.principal, time_ns=asked.time_ns, halt_sequence=asked.halt_sequence)


def _asked(request: CarriedRequest | None) -> FirstRequest | None:
    return (
        None if request is None else FirstRequest(request.principal, request.time_ns, request.halt_sequence)
    )


def restore_symbol(symbol: SymbolRisk, carried: RiskCarried, currency: str) -> None:
    """Restore one symbol. Amounts in another reporting currency come again with its position."""
    _restore_scope(symbol.scope, carried)
    symbol.is_held, symbol.units = carried.is_held, carried.units
    symbol.mark_half_ticks, symbol.mark_ns = carried.mark_half_ticks, carried.mark_time_ns
    symbol.mark_tick_size, symbol.has_old_mark = carried.tick_size, carried.has_old_mark
    symbol.repeated.orders = deque(
        (each.time_ns, each.side, each.client_order_id) for each in carried.executions
    )
    symbol.fees.open = {fee.currency: fee.amount for fee in carried.open_fees}
    if carried.reporting_currency == currency:
        symbol.pnl, symbol.notional, symbol.forgiven = carried.pnl, carried.notional, carried.forgiven


def restore_account(account: AccountRisk, agreement: Agreement, carried: RiskCarried, currency: str) -> None:
    """Restore the account, except for its sums, which its symbols add.

    A maximum in another currency says nothing about equity in this one: the account halts until an operator
    resumes it, and drawdown counts from the capital.
    """
    _restore_scope(account.scope, carried)
    agreement.first = {each.change_id: (each.process, each.is_taken) for each in carried.verdicts}
    if carried.reporting_currency == currency:
        capital = account.equity - account.pnl
        account.forgiven = carried.forgiven
        account.high_water = max(capital + carried.peak, account.equity, LEAST_MAXIMUM)
    elif carried.reporting_currency:
        was = carried.reporting_currency
        text = f"{CURRENCY_CHANGED}: profit was counted in {was}, and is in {currency} now: drawdown and loss"
        account.scope.latch(CURRENCY_CHANGED, f"{text} begin anew when people resume")


def _restore_scope(scope: Scope, carried: RiskCarried) -> None:
    scope.latches = {each.cause: each.text for each in carried.latches}
    scope.halt_sequence = carried.halt_sequence
    scope.resume_asked, scope.flatten_asked = _asked(carried.resume_asked), _asked(carried.flatten_asked)
    scope.flattens_under = carried.flattens_under
    scope.previous_verdict = None if carried.state is None else LimitVerdict(carried.state, carried.reasons)
    scope.warned = dict.fromkeys(carried.warned)
    scope.reached = dict.fromkeys(carried.reached)
