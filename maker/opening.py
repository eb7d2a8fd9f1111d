"""How `maker up` opens its log: it resumes the newest session or begins one with the carried state."""

import os
import time
from collections.abc import Mapping, Sequence

import structlog

from runtime.bus import Record
from runtime.clock import EngineClock
from runtime.errors import ConfigError
from runtime.log.logfile import LogFileBus
from runtime.process.definition import AdapterContext, ProcessDefinition
from runtime.process.runner import ProcessRunner
from runtime.process.session import Start
from runtime.replay.restore import PendingCommands, carry_over, resume
from runtime.replay.restore_point import RestorePoint
from runtime.store.documents import StateStore
from runtime.text import iso_time
from schemas.config import Config
from schemas.live_values import overlaid
from schemas.message import Event
from schemas.process import ConfigApplied, LiveValue
from schemas.topics import MONITOR
from schemas.units import NS_PER_S

SIMULATED_START_NS = 1_704_067_200 * NS_PER_S
"""2024-01-01: start of a synthetic market at speed max, so that a seed always gives the same run."""

_AHEAD_S = 60.0
"""Small clock corrections are ignored."""

logger = structlog.get_logger()


def recording_begins_ns(dues: Mapping[str, int], newest_ns: int, log: str) -> int:
    """When a run of a recording begins, given the due time of each process and the newest time in its log.

    Venue reports that a killed run had not published may have been due before the log ends: they are due now.
    Raises ConfigError where the recording itself begins before that.
    """
    if dues[MONITOR] < newest_ns:
        raise ConfigError(
            f"{log} ends later than this run would begin: "
            "a recording cannot be run twice into one log; give another folder with --log"
        )
    return max(newest_ns, min(dues.values()))


class LogOpening:
    """The processes of an engine, ready to run."""

    def __init__(
        self,
        definitions: Sequence[ProcessDefinition],
        config: Config,
        bus: LogFileBus,
        restore_point: RestorePoint,
        store: StateStore,
    ) -> None:
        self._definitions = definitions
        self._bus = bus
        self._directory = bus.directory
        self._store = store
        self._start = Start(config, restore_point.sources_hash)
        self.first: list[Record] = []
        """Delivered before everything else."""
        configs = {**restore_point.applied, **bus.newest_configs}
        newest = max(configs.values(), key=lambda each: each.session_began_ns, default=None)
        self._restore_point = (
            restore_point if newest is None else restore_point.of_session(newest.session_began_ns)
        )
        self._start.check(newest, str(self._directory))
        if newest is not None and self._start.resumes(newest):
            self._resume(newest)
        else:
            self._begin(newest)

    def _resume(self, newest: ConfigApplied) -> None:
        self._make_runners(overlaid(self._start.config, newest.live_settings)[0])
        for runner in self.runners:
            self._restore_point.restore(runner)
        self._make_simulations()
        pending = resume(self._directory, self.runners, newest.session_began_ns, self._restore_point)
        self._make_adapters()
        self._start_all(self._start.resumed(newest, self.start_ns))
        self.first = pending.records()
        logger.info("session_resumed", log=str(self._directory), session_began_ns=newest.session_began_ns)

    def _begin(self, newest: ConfigApplied | None) -> None:
        carried: Mapping[str, tuple[Event, ...]] = {}
        live: tuple[LiveValue, ...] = ()
        pending = PendingCommands()
        if newest is not None:
            over = carry_over(
                self._directory, self._definitions, newest, self._earliest_ns, self._restore_point
            )
            carried, live, pending = over.by_process, over.live_settings, over.pending
        self._make_runners(overlaid(self._start.config, live)[0])
        self._make_adapters()
        self._start_all(self._start.begun(self.start_ns, live))
        for runner in self.runners:
            self.first += runner.adopt(carried.get(runner.name, ()))
        self.first += pending.records()
        if newest is not None:
            messages = sum(map(len, carried.values()))
            logger.info(
                "session_begun", log=str(self._directory), carried=messages, after=newest.code_version
            )

    def _make_runners(self, config: Config) -> None:
        """The runners under the configuration in force."""
        self.config = config
        self.runners = tuple(
            ProcessRunner(definition, config, self._bus, config.engine.digest_interval_inputs)
            for definition in self._definitions
        )

    def _make_simulations(self) -> None:
        """Adapters whose state is a function of their inputs; they are rebuilt from the log."""
        for runner in self.runners:
            if runner.adapter is None and runner.definition.restores_adapter(self.config):
                self._make_adapter(runner)

    def _make_adapters(self) -> None:
        """All other adapters, and the start time of the run."""
        for runner in self.runners:
            if runner.adapter is None:
                self._make_adapter(runner)
        self.start_ns = self._first_due_ns()
        self.clock = EngineClock(self.start_ns, self.config.feed.speed)
        self._warn_ahead()

    def _warn_ahead(self) -> None:
        """Engine time never runs backwards."""
        ahead_s = (self._bus.last_event_time_ns - time.time_ns()) / NS_PER_S
        if ahead_s > _AHEAD_S and not self.clock.is_simulated:
            logger.warning(
                "log_ends_later_than_the_clock",
                log=str(self._directory),
                ends=iso_time(self._bus.last_event_time_ns),
                ahead_s=round(ahead_s),
                then="time continues from the end of the log; if the clock is wrong, set it and restart",
            )

    @property
    def _earliest_ns(self) -> int:
        now_ns = SIMULATED_START_NS if self._start.config.feed.speed == "max" else time.time_ns()
        return max(now_ns, self._bus.last_event_time_ns + 1)

    def _make_adapter(self, runner: ProcessRunner) -> None:
        if runner.definition.make_adapter is not None:
            context = AdapterContext(
                self.config,
                runner.core,
                self._store,
                self._earliest_ns,
                now_ns=lambda: self.clock.now_ns,
                ends_unexplained=True,
            )
            runner.adapter = runner.definition.make_adapter(context)

    def _first_due_ns(self) -> int:
        if self.config.feed.kind != "recorded":
            return self._earliest_ns
        dues = {
            runner.name: due
            for runner in self.runners
            if runner.adapter is not None and (due := runner.adapter.next_due_ns()) is not None
        }
        return recording_begins_ns(dues, self._bus.last_event_time_ns, str(self._directory))

    def _start_all(self, applied: ConfigApplied) -> None:
        for runner in self.runners:
            runner.continue_after(self._bus.last_sequences)
            of_process = applied.model_copy(update={"process": runner.name})
            runner.start(self.start_ns, of_process, f"pid-{os.getpid()}")
