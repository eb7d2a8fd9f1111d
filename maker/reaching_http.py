"""An engine by the URL of its gateway, with a program's token."""

import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from maker.reaching import ANSWER_S, Answer
from maker.resuming import Resume
from runtime.config.secret_files import read_secret_text
from runtime.errors import ConfigError, DependencyError, EngineError, RefusedError
from schemas.message import ALL_SYMBOLS

TOKEN_VARIABLE = "MAKER_TOKEN"  # noqa: S105  a variable's name
_LOOK_S = 0.2
_FORBIDDEN = (401, 403)
_UNREADY = (502, 503, 504)


class HttpEngine:
    """Talks to /api/v1."""

    def __init__(self, url: str, token_file: Path | None) -> None:
        """Raises ConfigError where the URL is invalid or there is no token."""
        if not url.startswith(("http://", "https://")):
            raise ConfigError(f"--url {url!r} is not a URL: give http://HOST:PORT or https://HOST")
        self._url = url.split("#", maxsplit=1)[0].rstrip("/")
        self._token = _token(token_file)

    @property
    def place(self) -> str:
        """Its URL."""
        return self._url

    def halt(self, symbol: str, reason: str, until_s: float) -> Iterator[Answer]:
        """See maker.reaching.Reached."""
        taken = self._ask("POST", "maker/risk/halt", {"symbol": symbol, "reason": reason})
        yield {"log": self._url, "accepted": taken["command_id"], "symbol": taken["symbol"]}
        key = f"{taken['venue']}:{taken['symbol']}"
        reported = None
        while time.monotonic() < until_s:
            halt = next((each for each in self.status()["halts"] if each["key"] == key), None)
            state = None if halt is None else halt["withdrawal"]
            if halt is not None and state not in (None, "none", reported):
                reported = state
                yield {"state": state, "open_orders": halt["open_orders"]}
                if state == "confirmed":
                    return
            time.sleep(_LOOK_S)
        raise TimeoutError

    def rule(self) -> None:
        """None: the gateway checks the token."""

    def resume(self, resume: Resume) -> None:
        """End a halt, or request its end where the token permits no more."""
        _, _, symbol = resume.key.partition(":")
        base = {"symbol": ALL_SYMBOLS if symbol == ALL_SYMBOLS else resume.key, "reason": resume.reason}
        body = base | {"halt_sequence": resume.halt_sequence}
        try:
            self._ask("POST", "maker/risk/resume", body)
        except RefusedError:
            self._ask("POST", "maker/risk/resume-request", body)

    def status(self) -> Answer:
        """See maker.reaching.Reached."""
        return self._ask("GET", "engine")

    def _ask(self, method: str, path: str, body: Any = None) -> Answer:
        request = urllib.request.Request(  # noqa: S310  http or https: see __init__
            f"{self._url}/api/v1/{path}",
            None if body is None else json.dumps(body).encode(),
            {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"},
            method=method,
        )
        try:
            with urllib.request.urlopen(request, timeout=ANSWER_S) as answer:  # noqa: S310
                found: Answer = json.load(answer)
                return found
        except urllib.error.HTTPError as error:
            with error:
                raise _problem(error.code, error.read(), self._url) from None
        except (OSError, ValueError) as error:
            raise DependencyError(
                f"no gateway answers at {self._url} ({error}): give its URL with --url; a halt works without "
                "it, on its machine with --log or over the broker with --kafka"
            ) from None


def _token(file: Path | None) -> str:
    token = (
        read_secret_text(str(file), "--token-file") if file is not None else os.environ.get(TOKEN_VARIABLE)
    )
    if not token:
        raise ConfigError(
            f"--url needs a token, which `maker token NAME --config FILE` creates; give it with --token-file "
            f"or in {TOKEN_VARIABLE}"
        )
    return token.strip()


def _problem(status: int, content: bytes, url: str) -> EngineError:
    """The gateway's problem document as an error with its exit code."""
    try:
        problem = json.loads(content)
        text = f"{problem['detail']} {problem.get('hint') or ''}".strip()
    except (ValueError, KeyError, TypeError):
        text = f"{url} answered with status {status}"
    if status in _FORBIDDEN:
        return RefusedError(text)
    return DependencyError(text) if status in _UNREADY else ConfigError(text)
