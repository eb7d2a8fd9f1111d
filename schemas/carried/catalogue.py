"""All messages of carried state, in the order in which docs/api lists them."""

from schemas.carried.inventory import InventoryCarried
from schemas.carried.monitor import MonitorCarried
from schemas.carried.quoter import QuoterCarried
from schemas.carried.risk import RiskCarried
from schemas.carried.router import RouterCarried
from schemas.carried.runtime import CarriedPart, ProcessCarried, StateMessageCarried
from schemas.carried.view import ViewCarried
from schemas.message import Event

CARRIED: tuple[type[Event], ...] = (
    ProcessCarried,
    StateMessageCarried,
    MonitorCarried,
    QuoterCarried,
    RouterCarried,
    InventoryCarried,
    RiskCarried,
    ViewCarried,
    CarriedPart,
)
