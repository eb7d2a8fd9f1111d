"""Inventory targets and limits by symbol."""

from dataclasses import dataclass, field

from schemas.config import Config
from schemas.inventory_settings import InventoryLimits


@dataclass(slots=True)
class SymbolLimits:
    """Inventory targets and limits by symbol."""

    of_all: InventoryLimits
    own: dict[str, InventoryLimits] = field(default_factory=dict)
    """Of symbols with settings of their own."""

    @classmethod
    def of(cls, config: Config) -> "SymbolLimits":
        """From a configuration."""
        return cls(
            config.inventory, {symbol: config.of_symbol(symbol).inventory for symbol in config.per_symbol}
        )

    def of_symbol(self, symbol: str) -> InventoryLimits:
        """For one symbol."""
        return self.own.get(symbol, self.of_all)
