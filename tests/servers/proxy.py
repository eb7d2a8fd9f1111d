"""A TCP proxy that does to a connection what networks do."""

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any

_CHUNK = 64 * 1024


class FaultProxy:
    """Stands between clients and a server of the loopback, in a thread of its own.

    Its attributes may be set at any time and hold from the next chunk on.
    """

    def __init__(self, target_port: int, port: int) -> None:
        self.port = port
        self.delay_s = 0.0
        """Before each chunk, either way."""
        self.bytes_per_s: float | None = None
        """Throughput of each connection's replies; None: unlimited."""
        self.replies_to_drop = 0
        """So many of the next replies are lost, each with its connection."""
        self.swallows_replies = False
        """Replies are read and go nowhere; the connection stays open."""
        self._target_port = target_port
        self._loop = asyncio.new_event_loop()
        self._writers: set[asyncio.StreamWriter] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def start(self) -> None:
        """Listen."""
        self._thread.start()
        self._server = self._run(asyncio.start_server(self._serve, "127.0.0.1", self.port))

    def cut(self) -> None:
        """Break every connection; new ones are taken."""
        self._run(self._cut())

    def half_close(self) -> None:
        """Send the clients the end of their streams, while their own direction stays open."""
        self._run(self._half_close())

    def stop(self) -> None:
        """Break every connection and listen no more."""
        self._loop.call_soon_threadsafe(self._server.close)
        self.cut()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def _run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(10)

    async def _cut(self) -> None:
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()
        await asyncio.sleep(0)

    async def _half_close(self) -> None:
        for writer in self._writers:
            if not writer.is_closing() and writer.can_write_eof():
                writer.write_eof()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            to_server = await asyncio.open_connection("127.0.0.1", self._target_port)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer}
        requests = asyncio.create_task(self._pump(reader, to_server[1], is_reply=False))
        replies = asyncio.create_task(self._pump(to_server[0], writer, is_reply=True))
        await asyncio.wait((requests, replies), return_when=asyncio.FIRST_COMPLETED)
        for task in (requests, replies):
            task.cancel()
        await asyncio.gather(requests, replies, return_exceptions=True)
        for end in (writer, to_server[1]):
            end.transport.abort()
        self._writers.discard(writer)

    async def _pump(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, is_reply: bool
    ) -> None:
        while chunk := await source.read(_CHUNK):
            if self.delay_s:
                await asyncio.sleep(self.delay_s)
            if is_reply and self.bytes_per_s is not None:
                await asyncio.sleep(len(chunk) / self.bytes_per_s)
            if is_reply and self.replies_to_drop:
                self.replies_to_drop -= 1
                return
            if not (is_reply and self.swallows_replies):
                sink.write(chunk)
                await sink.drain()
