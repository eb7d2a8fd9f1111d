"""Server-sent events with conflated changes. A slow client gets fewer, newer messages, never a queue."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from secrets import token_hex
from time import monotonic
from typing import Literal

from gateway_api.access.identity import Identity
from gateway_api.access.visibility import Sight, sight_of
from gateway_api.app.detail import detail_of
from gateway_api.app.numbers import milliseconds
from gateway_api.app.overview import Overview
from gateway_api.app.problems import ProblemError
from gateway_api.app.responses import Answer
from runtime.config.settings import config_hash
from runtime.process.definition import GatewayContext
from schemas.envelope import decode
from schemas.numbers import whole_number
from schemas.views import SYMBOL_PREFIX, SymbolView

INTERVAL_S = 0.1
SLOW_S = 5.0
"""A client that has not read a message for this long gets a new snapshot, flagged as such."""
_INTERVAL_MAX_S = 2.0
_PAUSE_MIN_S = 0.005
_HEARTBEAT_S = 1.0
_RIGHTS_S = 2.0
_LOAD_MAX = 0.2
"""Largest share of the event loop, shared with the engine, that the streams may use."""
_FORGETTING = 0.2
"""Weight of the newest refresh in the moving average of its cost."""
STREAMS_MAX = 32
STREAMS_KEPT = 8
"""Of them, reserved for users who can end a halt."""
STREAMS_PER_PERSON_MAX = 8


class EngineViewModel(Answer):
    """Constants of the running engine."""

    version: str
    mode: Literal["paper", "live"]
    """live: orders go to a real exchange."""
    venue: str
    feed_kind: str
    speed: str
    reporting_currency: str
    max_loss: str
    account_max_loss: str
    config_hash: str
    book_age_ms_max: int
    """A book older than this is stale: nothing is quoted from it."""
    started_ms: float


@dataclass(slots=True)
class _Shared:
    """An overview, read once for all users with the same visibility."""

    overview: Overview
    refreshing: asyncio.Task[None] | None = None
    refresh_at_s: float = 0.0
    cost_s: float = 0.0
    """Moving average cost of a refresh: a single pause of the machine changes it little."""
    readers: int = 0


@dataclass(slots=True)
class _Depth:
    """One symbol in depth, built once for all viewers with the same visibility."""

    sight: Sight
    document: bytes = b""
    parts: bytes = b""
    readers: int = 0

    def advance(self, document: bytes) -> bytes:
        """The part of the message for a document of the store."""
        if document != self.document:
            self.document = document
            self.parts = b'"detail":' + detail_of(decode(SymbolView, document), self.sight).json_bytes()
        return self.parts


@dataclass(frozen=True, slots=True)
class _News:
    """The pending content of a stream."""

    parts: bytes
    place: str
    """The event id from which a client can resume."""
    again_at_s: float
    """When to look for more, by `monotonic`."""


class Streams:
    """The open streams of an application and their shared state.

    Each stream is a generator that is asked for the next message only when the client has read the last,
    so a slow client holds one message at most.
    """

    def __init__(
        self,
        context: GatewayContext,
        still_holds: Callable[[Identity], Awaitable[bool]],
        *,
        is_alone: bool = False,
    ) -> None:
        """`still_holds` checks whether a session is still valid; `is_alone`: there is only one user."""
        self._open: Counter[str] = Counter()
        self._per_person_max = STREAMS_MAX if is_alone else STREAMS_PER_PERSON_MAX
        self._context = context
        self._still_holds = still_holds
        self._started_ms = milliseconds(context.now_ns())
        self._shared: dict[Sight, _Shared] = {}
        self._depths: dict[tuple[str, Sight], _Depth] = {}

    @property
    def open_streams(self) -> int:
        """Number of open streams."""
        return self._open.total()

    def overview(self, identity: Identity, last_event_id: str | None = None) -> AsyncIterator[bytes]:
        """A snapshot, then changes, with heartbeats while nothing changes.

        With the id of the last message received, the changes since, instead of the snapshot. Raises
        ProblemError 503 where too many streams are open.
        """
        self._refuse_where_full(identity)
        sight = sight_of(identity)
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
        """One symbol in depth, complete in every message, whenever it changes.

        Raises ProblemError 503 where too many streams are open.
        """
        self._refuse_where_full(identity)
        sight = sight_of(identity)
        depth = self._depths.setdefault((key, sight), _Depth(sight))
        depth.readers += 1

        def leave() -> None:
            depth.readers -= 1
            if not depth.readers:
                self._depths.pop((key, sight), None)

        seen: bytes | None = None
        epoch, count = token_hex(4), 0

        async def news(anew: bool) -> _News:
            nonlocal seen, count
            again_at_s = monotonic() + INTERVAL_S
            document = self._context.store.get(SYMBOL_PREFIX + key)
            if document is None or (document == seen and not anew):
                return _News(b"", f"{epoch}-{count}", again_at_s)
            seen, count = document, count + 1
            return _News(depth.advance(document), f"{epoch}-{count}", again_at_s)

        return self._events(identity, news, leave, is_resumed=False)

    def _refuse_where_full(self, identity: Identity) -> None:
        if self._has_place(identity):
            return
        if self._open[identity.name] >= self._per_person_max:
            what = f"{identity.name} has {self._per_person_max} streams open"
        else:
            what = f"{STREAMS_MAX} streams are open or reserved for users who can end a halt"
        raise ProblemError(
            503,
            "too_many_streams",
            f"{what}, which is the maximum.",
            "Close a page that shows this engine.",
            {"Retry-After": "5"},
        )

    def _has_place(self, identity: Identity) -> bool:
        places = STREAMS_MAX if identity.may("resume") else STREAMS_MAX - STREAMS_KEPT
        return self.open_streams < places and self._open[identity.name] < self._per_person_max

    async def _events(
        self,
        identity: Identity,
        news: Callable[[bool], Awaitable[_News]],
        leave: Callable[[], None],
        *,
        is_resumed: bool,
    ) -> AsyncIterator[bytes]:
        """Messages numbered from 1: a snapshot, then updates or heartbeats, until session or server end."""
        if not self._has_place(identity):  # many requests at once
            leave()
            return
        self._open[identity.name] += 1
        try:
            sequence, sent_s, rights_s = 0, monotonic(), monotonic()
            is_slow = False
            while not self._context.is_closing():
                if monotonic() - rights_s > _RIGHTS_S:
                    rights_s = monotonic()
                    if not await self._still_holds(identity):
                        return
                anew = is_slow or (sequence == 0 and not is_resumed)
                found = await news(anew)
                if found.parts or sequence == 0 or monotonic() - sent_s >= _HEARTBEAT_S:
                    sequence += 1
                    name = b"snapshot" if anew else b"update" if found.parts else b"heartbeat"
                    flags = _flags(is_slow=is_slow, is_resumed=not anew and sequence == 1)
                    flags += b',"ended":true' if self._context.has_ended() else b""
                    began_s = monotonic()
                    yield self._message(name, sequence, flags, found)
                    sent_s = monotonic()
                    is_slow = sent_s - began_s > SLOW_S
                    if is_slow:
                        continue
                await asyncio.sleep(max(found.again_at_s - monotonic(), _PAUSE_MIN_S))
        finally:
            self._open[identity.name] -= 1
            self._open += Counter()  # drops users without streams
            leave()

    def _message(self, name: bytes, sequence: int, flags: bytes, news: _News) -> bytes:
        time_ms = repr(milliseconds(self._context.now_ns())).encode()
        inside = b'"sequence":%d,"engine_time_ms":%s%s' % (sequence, time_ms, flags)
        data = inside + b"," + news.parts if news.parts else inside
        return b"id: %s\nevent: %s\ndata: {%s}\n\n" % (news.place.encode(), name, data)

    async def _refresh(self, shared: _Shared) -> None:
        """Read the store once for all clients; a client that disconnects does not abort it."""
        if shared.refreshing is None and monotonic() >= shared.refresh_at_s:
            shared.refreshing = asyncio.create_task(self._refresh_once(shared))
        while shared.refreshing is not None:  # another may be under way, and its result is incomplete
            await asyncio.shield(shared.refreshing)

    async def _refresh_once(self, shared: _Shared) -> None:
        began_s = monotonic()
        try:
            cost_s = await shared.overview.refresh()
        finally:
            shared.refreshing = None
        shared.cost_s += _FORGETTING * (cost_s - shared.cost_s)
        shared.refresh_at_s = began_s + min(max(INTERVAL_S, shared.cost_s / _LOAD_MAX), _INTERVAL_MAX_S)

    def _engine(self) -> EngineViewModel:
        config = self._context.config
        is_exchange = config.venue.kind == "ccxt"
        return EngineViewModel(
            version=self._context.version,
            mode="live" if is_exchange and config.exchange.url is None else "paper",
            venue=config.exchange.id if is_exchange else "simulated",
            feed_kind=config.feed.kind,
            speed=str(config.feed.speed),
            reporting_currency=config.reporting.currency,
            max_loss=str(config.risk_limits.max_loss),
            account_max_loss=str(config.risk_limits.account_max_loss),
            config_hash=config_hash(config),
            book_age_ms_max=config.market_data.book_age_ms_max,
            started_ms=self._started_ms,
        )


def _flags(*, is_slow: bool, is_resumed: bool) -> bytes:
    if is_slow:
        return b',"dropped":true'
    return b',"resumed":true' if is_resumed else b""


def _number_in(last_event_id: str | None, epoch: str) -> int:
    """The last change a client received; -1 where the id is not of this overview."""
    name, _, number = (last_event_id or "").partition("-")
    found = whole_number(number) if name == epoch else None
    return -1 if found is None else found
