"""Symbols that operators started beyond the configuration or removed: which a feed should open, or not."""

from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import dataclass, field

from schemas.carried.monitor import MonitorCarried
from schemas.control import Command
from schemas.market import FeedRefused
from schemas.message import Event

NEVER_NS = 1 << 62
"""Due time of a feed that has nothing now, and may have later."""
Carried = Callable[[], Iterable[Event]]


@dataclass(frozen=True, slots=True)
class Started:
    """One started symbol."""

    venue: str
    symbol: str
    command_id: str

    @property
    def key(self) -> str:
        """`venue:symbol`."""
        return f"{self.venue}:{self.symbol}"

    def refused(self, now_ns: int, because: str) -> FeedRefused:
        """The refusal of a symbol that cannot be followed."""
        return FeedRefused(
            event_time_ns=now_ns,
            venue=self.venue,
            symbol=self.symbol,
            reason="not_followed",
            detail=because,
            command_id=self.command_id,
        )


@dataclass(slots=True)
class StartedSymbols:
    """The core's requested symbols beyond the configuration, each once."""

    carried: Carried
    """What the core carries: it names who started which symbol."""
    serves: Callable[[str], bool] = lambda key: True
    _answered: dict[str, str] = field(default_factory=dict)
    """By key: the command that was answered."""

    @staticmethod
    def may_follow(event: Event) -> bool:
        """Can an input have made the core request another symbol?"""
        return isinstance(event, Command | MonitorCarried)

    def removed(self) -> set[str]:
        """The keys of symbols that operators removed."""
        carried = (each for each in self.carried() if isinstance(each, MonitorCarried))
        return {each.symbol_key for each in carried if each.removed_by is not None}

    def pop_new(self, followed: Container[str]) -> Iterator[Started]:
        """Those whose keys are not followed yet; each then counts as answered."""
        carried = [each for each in self.carried() if isinstance(each, MonitorCarried)]
        requested = {each.symbol_key: each.started_by for each in carried if each.started_by is not None}
        self._answered = {key: self._answered[key] for key in requested if key in self._answered}
        for key, command_id in requested.items():
            if key in followed or self._answered.get(key) == command_id or not self.serves(key):
                continue
            self._answered[key] = command_id
            venue, _, symbol = key.partition(":")
            yield Started(venue, symbol, command_id)


def elsewhere(started: Started, venue: str) -> str | None:
    """Why a symbol of another venue cannot be followed here; None: it is of this venue."""
    if started.venue == venue:
        return None
    return f"the market data here is that of {venue}: {started.key} is another venue's"
