"""Begins a session of a process after a start, or resumes the one before."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from runtime.bus import Record
from runtime.process.definition import AdapterContext
from runtime.process.gaps import Gap, LostRecords, loss_carried
from runtime.process.runner import ProcessRunner
from runtime.process.session import Start, is_clock_back
from runtime.store.documents import StateStore
from schemas.config import Config
from schemas.message import Event


@dataclass(frozen=True, slots=True)
class Beginning:
    """What a start of one process needs."""

    runner: ProcessRunner
    start: Start
    store: StateStore
    serves: Callable[[str], bool]
    """Whether a symbol is served here."""

    def begin(self, now_ns: int, missing: Sequence[Gap | LostRecords], *, is_exact: bool) -> list[Record]:
        """Publish the configuration and pass it to the core; in a new session, also the carried state.

        `is_exact`: whether the state is exactly the previous one. `missing`: records that no longer exist.
        Returns the records published because of the carried state.
        """
        runner = self.runner
        runner.write_trace(now_ns)
        newest = runner.life.applied
        carried: tuple[Event, ...] = ()
        loss = loss_carried(runner.definition.name, runner.name, missing, now_ns)
        can_resume = is_exact and not loss and not is_clock_back(runner.life, now_ns)
        if can_resume and newest is not None and self.start.resumes(newest):
            applied = self.start.resumed(newest, now_ns)
        else:
            applied = self.start.begun(now_ns, runner.life.live_settings)
            carried = () if newest is None else runner.life.carried(now_ns)
            runner.adapter = None
        runner.begin(applied.model_copy(update={"process": runner.name}))
        if runner.adapter is None:
            self._attach_adapter(applied.config, now_ns)
        return runner.adopt((*carried, *loss))

    def _attach_adapter(self, config: Config, now_ns: int) -> None:
        make = self.runner.definition.make_adapter
        if make is not None:
            context = AdapterContext(config, self.runner.core, self.store, now_ns, self.serves)
            self.runner.adapter = make(context)
