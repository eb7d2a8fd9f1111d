"""Restores processes to the end of a log by replaying its recorded inputs through their cores.

The log is the source of truth, so positions, latched halts and open orders survive any crash. Outputs are not
published again: they are in the log already. To resume a session, its inputs are replayed through the
processes themselves; for a new session, through processes under the old session's configuration, whose
carried state the new one starts with.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from runtime.bus import Record
from runtime.log.logfile import LoggedRecord, read_log
from runtime.process.definition import Adapter, ProcessDefinition
from runtime.process.runner import ProcessRunner
from runtime.replay.feeding import feed
from runtime.replay.past_life import PastLife
from runtime.replay.restore_point import RestorePoint
from runtime.replay.trace_reader import ConfigStep, ConsumedInput, TraceReader, TraceStep
from schemas.envelope import decode
from schemas.live_values import live_values_of
from schemas.message import Event
from schemas.process import ConfigApplied, LiveValue, Trace
from schemas.topics import BY_NAME, GATEWAY

_EXTERNAL_TOPICS = frozenset(
    topic.name for topic in BY_NAME.values() if topic.own_input and topic.key != "process"
)
_COMMAND_TOPICS = frozenset(topic.name for topic in BY_NAME.values() if topic.writer == GATEWAY)


@dataclass(slots=True)
class PendingCommands:
    """Commands that no process has consumed: they were added to the log while the engine was down."""

    _waiting: list[LoggedRecord] = field(default_factory=list)

    def observe(self, record: LoggedRecord) -> None:
        """Process a record; records come in log order. Traces are decoded only while a command is pending."""
        if record.topic in _COMMAND_TOPICS:
            self._waiting.append(record)
        elif self._waiting and record.envelope.type_name == Trace.type_name:
            for source, _, first, count in decode(Trace, record.payload).entries:
                self._apply(source, first + count)

    def _apply(self, topic: str, end: int) -> None:
        self._waiting = [each for each in self._waiting if each.topic != topic or each.offset >= end]

    def records(self) -> list[Record]:
        """The pending commands in time order."""
        left = sorted(self._waiting, key=lambda each: each.envelope.event_time_ns)
        return [record.decoded() for record in left]


def _newest_session(
    directory: Path, session_began_ns: int, restore_point: RestorePoint, pending: PendingCommands
) -> Iterator[LoggedRecord]:
    """The records of a session after its checkpoint, and earlier commands, which may still be pending."""
    has_begun = restore_point.is_all_of(session_began_ns)
    for record in read_log(directory, restore_point.since):
        pending.observe(record)
        has_begun = has_begun or _begins(record, session_began_ns)
        if has_begun or record.topic in _COMMAND_TOPICS:
            yield record


def _begins(record: LoggedRecord, session_began_ns: int) -> bool:
    if record.envelope.type_name != ConfigApplied.type_name:
        return False
    return decode(ConfigApplied, record.payload).session_began_ns == session_began_ns


def resume(
    directory: Path, runners: Sequence[ProcessRunner], session_began_ns: int, restore_point: RestorePoint
) -> PendingCommands:
    """Replay the newest session, from its checkpoint on, into the runners, which then resume it."""
    by_name = {runner.name: runner for runner in runners}
    pending = PendingCommands()
    records = _newest_session(directory, session_began_ns, restore_point, pending)
    for step in restore_point.later(TraceReader(tuple(by_name)).steps(records)):
        runner = by_name[step.process]
        if isinstance(step, ConfigStep):
            runner.life.begin(step.applied)
        else:
            _feed_runner(runner, step)
    return pending


def _feed_runner(runner: ProcessRunner, step: TraceStep) -> None:
    adapter = _simulation(runner)
    inputs = step.inputs if adapter is None else _advancing(adapter, step.inputs)
    for fed in feed(runner.life, inputs):
        runner.inputs += 1
        if adapter is not None and fed.admitted is not None:
            runner.show_adapter(fed.admitted)
            for output in fed.outputs:
                adapter.on_event(output)


def _simulation(runner: ProcessRunner) -> Adapter | None:
    applied = runner.life.applied
    restores = applied is not None and runner.definition.restores_adapter(applied.config)
    return runner.adapter if restores else None


def _advancing(adapter: Adapter, inputs: Iterable[ConsumedInput]) -> Iterator[ConsumedInput]:
    """Advance a simulation along with its recorded events: its own are discarded, but it must emit them to
    reach the same state.
    """
    for consumed in inputs:
        if consumed.record is not None and consumed.record.topic in _EXTERNAL_TOPICS:
            for _ in adapter.poll_due(consumed.event.event_time_ns):
                pass
        yield consumed


@dataclass(frozen=True, slots=True)
class CarriedOver:
    """The state handed from one session to the next."""

    by_process: Mapping[str, tuple[Event, ...]]
    live_settings: tuple[LiveValue, ...]
    pending: PendingCommands


def carry_over(
    directory: Path,
    definitions: Sequence[ProcessDefinition],
    newest: ConfigApplied,
    now_ns: int,
    restore_point: RestorePoint,
) -> CarriedOver:
    """Replay the newest session under its own configuration, and collect the state to carry over."""
    is_same_code = newest.sources_hash == restore_point.sources_hash
    pasts = {each.name: PastLife(each, each.name, is_same_code=is_same_code) for each in definitions}
    begun = dict.fromkeys(name for name, past in pasts.items() if restore_point.restore_past(name, past))
    pending = PendingCommands()
    records = _newest_session(directory, newest.session_began_ns, restore_point, pending)
    for step in restore_point.later(TraceReader(tuple(pasts)).steps(records)):
        begun[step.process] = None
        pasts[step.process].apply(step)
    lives = {name: pasts[name].end() for name in begun}
    live = live_values_of({name: life.live_settings for name, life in lives.items()})
    carried = {name: life.carried(now_ns) for name, life in lives.items()}
    return CarriedOver(carried, live, pending)
