"""Converts a ledger to the carried message, which survives changes of code and configuration, and back."""

from collections import deque
from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from operator import itemgetter

from inventory_service.core.adverse import AdverseMoves, MoveTally, PastExecution, Tallies
from inventory_service.core.balancer import Balancer
from inventory_service.core.fee_rates import OpenFees
from inventory_service.core.ledger import Forward, Ledger
from inventory_service.core.symbol import SymbolInventory
from inventory_service.core.units import plain
from inventory_service.core.versions import Versions
from schemas.carried.inventory import (
    CarriedAdverseMoves,
    CarriedForward,
    CarriedMoveTally,
    CarriedOpenFees,
    CarriedPendingMove,
    InventoryCarried,
)
from schemas.recent_keys import RecentKeys
from schemas.topics import INVENTORY

_FORMER_HORIZON_MS = 1_000
TRADE_IDS_CARRIED = 4_096
"""After a reconnect a venue repeats its newest fills, of which the router passes on at most some of its
newest 1,024: older ones cannot recur."""


def carried_of(
    symbol: SymbolInventory, key: str, reporting_currency: str, rate_mid_half_ticks: int, now_ns: int
) -> InventoryCarried:
    """Everything booked for a symbol, and what waits to be booked."""
    venue, _, name = key.partition(":")
    ledger, adverse = symbol.ledger, symbol.adverse
    peak, max_drawdown = symbol.extremes() if symbol.has_begun else (symbol.peak, symbol.max_drawdown)
    return InventoryCarried(
        event_time_ns=now_ns,
        process=INVENTORY,
        venue=venue,
        symbol=name,
        reporting_currency=reporting_currency,
        contract=symbol.contract,
        in_force=symbol.in_force,
        versions=tuple(each for each in symbol.versions.known.values() if each is not None),
        position_lots=ledger.position_lots,
        owed_lots=ledger.owed_lots,
        cost_ticks=ledger.cost_ticks,
        mark_half_ticks=None if ledger.mark_half_ticks is None else Decimal(ledger.mark_half_ticks),
        cash_half=Decimal(ledger.cash_half),
        capture_half=Decimal(ledger.capture_half),
        inventory_half=Decimal(ledger.inventory_half),
        traded_half=Decimal(ledger.traded_half),
        fills=ledger.fills,
        forward=_forward_of(ledger),
        fees=symbol.fees,
        balance_pnl=symbol.balance_pnl,
        balance_sequence=symbol.balancer.sequence,
        is_flattened=symbol.balancer.is_flattened,
        open_fees=tuple(
            CarriedOpenFees(currency=currency, amount=each.amount, reserve=each.reserve)
            for currency, each in symbol.open_fees.items()
        ),
        taken_lots=ledger.taken_lots,
        peak=peak,
        max_drawdown=max_drawdown,
        adjustments=symbol.adjustments,
        trade_ids=tuple(symbol.trade_ids)[-TRADE_IDS_CARRIED:],
        change_ids=tuple(symbol.change_ids),
        waiting=tuple(symbol.waiting),
        lacks=symbol.lacks,
        adverse=_adverse_of(adverse),
        rate_mid_half_ticks=rate_mid_half_ticks,
    )


def _forward_of(ledger: Ledger) -> CarriedForward | None:
    forward = ledger.forward
    if forward is None:
        return None
    return CarriedForward(
        cash=forward.cash,
        capture=forward.capture,
        inventory=forward.inventory,
        traded=forward.traded,
        base_fees_taken=forward.base_fees_taken,
    )


def _adverse_of(adverse: AdverseMoves) -> CarriedAdverseMoves:
    return CarriedAdverseMoves(
        mid_half_ticks=adverse.mid_half_ticks,
        tallies=tuple(
            CarriedMoveTally(
                sign=sign,
                horizon_ms=horizon_ms,
                moved_bps=tally.moved,
                squared_bps=tally.squared,
                lots=tally.lots,
                independent=tally.independent,
                executed_ns=tally.executed_ns,
            )
            for (sign, horizon_ms), tally in sorted(adverse.tallies.items(), key=itemgetter(0))
        ),
        pending=tuple(
            CarriedPendingMove(**execution._asdict(), horizon_ms=horizon_ms)
            for horizon_ms, waiting in sorted(adverse.waiting.items())
            for execution in waiting
        ),
    )


def restored(carried: InventoryCarried) -> SymbolInventory:
    """The symbol's state as carried."""
    symbol = SymbolInventory(
        contract=carried.contract,
        in_force=carried.in_force,
        versions=Versions({each.version: each for each in carried.versions}),
        ledger=_ledger(carried),
        adjustments=carried.adjustments,
        fees=carried.fees,
        balance_pnl=carried.balance_pnl,
        balancer=Balancer(sequence=carried.balance_sequence, is_flattened=carried.is_flattened),
        open_fees={each.currency: OpenFees(each.amount, each.reserve) for each in carried.open_fees},
        peak=carried.peak,
        max_drawdown=carried.max_drawdown,
        adverse=_adverse(carried.adverse),
        waiting=list(carried.waiting),
        lacks=carried.lacks,
    )
    _remember(symbol.trade_ids, carried.trade_ids)
    _remember(symbol.change_ids, carried.change_ids)
    return symbol


def _ledger(carried: InventoryCarried) -> Ledger:
    mark, forward = carried.mark_half_ticks, carried.forward
    return Ledger(
        position_lots=carried.position_lots,
        owed_lots=carried.owed_lots,
        cash_half=plain(carried.cash_half),
        capture_half=plain(carried.capture_half),
        inventory_half=plain(carried.inventory_half),
        cost_ticks=carried.cost_ticks,
        mark_half_ticks=None if mark is None else plain(mark),
        traded_half=plain(carried.traded_half),
        fills=carried.fills,
        taken_lots=carried.taken_lots,
        forward=None if forward is None else Forward(**dict(forward)),
    )


def _adverse(carried: CarriedAdverseMoves) -> AdverseMoves:
    made = AdverseMoves(mid_half_ticks=carried.mid_half_ticks, _by_side=None)
    for each in carried.tallies:
        made.tallies[each.sign, each.horizon_ms] = MoveTally(
            each.moved_bps, each.squared_bps, each.lots, each.independent, each.executed_ns
        )
    if carried.lots > 0 and not carried.tallies:
        made.tallies = _of_a_single_horizon(carried)
    for execution in carried.pending:
        waiting = made.waiting.setdefault(execution.horizon_ms, deque())
        fields = execution.model_dump(exclude={"horizon_ms"})
        waiting.append(PastExecution(**fields))
    return made


def _of_a_single_horizon(carried: CarriedAdverseMoves) -> Tallies:
    """Of a release that knew neither sides nor errors: half to each side, with an error of 0."""
    half = MoveTally(
        moved=carried.moved_bps_lots / 2,
        squared=carried.moved_bps_lots**2 / carried.lots / 2,
        lots=carried.lots / 2,
        independent=carried.fills / 2,
        executed_ns=carried.at_ns,
    )
    return {(1, _FORMER_HORIZON_MS): half, (-1, _FORMER_HORIZON_MS): replace(half)}


def _remember(keys: RecentKeys, known: Iterable[str]) -> None:
    for key in known:
        keys.add(key)
