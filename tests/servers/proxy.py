"""A TCP proxy that does to a connection what networks do."""

import asyncio
import threading
from collections.abc import Coroutine
from itertools import chain
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
        self._ends: set[tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = set()
        """Of each connection, those towards the client and the server."""
        self._served: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def start(self) -> None:
        """Listen."""
        self._thread.start()
        self._server = self._run(asyncio.start_server(self._accept, "127.0.0.1", self.port))

    def cut(self) -> None:
        """Break every connection; new ones are taken."""
        self._run(self._cut())

    def half_close(self) -> None:
        """Send the clients the end of their streams, while their own direction stays open."""
        self._run(self._half_close())

    def stop(self) -> None:
        """Break every connection and listen no more."""
        self._run(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def _run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(10)

    async def _cut(self) -> None:
        for end in chain.from_iterable(self._ends):
            end.transport.abort()
        await asyncio.sleep(0)

    async def _end(self) -> None:
        self._server.close()
        await asyncio.sleep(0)
        while self._served:  # one that is just connecting to the server has nothing yet that can be broken
            await self._cut()
            await asyncio.wait(self._served, timeout=0.01)

    async def _half_close(self) -> None:
        for writer, _ in self._ends:
            if not writer.is_closing() and writer.can_write_eof():
                writer.write_eof()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = self._loop.create_task(self._serve(reader, writer))
        self._served.add(task)
        task.add_done_callback(self._served.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            from_server, to_server = await asyncio.open_connection("127.0.0.1", self._target_port)
        except OSError:
            writer.transport.abort()
            return
        ends = (writer, to_server)
        self._ends.add(ends)
        pumps = [
            asyncio.create_task(self._pump(reader, to_server, is_reply=False)),
            asyncio.create_task(self._pump(from_server, writer, is_reply=True)),
        ]
        await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        for pump in pumps:
            pump.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)
        for end in ends:
            end.transport.abort()
        self._ends.discard(ends)

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
