"""Replays a process of an earlier session under its own configurations, to carry its state over."""

from runtime.errors import LogDamagedError
from runtime.process.definition import ProcessDefinition, Recollects
from runtime.process.life import Life, LifeState
from runtime.process.past_outputs import RECOLLECTED, PastOutputs
from runtime.replay.feeding import feed
from runtime.replay.trace_reader import ConfigStep, ConsumedInput, TraceStep
from runtime.state.carried_file import CarriedState
from schemas.process import ConfigApplied


class PastLife:
    """A process rebuilt from a log.

    Different code may decide differently from the recording, so its core finally receives what was published.
    """

    def __init__(self, definition: ProcessDefinition, name: str, *, is_same_code: bool) -> None:
        self._definition = definition
        self._name = name
        self._said = None if is_same_code else PastOutputs()
        self._life: Life | None = None

    @property
    def life(self) -> Life:
        """The process so far; raises LogDamagedError where it never started."""
        if self._life is None:
            raise LogDamagedError(f"the log lacks the configuration of {self._name} before its first trace")
        return self._life

    def restore(self, applied: ConfigApplied, state: LifeState) -> None:
        """Start from an exact state, written by the same code."""
        self._life = Life(self._definition, self._name, applied.config)
        self._life.restore(state)

    def restore_carried(self, carried: CarriedState) -> None:
        """Start from carried state, which different code may have written."""
        self._life = Life(self._definition, self._name, carried.applied.config)
        self._life.begin(carried.applied)
        for _ in feed(self._life, (ConsumedInput(message, None) for message in carried.messages)):
            pass  # outputs are in the log already

    def apply(self, step: ConfigStep | TraceStep) -> None:
        """Replay one step; steps come in the order of the log."""
        if isinstance(step, ConfigStep):
            self._life = self._life or Life(self._definition, self._name, step.applied.config)
            self._life.begin(step.applied)
            return
        for _ in feed(self.life, step.inputs):
            pass  # outputs are discarded: the recorded ones count
        if self._said is not None:
            for record in step.outputs:
                if record.envelope.type_name in RECOLLECTED:
                    self._said.record(record.decoded().message)

    def end(self) -> Life:
        """The process at the end of the log, reconciled with its recorded outputs."""
        if self._said is not None and isinstance(self.life.core, Recollects):
            self.life.core.recollect(self._said.messages())
        return self.life
