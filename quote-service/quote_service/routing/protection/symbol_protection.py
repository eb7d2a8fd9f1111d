"""The protection state of one symbol."""

from collections import deque
from dataclasses import dataclass, field

from quote_service.routing.contract_versions import ContractVersions
from quote_service.routing.protection.fill_rate import FillRateProtection
from quote_service.routing.protection.price_jumps import JumpWatch
from schemas.orders import StopCode


@dataclass(slots=True)
class SymbolProtection:
    """Its stops, its recent fills, and whether its price is trusted."""

    stopped_by: StopCode | None = None
    """The code that bars trading until an operator resumes it."""
    is_explained: bool = True
    """False: after a start or a halt, account and ledger have not been found equal yet."""
    fill_rate: FillRateProtection = field(default_factory=FillRateProtection)
    quote_lots: int = 0
    """Total size of the larger side of the newest target with quotes."""
    jumps: JumpWatch = field(default_factory=JumpWatch)

    def convert(self, contract: ContractVersions, before: int, version: int) -> None:
        """Convert sizes to lots of another version."""
        self.quote_lots = contract.lots_in(self.quote_lots, before, version)
        fills = ((time_ns, contract.lots_in(lots, before, version)) for time_ns, lots in self.fill_rate.fills)
        self.fill_rate.fills = deque(fills)

    def release(self) -> None:
        """An operator has resumed trading."""
        self.stopped_by = None
        self.fill_rate.forget()
