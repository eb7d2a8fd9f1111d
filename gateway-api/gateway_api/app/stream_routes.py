"""The live streams that the page listens to."""

from typing import Any

from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from chassis.process import GatewayContext
from gateway_api.app.problems import Problem
from gateway_api.app.reading import find_key
from gateway_api.app.reading_routes import PROBLEMS, Venue
from gateway_api.app.stream import Streams

_MEDIA_TYPE = "text/event-stream"
_HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}
_FULL: dict[int | str, dict[str, Any]] = {503: {"model": Problem}}


def make_router(context: GatewayContext) -> APIRouter:
    """The routes /stream and /stream/SYMBOL."""
    streams = Streams(context)
    router = APIRouter(tags=["stream"])

    @router.get("/stream", response_class=StreamingResponse, responses=_FULL)
    async def stream() -> StreamingResponse:
        """Server-sent events: the account and all symbols, then those that changed, five times a second.

        Event `snapshot` comes first, then `update`, or `heartbeat` where nothing changed for a second.
        `sequence` counts a stream's messages from 1.
        """
        return StreamingResponse(streams.overview(), media_type=_MEDIA_TYPE, headers=_HEADERS)

    @router.get("/stream/{symbol:path}", response_class=StreamingResponse, responses=PROBLEMS | _FULL)
    async def stream_symbol(symbol: str, venue: Venue = None) -> StreamingResponse:
        """Server-sent events of one symbol: ladder, trades, fills, and why it is quoted so."""
        events = streams.detail(find_key(context.store, symbol, venue))
        return StreamingResponse(events, media_type=_MEDIA_TYPE, headers=_HEADERS)

    return router
