"""Serves the gateway application inside an engine or a process."""

from collections.abc import Callable
from importlib.metadata import version
from typing import Any

from maker.composition import gateway_application
from runtime.http.protocol import HttpLimits
from runtime.http.server import LOOPBACK, HttpServer
from runtime.process.definition import GatewayContext
from runtime.store.documents import MemoryStore
from schemas.config import Config


def gateway_server(
    context: GatewayContext, port: int, *, host: str = LOOPBACK, port_is_chosen: bool
) -> HttpServer:
    """A server of the gateway; raises DependencyError where the configured port is in use."""
    application = gateway_application(context)
    access = context.config.access
    limits = HttpLimits(
        connections_max=access.connections_max,
        connections_per_address_max=access.connections_per_address_max,
        proxies=tuple(map(str, access.proxies)),
    )
    return HttpServer(application, port, host=host, port_is_chosen=port_is_chosen, limits=limits)


def gateway_document(config: Config, now_ns: Callable[[], int]) -> dict[str, Any]:
    """The application's OpenAPI 3.1 document, without serving it."""
    context = GatewayContext(
        config=config,
        store=MemoryStore(),
        send_control=lambda command: None,
        now_ns=now_ns,
        version=version("mm-runtime"),
    )
    document: dict[str, Any] = gateway_application(context).openapi()
    return document
