"""The messages that end a halt, and the engine's side that sends them for users of its own machine."""

import os
from collections.abc import Callable, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from runtime.errors import ConfigError
from schemas.config import Config
from schemas.control import Command
from schemas.names import Reason


class Word(BaseModel):
    """One person's request or approval of a resume."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    principal: str = Field(min_length=1, max_length=128)
    is_request: bool = False
    """The first of two, which ends nothing on its own."""
    agrees_with: str | None = None
    """The person whose request it approves."""


class Resume(BaseModel):
    """The end of one halt."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str
    halt_sequence: int
    """The halt to end: a newer one stays in force."""
    reason: Reason
    words: tuple[Word, ...] = ()
    """Empty: the user of the engine's machine."""


def resume_commands(resume: Resume, now_ns: int) -> list[Command]:
    """One command per request or approval, unsigned."""
    venue, _, symbol = resume.key.partition(":")
    return [
        Command(
            event_time_ns=now_ns,
            venue=venue,
            symbol=symbol,
            command_id=f"resume-{os.urandom(12).hex()}",
            action="resume_request" if word.is_request else "resume",
            principal=word.principal,
            reason=resume.reason,
            halt_sequence=resume.halt_sequence,
            agrees_with=word.agrees_with,
        )
        for word in resume.words
    ]


class ResumeDesk:
    """The engine's side: sends resumes for users of its own machine."""

    def __init__(
        self, send: Callable[[Command], None], now_ns: Callable[[], int], keys: Callable[[], Sequence[str]]
    ) -> None:
        """`keys` are those of every traded symbol."""
        self._send = send
        self._now_ns = now_ns
        self._keys = keys

    def answer(self, query: dict[str, Any], user: str) -> dict[str, Any]:
        """Send a resume; risk-service decides whether it ends the halt. Raises ConfigError."""
        try:
            resume = Resume.model_validate(query)
        except ValidationError as error:
            first = error.errors()[0]
            raise ConfigError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None
        if resume.key not in ("*:*", *self._keys()):
            raise ConfigError(f"no symbol is called {resume.key!r} here")
        attributed = resume if resume.words else resume.model_copy(update={"words": (Word(principal=user),)})
        commands = resume_commands(attributed, self._now_ns())
        for command in commands:
            self._send(command)
        return {"sent": [command.command_id for command in commands]}


def rule_document(config: Config) -> dict[str, Any]:
    """How many people may end a halt or correct a ledger, and which users."""
    return {"people": config.risk_limits.resume_people, "access": config.access.model_dump(mode="json")}
