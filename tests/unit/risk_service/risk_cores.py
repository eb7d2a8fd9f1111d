"""Builders of risk-service's core, and pickers for its states and alerts."""

from collections.abc import Iterable
from typing import Any

from risk_service.core.risk import RiskCore

from schemas.config import Config
from schemas.message import ALL_SYMBOLS, Event
from schemas.risk import RiskAlert, RiskState
from tests.kit.messages import BTC, instrument, tick


def core(*symbols: str, started: bool = True, reporting: Any = None, **risk_limits: Any) -> RiskCore:
    """A core with instruments, all limits out of the way but those given, and its first tick past."""
    wide = {
        "max_position": "1000000",
        "max_position_notional": "1000000000",
        "account_max_loss": "-500000",
        "max_drawdown": -0.9,
        "max_exposure": 1_000.0,
    }
    tree = {"risk_limits": {**wide, **risk_limits}, "reporting": reporting or {}}
    made = RiskCore(Config.model_validate(tree))
    for symbol in symbols or (BTC,):
        made.on_event(instrument(symbol))
    if started:
        made.on_event(tick())
    return made


def states(messages: Iterable[Event], symbol: str = BTC) -> list[RiskState]:
    return [each for each in messages if isinstance(each, RiskState) and each.symbol == symbol]


def state(messages: Iterable[Event], symbol: str = BTC) -> RiskState:
    (found,) = states(messages, symbol)
    return found


def alerts(messages: Iterable[Event]) -> list[str]:
    return [each.name for each in messages if isinstance(each, RiskAlert)]


def in_force(made: RiskCore, symbol: str = BTC) -> RiskState:
    """The state that was said last."""
    told = (
        made._account.scope.published
        if symbol == ALL_SYMBOLS
        else made._symbols[f"sim:{symbol}"].scope.published
    )
    assert told is not None
    return told
