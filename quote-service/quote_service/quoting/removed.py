"""Symbols that operators removed: what follows about one was on its way, until its contract comes anew."""

from dataclasses import dataclass, field

from schemas.carried.quoter import QuoterCarried
from schemas.control import Command
from schemas.market import Instrument, SymbolRemoved
from schemas.message import Event


@dataclass(slots=True)
class RemovedSymbols:
    """By key, when each was removed."""

    removed_ns: dict[str, int] = field(default_factory=dict)

    def add(self, removed: SymbolRemoved) -> None:
        """A symbol has ended."""
        self.removed_ns[removed.key] = removed.event_time_ns

    def ends(self, event: Event) -> bool:
        """Is the event about a symbol that has ended? An announcement after its end brings it back."""
        removed_ns = self.removed_ns.get(event.key) if self.removed_ns else None
        if removed_ns is None or isinstance(event, Command | QuoterCarried):
            return False
        if isinstance(event, Instrument) and event.event_time_ns > removed_ns:
            del self.removed_ns[event.key]
        return event.key in self.removed_ns
