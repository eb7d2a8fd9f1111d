"""Values a position at a mid: the one place that does so besides the ledger itself.

inventory-service publishes a position on changes, and on ticks where its mark has moved. In between, whatever
shows a profit marks the newest position at the newest mid with `marked`: so the page, the summary, the
history charts and `maker pnl` agree at the same moment, to the last digit.
"""

from schemas.inventory import Position
from schemas.market import Instrument


def marked(position: Position, mark_half_ticks: int, contract: Instrument) -> Position:
    """The position as its ledger would publish it at this mid; `contract` defines its units.

    A position that never had a mark gets none: its earlier profit is unknown.
    """
    if position.mark_half_ticks is None or position.mark_half_ticks == mark_half_ticks:
        return position
    half = contract.money_per_tick_lot / 2
    moved = (mark_half_ticks - position.mark_half_ticks) * half
    unrealised_gain = position.position_lots * moved
    gain = unrealised_gain - position.owed_lots * moved
    pnl = position.pnl + gain
    peak = max(position.pnl_peak, pnl)
    return position.model_copy(
        update={
            "mark_half_ticks": mark_half_ticks,
            "realised": position.realised + gain - unrealised_gain,
            "unrealised": position.unrealised + unrealised_gain,
            "pnl": pnl,
            "pnl_inventory": position.pnl_inventory + gain,
            "pnl_peak": peak,
            "max_drawdown": max(position.max_drawdown, peak - pnl),
            "pnl_reporting": pnl * contract.reporting_rate,
            "notional_reporting": position.position_lots * mark_half_ticks * half * contract.reporting_rate,
        }
    )
