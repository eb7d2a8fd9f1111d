"""The messages that the order router consumes."""

from schemas.balancing import BalanceOrder
from schemas.carried.router import RouterCarried
from schemas.control import Command, Override, SettingChange
from schemas.inventory import Position
from schemas.market import Book, Instrument, SymbolRemoved
from schemas.orders import VenueBalances, VenueOpenOrders, VenuePositions, VenueReport, VenueStatus
from schemas.process import ConfigApplied, Shutdown, Tick
from schemas.quoting import QuoteTarget
from schemas.risk import RiskState

RouterInput = (
    Book
    | QuoteTarget
    | VenueReport
    | Position
    | BalanceOrder
    | Override
    | Command
    | SymbolRemoved
    | SettingChange
    | RiskState
    | Instrument
    | Tick
    | Shutdown
    | ConfigApplied
    | RouterCarried
    | VenueStatus
    | VenueOpenOrders
    | VenueBalances
    | VenuePositions
)
"""The messages it consumes."""
