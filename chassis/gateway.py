"""The installed gateway application, served where an engine or a process runs."""

from chassis.http_server import LOOPBACK, HttpServer
from chassis.installed import tool
from chassis.process import GatewayContext
from schemas.topics import GATEWAY


def gateway_server(
    context: GatewayContext, port: int, *, host: str = LOOPBACK, port_is_chosen: bool
) -> HttpServer:
    """A server of the gateway; raises DependencyError where a chosen port is taken."""
    application = tool("market_making.gateways", GATEWAY)(context)
    return HttpServer(application, port, host=host, port_is_chosen=port_is_chosen)
