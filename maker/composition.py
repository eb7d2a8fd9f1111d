"""Composition root: the one module that imports services.

Each is imported on first use, so that a process loads only its own service, and a short command none. What
only annotations name is not imported.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runtime.errors import ConfigError
from runtime.text import nearest
from schemas.topics import INVENTORY, MONITOR, PROCESSES, PROJECTOR, QUOTE, RISK, ROUTER, STATISTICS

if TYPE_CHECKING:
    from fastapi import FastAPI
    from gateway_api.access.roles import Permission as Permission  # noqa: PLC0414  re-exported for the commands

    from runtime.process.definition import GatewayContext, ProcessDefinition, SystemStatus
    from runtime.process.unrecorded_cancel import CancelResult
    from runtime.store.documents import StateStore
    from schemas.config import Config
    from schemas.deployment import Access, ExchangeSettings
    from schemas.holdings import HoldingSeen
    from schemas.message import Event

HISTORY_COMMAND = (sys.executable, "-m", "maker.history_worker")
"""Starts the process that reads history for a gateway."""


def _monitor() -> ProcessDefinition:
    from monitor_service.service import definition

    return definition


def _quote() -> ProcessDefinition:
    from quote_service.quoting.service import definition

    return definition


def _router() -> ProcessDefinition:
    from quote_service.routing.service import definition

    return definition


def _inventory() -> ProcessDefinition:
    from inventory_service.service import definition

    return definition


def _risk() -> ProcessDefinition:
    from risk_service.service import definition

    return definition


def _projector() -> ProcessDefinition:
    from gateway_api.projector.service import definition

    return definition


_DEFINITIONS: Mapping[str, Callable[[], ProcessDefinition]] = {
    MONITOR: _monitor,
    QUOTE: _quote,
    ROUTER: _router,
    INVENTORY: _inventory,
    RISK: _risk,
    PROJECTOR: _projector,
}


def process_definition(name: str) -> ProcessDefinition:
    """The process of that name; raises ConfigError, with the nearest name, where there is none."""
    if name not in _DEFINITIONS:
        raise ConfigError(f"no process is called {name!r}{nearest(name, PROCESSES)}")
    try:
        return _DEFINITIONS[name]()
    except ModuleNotFoundError as error:
        if error.name is None or "." in error.name:
            raise
        raise ConfigError(f"{error.name} is not installed here: run `make setup`") from None


def process_definitions() -> tuple[ProcessDefinition, ...]:
    """All processes, in the order in which one loop serves them."""
    return tuple(process_definition(name) for name in PROCESSES)


def monitor_definition() -> ProcessDefinition:
    """The process that publishes market data; the processes of a replay check find it by this name."""
    return process_definition(MONITOR)


def _run_statistics(config: Config) -> None:
    from monitor_service.streams.worker import run_streams

    run_streams(config)


WORKERS: Mapping[str, Callable[[Config], None]] = {STATISTICS: _run_statistics}
"""Processes off the trading path, each with its own loop, until stopped."""


def gateway_application(context: GatewayContext) -> FastAPI:
    """The gateway's ASGI application."""
    from gateway_api.app.service import make_app

    return make_app(context)


def serve_history() -> None:
    """Serve a gateway's history queries until the gateway is gone."""
    from gateway_api.history.worker import serve_history as serve

    serve(process_definitions, quote_for)


def quote_for(facts: Iterable[Event], config: Config) -> dict[str, Any]:
    """What quote-service would quote given only these facts, with every step."""
    from quote_service.quoting.explain.price import explain_facts

    return explain_facts(facts, config)


def explain_state(state: Mapping[str, Any], config: Config) -> dict[str, Any]:
    """What would be quoted for a hand-written state."""
    from quote_service.quoting.explain.price import explain_state as explain

    return explain(state, config)


def holdings_from(config: Config, messages: Iterable[Event]) -> list[HoldingSeen]:
    """Ledger and account of every symbol, from the messages of a log or of topics."""
    from quote_service.routing.holdings import holdings_from as holdings

    return holdings(config, messages)


def run_watchdog(config: Config, heartbeat_file: Path) -> None:
    """Cancel all our orders when the router's heartbeat stops; runs until stopped."""
    from quote_service.routing.venues.exchange.watchdog import run_watchdog as run

    run(config, heartbeat_file)


def run_cancel_all(exchange: ExchangeSettings, limit_s: float) -> CancelResult:
    """Cancel all our orders at the exchange until it shows none open or time runs out."""
    from quote_service.routing.venues.exchange.cancel_all import run_cancel_all as run

    return run(exchange, limit_s)


def manage_users(action: str, path: Path, **arguments: Any) -> list[dict[str, Any]]:
    """Add, remove or list the users of a users file; returns the users afterwards."""
    from gateway_api.access.commands import manage_users as manage

    return manage(action, path, **arguments)


def set_second_factor(path: Path, name: str) -> dict[str, str]:
    """A new second factor for a user: `otpauth` and `secret`."""
    from gateway_api.access.commands import set_second_factor as set_up

    return set_up(path, name)


def people_who_resume(path: Path) -> int:
    """How many users of a file may resume after a halt."""
    from gateway_api.access.commands import people_who_resume as count

    return count(path)


def authenticate(
    access: Access, name: str, password: str, permission: Permission, code_of: Callable[[str], str]
) -> tuple[str, ...]:
    """The scope of an authenticated user with that permission; raises ConfigError otherwise."""
    from gateway_api.access.commands import authenticate as check

    return check(access, name, password, permission, code_of)


def make_session_key(path: Path) -> None:
    """Create the key that signs sessions and tokens."""
    from gateway_api.access.commands import make_key

    make_key(path)


def make_token(access: Access, name: str, *, refresh: bool) -> str:
    """A signed token for a program."""
    from gateway_api.access.commands import make_token as make

    return make(access, name, refresh=refresh)


def status_of_store(store: StateStore, system: SystemStatus, config: Config, now_ns: int) -> dict[str, Any]:
    """The status of an engine, from the documents of its projector."""
    from gateway_api.app.engine_status import status_of_store as status

    return status(store, system, config, now_ns)


def status_of_messages(
    messages: Iterable[Event], system: SystemStatus, config: Config, now_ns: int
) -> dict[str, Any]:
    """The status of an engine, from the messages on its topics."""
    from gateway_api.app.engine_status import status_of_messages as status

    return status(messages, system, config, now_ns)
