"""Ledger and account of a symbol side by side, for operators. On no topic."""

from decimal import Decimal

from pydantic import BaseModel, ConfigDict


class HoldingSeen(BaseModel):
    """One symbol. Amounts are in `unit`, the base currency."""

    model_config = ConfigDict(frozen=True)

    venue: str
    symbol: str
    unit: str
    lot: Decimal
    """The smallest amount that the ledger can hold."""
    contract_size: Decimal
    """Base units per unit of size: 1 for a spot contract."""
    ledger: Decimal
    """Of this symbol, in whole lots."""
    shares: tuple[str, ...]
    """The symbols whose ledgers add up to the holdings of the asset."""
    reserved: Decimal
    account: Decimal | None
    """For all of `shares`, without the reserved part; None: not stated by the venue."""
    difference: Decimal | None
    """Account minus the ledgers of `shares`."""
    may_be_quoted: bool
    """Account and ledger were found equal, or are not compared."""

    @property
    def key(self) -> str:
        """`venue:symbol`."""
        return f"{self.venue}:{self.symbol}"

    @property
    def missing_lots(self) -> int:
        """The ledgers' difference in whole lots."""
        return 0 if self.difference is None else int(self.difference / self.lot)
