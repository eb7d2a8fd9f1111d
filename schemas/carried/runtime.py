"""The runtime's carried state for every process: last sequence numbers, and the levels it knew."""

from typing import ClassVar

from schemas.carried import Carried
from schemas.process import MessageFault


class ProcessCarried(Carried):
    """State in front of a core: newest numbers and ids of the signed messages that were obeyed."""

    type_name: ClassVar[str] = "carried.process.v1"

    numbers: tuple[tuple[str, str, str, int], ...] = ()
    """(signer, topic, key, number of the newest message), least recent first."""
    command_ids: tuple[str, ...] = ()
    """Least recent first."""
    fault: MessageFault | None = None
    """Inputs the start found missing, where that is harmful: risk-service is notified."""


class StateMessageCarried(Carried):
    """The newest message of one key on a compacted state topic. The new core receives the message itself."""

    type_name: ClassVar[str] = "carried.level.v1"

    message_type: str
    payload: str
    """The message as it was on its topic, JSON."""


class CarriedPart(Carried):
    """A part of all a process carries, as on its disk: the fallback when that is lost.

    Information, not an input: no process consumes it. Published at each start and end and some times an hour,
    so that `maker state rebuild` only needs to read what came since. Parts of one state are consecutive.
    """

    type_name: ClassVar[str] = "carried.part.v1"

    part: int
    """Counted from 1."""
    parts: int
    """Number of parts."""
    text: str
    """A piece of the file (runtime/state/carried_file.py), compressed (zlib) and in base64."""
