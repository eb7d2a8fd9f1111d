"""A symbol's ledger as the Position message."""

from decimal import Decimal
from typing import Any

from inventory_service.core.adverse import ExpectedMove
from inventory_service.core.bias import Held, Rebalance, bias, bounds, rebalance
from inventory_service.core.symbol import SymbolInventory
from inventory_service.core.takeover import base_lot, because, half_money
from inventory_service.core.units import whole
from schemas.inventory import LedgerUnits, OpenFee, Position
from schemas.inventory_settings import InventoryLimits
from schemas.market import Instrument


def publish_position(
    symbol: SymbolInventory, contract: Instrument, own: InventoryLimits, now_ns: int
) -> Position:
    """The position to publish, which is recorded as published."""
    ledger = symbol.ledger
    half = half_money(contract)
    mark = ledger.mark_half_ticks or 0
    money = ledger.money(half)
    peak, max_drawdown = symbol.extremes()
    symbol.published_mark, symbol.published_adverse = ledger.mark_half_ticks, symbol.adverse.by_side()
    limits = bounds(own, contract, mark, Held(symbol.ledger.position_lots, symbol.quote_total))
    back = rebalance(ledger.position_lots, limits)
    rate = (symbol.money or contract).reporting_rate
    return Position(
        event_time_ns=now_ns,
        venue=contract.venue,
        symbol=contract.symbol,
        instrument_version=contract.version,
        quote_currency=contract.quote_currency,
        position_lots=ledger.position_lots,
        average_price_ticks=ledger.cost_ticks,
        mark_half_ticks=_published_mark(ledger.mark_half_ticks),
        realised=money.realised,
        unrealised=money.unrealised,
        fees=symbol.fees,
        pnl=money.pnl - symbol.fees,
        pnl_capture=money.capture,
        pnl_inventory=money.inventory,
        max_drawdown=max_drawdown,
        pnl_reporting=(money.pnl - symbol.fees) * rate,
        notional_reporting=ledger.position_lots * mark * half * rate,
        fills=ledger.fills,
        traded_notional=money.traded,
        bias=bias(ledger.position_lots, limits),
        rebalance_action=back.action,
        rebalance_size_lots=back.size_lots,
        rebalance_urgency=back.urgency,
        pnl_balance=symbol.balance_pnl,
        base_fees_taken=ledger.base_fees_taken(base_lot(contract)),
        **_adverse(symbol.published_adverse),
        open_fees=tuple(
            OpenFee(currency=currency, amount=each.amount) for currency, each in symbol.open_fees.items()
        ),
        open_fees_reserve=sum((each.reserve for each in symbol.open_fees.values()), Decimal(0)) * rate,
        owed_lots=ledger.owed_lots,
        pnl_peak=peak,
        adjustments=symbol.adjustments,
        counted_in=None if symbol.in_force is None else _units(contract),
        halted_because=because(symbol) or symbol.lacks,
    )


def back_to_target(symbol: SymbolInventory, contract: Instrument, own: InventoryLimits) -> Rebalance:
    """The trade that would bring the inventory back to its target, at the newest mark."""
    ledger = symbol.ledger
    holdings = Held(ledger.position_lots, symbol.quote_total)
    return rebalance(ledger.position_lots, bounds(own, contract, ledger.mark_half_ticks or 0, holdings))


def _adverse(expected: tuple[ExpectedMove, ExpectedMove]) -> dict[str, Any]:
    """None where none is significant."""
    bid, ask = expected
    return {
        "adverse_bps": max(bid.bps, ask.bps) or None,
        "adverse_bid_bps": bid.bps or None,
        "adverse_bid_horizon_ms": bid.horizon_ms,
        "adverse_ask_bps": ask.bps or None,
        "adverse_ask_horizon_ms": ask.horizon_ms,
    }


def _published_mark(mark_half_ticks: int | Decimal | None) -> int | None:
    """None where the mid lies between the half ticks of a later contract."""
    return None if mark_half_ticks is None else whole(Decimal(mark_half_ticks))


def _units(contract: Instrument) -> LedgerUnits:
    return LedgerUnits(
        tick_size=contract.tick_size,
        lot_size=contract.lot_size,
        multiplier=contract.multiplier,
        quote_currency=contract.quote_currency,
    )
