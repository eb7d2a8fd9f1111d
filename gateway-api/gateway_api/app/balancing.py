"""What is done about an inventory beyond leaning, as the API shows it."""

from gateway_api.app.numbers import size_text
from gateway_api.app.responses import Balancing, FlattenState
from schemas.balancing import BalanceOrder
from schemas.risk import RiskState, flattens_under_halt
from schemas.views import SymbolView


def flatten_asked_by(*states: RiskState | None) -> str | None:
    """Who waits for a second person to let such orders out."""
    return next((state.flatten_asked_by for state in states if state and state.flatten_asked_by), None)


def balancing(view: SymbolView, account: RiskState | None) -> Balancing | None:
    """The balancer's decision in force, and how far a person's wish for no position has come."""
    order = _in_force(view)
    flatten = _flatten_state(view, account, order)
    if order is None:
        return None if flatten is None else _nothing_due(flatten)
    return Balancing(
        stage=order.stage,
        side=order.side,
        size=_size(view, order),
        urgency=round(order.urgency, 4),
        cost_bps=round(order.cost_bps, 4),
        held_back=order.held_back or _denied(view),
        flatten=flatten,
    )


def _nothing_due(flatten: FlattenState) -> Balancing:
    return Balancing(
        stage="lean", side=None, size="0", urgency=0, cost_bps=None, held_back=None, flatten=flatten
    )


def _in_force(view: SymbolView) -> BalanceOrder | None:
    """None where leaning is all, or a decision was not renewed in time."""
    order = view.balance
    if order is None or view.event_time_ns > order.valid_until_ns:
        return None
    return None if order.stage == "lean" and not order.flattens else order


def _flatten_state(
    view: SymbolView, account: RiskState | None, order: BalanceOrder | None
) -> FlattenState | None:
    is_flat = view.position is None or not view.position.position_lots
    if flattens_under_halt(view.risk, account):
        return "done" if is_flat else "under_way"
    if order is not None and order.flattens:
        return "under_way"
    return "awaits_second" if flatten_asked_by(view.risk, account) else None


def _denied(view: SymbolView) -> str | None:
    denied = view.slice_denied
    return None if denied is None else f"the gate denied it: {', '.join(denied.reasons)}"


def _size(view: SymbolView, order: BalanceOrder) -> str:
    contract = view.instrument
    is_known = contract is not None and contract.version == order.instrument_version
    return size_text(order.size_lots, contract) if contract is not None and is_known else "0"
