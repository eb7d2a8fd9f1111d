"""The live streams that the page listens to."""

from typing import Annotated

from fastapi import APIRouter, Header, Request
from fastapi.responses import StreamingResponse

from chassis.process import GatewayContext
from gateway_api.app.entrance import REFUSALS, Entrance, identity_of
from gateway_api.app.problems import documented
from gateway_api.app.reading import find_key
from gateway_api.app.reading_routes import PROBLEMS, Venue
from gateway_api.app.stream import Streams

_MEDIA_TYPE = "text/event-stream"
_HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}
_FULL = documented(503)
LastEventId = Annotated[
    str | None, Header(max_length=64, description="of the last message that came: goes on from there")
]


def make_router(context: GatewayContext, entrance: Entrance, streams: Streams) -> APIRouter:
    """The routes /stream and /stream/SYMBOL."""
    router = APIRouter(tags=["stream"], dependencies=[entrance.requires("view")])

    @router.get("/stream", response_class=StreamingResponse, responses=REFUSALS | _FULL)
    async def stream(request: Request, last_event_id: LastEventId = None) -> StreamingResponse:
        """Server-sent events: the account and all symbols, then those that changed, ten times a second.

        Event `snapshot` comes first, then `update`, or `heartbeat` where nothing changed for a second.
        `sequence` counts a connection's messages from 1. With Last-Event-ID the first message is an `update`
        with what changed since, and says `resumed`. A client that is too slow gets a `snapshot` that says
        `dropped`.
        """
        events = streams.overview(identity_of(request), last_event_id)
        return StreamingResponse(events, media_type=_MEDIA_TYPE, headers=_HEADERS)

    @router.get("/stream/{symbol:path}", response_class=StreamingResponse, responses=PROBLEMS | _FULL)
    async def stream_symbol(request: Request, symbol: str, venue: Venue = None) -> StreamingResponse:
        """Server-sent events of one symbol: ladder, trades, fills, and why it is quoted so."""
        key = find_key(context.store, symbol, venue)
        identity = identity_of(request)
        entrance.check_scope(request, identity, key)
        events = streams.detail(identity, key)
        return StreamingResponse(events, media_type=_MEDIA_TYPE, headers=_HEADERS)

    return router
