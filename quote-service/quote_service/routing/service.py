"""Process `order-router`: the core above, and the simulated venue as its adapter."""

from quote_service.routing.router import RouterCore
from quote_service.routing.venues.port import VenueAdapter
from quote_service.routing.venues.simulated.venue import SimulatedVenue
from runtime.process.definition import AdapterContext, Core, ProcessDefinition
from schemas.config import Config
from schemas.topics import ROUTER
from schemas.units import NS_PER_MS

TICK_INTERVAL_NS = 250 * NS_PER_MS
"""A lost heartbeat or an expired target is noticed within this time after its limit."""


def _make_core(config: Config) -> Core:
    return RouterCore(config)


def _make_adapter(context: AdapterContext) -> VenueAdapter:
    if context.config.venue.kind == "simulated":
        return SimulatedVenue(context.config.venue)
    from quote_service.routing.venues.exchange.adapter import ExchangeVenue  # noqa: PLC0415  it loads ccxt

    return ExchangeVenue(context)


def _tick_interval_ns(config: Config) -> int | None:
    return TICK_INTERVAL_NS


def _drained(core: Core) -> bool:
    return isinstance(core, RouterCore) and core.is_drained


definition = ProcessDefinition(
    name=ROUTER,
    make_core=_make_core,
    tick_interval_ns=_tick_interval_ns,
    make_adapter=_make_adapter,
    drained=_drained,
    is_on_path=True,
    restores_adapter=lambda config: config.venue.kind == "simulated",
)
