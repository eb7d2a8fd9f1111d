"""Queries the history process, started on the first query."""

import asyncio
import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from gateway_api.access.visibility import Sight
from gateway_api.app.problems import ProblemError
from runtime.process.definition import HistorySource

ANSWER_S_MAX = 60.0
_WAITING_MAX = 16
OnProgress = Callable[[dict[str, Any]], None]


@dataclass(frozen=True, slots=True)
class HistoryAnswer:
    """JSON or the contents of a file."""

    body: bytes
    next_cursor: str | None


class HistoryClient:
    """One query at a time: the history is on one disk."""

    def __init__(
        self, source: HistorySource | None, command: Sequence[str], answer_s_max: float = ANSWER_S_MAX
    ) -> None:
        """`command` starts the process, which may take up to `answer_s_max` without progress."""
        self._source = source
        self._command = tuple(command)
        self._answer_s_max = answer_s_max
        self._process: asyncio.subprocess.Process | None = None
        self._lock = asyncio.Lock()
        self._waiting = 0

    async def ask(
        self,
        call: str,
        arguments: dict[str, Any],
        sight: Sight | None,
        file: dict[str, Any] | None = None,
        on_progress: OnProgress = lambda _: None,
    ) -> HistoryAnswer:
        """The answer, limited to `sight`; None: unrestricted, for the gateway, which filters it later.

        `on_progress` receives progress of long queries. Raises ProblemError where there is no history or it
        cannot be read.
        """
        if self._source is None:
            raise ProblemError(
                404, "no_history", "This gateway has no topic log to read.", "Use the engine's gateway."
            )
        if self._waiting >= _WAITING_MAX:
            raise ProblemError(
                503, "busy", "Too many history queries are waiting.", "Try again.", {"Retry-After": "2"}
            )
        self._waiting += 1
        try:
            async with self._lock:
                document = None if sight is None else sight.document()
                question = {"call": call, "arguments": arguments, "sight": document, "file": file}
                return await self._ask_in_time(question, on_progress)
        finally:
            self._waiting -= 1

    async def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def _ask_in_time(self, question: dict[str, Any], on_progress: OnProgress) -> HistoryAnswer:
        try:
            async with asyncio.timeout(self._answer_s_max) as limit:

                def go_on(progress: dict[str, Any]) -> None:
                    limit.reschedule(asyncio.get_running_loop().time() + self._answer_s_max)
                    on_progress(progress)

                return await self._ask(question, go_on)
        except TimeoutError:
            await self.close()
            raise ProblemError(
                504,
                "history_too_long",
                f"There was no answer within {self._answer_s_max:g} s.",
                "Query a shorter time range, or one symbol.",
            ) from None
        except (asyncio.IncompleteReadError, ConnectionError):
            await self.close()
            raise ProblemError(
                500, "history_failed", "The history process ended.", "Try again; the cause is in the log."
            ) from None
        except asyncio.CancelledError:
            await self.close()  # half an answer would be taken for the next one
            raise

    async def _ask(self, question: dict[str, Any], on_progress: OnProgress) -> HistoryAnswer:
        process = self._process if self._is_running() else await self._start()
        if process is None or process.stdin is None or process.stdout is None:
            raise ConnectionError
        process.stdin.write(json.dumps(question).encode() + b"\n")
        await process.stdin.drain()
        while "progress" in (head := json.loads(await process.stdout.readuntil(b"\n"))):
            on_progress(head["progress"])
        body = await process.stdout.readexactly(head["bytes"])
        if not head["ok"]:
            raise ProblemError(422, "history_refused", json.loads(body)["error"], "Change the query.")
        return HistoryAnswer(body, head["next_cursor"])

    def _is_running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def _start(self) -> asyncio.subprocess.Process:
        process = self._process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,  # Ctrl+C goes to the engine, which ends this process
        )
        if process.stdin is None or self._source is None:
            raise ConnectionError
        source = {
            "log_dir": None if self._source.log_dir is None else str(self._source.log_dir),
            "kafka": None if self._source.kafka is None else self._source.kafka.model_dump(mode="json"),
        }
        process.stdin.write(json.dumps(source).encode() + b"\n")
        return process
