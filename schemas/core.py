"""Common to all cores: skip messages of other types, and track the time."""

from typing import ClassVar, Generic, TypeVar, cast

from mypy_extensions import mypyc_attr

from schemas.message import Event

InputT = TypeVar("InputT", bound=Event)


@mypyc_attr(allow_interpreted_subclasses=True)  # some cores are never compiled
class DecidingCore(Generic[InputT]):
    """A core of one process. `inputs` are the types it consumes: those of the union InputT."""

    inputs: ClassVar[frozenset[type[Event]]]

    def __init__(self) -> None:
        self._tick_ns = 0
        self._now_ns = 0
        """Of the current event, or of the newest tick where that is later: late events are late."""

    def on_event(self, event: Event) -> tuple[Event, ...]:
        """The messages to publish because of `event`; one of another type changes nothing."""
        if type(event) not in self.inputs:
            return ()
        self._now_ns = max(self._tick_ns, event.event_time_ns)
        return self._decide(cast(InputT, event))

    def _decide(self, event: InputT) -> tuple[Event, ...]:
        """The outputs of an event that it consumes."""
        raise NotImplementedError
