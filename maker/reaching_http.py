"""An engine by the URL of its gateway, with a program's token."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

from maker.client import MakerClient, checked_url
from maker.flattening import Flatten
from maker.reaching import Answer
from maker.resuming import Resume
from runtime.config.secret_files import read_secret_text
from runtime.errors import ConfigError
from schemas.message import ALL_SYMBOLS

TOKEN_VARIABLE = "MAKER_TOKEN"  # noqa: S105  a variable's name
_LOOK_S = 0.2


def client_at(url: str, token_file: Path | None) -> MakerClient:
    """A client of the gateway there; raises ConfigError where the URL is invalid or there is no token."""
    return MakerClient(checked_url(url), _token(token_file))


class HttpEngine:
    """Talks to its API."""

    def __init__(self, url: str, token_file: Path | None) -> None:
        """Raises ConfigError where the URL is invalid or there is no token."""
        self._client = client_at(url, token_file)

    @property
    def place(self) -> str:
        """Its URL."""
        return self._client.url

    def halt(self, symbol: str, reason: str, until_s: float) -> Iterator[Answer]:
        """See maker.reaching.Reached."""
        taken = self._client.halt(symbol, reason)
        yield {"log": self.place, "accepted": taken.command_id, "symbol": taken.symbol}
        key = f"{taken.venue}:{taken.symbol}"
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
        named = ALL_SYMBOLS if symbol == ALL_SYMBOLS else resume.key
        self._client.resume(named, resume.reason, resume.halt_sequence)

    def flatten(self, flatten: Flatten) -> None:
        """Ask for it, or approve what another person has asked for."""
        symbol = None if flatten.key == f"{ALL_SYMBOLS}:{ALL_SYMBOLS}" else flatten.key
        if flatten.halt_sequence is None:
            self._client.flatten(symbol, flatten.reason, halt=flatten.halt)
        else:
            self._client.approve_flatten(symbol, flatten.reason, flatten.halt_sequence)

    def status(self) -> Answer:
        """See maker.reaching.Reached."""
        return self._client.engine()


def _token(file: Path | None) -> str:
    token = (
        read_secret_text(str(file), "--token-file") if file is not None else os.environ.get(TOKEN_VARIABLE)
    )
    if not token:
        raise ConfigError(
            f"the gateway needs a token, which `maker token NAME --config FILE` creates; give it with "
            f"--token-file or in {TOKEN_VARIABLE}"
        )
    return token.strip()
