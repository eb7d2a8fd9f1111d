"""The time range over which a process can be proved by replay from Kafka."""

from collections.abc import Sequence
from dataclasses import dataclass

from runtime.errors import ConfigError
from runtime.text import iso_time


@dataclass(frozen=True, slots=True)
class Reach:
    """The provable range of one process."""

    process: str
    from_ns: int | None = None
    """Start: of a session, or time of a snapshot; None: nothing can be proved."""
    is_of_snapshot: bool = False
    """Whether it starts at a snapshot, within a session."""
    until_ns: int | None = None
    """End, where later records of the same session are missing; None: up to the newest trace."""
    because: str | None = None
    """Why it starts no earlier, or ends there."""
    traced_ns: int = 0
    """Time of the newest trace read."""
    not_traced: int = 0
    """Input records that no trace covers yet."""

    @property
    def is_proved(self) -> bool:
        """Whether the range extends to the newest trace."""
        return self.from_ns is not None and self.until_ns is None

    @property
    def text(self) -> str:
        """The range as text, for the operator."""
        why = "" if self.because is None else f" ({self.because})"
        if self.from_ns is None and self.because is None:
            return "nothing to prove: it claimed its topics, but no session of it began there"
        if self.from_ns is None:
            return f"nothing can be proved{why} before the next session starts"
        how = "at a snapshot" if self.is_of_snapshot else "with a session"
        since = f"proved from {iso_time(self.from_ns)} on, starting {how}"
        if self.until_ns is not None:
            return f"{since}, but only to {iso_time(self.until_ns)}{why}; then from the next session on"
        return f"{since}{why and f', no earlier{why}'}"


def check_proved(reaches: Sequence[Reach]) -> None:
    """Raises ConfigError where an active process is not proved up to its newest trace."""
    for reach in reaches:
        if not reach.is_proved and reach.because is not None:
            raise ConfigError(f"{reach.process}: {reach.text}")
