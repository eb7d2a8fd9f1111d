"""One symbol of the router carried into the next session: see schemas.carried.router."""

from dataclasses import fields
from typing import Any

from quote_service.routing.gate.contract_terms import contract_terms
from quote_service.routing.orders.order_states import Order
from quote_service.routing.orders.own_position import OwnPosition
from quote_service.routing.rates.message_budget import MessageBudget
from quote_service.routing.symbol_state import RoutedSymbol
from schemas.carried.router import (
    CarriedBudget,
    CarriedFillRate,
    CarriedOrder,
    CarriedPosition,
    RouterCarried,
)
from schemas.config import Config
from schemas.topics import ROUTER

ENDED_CARRIED = 32
"""Ended orders kept per symbol; for an older order's fill the side comes from the venue's report."""
NUMBERED_IDS_CARRIED = 256
"""Where ids are numeric, a start requests trades from a little before the newest (trade_reader.REPEATED)."""
_ORDER_FIELDS = tuple(field.name for field in fields(Order))


def carried_symbol(symbol: RoutedSymbol, now_ns: int) -> RouterCarried:
    """A symbol's state that must survive a restart."""
    ended = list(symbol.orders.ended.values())[-ENDED_CARRIED:]
    return RouterCarried(
        event_time_ns=now_ns,
        process=ROUTER,
        venue=symbol.venue,
        symbol=symbol.symbol,
        instruments=tuple(symbol.contract.instruments[version] for version in _versions(symbol, ended)),
        mid_half_ticks=symbol.market.mid_half_ticks,
        mid_version=symbol.market.mid_version,
        orders=carried_orders(symbol),
        ended=tuple(map(_carried_order, ended)),
        orders_count=symbol.orders.ids_given,
        trade_ids=_carried_ids(tuple(symbol.orders.trade_ids)),
        position=_carried_position(symbol.position),
        guard=_carried_fill_rate(symbol),
        stopped_by=symbol.protection.stopped_by,
        overrides=tuple(
            each for each in symbol.gate.overrides.waiting.values() if each.valid_until_ns >= now_ns
        ),
        balance_sequence=symbol.balance_sequence,
        budgets=() if symbol.usage.budget is None else ((symbol.key, carried_budget(symbol.usage.budget)),),
        windows=() if symbol.usage.venue_grant is None else symbol.usage.venue_grant.carried(),
    )


def carried_orders(symbol: RoutedSymbol) -> tuple[CarriedOrder, ...]:
    """Its orders that may be open at the venue."""
    return tuple(map(_carried_order, symbol.orders.open.values()))


def _carried_ids(trade_ids: tuple[str, ...]) -> tuple[str, ...]:
    """Ids a venue may repeat: numeric ids are requested from a point onward, others by time only."""
    is_numbered = bool(trade_ids) and trade_ids[-1].isdigit()
    return trade_ids[-NUMBERED_IDS_CARRIED:] if is_numbered else trade_ids


def restore_symbol(symbol: RoutedSymbol, carried: RouterCarried, config: Config, now_ns: int) -> None:
    """Restore a symbol without any state yet; the configuration may have changed meanwhile."""
    for instrument in carried.instruments:
        symbol.observe_instrument(instrument, contract_terms(instrument, config))
    symbol.market.mid_half_ticks, symbol.market.mid_version = carried.mid_half_ticks, carried.mid_version
    for each in carried.orders:
        order = restored_order(each, now_ns)
        symbol.orders.open[order.side, order.level] = order
    symbol.orders.ended = {each.client_order_id: restored_order(each, now_ns) for each in carried.ended}
    symbol.orders.ids_given = max(symbol.orders.ids_given, carried.orders_count)
    for trade_id in carried.trade_ids:
        symbol.orders.add_trade(trade_id)
    symbol.position = _restored_position(carried.position)
    _restore_fill_rate(symbol, carried.guard)
    symbol.protection.stopped_by = carried.stopped_by
    symbol.balance_sequence = carried.balance_sequence
    for override in carried.overrides:
        symbol.gate.overrides.add(override)


def carried_budget(budget: MessageBudget) -> CarriedBudget:
    """The part of it that is not refilled yet."""
    return CarriedBudget(spent=budget.spent, updated_ns=budget.updated_ns)


def restore_budget(budget: MessageBudget, carried: CarriedBudget, now_ns: int) -> None:
    """Restore with an earlier session's usage."""
    budget.spent, budget.updated_ns = carried.spent, min(carried.updated_ns, now_ns)


def _versions(symbol: RoutedSymbol, ended: list[Order]) -> list[int]:
    """Versions of all contracts that carried numbers refer to, and the newest."""
    used = {order.instrument_version for order in (*symbol.orders.open.values(), *ended)}
    used |= {version for _, version in symbol.position.uncounted}
    used |= {symbol.market.mid_version, *list(symbol.contract.instruments)[-1:]}
    if symbol.position.version is not None:
        used.add(symbol.position.version)
    return [version for version in symbol.contract.instruments if version in used]


def _carried_order(order: Order) -> CarriedOrder:
    """Not validated: it is built from our own orders, and there are thousands."""
    return CarriedOrder.model_construct(**{name: getattr(order, name) for name in _ORDER_FIELDS})


def restored_order(carried: CarriedOrder, now_ns: int) -> Order:
    """The order as last known; its request time is capped at now."""
    known: dict[str, Any] = {name: getattr(carried, name) for name in _ORDER_FIELDS}
    return Order(**known | {"asked_at_ns": min(carried.asked_at_ns, now_ns)})


def _carried_position(position: OwnPosition) -> CarriedPosition:
    return CarriedPosition(
        lots=position.lots,
        instrument_version=position.version,
        base_fees_taken=position.base_fees_taken,
        base_fees_told=position.base_fees_reported,
        fills_counted=position.fills_counted,
        uncounted=tuple(position.uncounted),
    )


def _restored_position(carried: CarriedPosition) -> OwnPosition:
    position = OwnPosition(
        carried.lots,
        carried.instrument_version,
        carried.base_fees_taken,
        carried.base_fees_told or carried.base_fees_taken,
        carried.fills_counted,
    )
    position.uncounted.extend(carried.uncounted)
    return position


def _carried_fill_rate(symbol: RoutedSymbol) -> CarriedFillRate:
    return CarriedFillRate(
        fills=tuple(symbol.protection.fill_rate.fills),
        freezes_ns=tuple(symbol.protection.fill_rate.trips),
        frozen_until_ns=symbol.protection.fill_rate.frozen_until_ns,
        quote_lots=symbol.protection.quote_lots,
    )


def _restore_fill_rate(symbol: RoutedSymbol, carried: CarriedFillRate) -> None:
    symbol.protection.fill_rate.fills.extend(carried.fills)
    symbol.protection.fill_rate.trips.extend(carried.freezes_ns)
    symbol.protection.fill_rate.frozen_until_ns = carried.frozen_until_ns
    symbol.protection.quote_lots = carried.quote_lots
