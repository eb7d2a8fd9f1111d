"""The HTTP application: the page, the API under /api/v1, health and metrics."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.routing import APIRoute
from fastapi.staticfiles import StaticFiles

from gateway_api.access.authentication import Authentication
from gateway_api.app import (
    adjustment_routes,
    command_routes,
    history_routes,
    operation_routes,
    preview_routes,
    problems,
    proposal_routes,
    reading_routes,
    session_routes,
    setting_routes,
    stream_routes,
    system_routes,
)
from gateway_api.app.authorisation import Authorisation, requirement_of
from gateway_api.app.current import CurrentConfig
from gateway_api.app.middleware import API_PREFIX, SecurityMiddleware, ShortPaths
from gateway_api.app.preview_routes import PREVIEW_S_MAX
from gateway_api.app.proposals import Proposals
from gateway_api.app.sent import SentControls
from gateway_api.app.setting_changes import SettingChanges
from gateway_api.app.stream import Streams
from gateway_api.app.system_metrics import system_registry
from gateway_api.app.system_routes import CHECK_SILENT_S_MAX, SystemDesk
from gateway_api.history.client import HistoryClient
from runtime.process.definition import GatewayContext, HistorySource

_STATIC = Path(__file__).parent.parent / "static"
OPEN = frozenset(
    {
        ("POST", "/session"),
        ("POST", "/session/refresh"),
        ("GET", "/health/live"),
        ("GET", "/health/ready"),
        ("GET", "/metrics"),
    }
)
"""Sign-in and operations endpoints. They reveal no position, PnL or quote."""


def make_app(context: GatewayContext) -> FastAPI:
    """The application of one engine. It runs entirely in the server's event loop, without threads."""
    access = context.config.access
    authentication = Authentication(access, context.announce_code, store=context.sessions)
    context.on_code_request(authentication.announce_new_code)
    command = context.history_command
    history = HistoryClient(context.history, command)
    checks = HistoryClient(context.history, command, CHECK_SILENT_S_MAX)
    previews = HistoryClient(HistorySource(), command, PREVIEW_S_MAX)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await history.close()
        await checks.close()
        await previews.close()
        await authentication.sessions.close()

    application = FastAPI(
        title="Market making engine",
        version=context.version,
        openapi_url=None,  # below, built once
        docs_url=None,  # its page loads third-party scripts
        redoc_url=None,
        lifespan=lifespan,
    )
    application.state.authentication = authentication
    application.state.previews = previews
    application.state.secure_cookies = access.secure_cookies
    application.add_middleware(ShortPaths)
    application.add_middleware(
        SecurityMiddleware,
        view=context.store.status,
        gateway=context.config.gateway,
        is_https=access.secure_cookies,
    )
    problems.install(application)
    authorisation, sent, streams = (
        Authorisation(context, authentication),
        SentControls(context),
        Streams(context, authentication.still_holds, is_alone=authentication.is_one_time),
    )
    system = SystemDesk(context, streams, checks)
    operations = operation_routes.make_router(context, system_registry(context, system.divergences))
    for router in (
        session_routes.make_router(authorisation),
        reading_routes.make_router(context, authorisation),
        *_control_routers(context, authorisation, sent),
        preview_routes.make_router(context, authorisation, previews),
        history_routes.make_router(context, authorisation, history),
        system_routes.make_router(system, authorisation),
        stream_routes.make_router(context, authorisation, streams),
        operations,
    ):
        refuse_open_routes(router)
        application.include_router(router, prefix=API_PREFIX)
    application.include_router(operations, include_in_schema=False)
    application.add_route(f"{API_PREFIX}/openapi.json", _description_of(application), include_in_schema=False)
    application.mount("/", StaticFiles(directory=_STATIC, html=True))
    return application


def _control_routers(
    context: GatewayContext, authorisation: Authorisation, sent: SentControls
) -> Iterator[APIRouter]:
    """The routes that change something."""
    proposals = Proposals(context, authorisation, sent)
    changes = SettingChanges(context, authorisation, sent, proposals, CurrentConfig(context))
    yield command_routes.make_router(context, changes)
    yield setting_routes.make_router(context, changes)
    yield proposal_routes.make_router(context, authorisation, sent, proposals)
    yield adjustment_routes.make_router(context, authorisation, sent, proposals)


def _description_of(application: FastAPI) -> Callable[[Request], Awaitable[Response]]:
    """Serves the API document, built once so that requests for it do not occupy the event loop."""
    made: list[bytes] = []

    async def description(_: Request) -> Response:
        if not made:
            made.append(json.dumps(application.openapi()).encode())
        return Response(made[0], media_type="application/json")

    return description


def refuse_open_routes(router: APIRouter) -> None:
    """Every route must be authorised; raises RuntimeError at start otherwise."""
    for route in router.routes:
        if isinstance(route, APIRoute) and requirement_of(route) is None and not is_open(route):
            raise RuntimeError(f"{route.path} has no authorisation: add authorisation.requires(...)")


def is_open(route: APIRoute) -> bool:
    """Whether a route is public."""
    return all((method, route.path) in OPEN for method in route.methods or ())
