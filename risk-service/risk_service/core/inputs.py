"""The messages that risk-service consumes."""

from schemas.carried.risk import RiskCarried
from schemas.control import Command, SettingChange
from schemas.inventory import Position
from schemas.market import Instrument, MarketLag, Refusal, SymbolRemoved
from schemas.orders import Fill, TradingStop
from schemas.process import AdjustmentApplied, ControlRefused, MessageFault, SettingApplied, Tick
from schemas.signals import Signal

RiskInput = (
    Signal
    | Position
    | Fill
    | Instrument
    | TradingStop
    | MessageFault
    | SettingApplied
    | AdjustmentApplied
    | Command
    | SettingChange
    | ControlRefused
    | Refusal
    | MarketLag
    | SymbolRemoved
    | RiskCarried
    | Tick
)
"""The messages it consumes."""
