"""Alerts about ledger adjustments, applied or refused."""

from schemas.message import SymbolEvent
from schemas.process import AdjustmentApplied
from schemas.risk import Severity


def alert_of(applied: AdjustmentApplied) -> tuple[SymbolEvent, Severity, str, str]:
    """Subject, severity, name and text."""
    about = SymbolEvent(event_time_ns=applied.event_time_ns, venue=applied.venue, symbol=applied.symbol)
    what = f"{applied.size_change:+f} of {applied.symbol} by {applied.change_id}"
    if applied.refused_because is not None:
        return about, "warning", "ADJUSTMENT_REFUSED", f"{what}: {applied.refused_because}"
    now = "" if applied.position is None else f": the ledger holds {applied.position:f} now"
    return about, "info", "LEDGER_ADJUSTED", what + now
