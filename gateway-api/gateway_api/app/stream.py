"""Server-sent events: what changed, conflated. A slow client gets fewer and newer messages, never a queue."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from time import monotonic

from chassis.process import GatewayContext
from gateway_api.app.detail import detail_of
from gateway_api.app.numbers import milliseconds
from gateway_api.app.overview import Overview
from gateway_api.app.problems import ProblemError
from gateway_api.app.reading import view_of
from gateway_api.app.responses import Answer
from schemas.views import SYMBOL_PREFIX

INTERVAL_S = 0.2
_INTERVAL_MAX_S = 2.0
_HEARTBEAT_S = 1.0
_LOAD_MAX = 0.1
"""The largest part of the time that the streams may take from the loop that they share with the engine."""
STREAMS_MAX = 32


class EngineGlance(Answer):
    """What does not change while the engine runs."""

    version: str
    mode: str
    feed_kind: str
    speed: str
    reporting_currency: str
    max_loss: str
    account_max_loss: str


class Streams:
    """The open streams of an application, and what they share.

    Each stream is a generator that the server asks for the next message only when the client took the
    last, so a slow client holds one message and no more.
    """

    def __init__(self, context: GatewayContext) -> None:
        self.open_streams = 0
        self._context = context
        self._overview = Overview(context.store, context.config)
        self._refreshing: asyncio.Task[None] | None = None
        self._refresh_at_s = 0.0
        self._interval_s = INTERVAL_S

    def overview(self) -> AsyncIterator[bytes]:
        """A snapshot of everything, then what changed, then a heartbeat where nothing does.

        Raises ProblemError 503 where too many streams are open.
        """
        self._take_place()
        seen = -1

        async def news() -> bytes:
            nonlocal seen
            await self._refresh()
            first, since = seen < 0, seen
            seen = self._overview.change
            parts = self._overview.since(since)
            engine = b'"engine":' + self._engine().json_bytes()
            return b",".join(part for part in (engine if first else b"", parts) if part)

        return self._events(news)

    def detail(self, key: str) -> AsyncIterator[bytes]:
        """One symbol in depth, whole in every message, as often as it changes.

        Raises ProblemError 503 where too many streams are open.
        """
        self._take_place()
        seen: bytes | None = None

        async def news() -> bytes:
            nonlocal seen
            document = self._context.store.get(SYMBOL_PREFIX + key)
            if document is None or document == seen:
                return b""
            seen = document
            view = view_of(self._context.store, key)
            return b"" if view is None else b'"detail":' + detail_of(view).json_bytes()

        return self._events(news)

    def _take_place(self) -> None:
        if self.open_streams >= STREAMS_MAX:
            raise ProblemError(
                503,
                "too_many_streams",
                f"{STREAMS_MAX} streams are open, which is the most.",
                "Close a page that shows this engine.",
                {"Retry-After": "5"},
            )

    async def _events(self, news: Callable[[], Awaitable[bytes]]) -> AsyncIterator[bytes]:
        """Messages numbered from 1: a snapshot, then updates or heartbeats, until the server closes."""
        self.open_streams += 1
        try:
            sequence, silent_since_s = 0, monotonic()
            while not self._context.is_closing():
                parts = await news()
                if parts or sequence == 0 or monotonic() - silent_since_s >= _HEARTBEAT_S:
                    sequence += 1
                    silent_since_s = monotonic()
                    yield self._message(sequence, parts)
                await asyncio.sleep(self._interval_s)
        finally:
            self.open_streams -= 1

    def _message(self, sequence: int, parts: bytes) -> bytes:
        name = b"snapshot" if sequence == 1 else b"update" if parts else b"heartbeat"
        time_ms = repr(milliseconds(self._context.now_ns())).encode()
        inside = b'"sequence":%d,"engine_time_ms":%s' % (sequence, time_ms)
        data = inside + b"," + parts if parts else inside
        return b"id: %d\nevent: %s\ndata: {%s}\n\n" % (sequence, name, data)

    async def _refresh(self) -> None:
        """Read the store once for all clients; one that leaves meanwhile does not break it off."""
        if self._refreshing is None and monotonic() >= self._refresh_at_s:
            self._refreshing = asyncio.create_task(self._refresh_once())
        if self._refreshing is not None:
            await asyncio.shield(self._refreshing)

    async def _refresh_once(self) -> None:
        began_s = monotonic()
        try:
            await self._overview.refresh()
        finally:
            self._refreshing = None
        cost_s = monotonic() - began_s  # with the turns of others: where the loop is busy, streams hold back
        self._interval_s = min(max(INTERVAL_S, cost_s / _LOAD_MAX), _INTERVAL_MAX_S)
        self._refresh_at_s = began_s + self._interval_s * 0.9

    def _engine(self) -> EngineGlance:
        config = self._context.config
        return EngineGlance(
            version=self._context.version,
            mode="paper",
            feed_kind=config.feed.kind,
            speed=str(config.feed.speed),
            reporting_currency=config.reporting.currency,
            max_loss=str(config.risk_limits.max_loss),
            account_max_loss=str(config.risk_limits.account_max_loss),
        )
