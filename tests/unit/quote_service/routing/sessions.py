"""One session of a router after another, for tests of what is carried over."""

from typing import Any

from quote_service.routing.router import RouterCore

from schemas.config import Config
from schemas.market import Instrument
from schemas.message import Event
from tests.kit.messages import (
    BTC,
    MS,
    T0,
    config_applied,
    instrument,
)
from tests.unit.quote_service.routing.builders import Desk, carried_over, wide_config

LATER_MS = 60_000
EXCHANGE: dict[str, Any] = {"venue": "binance", "symbol": BTC}


def next_session(desk: Desk, at_ms: float, config: Config | None = None, *levels: Event) -> Desk:
    """The core of another session at that time, with what the one before carried."""
    after = Desk(config or desk.config)
    after.core = RouterCore(after.config)
    for heard in (after.events, after.fills, after.kills, after.stops, after.changes):
        heard.clear()
    time_ns = T0 + round(at_ms * MS)
    for event in (config_applied(after.config, time_ns=time_ns), *carried_over(desk.core, time_ns), *levels):
        after.send(event)
    return after


def exchange_config(**sections: Any) -> Config:
    base = wide_config().model_dump()
    base |= {"venue": {"kind": "ccxt"}, "feed": {"kind": "live"}}
    base |= {"exchange": {"id": "binance", "symbols": (BTC,), **sections.pop("exchange", {})}}
    for name, fields in sections.items():
        base[name] |= fields
    return Config.model_validate(base)


def finer(version: int = 2, **fields: Any) -> Instrument:
    return instrument(version=version, time_ns=T0 + LATER_MS * MS, **fields)


def known(core: RouterCore) -> list[tuple[Any, ...]]:
    return sorted(
        (o.client_order_id, o.status, o.price_ticks, o.asked_price_ticks, o.revision)
        for _, o in core.open_orders()
    )
