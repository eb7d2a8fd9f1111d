"""The HTTP application: the page, the API under /api/v1, health and metrics."""

from pathlib import Path

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles

from chassis.process import GatewayContext
from gateway_api.app import command_routes, operation_routes, problems, reading_routes, stream_routes
from gateway_api.app.guard import Guard

_STATIC = Path(__file__).parent.parent / "static"
_API = "/api/v1"


def make_app(context: GatewayContext) -> FastAPI:
    """The application on one engine. All of it runs in the server's event loop, without threads."""
    application = FastAPI(
        title="Market making engine",
        version=context.version,
        openapi_url=f"{_API}/openapi.json",
        docs_url=None,  # its page loads scripts from elsewhere
        redoc_url=None,
    )
    application.add_middleware(Guard, view=context.store.status)
    problems.install(application)
    for routes in (reading_routes, command_routes, stream_routes, operation_routes):
        application.include_router(routes.make_router(context), prefix=_API)
    application.include_router(operation_routes.make_router(context), include_in_schema=False)
    application.mount("/", StaticFiles(directory=_STATIC, html=True))
    return application
