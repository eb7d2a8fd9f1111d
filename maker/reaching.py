"""How a command finds a running engine and talks to it: by its folder, its address or its broker.

Used by `maker halt`, `resume`, `status` and `positions`.
"""

import json
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from maker.flattening import Flatten
from maker.halt_socket import SUFFIX, address_of, socket_of
from maker.resuming import Resume
from maker.run_folder import standing_folder
from runtime.errors import ConfigError, DependencyError
from runtime.state.shared_memory import shared_file
from schemas.config import Config
from schemas.deployment import Access

_CONNECT_S = 2.0
ANSWER_S = 10.0
Answer = dict[str, Any]


class Rule(NamedTuple):
    """How many people a loosening takes, and who they can be."""

    people: int
    access: Access


class Reached(Protocol):
    """A running engine, however it is reached."""

    @property
    def place(self) -> str:
        """Where it is, for display."""

    def halt(self, symbol: str, reason: str, until_s: float) -> Iterator[Answer]:
        """Yields that it was accepted, then the progress of the mass cancel, up to `state: confirmed`.

        Ends early, or raises TimeoutError, where it is not confirmed by `until_s` of the monotonic clock.
        Raises ConfigError for an unknown symbol.
        """

    def rule(self) -> Rule | None:
        """Who may end a halt; None: the engine itself decides by the token."""

    def resume(self, resume: Resume) -> None:
        """Send a resume; raises RefusedError where it is refused at once."""

    def flatten(self, flatten: Flatten) -> None:
        """Send a flatten, or the second person's word for one; raises RefusedError where it is refused at
        once.
        """

    def status(self) -> Answer:
        """The gateway's `EngineStatus`."""


class Where(NamedTuple):
    """Where to look, from the command line."""

    log: Path | None = None
    config: Config | None = None
    url: str | None = None
    token_file: Path | None = None
    on_kafka: bool = False


def reach(where: Where) -> list[Reached]:
    """The selected engine, or by default every engine of this user on this machine.

    Raises DependencyError, naming where it looked, where there is none.
    """
    if where.url is not None:
        from maker.reaching_http import HttpEngine  # noqa: PLC0415  loaded only where needed

        return [HttpEngine(where.url, where.token_file)]
    if where.config is not None and (where.on_kafka or (where.log is None and runs_on_kafka(where.config))):
        from maker.reaching_kafka import BrokerEngine  # noqa: PLC0415

        return [BrokerEngine(where.config)]
    if where.log is not None or where.config is not None:
        folder = where.log or folder_of(where.config)
        engine = SocketEngine.of_folder(folder)
        found = [] if engine is None else [engine]
        looked = f"no engine runs on {folder}"
    else:
        found = list(_here())
        looked = f"no engine of user {os.getuid()} runs on this machine"
    if not found:
        raise DependencyError(
            f"{looked}: give its folder with --log, its page's address with --url, or its broker with "
            "--kafka; `maker cancel-all --config FILE` cancels orders without an engine"
        )
    return [*found]


def runs_on_kafka(config: Config) -> bool:
    """Without --kafka: does the configuration name a broker, and no log here that it resumes?"""
    folder = standing_folder(config)
    return "kafka" in config.model_fields_set and (folder is None or not folder.is_dir())


def folder_of(config: Config | None) -> Path:
    """The log that a configuration resumes; raises ConfigError where it has none."""
    folder = None if config is None else standing_folder(config)
    if folder is None:
        raise ConfigError("select an engine: --log DIR, the engine's --config FILE, or --kafka HOST:PORT")
    return folder


def _here() -> Iterator["SocketEngine"]:
    anywhere = shared_file("any")
    for path in [] if anywhere is None else sorted(anywhere.parent.glob(f"*{SUFFIX}")):
        engine = SocketEngine(path)
        if engine.listens():
            yield engine


class SocketEngine:
    """An engine of `maker up`, by its socket on this machine."""

    def __init__(self, path: Path, folder: Path | None = None) -> None:
        self._path = path
        self._folder = folder

    @classmethod
    def of_folder(cls, folder: Path) -> "SocketEngine | None":
        """The engine running on a log, or None."""
        path = socket_of(folder)
        engine = None if path is None else cls(path, folder)
        return engine if engine is not None and engine.listens() else None

    def listens(self) -> bool:
        """Whether it is there. A socket left by a killed engine accepts no connection."""
        try:
            with socket.socket(socket.AF_UNIX) as connection, address_of(self._path) as address:
                connection.settimeout(_CONNECT_S)
                connection.connect(address)
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        except OSError:
            return True  # busy, and there
        return True

    @property
    def place(self) -> str:
        """Its log."""
        return str(self._folder or self.ask({})["log"])

    def ask(self, question: Answer) -> Answer:
        """The single answer. Raises ConfigError where the engine refuses, DependencyError if it is gone."""
        answer = next(self._answers(question, time.monotonic() + ANSWER_S), None)
        if answer is None:
            raise DependencyError("the engine has ended meanwhile: try again")
        return answer

    def halt(self, symbol: str, reason: str, until_s: float) -> Iterator[Answer]:
        """See Reached."""
        yield from self._answers({"symbol": symbol, "reason": reason}, until_s)

    def rule(self) -> Rule:
        """See Reached."""
        answer = self.ask({"rule": {}})
        return Rule(answer["people"], Access.model_validate(answer["access"]))

    def resume(self, resume: Resume) -> None:
        """See Reached."""
        self.ask({"resume": resume.model_dump(mode="json")})

    def flatten(self, flatten: Flatten) -> None:
        """See Reached."""
        self.ask({"flatten": flatten.model_dump(mode="json")})

    def status(self) -> Answer:
        """See Reached."""
        return self.ask({"status": {}})

    def _answers(self, question: Answer, until_s: float) -> Iterator[Answer]:
        try:
            with socket.socket(socket.AF_UNIX) as connection, address_of(self._path) as address:
                connection.settimeout(_CONNECT_S)
                connection.connect(address)
                connection.sendall(json.dumps(question).encode() + b"\n")
                with connection.makefile("rb") as lines:
                    while True:
                        connection.settimeout(max(0.01, until_s - time.monotonic()))
                        line = lines.readline()
                        if not line:
                            return
                        yield _taken(json.loads(line))
        except (ConnectionRefusedError, FileNotFoundError, ConnectionResetError):
            return  # it has ended
        except TimeoutError:
            raise
        except OSError as error:
            raise DependencyError(f"the engine at {self._path} does not answer: {error}") from error


def _taken(answer: Answer) -> Answer:
    if "refused" in answer:
        raise ConfigError(str(answer["refused"]))
    return answer
