"""State that a process carries from one session to the next: the messages of the topic process.state.

A session is the span under one code and one configuration; within it a restart resumes exactly. A change of
code or configuration starts a new one, and the state that must survive is published in these messages, each
for one symbol or (`*`) for the whole process. They are the new session's first inputs after ConfigApplied,
and are in its log: so it replays from its own start. All other state is rebuilt from new data.

The evolution rule of messages holds: fields may be added, with defaults; none changes its meaning. Sizes and
prices come with their lot and tick, since the next session's may differ.
"""

from schemas.message import ALL_SYMBOLS
from schemas.process import ProcessEvent


class Carried(ProcessEvent):
    """Part of a process's state, for one symbol or for the account."""

    venue: str = ALL_SYMBOLS
    symbol: str = ALL_SYMBOLS
    """`*`: it belongs to no single symbol."""

    @property
    def symbol_key(self) -> str:
        """`venue:symbol`."""
        return f"{self.venue}:{self.symbol}"
