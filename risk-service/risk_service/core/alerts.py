"""Builds numbered alerts with their texts."""

from decimal import Decimal

from risk_service.core.fee_watch import without_rate
from schemas.message import SymbolEvent
from schemas.risk import LimitUse, RiskAlert, RiskState, Severity
from schemas.units import NS_PER_MS


class Alerts:
    """Builds alerts. Ids are unique, also where the count is lost: people acknowledge alerts by them."""

    def __init__(self) -> None:
        self.count = 0

    def make(
        self, about: SymbolEvent, severity: Severity, name: str, text: str, use: LimitUse | None = None
    ) -> RiskAlert:
        """One alert with the time and symbol of `about`; `use`: the limit concerned."""
        self.count += 1
        return RiskAlert(
            event_time_ns=about.event_time_ns,
            venue=about.venue,
            symbol=about.symbol,
            alert_id=f"risk-{about.event_time_ns // NS_PER_MS}-{self.count}",
            severity=severity,
            name=name,
            message=text,
            value=None if use is None else use.value,
            limit=None if use is None else use.limit,
        )

    def of_state(self, state: RiskState) -> RiskAlert:
        """A symbol, or the account, may trade less than before, or more."""
        severity: Severity = "critical" if state.state == "HALT" else "warning"
        reasons = ", ".join(state.reasons) or "limits are kept again"
        return self.make(state, "info" if state.state == "RUN" else severity, state.state, reasons)

    def near(self, about: SymbolEvent, use: LimitUse) -> RiskAlert:
        """A limit is nearly reached."""
        text = f"{use.name} is at {use.value / use.limit:.0%} of its limit"
        return self.make(about, "warning", f"NEAR_{use.name.upper()}", text, use)

    def of_fees(
        self, about: SymbolEvent, opened: dict[str, Decimal], booked: dict[str, Decimal]
    ) -> tuple[RiskAlert, ...]:
        """A profit without some of its fees must not be mistaken for the profit."""
        return (
            *(
                self.make(about, "critical", "FEE_WITHOUT_RATE", without_rate(currency, amount))
                for currency, amount in opened.items()
            ),
            *(
                self.make(about, "info", "FEE_BOOKED", f"fees of {amount:f} {currency} have a rate now")
                for currency, amount in booked.items()
            ),
        )
