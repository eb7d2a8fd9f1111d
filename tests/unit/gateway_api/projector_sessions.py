"""One session of the view projector after another: what it carries over, and the documents it would write."""

from dataclasses import dataclass
from typing import Any

from gateway_api.projector.core.views import ProjectorCore

from schemas.carried.view import ViewCarried
from schemas.config import Config
from schemas.envelope import decode, encode
from schemas.inventory import Position
from schemas.market import Instrument
from schemas.message import Event
from schemas.orders import KillReport
from schemas.process import ConfigApplied
from schemas.risk import RiskState
from schemas.views import (
    ACCOUNT_DOCUMENT,
    MINUTES_PREFIX,
    SYMBOL_PREFIX,
    AccountView,
    MinutesView,
    SymbolView,
)
from tests.kit.messages import config_applied
from tests.unit.gateway_api.event_steps import at_ns

LEVELS = (Instrument, Position, RiskState, KillReport)


def begins(seconds: float, **sections: Any) -> ConfigApplied:
    return config_applied(
        Config.model_validate(sections),
        "view-projector",
        code_version="2",
        config_hash="other",
        session_began_ns=at_ns(seconds),
        time_ns=at_ns(seconds),
    )


@dataclass
class Documents:
    """What a projector would write, whole."""

    account: AccountView
    symbols: dict[str, SymbolView]
    minutes: dict[str, MinutesView]


def documents(core: ProjectorCore) -> Documents:
    core.mark_all_dirty()
    core._account_dirty = True
    found = core.pop_changed()
    return Documents(
        decode(AccountView, found[ACCOUNT_DOCUMENT]),
        {
            name.removeprefix(SYMBOL_PREFIX): decode(SymbolView, found[name])
            for name in found
            if name.startswith(SYMBOL_PREFIX)
        },
        {name: decode(MinutesView, found[name]) for name in found if name.startswith(MINUTES_PREFIX)},
    )


def over_the_border(old: ProjectorCore, fed: list[Event], began: ConfigApplied) -> ProjectorCore:
    """A new core, as the runtime makes one: configuration, carried messages as JSON, newest levels."""
    new = ProjectorCore(began.config)
    assert new.on_event(began) == ()
    for carried in old.carried(began.event_time_ns):
        assert isinstance(carried, ViewCarried)
        assert new.on_event(decode(ViewCarried, encode(carried))) == ()
    for model in LEVELS:
        newest = {event.key: event for event in fed if isinstance(event, model)}
        for level in newest.values():
            new.on_event(level)
    return new
