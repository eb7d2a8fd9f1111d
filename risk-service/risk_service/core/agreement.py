"""Did all processes that read a setting apply or refuse a change alike? If not, their limits differ."""

from dataclasses import dataclass, field

from schemas.process import SettingApplied

_CHANGES_MAX = 1_000


@dataclass(slots=True)
class Agreement:
    """The first answer about each of the newest changes."""

    first: dict[str, tuple[str, bool]] = field(default_factory=dict)
    """By change id: the process, and whether it applied the change."""

    def observe(self, applied: SettingApplied) -> str | None:
        """Apply a process's answer; returns the process that answered differently, None where none did."""
        is_taken = applied.refused_because is None
        process, was_taken = self.first.setdefault(applied.change_id, (applied.process, is_taken))
        if len(self.first) > _CHANGES_MAX:
            del self.first[next(iter(self.first))]
        return process if was_taken != is_taken else None
