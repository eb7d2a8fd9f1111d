"""The installed gateway application, served where an engine or a process runs."""

from collections.abc import Callable
from importlib.metadata import version
from typing import Any

from chassis.http_server import LOOPBACK, HttpServer
from chassis.installed import tool
from chassis.process import GatewayContext
from chassis.store import MemoryStore
from schemas.config import Config
from schemas.topics import GATEWAY


def gateway_server(
    context: GatewayContext, port: int, *, host: str = LOOPBACK, port_is_chosen: bool
) -> HttpServer:
    """A server of the gateway; raises DependencyError where a chosen port is taken."""
    application = tool("market_making.gateways", GATEWAY)(context)
    return HttpServer(application, port, host=host, port_is_chosen=port_is_chosen)


def gateway_document(config: Config, now_ns: Callable[[], int]) -> dict[str, Any]:
    """The application's own description of itself, OpenAPI 3.1; nothing is served for it."""
    context = GatewayContext(
        config=config,
        store=MemoryStore(),
        send_control=lambda command: None,
        now_ns=now_ns,
        version=version("mm-chassis"),
    )
    document: dict[str, Any] = tool("market_making.gateways", GATEWAY)(context).openapi()
    return document
