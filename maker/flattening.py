"""The messages of a flatten."""

import os

from maker.asking import AskedOfEngine, Word
from schemas.control import Command, CommandAction


class Flatten(AskedOfEngine):
    """Trade away what is held."""

    halt: bool
    """Halt it too: only orders that reduce go out until a resume."""
    halt_sequence: int | None = None
    """The halt under which another person asked for it; None: nobody did."""


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
