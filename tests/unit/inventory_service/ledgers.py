"""Inventory cores that are put to an end and begun anew, for tests of what outlives a session."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from inventory_service.core.inventory import InventoryCore

from schemas.carried.inventory import InventoryCarried
from schemas.config import Config
from schemas.control import Adjustment
from schemas.envelope import decode, encode
from schemas.inventory import Position
from schemas.market import Instrument
from schemas.message import Event
from schemas.orders import AccountChange
from schemas.process import AdjustmentApplied
from tests.kit.messages import BTC, T0, instrument


def adjustment(
    number: str, change: str, price: str | None = None, *, symbol: str = BTC, time_ns: int = T0
) -> Adjustment:
    """A person's word."""
    return Adjustment(
        event_time_ns=time_ns,
        venue="sim",
        symbol=symbol,
        adjustment_id=number,
        kind="adjust",
        size_change=Decimal(change),
        price=None if price is None else Decimal(price),
        principal="ann",
        reason="moved by hand",
    )


def opening(
    lots: int,
    price: str | None = None,
    *,
    number: str = "opening",
    version: int = 1,
    symbol: str = BTC,
    time_ns: int = T0,
) -> AccountChange:
    """What the account held when the ledger began."""
    return AccountChange(
        event_time_ns=time_ns,
        venue="sim",
        symbol=symbol,
        instrument_version=version,
        change_id=number,
        kind="opening",
        size_change_lots=lots,
        price=None if price is None else Decimal(price),
        reason="at the first start",
    )


def carried_json(core: InventoryCore, now_ns: int = T0) -> list[InventoryCarried]:
    """What a core carries, as it comes out of the log."""
    messages = core.carried(now_ns)
    return [decode(InventoryCarried, encode(each)) for each in messages]


def successor(
    core: InventoryCore, *instruments: Instrument, now_ns: int = T0, **sections: dict[str, Any]
) -> tuple[InventoryCore, dict[str, Position]]:
    """A core of another session, and what it said of each ledger while it was put back."""
    made = InventoryCore(Config.model_validate(sections))
    said = positions(made, [*carried_json(core, now_ns), *instruments])
    return made, said


def positions(core: InventoryCore, events: Iterable[Event]) -> dict[str, Position]:
    """The newest position of each symbol that follows from some events."""
    said: dict[str, Position] = {}
    for event in events:
        said.update((each.key, each) for each in core.on_event(event) if isinstance(each, Position))
    return said


def adjusted(core: InventoryCore, event: Event) -> tuple[AdjustmentApplied, Position | None]:
    """The answer to a change that is no trade, and the position that follows."""
    answer, *others = core.on_event(event)
    assert isinstance(answer, AdjustmentApplied)
    newest = others[-1] if others else None
    assert newest is None or isinstance(newest, Position)
    return answer, newest


def core(*instruments: Instrument, **sections: dict[str, Any]) -> InventoryCore:
    made = InventoryCore(Config.model_validate(sections))
    for each in instruments or (instrument(),):
        assert made.on_event(each) == ()
    return made


def position(made: InventoryCore, event: Event) -> Position:
    """The one position that follows from an event."""
    (said,) = made.on_event(event)
    assert isinstance(said, Position)
    return said
