"""What `maker pnl` makes of a log, held against what the ledger said in it."""

from decimal import Decimal
from pathlib import Path

from research.pnl.command import run_pnl
from runtime.log.logfile import read_log
from schemas.envelope import decode
from schemas.inventory import Position
from schemas.market import Instrument


def agrees(log: Path) -> dict[str, Position]:
    """`maker pnl` says what the ledger said last, to the last digit, at the ledger's mark."""
    said: dict[str, Position] = {}
    ticks: dict[str, Decimal] = {}
    fills: dict[str, int] = {}
    for record in read_log(log):
        if record.topic == "inventory.position":
            said[record.key] = decode(Position, record.payload)
        elif record.topic == "market.instrument":
            ticks[record.key] = decode(Instrument, record.payload).tick_size
        elif record.topic == "order.fill":
            fills[record.key] = fills.get(record.key, 0) + 1
    report = run_pnl(str(log)).report
    for key, position in said.items():
        told, lines = report.symbols[key], report.symbols[key].attribution
        assert lines.residual_max == 0
        if position.fills != fills.get(key, 0):
            continue  # torn between a fill and what the ledger said to it
        mark = Decimal(position.mark_half_ticks or 0) / 2 * ticks[key]
        since = told.position * ((told.mid or Decimal(0)) - mark)
        assert (lines.capture, lines.fees) == (position.pnl_capture, position.fees)
        assert lines.equity_change == position.pnl + since
        assert told.open_fees == {fee.currency: fee.amount for fee in position.open_fees}
        assert told.fills.fills == position.fills
    return said
