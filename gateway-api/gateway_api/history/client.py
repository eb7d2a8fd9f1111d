"""Asks the history process, and starts it when the first question comes."""

import asyncio
import json
import sys
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from chassis.process import HistorySource
from gateway_api.app.problems import ProblemError

ANSWER_S_MAX = 60.0
_WAITING_MAX = 16


@dataclass(frozen=True, slots=True)
class Answer:
    """Bytes of JSON, or of a file."""

    body: bytes
    next_cursor: str | None


class HistoryClient:
    """One question at a time: the past is one disk."""

    def __init__(self, source: HistorySource | None, answer_s_max: float = ANSWER_S_MAX) -> None:
        self._source = source
        self._answer_s_max = answer_s_max
        self._process: asyncio.subprocess.Process | None = None
        self._lock = asyncio.Lock()
        self._waiting = 0

    async def ask(self, call: str, arguments: dict[str, Any], file: dict[str, Any] | None = None) -> Answer:
        """The answer; raises ProblemError where there is no past, or it cannot be read."""
        if self._source is None:
            raise ProblemError(
                404, "no_history", "This gateway has no topic log to read.", "Ask the engine's."
            )
        if self._waiting >= _WAITING_MAX:
            raise ProblemError(
                503, "busy", "Too many questions about the past wait.", "Ask again.", {"Retry-After": "2"}
            )
        self._waiting += 1
        try:
            async with self._lock:
                return await self._ask_in_time({"call": call, "arguments": arguments, "file": file})
        finally:
            self._waiting -= 1

    async def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def _ask_in_time(self, question: dict[str, Any]) -> Answer:
        try:
            async with asyncio.timeout(self._answer_s_max):
                return await self._ask(question)
        except TimeoutError:
            await self.close()
            raise ProblemError(
                504,
                "history_too_long",
                f"The answer was not there after {self._answer_s_max:g} s.",
                "Ask for a shorter time, or for one symbol.",
            ) from None
        except (asyncio.IncompleteReadError, ConnectionError):
            await self.close()
            raise ProblemError(
                500, "history_failed", "The history process ended.", "Ask again; the log holds the cause."
            ) from None
        except asyncio.CancelledError:
            await self.close()  # half an answer would be taken for the next one's
            raise

    async def _ask(self, question: dict[str, Any]) -> Answer:
        process = self._process if self._is_running() else await self._start()
        if process is None or process.stdin is None or process.stdout is None:
            raise ConnectionError
        process.stdin.write(json.dumps(question).encode() + b"\n")
        await process.stdin.drain()
        head = json.loads(await process.stdout.readuntil(b"\n"))
        body = await process.stdout.readexactly(head["bytes"])
        if not head["ok"]:
            raise ProblemError(422, "history_refused", json.loads(body)["error"], "Change the question.")
        return Answer(body, head["next_cursor"])

    def _is_running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def _start(self) -> asyncio.subprocess.Process:
        process = self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "gateway_api.history.worker",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,  # Ctrl+C is for the engine, which ends this one
        )
        if process.stdin is None or self._source is None:
            raise ConnectionError
        source = {
            "log_dir": None if self._source.log_dir is None else str(self._source.log_dir),
            "kafka": None if self._source.kafka is None else self._source.kafka.model_dump(mode="json"),
        }
        process.stdin.write(json.dumps(source).encode() + b"\n")
        return process
