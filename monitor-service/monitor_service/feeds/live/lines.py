"""Stream connections: reconnected when they break, and replaced before the venue ends them.

Binance ends every connection after 24 hours, and sends `serverShutdown` before it restarts a server. Then a
second connection is opened first. Its frames are buffered until they overlap with the first one's, and it
takes over without a gap.
"""

import asyncio
import random
import time
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Protocol

import aiohttp
import orjson
import structlog

from runtime.backoff import Backoff

STREAMS_PER_MESSAGE = 100
MESSAGE_INTERVAL_S = 0.25
"""The venue accepts five messages a second per connection."""
SILENCE_S_MAX = 10.0
AGE_S_MAX = 23.5 * 3_600
"""Age at which a connection is replaced, half an hour before the venue ends it."""
BACKOFF_S = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
_KEPT_MAX = 100_000
"""Buffered frames of a connection that is not active yet."""
_LOOK_S = 0.2
SUCCESSOR_INTERVAL_S = 10.0
"""Interval between attempts at a successor; meanwhile the present connection still works."""
_WORD_LENGTH_MAX = 200
"""Frames about the connection itself are shorter than this."""

logger = structlog.get_logger()


class FrameConsumer(Protocol):
    """What reads the frames of some symbols."""

    def receive(self, frame: str | bytes) -> None:
        """A frame of the active connection."""

    def first_ids(self, frame: str) -> Mapping[str, int]:
        """By symbol, the first update in a frame of another connection."""

    def overlaps(self, first_ids: Mapping[str, int]) -> bool:
        """Do updates that start with these continue the received ones without a gap?"""

    def rejoin(self) -> None:
        """The next frames come from another connection, and may start earlier."""

    def lose(self, reason: str) -> None:
        """No more frames arrive."""

    def observe_refusal(self, status: int, headers: Mapping[str, str]) -> float:
        """The venue refuses the connection; returns for how many seconds to wait."""


class _Line:
    """One connection with its subscriptions."""

    def __init__(self, url: str, streams: Sequence[str], reader: FrameConsumer, backoff: Backoff) -> None:
        self._url = url
        self._requests = [
            {"method": "SUBSCRIBE", "params": streams[i : i + STREAMS_PER_MESSAGE], "id": i + 1}
            for i in range(0, len(streams), STREAMS_PER_MESSAGE)
        ]
        self._reader = reader
        self.backoff = backoff
        self._kept: deque[str] = deque(maxlen=_KEPT_MAX)
        self._first_ids: dict[str, int] = {}
        self._answered = 0
        self._retires_s = time.monotonic() + AGE_S_MAX - random.uniform(0, 600)  # noqa: S311  not all at once
        self._counts = False
        self.is_open = False
        self._dropped: asyncio.Queue[Sequence[str]] = asyncio.Queue()
        """Streams to unsubscribe from."""

    @property
    def is_retiring(self) -> bool:
        """Will the venue end it soon?"""
        return time.monotonic() >= self._retires_s

    @property
    def overlaps(self) -> bool:
        """Can it take over without a gap?"""
        return self._answered >= len(self._requests) and self._reader.overlaps(self._first_ids)

    def begin(self) -> None:
        """Make it active; buffered frames first."""
        self._counts = True
        while self._kept:
            self._reader.receive(self._kept.popleft())

    async def run(self, session: aiohttp.ClientSession) -> str:
        """Until it ends; returns why. Raises aiohttp's errors."""
        async with session.ws_connect(self._url, heartbeat=SILENCE_S_MAX / 2, max_msg_size=0) as socket:
            self.is_open = True
            subscribing = asyncio.create_task(self._subscribe(socket))
            try:
                while True:
                    message = await socket.receive(timeout=SILENCE_S_MAX)
                    if message.type != aiohttp.WSMsgType.TEXT:
                        return "the venue closed the connection"
                    self._inspect(message.data)
            finally:
                self.is_open = False
                subscribing.cancel()
                await asyncio.gather(subscribing, return_exceptions=True)

    async def _subscribe(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        for request in self._requests:
            await socket.send_str(orjson.dumps(request).decode())
            await asyncio.sleep(MESSAGE_INTERVAL_S)
        number = len(self._requests)
        while True:
            number += 1
            ended = {"method": "UNSUBSCRIBE", "params": await self._dropped.get(), "id": number}
            await socket.send_str(orjson.dumps(ended).decode())
            await asyncio.sleep(MESSAGE_INTERVAL_S)

    def drop(self, streams: Sequence[str]) -> None:
        """Unsubscribe from these."""
        self._dropped.put_nowait(streams)

    def _inspect(self, frame: str) -> None:
        if len(frame) < _WORD_LENGTH_MAX:
            if '"result"' in frame:
                self._answered += 1
                return
            if '"serverShutdown"' in frame:
                self._retires_s = 0.0
                return
        self.backoff.works()
        if self._counts:
            self._reader.receive(frame)
            return
        self._kept.append(frame)
        for symbol, first_id in self._reader.first_ids(frame).items():
            self._first_ids.setdefault(symbol, first_id)


class Lines:
    """Maintains one active connection, and at times its successor."""

    def __init__(self, url: str, streams: Sequence[str], reader: FrameConsumer) -> None:
        self._url = url
        self._streams = streams
        self._reader = reader
        self._successor_from_s = 0.0
        """By the monotonic clock."""
        self._running: dict[asyncio.Task[str], _Line] = {}

    def drop(self, streams: Sequence[str]) -> None:
        """Receive no more of these."""
        self._streams = [stream for stream in self._streams if stream not in streams]
        for line in self._running.values():
            line.drop(streams)

    async def run(self) -> None:
        """Until cancelled."""
        async with aiohttp.ClientSession() as session:
            try:
                await self._keep(session)
            finally:
                for task in self._running:
                    task.cancel()
                await asyncio.gather(*self._running, return_exceptions=True)

    async def _keep(self, session: aiohttp.ClientSession) -> None:
        current = self._dial(session, Backoff(BACKOFF_S))
        self._running[current].begin()
        successor: asyncio.Task[str] | None = None
        while True:
            await asyncio.wait(self._running, timeout=_LOOK_S, return_when=asyncio.FIRST_COMPLETED)
            if successor is not None and successor.done():
                pause_s = self._record_end(successor)
                self._successor_from_s = time.monotonic() + max(pause_s, SUCCESSOR_INTERVAL_S)
                successor = None
            if current.done():
                current, successor = await self._replace(session, current, successor), None
            elif successor is not None and self._running[successor].overlaps:
                await self._end(current)
                current, successor = self._switch(successor), None
            elif successor is None and self._running[current].is_retiring:
                successor = self._dial_successor(session)

    def _dial(self, session: aiohttp.ClientSession, backoff: Backoff) -> asyncio.Task[str]:
        line = _Line(self._url, self._streams, self._reader, backoff)
        task = asyncio.create_task(line.run(session))
        self._running[task] = line
        return task

    def _dial_successor(self, session: aiohttp.ClientSession) -> asyncio.Task[str] | None:
        now_s = time.monotonic()
        if now_s < self._successor_from_s:
            return None
        self._successor_from_s = now_s + SUCCESSOR_INTERVAL_S
        logger.info("market_stream_replaced", streams=len(self._streams))
        return self._dial(session, Backoff(BACKOFF_S))

    async def _replace(
        self, session: aiohttp.ClientSession, ended: asyncio.Task[str], successor: asyncio.Task[str] | None
    ) -> asyncio.Task[str]:
        """The replacement for a broken connection."""
        backoff = self._running[ended].backoff
        pause_s = self._record_end(ended)
        if successor is None or not self._running[successor].is_open:
            self._reader.lose("the market stream broke")
        if successor is None:
            await asyncio.sleep(pause_s * random.uniform(0.5, 1.0))  # noqa: S311  not all at once
            successor = self._dial(session, backoff)
        return self._switch(successor)

    def _switch(self, successor: asyncio.Task[str]) -> asyncio.Task[str]:
        self._reader.rejoin()
        self._running[successor].begin()
        return successor

    async def _end(self, task: asyncio.Task[str]) -> None:
        del self._running[task]
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    def _record_end(self, task: asyncio.Task[str]) -> float:
        """Log why a connection ended; returns the seconds until the next attempt."""
        pause_s = self._running.pop(task).backoff.next_s()
        error = task.exception()
        if error is None:
            reason = task.result()
        elif isinstance(error, aiohttp.ClientError | OSError | TimeoutError):
            reason = f"{type(error).__name__}: {error}"
        else:
            raise error
        if isinstance(error, aiohttp.WSServerHandshakeError):
            pause_s = max(pause_s, self._reader.observe_refusal(error.status, error.headers or {}))
        logger.warning("market_stream_broke", streams=len(self._streams), because=reason)
        return pause_s
