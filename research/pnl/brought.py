"""A log's carried ledger, as attribution lines."""

from collections.abc import Iterator
from decimal import Decimal

from inventory_service.core.carry import restored
from inventory_service.core.changes import held, mid_of
from inventory_service.core.takeover import half_money
from inventory_service.core.units import many_digits

from research.attribution.lines import AdjustmentLine, CarriedLine
from schemas.carried.inventory import InventoryCarried
from schemas.market import Instrument


def brought_lines(
    carried: InventoryCarried, contract: Instrument, now_ns: int
) -> Iterator[CarriedLine | AdjustmentLine]:
    """The carried position and profit; amounts from before any mid are valued by the first one."""
    symbol = restored(carried)
    ledger = symbol.ledger
    with many_digits():
        money, position, mid = ledger.money(half_money(contract)), held(symbol), mid_of(symbol)
        cash = money.pnl - position * (mid or 0)
    cost = None if ledger.cost_ticks is None else ledger.cost_ticks * contract.tick_size
    yield CarriedLine.model_construct(
        time_ns=now_ns,
        symbol=contract.key,
        position=Decimal(0) if mid is None else position,
        cash=cash,
        capture=money.capture,
        inventory=money.inventory,
        net_fees=symbol.fees,
        balance=symbol.balance_pnl,
        cost_price=cost,
        mid=mid,
        open_fees={each.currency: each.amount for each in carried.open_fees},
        trade_ids=carried.trade_ids,
    )
    if mid is None and position:
        yield AdjustmentLine.model_construct(
            time_ns=now_ns, symbol=contract.key, size=position, price=cost, mid=None
        )
