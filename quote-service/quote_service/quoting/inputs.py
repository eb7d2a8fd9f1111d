"""The messages that quote-service consumes."""

from schemas.balancing import BalanceOrder
from schemas.carried.quoter import QuoterCarried
from schemas.control import Command, SettingChange
from schemas.gating import GateRoom
from schemas.inventory import Position
from schemas.market import Book, Instrument, SymbolRemoved
from schemas.process import ConfigApplied, Shutdown, Tick
from schemas.risk import RiskState
from schemas.signals import Signal

QuoterInput = (
    Book
    | Signal
    | Position
    | RiskState
    | Instrument
    | Command
    | SymbolRemoved
    | SettingChange
    | GateRoom
    | BalanceOrder
    | Tick
    | Shutdown
    | ConfigApplied
    | QuoterCarried
)
"""The messages it consumes."""
