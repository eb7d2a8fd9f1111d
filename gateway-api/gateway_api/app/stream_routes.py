"""The live streams of the page."""

from typing import Annotated

from fastapi import APIRouter, Header, Request
from fastapi.responses import StreamingResponse

from gateway_api.app.authorisation import REFUSALS, Authorisation, identity_of
from gateway_api.app.problems import documented
from gateway_api.app.reading import find_key
from gateway_api.app.reading_routes import PROBLEMS, Venue
from gateway_api.app.stream import Streams
from runtime.process.definition import GatewayContext

_MEDIA_TYPE = "text/event-stream"
_HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}
_FULL = documented(503)
LastEventId = Annotated[
    str | None,
    Header(max_length=64, description="id of the last message received: the stream resumes from there"),
]


def make_router(context: GatewayContext, authorisation: Authorisation, streams: Streams) -> APIRouter:
    """The routes /stream and /stream/SYMBOL."""
    router = APIRouter(tags=["stream"], dependencies=[authorisation.requires("view")])

    @router.get("/stream", response_class=StreamingResponse, responses=REFUSALS | _FULL)
    async def stream(request: Request, last_event_id: LastEventId = None) -> StreamingResponse:
        """Server-sent events: the account and all symbols, then changes, ten times per second.

        `snapshot` comes first, then `update`, or `heartbeat` when nothing changed for a second. `sequence`
        counts the messages of a connection from 1. With Last-Event-ID the first message is an `update` with
        the changes since, flagged `resumed`. A client that is too slow gets a `snapshot` flagged `dropped`.
        """
        events = streams.overview(identity_of(request), last_event_id)
        return StreamingResponse(events, media_type=_MEDIA_TYPE, headers=_HEADERS)

    @router.get("/stream/{symbol:path}", response_class=StreamingResponse, responses=PROBLEMS | _FULL)
    async def stream_symbol(request: Request, symbol: str, venue: Venue = None) -> StreamingResponse:
        """Server-sent events of one symbol: ladder, trades, fills, and the explanation of its quote."""
        identity = identity_of(request)
        key = find_key(context.store, symbol, venue, identity)
        authorisation.check_scope(request, identity, key)
        events = streams.detail(identity, key)
        return StreamingResponse(events, media_type=_MEDIA_TYPE, headers=_HEADERS)

    return router
