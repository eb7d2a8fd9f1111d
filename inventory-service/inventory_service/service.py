"""Process inventory-service: fills and marks to positions."""

from chassis.process import ProcessDefinition
from inventory_service.core.inventory import InventoryCore
from schemas.topics import INVENTORY
from schemas.units import NS_PER_S

definition = ProcessDefinition(
    name=INVENTORY, make_core=InventoryCore, tick_interval_ns=lambda config: NS_PER_S
)
