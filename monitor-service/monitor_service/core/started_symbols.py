"""Symbols that operators started beyond the configuration, or removed: the feed opens and closes them."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class RequestedSymbols:
    """By `venue:symbol`, the id of the command that requested each."""

    started: dict[str, str] = field(default_factory=dict)
    stopped: dict[str, str] = field(default_factory=dict)
    """Stopped by an operator: followed until the process ends, and not opened again."""
    removing: dict[str, str] = field(default_factory=dict)
    """To be removed: followed until the venue has shown that no order of ours is left."""
    removed: dict[str, str] = field(default_factory=dict)
    """Not followed before an operator starts them again, whatever the configuration names."""

    def start(self, key: str, command_id: str) -> None:
        """Open it, or keep it open."""
        self.removing.pop(key, None)
        self.removed.pop(key, None)
        self.started[key] = self.stopped.pop(key, command_id)

    def stop(self, key: str) -> None:
        """Do not open it again at the next start."""
        command_id = self.started.pop(key, None)
        if command_id is not None:
            self.stopped[key] = command_id

    def remove(self, key: str, command_id: str) -> None:
        """Close it once its orders have ended."""
        self.stop(key)
        self.removing[key] = command_id

    def confirm_removal(self, key: str) -> str | None:
        """Its orders have ended; returns the id of the command, or None where it is not to be removed."""
        command_id = self.removing.pop(key, None)
        if command_id is not None:
            self.stopped.pop(key, None)
            self.removed[key] = command_id
        return command_id

    def refuse(self, key: str) -> None:
        """The feed does not have it."""
        self.started.pop(key, None)
        self.stopped.pop(key, None)
