"""The messages of a flatten, and the engine's side that sends them for users of its own machine."""

import os
from collections.abc import Callable, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from maker.resuming import Word
from runtime.errors import ConfigError
from schemas.control import Command, CommandAction
from schemas.message import ALL_SYMBOLS
from schemas.names import Reason


class Flatten(BaseModel):
    """Trade away what is held of a symbol, or of all by `*:*`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str
    halt: bool
    """Halt it too: only orders that reduce go out until a resume."""
    reason: Reason
    halt_sequence: int | None = None
    """The halt under which another person asked for it; None: nobody did."""
    words: tuple[Word, ...] = ()
    """Empty: the user of the engine's machine."""


def flatten_commands(flatten: Flatten, now_ns: int) -> list[Command]:
    """One command per request or approval, unsigned."""
    venue, _, symbol = flatten.key.partition(":")
    return [
        Command(
            event_time_ns=now_ns,
            venue=venue,
            symbol=symbol,
            command_id=f"flatten-{os.urandom(12).hex()}",
            action=_action(flatten, word),
            principal=word.principal,
            reason=flatten.reason,
            halt_sequence=None if word.agrees_with is None else flatten.halt_sequence,
            agrees_with=word.agrees_with,
        )
        for word in flatten.words
    ]


def _action(flatten: Flatten, word: Word) -> CommandAction:
    if word.agrees_with is not None:
        return "approve_flatten"
    return "halt_flatten" if flatten.halt else "flatten"


class FlattenDesk:
    """The engine's side: sends flattens for users of its own machine."""

    def __init__(
        self, send: Callable[[Command], None], now_ns: Callable[[], int], keys: Callable[[], Sequence[str]]
    ) -> None:
        """`keys` are those of every traded symbol."""
        self._send = send
        self._now_ns = now_ns
        self._keys = keys

    def answer(self, query: dict[str, Any], user: str) -> dict[str, Any]:
        """Send a flatten; the engine decides whether orders go out. Raises ConfigError."""
        try:
            flatten = Flatten.model_validate(query)
        except ValidationError as error:
            first = error.errors()[0]
            raise ConfigError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None
        if flatten.key not in (f"{ALL_SYMBOLS}:{ALL_SYMBOLS}", *self._keys()):
            raise ConfigError(f"no symbol is called {flatten.key!r} here")
        if not flatten.words:
            flatten = flatten.model_copy(update={"words": (Word(principal=user),)})
        commands = flatten_commands(flatten, self._now_ns())
        for command in commands:
            self._send(command)
        return {"sent": [command.command_id for command in commands]}
