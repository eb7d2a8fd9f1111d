"""Server-sent events: what changed, conflated. A slow client gets fewer and newer messages, never a queue."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from secrets import token_hex
from time import monotonic
from typing import Literal

from chassis.process import GatewayContext
from chassis.settings import config_hash
from gateway_api.access.identity import Identity
from gateway_api.app.detail import detail_of
from gateway_api.app.numbers import milliseconds
from gateway_api.app.overview import Overview, Sight
from gateway_api.app.problems import ProblemError
from gateway_api.app.responses import Answer
from schemas.envelope import decode
from schemas.views import SYMBOL_PREFIX, SymbolView

INTERVAL_S = 0.1
SLOW_S = 5.0
"""A client that did not take a message for this long is given everything anew, and told so."""
_INTERVAL_MAX_S = 2.0
_PAUSE_MIN_S = 0.005
_HEARTBEAT_S = 1.0
_RIGHTS_S = 10.0
_LOAD_MAX = 0.2
"""The largest part of the time that the streams may take from the loop that they share with the engine."""
_FORGETTING = 0.2
"""The weight of the newest refresh in the average cost of one."""
STREAMS_MAX = 32


class EngineGlance(Answer):
    """What does not change while the engine runs."""

    version: str
    mode: Literal["paper", "live"]
    """live: orders go to an exchange itself."""
    venue: str
    feed_kind: str
    speed: str
    reporting_currency: str
    max_loss: str
    account_max_loss: str
    config_hash: str
    started_ms: float


@dataclass(slots=True)
class _Shared:
    """An overview, read once for all who have the same sight."""

    overview: Overview
    refreshing: asyncio.Task[None] | None = None
    refresh_at_s: float = 0.0
    cost_s: float = 0.0
    """Of a refresh, an average that forgets: one that met a pause of the machine changes little."""
    readers: int = 0


@dataclass(slots=True)
class _Depth:
    """One symbol in depth, made once for all who watch it."""

    document: bytes = b""
    parts: bytes = b""
    readers: int = 0

    def take(self, document: bytes) -> bytes:
        """The message's part for a document of the store."""
        if document != self.document:
            self.document = document
            self.parts = b'"detail":' + detail_of(decode(SymbolView, document)).json_bytes()
        return self.parts


@dataclass(frozen=True, slots=True)
class _News:
    """What a stream has to say now."""

    parts: bytes
    place: str
    """What the client would name to go on from here."""
    again_at_s: float
    """When to ask for more, by `monotonic`."""


class Streams:
    """The open streams of an application, and what they share.

    Each stream is a generator that the server asks for the next message only when the client took the
    last, so a slow client holds one message and no more.
    """

    def __init__(self, context: GatewayContext, still_holds: Callable[[Identity], bool]) -> None:
        """`still_holds` tells whether somebody who came in may stay."""
        self.open_streams = 0
        self._context = context
        self._still_holds = still_holds
        self._started_ms = milliseconds(context.now_ns())
        self._shared: dict[Sight, _Shared] = {}
        self._depths: dict[str, _Depth] = {}

    def overview(self, identity: Identity, last_event_id: str | None = None) -> AsyncIterator[bytes]:
        """A snapshot of everything, then what changed, then a heartbeat where nothing does.

        With the id of the last message that a client got, what changed since, in place of the snapshot.
        Raises ProblemError 503 where too many streams are open.
        """
        self._take_place()
        sight = Sight(identity.scope, identity.may("pnl"))
        fresh = _Shared(Overview(self._context.store, self._context.config, sight))
        shared = self._shared.setdefault(sight, fresh)
        shared.readers += 1

        def leave() -> None:
            shared.readers -= 1
            if not shared.readers:
                self._shared.pop(sight, None)

        seen = _number_in(last_event_id, shared.overview.epoch)

        async def news(anew: bool) -> _News:
            nonlocal seen
            await self._refresh(shared)
            since, seen = -1 if anew else seen, shared.overview.change
            parts = shared.overview.since(since)
            engine = b'"engine":' + self._engine().json_bytes() if since < 0 else b""
            whole = b",".join(part for part in (engine, parts) if part)
            return _News(whole, f"{shared.overview.epoch}-{seen}", shared.refresh_at_s)

        return self._events(identity, news, leave, is_resumed=seen >= 0)

    def detail(self, identity: Identity, key: str) -> AsyncIterator[bytes]:
        """One symbol in depth, whole in every message, as often as it changes.

        Raises ProblemError 503 where too many streams are open.
        """
        self._take_place()
        depth = self._depths.setdefault(key, _Depth())
        depth.readers += 1

        def leave() -> None:
            depth.readers -= 1
            if not depth.readers:
                self._depths.pop(key, None)

        seen: bytes | None = None
        epoch, count = token_hex(4), 0

        async def news(anew: bool) -> _News:
            nonlocal seen, count
            again_at_s = monotonic() + INTERVAL_S
            document = self._context.store.get(SYMBOL_PREFIX + key)
            if document is None or (document == seen and not anew):
                return _News(b"", f"{epoch}-{count}", again_at_s)
            seen, count = document, count + 1
            return _News(depth.take(document), f"{epoch}-{count}", again_at_s)

        return self._events(identity, news, leave, is_resumed=False)

    def _take_place(self) -> None:
        if self.open_streams >= STREAMS_MAX:
            raise ProblemError(
                503,
                "too_many_streams",
                f"{STREAMS_MAX} streams are open, which is the most.",
                "Close a page that shows this engine.",
                {"Retry-After": "5"},
            )

    async def _events(
        self,
        identity: Identity,
        news: Callable[[bool], Awaitable[_News]],
        leave: Callable[[], None],
        *,
        is_resumed: bool,
    ) -> AsyncIterator[bytes]:
        """Messages numbered from 1: a snapshot, then updates or heartbeats, until rights or server end."""
        self.open_streams += 1
        try:
            sequence, said_s, rights_s = 0, monotonic(), monotonic()
            is_slow = False
            while not self._context.is_closing():
                if monotonic() - rights_s > _RIGHTS_S:
                    rights_s = monotonic()
                    if not self._still_holds(identity):
                        return
                anew = is_slow or (sequence == 0 and not is_resumed)
                found = await news(anew)
                if found.parts or sequence == 0 or monotonic() - said_s >= _HEARTBEAT_S:
                    sequence += 1
                    name = b"snapshot" if anew else b"update" if found.parts else b"heartbeat"
                    flags = _flags(is_slow=is_slow, is_resumed=not anew and sequence == 1)
                    began_s = monotonic()
                    yield self._message(name, sequence, flags, found)
                    said_s = monotonic()
                    is_slow = said_s - began_s > SLOW_S
                    if is_slow:
                        continue
                await asyncio.sleep(max(found.again_at_s - monotonic(), _PAUSE_MIN_S))
        finally:
            self.open_streams -= 1
            leave()

    def _message(self, name: bytes, sequence: int, flags: bytes, news: _News) -> bytes:
        time_ms = repr(milliseconds(self._context.now_ns())).encode()
        inside = b'"sequence":%d,"engine_time_ms":%s%s' % (sequence, time_ms, flags)
        data = inside + b"," + news.parts if news.parts else inside
        return b"id: %s\nevent: %s\ndata: {%s}\n\n" % (news.place.encode(), name, data)

    async def _refresh(self, shared: _Shared) -> None:
        """Read the store once for all clients; one that leaves meanwhile does not break it off."""
        if shared.refreshing is None and monotonic() >= shared.refresh_at_s:
            shared.refreshing = asyncio.create_task(self._refresh_once(shared))
        if shared.refreshing is not None:
            await asyncio.shield(shared.refreshing)

    async def _refresh_once(self, shared: _Shared) -> None:
        began_s = monotonic()
        try:
            cost_s = await shared.overview.refresh()
        finally:
            shared.refreshing = None
        shared.cost_s += _FORGETTING * (cost_s - shared.cost_s)
        shared.refresh_at_s = began_s + min(max(INTERVAL_S, shared.cost_s / _LOAD_MAX), _INTERVAL_MAX_S)

    def _engine(self) -> EngineGlance:
        config = self._context.config
        is_exchange = config.venue.kind == "ccxt"
        return EngineGlance(
            version=self._context.version,
            mode="live" if is_exchange and config.exchange.url is None else "paper",
            venue=config.exchange.id if is_exchange else "simulated",
            feed_kind=config.feed.kind,
            speed=str(config.feed.speed),
            reporting_currency=config.reporting.currency,
            max_loss=str(config.risk_limits.max_loss),
            account_max_loss=str(config.risk_limits.account_max_loss),
            config_hash=config_hash(config),
            started_ms=self._started_ms,
        )


def _flags(*, is_slow: bool, is_resumed: bool) -> bytes:
    if is_slow:
        return b',"dropped":true'
    return b',"resumed":true' if is_resumed else b""


def _number_in(last_event_id: str | None, epoch: str) -> int:
    """The change that a client saw last; -1 where it names none of this overview."""
    name, _, number = (last_event_id or "").partition("-")
    return int(number) if name == epoch and number.isdecimal() else -1
