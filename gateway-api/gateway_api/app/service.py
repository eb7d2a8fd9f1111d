"""The HTTP application: the page, the API under /api/v1, health and metrics."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from fastapi.staticfiles import StaticFiles

from chassis.process import GatewayContext
from gateway_api.access.door import Door
from gateway_api.app import (
    command_routes,
    history_routes,
    operation_routes,
    plant_routes,
    problems,
    reading_routes,
    session_routes,
    setting_routes,
    stream_routes,
)
from gateway_api.app.entrance import Entrance, requirement_of
from gateway_api.app.guard import Guard
from gateway_api.app.plant_routes import CHECK_S_MAX
from gateway_api.app.sent import Sent
from gateway_api.app.stream import Streams
from gateway_api.history.client import HistoryClient

_STATIC = Path(__file__).parent.parent / "static"
_API = "/api/v1"
OPEN = frozenset(
    {
        ("POST", "/session"),
        ("GET", "/health/live"),
        ("GET", "/health/ready"),
        ("GET", "/metrics"),
    }
)
"""Signing in, and what machines ask that run this one. They show no position, no profit, no quote."""


def make_app(context: GatewayContext) -> FastAPI:
    """The application on one engine. All of it runs in the server's event loop, without threads."""
    door = Door(context.config.access, context.announce_code)
    history, checks = HistoryClient(context.history), HistoryClient(context.history, CHECK_S_MAX)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await history.close()
        await checks.close()

    application = FastAPI(
        title="Market making engine",
        version=context.version,
        openapi_url=f"{_API}/openapi.json",
        docs_url=None,  # its page loads scripts from elsewhere
        redoc_url=None,
        lifespan=lifespan,
    )
    application.state.door = door
    application.state.secure_cookies = context.config.access.secure_cookies
    application.add_middleware(Guard, view=context.store.status, is_local=door.is_one_time)
    problems.install(application)
    entrance, sent, streams = Entrance(context, door), Sent(context), Streams(context, door.still_holds)
    for router in (
        session_routes.make_router(entrance),
        reading_routes.make_router(context, entrance),
        command_routes.make_router(context, entrance, sent),
        setting_routes.make_router(context, entrance, sent),
        history_routes.make_router(context, entrance, history),
        plant_routes.make_router(context, entrance, streams, checks),
        stream_routes.make_router(context, entrance, streams),
        operation_routes.make_router(context),
    ):
        refuse_open_routes(router)
        application.include_router(router, prefix=_API)
    application.include_router(operation_routes.make_router(context), include_in_schema=False)
    application.mount("/", StaticFiles(directory=_STATIC, html=True))
    return application


def refuse_open_routes(router: APIRouter) -> None:
    """Nothing is served that does not ask who it is; raises RuntimeError, so that no such build starts."""
    for route in router.routes:
        if isinstance(route, APIRoute) and requirement_of(route) is None and not is_open(route):
            raise RuntimeError(f"{route.path} asks nobody who they are: give it entrance.requires(...)")


def is_open(route: APIRoute) -> bool:
    """May anybody ask it?"""
    return all((method, route.path) in OPEN for method in route.methods or ())
