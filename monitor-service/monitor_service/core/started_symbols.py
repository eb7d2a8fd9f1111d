"""Symbols that operators started beyond the configuration: the feed opens them."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class RequestedSymbols:
    """By `venue:symbol`, the id of the command that requested each."""

    started: dict[str, str] = field(default_factory=dict)
    stopped: dict[str, str] = field(default_factory=dict)
    """Stopped by an operator: followed until the process ends, and not opened again."""

    def start(self, key: str, command_id: str) -> None:
        """Open it, or keep it open."""
        self.started[key] = self.stopped.pop(key, command_id)

    def stop(self, key: str) -> None:
        """Do not open it again at the next start."""
        command_id = self.started.pop(key, None)
        if command_id is not None:
            self.stopped[key] = command_id

    def refuse(self, key: str) -> None:
        """The feed does not have it."""
        self.started.pop(key, None)
        self.stopped.pop(key, None)
