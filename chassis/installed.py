"""The processes and tools that are installed, found by entry points: the chassis imports no service."""

from collections.abc import Callable
from importlib.metadata import entry_points
from typing import Any

from chassis.errors import ConfigError
from chassis.process import ProcessDefinition
from chassis.text import nearest
from schemas.topics import PROCESSES


def process_definitions() -> tuple[ProcessDefinition, ...]:
    """All installed processes, in the order in which one loop serves them."""
    found = {point.name: point.load() for point in entry_points(group="market_making.processes")}
    return tuple(found[name] for name in PROCESSES if name in found)


def process_definition(name: str) -> ProcessDefinition:
    """One process; raises ConfigError, with the nearest name, where it is not installed."""
    for point in entry_points(group="market_making.processes", name=name):
        definition: ProcessDefinition = point.load()
        return definition
    raise ConfigError(f"no process is called {name!r}{nearest(name, PROCESSES)}")


def tool(group: str, name: str) -> Callable[..., Any]:
    """A function that a service offers; raises ConfigError where the service is not installed."""
    for point in entry_points(group=group, name=name):
        loaded: Callable[..., Any] = point.load()
        return loaded
    raise ConfigError(f"nothing installed offers {group}:{name}: run `make setup`")
