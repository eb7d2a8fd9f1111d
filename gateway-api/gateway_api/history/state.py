"""The state at a moment of the past: the projector's fold, up to it."""

import copy
from collections import deque
from dataclasses import dataclass

from chassis.history import ACCOUNT_KEY, Stretch, read_history
from chassis.process import HistorySource
from gateway_api.projector.core.views import ProjectorCore
from schemas.config import Config
from schemas.envelope import decode
from schemas.topics import MESSAGE_TYPES, PROJECTOR, TOPICS
from schemas.units import NS_PER_S
from schemas.views import ACCOUNT_DOCUMENT, SYMBOL_PREFIX

_TOPICS = frozenset(topic.name for topic in TOPICS if PROJECTOR in topic.readers and topic.key != "process")
_STEP_NS = 30 * NS_PER_S
_CHECKPOINTS_MAX = 40
_SYMBOLS_MAX = 4


@dataclass(slots=True)
class _Checkpoint:
    """The fold of everything up to a time, and where the reading goes on."""

    time_ns: int
    core: ProjectorCore
    cursor: str | None


class _Timeline:
    """One symbol's folds, a checkpoint every half minute, so that a step back is short."""

    def __init__(self, source: HistorySource, key: str) -> None:
        self._source = source
        self._keys = frozenset({key, ACCOUNT_KEY})
        self._checkpoints: deque[_Checkpoint] = deque([_Checkpoint(0, ProjectorCore(Config()), None)])

    def at(self, time_ns: int) -> ProjectorCore:
        """The fold of all that had happened by a time, that time included."""
        base = max(
            (each for each in self._checkpoints if each.time_ns <= time_ns), key=lambda each: each.time_ns
        )
        core, marked_ns, cursor = copy.deepcopy(base.core), base.time_ns, base.cursor
        stretch = Stretch(_TOPICS, 0, time_ns + 1, self._keys, cursor)
        for placed in read_history(self._source, stretch):
            envelope = placed.record.envelope
            if envelope.event_time_ns >= marked_ns + _STEP_NS:
                marked_ns = envelope.event_time_ns
                self._keep(_Checkpoint(marked_ns - 1, copy.deepcopy(core), cursor))
            core.on_event(decode(MESSAGE_TYPES[envelope.type_name], placed.record.payload))
            cursor = placed.cursor
        return core

    def _keep(self, checkpoint: _Checkpoint) -> None:
        if any(each.time_ns == checkpoint.time_ns for each in self._checkpoints):
            return
        self._checkpoints.append(checkpoint)
        if len(self._checkpoints) > _CHECKPOINTS_MAX:
            del self._checkpoints[1]  # the first is the beginning, from which everything can be reached


class Moments:
    """States of the past, of the symbols that were asked for lately."""

    def __init__(self, source: HistorySource) -> None:
        self._source = source
        self._timelines: dict[str, _Timeline] = {}

    def documents(self, key: str, time_ns: int) -> dict[str, bytes]:
        """The projector's documents of a symbol and of the account, as they were."""
        timeline = self._timelines.pop(key, None) or _Timeline(self._source, key)
        self._timelines[key] = timeline
        if len(self._timelines) > _SYMBOLS_MAX:
            del self._timelines[next(iter(self._timelines))]
        core = timeline.at(time_ns)
        core.mark_all_dirty()
        found = core.take_dirty()
        return {name: found[name] for name in (SYMBOL_PREFIX + key, ACCOUNT_DOCUMENT) if name in found}
