"""Process inventory-service: fills and marks to positions."""

from inventory_service.core.inventory import InventoryCore
from runtime.process.definition import ProcessDefinition
from schemas.topics import INVENTORY
from schemas.units import NS_PER_S

definition = ProcessDefinition(
    name=INVENTORY, make_core=InventoryCore, tick_interval_ns=lambda config: NS_PER_S
)
