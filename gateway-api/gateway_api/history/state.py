"""The state at a past time: the projector's fold up to it."""

import copy
from collections import deque
from dataclasses import dataclass, replace
from pathlib import Path

from gateway_api.projector.core.views import ProjectorCore
from runtime.log.logfile import LoggedRecord
from runtime.log.position import LogPosition
from runtime.log.slices import cursor_at
from runtime.process.containment import Containment
from runtime.process.definition import HistorySource
from runtime.replay.history import ACCOUNT_KEY, HistoryQuery, read_history
from runtime.replay.start_points import carried_at, start_points_before
from schemas.carried import Carried
from schemas.carried.runtime import StateMessageCarried
from schemas.config import Config
from schemas.deployment import Kafka
from schemas.envelope import decode
from schemas.message import Event
from schemas.topics import MESSAGE_TYPES, PROJECTOR, TOPICS
from schemas.units import NS_PER_S
from schemas.views import ACCOUNT_DOCUMENT, SYMBOL_PREFIX

_CARRIED = "process.state"
_ACCOUNT_TOPICS = frozenset(
    {"risk.alert", "order.kill", "control.command", "control.people", "process.setting"}
)
"""Folded into the account's document, whichever symbol they name."""
_TOPICS = frozenset(
    topic.name
    for topic in TOPICS
    if PROJECTOR in topic.readers and (topic.key != "process" or topic.name in _ACCOUNT_TOPICS)
)
_STEP_NS = 30 * NS_PER_S
_CHECKPOINTS_MAX = 40
_NEAR_NS = 120 * NS_PER_S
"""Up to this span, folding is faster than requesting a copy from the broker."""
_WITHOUT_COPY_NS = 3_600 * NS_PER_S
_SYMBOLS_MAX = 4


@dataclass(slots=True)
class _Checkpoint:
    """The fold of everything up to a time, and where reading continues."""

    time_ns: int
    core: ProjectorCore
    cursor: str | None


class _Timeline:
    """One symbol's folds, with a checkpoint every half minute so that stepping back is fast."""

    def __init__(self, source: HistorySource, key: str) -> None:
        self._source = source
        self._keys = frozenset({key, ACCOUNT_KEY})
        # on Kafka carried state comes from a copy, and its topic has that of every process
        carried = frozenset[str]() if source.kafka is not None else frozenset({_CARRIED})
        keys = self._keys | {PROJECTOR}
        self._query = HistoryQuery(_TOPICS | carried, 0, 0, keys, account_topics=_ACCOUNT_TOPICS)
        self._checkpoints: deque[_Checkpoint] = deque([_Checkpoint(0, ProjectorCore(Config()), None)])

    def at(self, time_ns: int) -> ProjectorCore:
        """The fold of everything up to and including a time."""
        base = self._base(time_ns)
        core, marked_ns, cursor = copy.deepcopy(base.core), base.time_ns, base.cursor
        folding = Containment(core, PROJECTOR)
        from_ns = 0 if cursor else base.time_ns
        query = replace(self._query, from_ns=from_ns, to_ns=time_ns + 1, cursor=cursor)
        for placed in read_history(self._source, query):
            envelope = placed.record.envelope
            if envelope.event_time_ns >= marked_ns + _STEP_NS:
                marked_ns = envelope.event_time_ns
                self._keep(_Checkpoint(marked_ns - 1, copy.deepcopy(core), cursor))
            event = self._event(placed.record)
            if event is not None:
                folding.feed(event, envelope.event_id)
            cursor = placed.cursor
        return core

    def _base(self, time_ns: int) -> _Checkpoint:
        """The latest fold before a time, cached or from the beginning of a log segment."""
        base = max(
            (each for each in self._checkpoints if each.time_ns <= time_ns), key=lambda each: each.time_ns
        )
        if self._source.log_dir is not None:
            place, began_ns = next(start_points_before(self._source.log_dir, time_ns))
            if began_ns > base.time_ns:
                return self._begun(self._source.log_dir, place, began_ns)
        elif self._source.kafka is not None and base.time_ns < time_ns - _NEAR_NS:
            return self._begun_on_kafka(self._source.kafka, base, time_ns)
        return base

    def _begun(self, log: Path, place: LogPosition, began_ns: int) -> _Checkpoint:
        core = ProjectorCore(Config())
        folding = Containment(core, PROJECTOR)
        for record in carried_at(log, place, PROJECTOR):
            event = None if record.topic != _CARRIED else self._event(record)
            if event is not None:
                folding.feed(event, record.envelope.event_id)
        return _Checkpoint(began_ns, core, cursor_at(place))

    def _begun_on_kafka(self, kafka: Kafka, base: _Checkpoint, time_ns: int) -> _Checkpoint:
        """From the state that the projector carried on its topic, however long ago its session began. Where
        it published none for a day, from the messages of the hour before.
        """
        from runtime.kafka.copies import copy_before  # noqa: PLC0415  only needed for Kafka
        from runtime.kafka.slices import cursor_from  # noqa: PLC0415

        copy_ = copy_before(kafka, PROJECTOR, time_ns)
        core = ProjectorCore(Config())
        if copy_ is None:
            return max(
                base, _Checkpoint(time_ns - _WITHOUT_COPY_NS, core, None), key=lambda each: each.time_ns
            )
        if copy_.time_ns <= base.time_ns:
            return base
        folding = Containment(core, PROJECTOR)
        for message in copy_.state.messages:
            event = self._carried(message)
            if event is not None:
                folding.feed(event, None)
        core.continue_sessions()  # a session that begins later says so by what it is given
        positions = copy_.state.standing.positions
        cursor = cursor_from(kafka, self._query.keys_by_topic, positions)
        return _Checkpoint(copy_.time_ns, core, cursor)

    def _event(self, record: LoggedRecord) -> Event | None:
        """The event to fold; of state carried between sessions, only the part of this symbol."""
        event = decode(MESSAGE_TYPES[record.envelope.type_name], record.payload)
        return event if record.topic != _CARRIED else self._carried(event)

    def _carried(self, event: Event) -> Event | None:
        if not isinstance(event, Carried) or event.symbol_key not in self._keys:
            return None
        if isinstance(event, StateMessageCarried):
            return decode(MESSAGE_TYPES[event.message_type], event.payload.encode())
        return event

    def _keep(self, checkpoint: _Checkpoint) -> None:
        if any(each.time_ns == checkpoint.time_ns for each in self._checkpoints):
            return
        self._checkpoints.append(checkpoint)
        if len(self._checkpoints) > _CHECKPOINTS_MAX:
            del self._checkpoints[1]  # the first one is the beginning, from which every time can be reached


class StateMoments:
    """Past states of recently queried symbols."""

    def __init__(self, source: HistorySource) -> None:
        self._source = source
        self._timelines: dict[str, _Timeline] = {}

    def documents(self, key: str, time_ns: int) -> dict[str, bytes]:
        """The projector's documents of a symbol and of the account at that time."""
        timeline = self._timelines.pop(key, None) or _Timeline(self._source, key)
        self._timelines[key] = timeline
        if len(self._timelines) > _SYMBOLS_MAX:
            del self._timelines[next(iter(self._timelines))]
        core = timeline.at(time_ns)
        core.advance(time_ns)  # the newest event folded depends on where the fold began
        core.mark_all_dirty()
        found = core.pop_changed()
        return {name: found[name] for name in (SYMBOL_PREFIX + key, ACCOUNT_DOCUMENT) if name in found}
