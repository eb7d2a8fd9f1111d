"""Processes on Kafka that share a loop: `maker run PROCESS`, or `maker run path` for several.

A turn takes received inputs, passes them to the cores, journals them, and only then publishes the cores'
outputs. It never waits for the broker: when an unconfirmed record becomes too old the process stops reading,
so its inputs go stale and trading fails closed, while ticks and the venue continue.
"""

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path

import structlog

from runtime.bus import Record, TopicPartition
from runtime.clock import MachineClock
from runtime.errors import DependencyError, EngineError, LogLostError, RefusedError, StateRefusedError
from runtime.kafka.broker import BrokerLink
from runtime.kafka.bus import KafkaBus
from runtime.kafka.client import CLOSE_LIMIT_S, wait_at_most
from runtime.observability.disk import DiskWatch
from runtime.process.beginning import Beginning
from runtime.process.claim_watch import ClaimWatch
from runtime.process.crash_points import pass_point
from runtime.process.definition import ProcessDefinition
from runtime.process.gaps import Resumption, log_gaps
from runtime.process.group import ProcessGroup
from runtime.process.input_source import InputSource, Shard, halts_on_poison
from runtime.process.recovery import claim_epoch, raise_barriers
from runtime.process.runner import ProcessRunner
from runtime.process.saving import StateSaver
from runtime.process.session import Start, sources_of
from runtime.process.shutdown import final_error, not_started
from runtime.process.startup import background, open_unless_stopped, wait_for_repair
from runtime.process.state_recovery import RecoveredState, StateRecovery
from runtime.process.status import instance_name
from runtime.process.turn import DRAIN_LIMIT_S
from runtime.process.turn_bus import TurnBus
from runtime.process.unrecorded_cancel import ended_by_disk
from runtime.process.wake import Wake
from runtime.process.worker_figures import MemberFigures, WorkerFigures
from runtime.state.group_files import GroupFiles, OwnFiles, SharedFiles
from runtime.state.journal import JournalTurn
from runtime.store.documents import StateStore
from schemas.config import Config
from schemas.message import Event
from schemas.units import NS_PER_MS, NS_PER_S

IDLE_S = 0.05
"""Longest wait for input, so that a stop or failure is noticed."""
DISPATCH_LIMIT_S = 0.05
"""Longest time in a turn for external inputs."""

logger = structlog.get_logger()


class Worker:
    """Runs process definitions for one shard, in one loop."""

    def __init__(
        self,
        definitions: Sequence[ProcessDefinition],
        config: Config,
        store: StateStore,
        shard: int | None,
        name: str | None = None,
    ) -> None:
        """`name`: of the group, where there are several."""
        self._config, self._clock = config, MachineClock()
        self._store = store
        shards = config.process.shards if shard is not None else 1
        self._shard = Shard(config.kafka.partitions, shards, shard or 0)
        name_of = self._shard.name_of
        self.name = name_of(name or definitions[0].name)
        self._starts = {name_of(each.name): Start(config, sources_of((each,))) for each in definitions}
        self._link = BrokerLink(config.kafka, self.name, self._on_broker_change)
        self._bus = KafkaBus(config.kafka, wait_for_broker=self._link.wait_until_available)
        self._turns = TurnBus(self._bus)
        interval = config.engine.digest_interval_inputs
        self._group = ProcessGroup(
            [ProcessRunner(each, config, self._turns, interval, name_of(each.name)) for each in definitions],
            self._shard.owns,
        )
        self._files = _files_of(self._group, config, self.name)
        self._source = InputSource(self._bus, self._shard, Resumption({}, {}))
        self._saver = StateSaver(self._group, self._bus, self._files, config, lambda: self._clock.now_ns)
        self._external: list[Event] = []
        on_path_ms, other_ms = config.process.turn_interval_ms, config.process.side_turn_interval_ms
        is_on_path = any(each.is_on_path for each in definitions)
        self._turn_interval_s = (on_path_ms if is_on_path else other_ms) / 1e3
        self._next_trace_ns = 0
        self._caught_up_at: dict[TopicPartition, int] = {}
        self._stop = asyncio.Event()
        self._wake = Wake()
        self._polling: asyncio.Task[list[Record]] | None = None
        self._claims = ClaimWatch(self._bus, self._group.names)
        self.disk = DiskWatch(self._files.directory, config.engine)
        self.is_started = False
        """Whether the state is restored."""
        self.awaits_repair = False
        """Whether the state is refused, so that the process is idle until an operator repairs it."""
        self.not_ready_because: str | None = "starting"
        self.last_turn_s = time.monotonic()
        self.figures = WorkerFigures(self, self._group, self._bus)

    async def run(self) -> None:
        """Restore, serve until a stop, drain. Raises FencedError where another instance took over."""
        try:
            if await open_unless_stopped(self._restore(), self._stop, self._link, self._beat):
                await self._group.open(self._wake.set)
                watches = (self._claims.run(), self._link.watch(self._bus.outbox.age_ms), self.disk.run())
                async with background(*watches):
                    await self._serve_and_drain()
            else:
                logger.info("stopped", process=self.name, note=not_started(self._kinds))
        except StateRefusedError as refused:
            await self._wait_for_repair(refused)
        except LogLostError as lost:
            raise await ended_by_disk(lost, *(each.adapter for each in self._group.runners)) from lost
        finally:
            await self._close()

    @property
    def _kinds(self) -> list[str]:
        return [definition.name for definition in self._group.definitions]

    @property
    def members(self) -> Sequence[MemberFigures]:
        """Its processes, as others see them."""
        return self.figures.members

    @property
    def source(self) -> InputSource:
        """Its inputs."""
        return self._source

    def _beat(self) -> None:
        self.last_turn_s = time.monotonic()

    def _on_broker_change(self, reason: str | None) -> None:
        if not self.is_started:
            self.not_ready_because = reason or "starting"

    def stop(self) -> None:
        """Request `run` to drain and return."""
        self._stop.set()

    async def _serve_and_drain(self) -> None:
        failure: EngineError | None = None
        try:
            await self._serve()
        except LogLostError:
            raise
        except (RefusedError, DependencyError) as error:  # open orders can still be cancelled
            failure = error
        drained, state = await self._drain(), self._files.directory
        ending = final_error(self._kinds, failure, drained, self._bus.outbox.size, state)
        if ending is not None:
            raise ending

    async def _restore(self) -> None:
        await self._link.wait_until_available()
        began_s = time.monotonic()
        self._files.check_newest()
        outputs = await self._claim()
        recovery = StateRecovery(
            self._config,
            self._shard,
            self._bus,
            self._group,
            self._turns,
            self._files,
            self.name,
            outputs,
        )
        hashes = {name: start.sources_hash for name, start in self._starts.items()}
        recovered = await recovery.run(hashes)
        self._source = recovered.source
        for runner in self._group.runners:
            self._saver.copies[runner.name].sequence = recovered.parts_sequences.get(runner.name, 0)
            self._starts[runner.name].check(runner.life.applied, str(self._files.directory))
        self._saver.begin(outputs, hashes)
        pass_point("after_rerun")
        self._begin(self._clock.now_ns, recovered)
        pass_point("after_session_begin")
        self._saver.save(self._source)
        await self._record_ends()
        self.is_started = True
        logger.info(
            "restored",
            process=self.name,
            epoch=max(self._bus.epochs.values()),
            session_began_ns=max(each.life.session_began_ns for each in self._group.runners),
            inputs_replayed=recovered.inputs,
            suppressed=self._turns.suppressed,
            seconds=round(time.monotonic() - began_s, 3),
        )

    async def _claim(self) -> dict[str, list[TopicPartition]]:
        """Become the one writer of each member's topics; returns their partitions by member."""
        now_ns = self._clock.now_ns
        outputs = {}
        for runner in self._group.runners:
            name = runner.name
            outputs[name] = self._shard.all_outputs(runner.definition.name, name)
            newest = self._files.newest_epoch(name)
            await claim_epoch(self._bus, name, instance_name(), now_ns, outputs[name], newest)
            await raise_barriers(self._bus, name, outputs[name], now_ns)
        return outputs

    async def _wait_for_repair(self, refused: StateRefusedError) -> None:
        """Stay alive and report the reason: a process that exits would be restarted in a loop."""
        logger.error("state_refused", process=self.name, because=str(refused))
        self.not_ready_because = str(refused)
        self.awaits_repair = True
        await wait_for_repair(self._files, self._stop, self._beat)

    def _serves(self, key: str) -> bool:
        return self._shard.owns(self._bus.partition_for("market.book", key).partition)

    def _begin(self, now_ns: int, recovered: RecoveredState) -> None:
        """Nothing is awaited here: all of it is in the first snapshot, or none of it is published."""
        log_gaps(self.name, recovered.source.missing)
        for runner in self._group.runners:
            beginning = Beginning(runner, self._starts[runner.name], self._store, self._serves)
            topics = [tp.topic for tp in self._shard.inputs(runner.definition.name)]
            is_exact = runner.name in recovered.exact
            self._group.enqueue(beginning.begin(now_ns, recovered.missing(topics), is_exact=is_exact))
        self._group.catch_up(recovered.missed)
        self._group.settle()
        self._group.write_traces(now_ns)
        self._turns.release()
        self._group.begin(now_ns)  # inject the current time first, so that stale data are recognised
        self._next_trace_ns = now_ns + self._config.process.trace_interval_ms * NS_PER_MS

    async def _record_ends(self) -> None:
        """Record the end offsets at the start: the process is ready once it has consumed up to them."""
        self._caught_up_at = await self._source.ends()

    async def _serve(self) -> None:
        while not self._stop.is_set():
            rest_s = self.last_turn_s + self._turn_interval_s - time.monotonic()
            if rest_s > 0:
                await asyncio.sleep(rest_s)
            records = await self._next_records()
            pass_point("after_poll")
            self.last_turn_s = time.monotonic()
            self._turn(records)
            self._check_health()
            self.figures.record_turn(time.monotonic() - self.last_turn_s)
            if not records:
                await asyncio.sleep(0)

    async def _next_records(self) -> list[Record]:
        wait_s = self._wait_s()
        if self._is_held() or not self._source.positions:
            await self._wake.sleep(wait_s)
            return []
        limit = self._config.process.poll_records_max
        if not self._group.has_network:
            return await self._source.poll(limit, wait_s)
        if self._polling is None:
            self._polling = asyncio.create_task(self._source.poll(limit, wait_s))
        await self._wake.until(self._polling)
        if not self._polling.done():
            return []
        records, self._polling = self._polling.result(), None
        return records

    def _wait_s(self) -> float:
        due_ns = self._group.due_ns()
        if due_ns is None:
            return IDLE_S
        return min(IDLE_S, max(0.001, (due_ns - self._clock.now_ns) / NS_PER_S))

    def _is_held(self) -> bool:
        """With an old unconfirmed record, or an unreadable one, reading stops."""
        if self._bus.outbox.age_ms() > self._config.process.outbox_age_ms_max:
            self.not_ready_because = self._link.reason or "the broker does not confirm published records"
            return True
        poison = next((item for item in self._source.poison if halts_on_poison(item)), None)
        if poison is not None:
            tp = poison.partition
            self.not_ready_because = f"{tp} offset {poison.offset} cannot be read: {poison.reason}"
            return True
        return False

    def _turn(self, records: list[Record]) -> None:
        now_ns = self._clock.now_ns
        self._group.tick(now_ns)
        self._dispatch_due(now_ns)
        for record in records:
            self._group.consume(record)
        self.figures.record_consumed(records, now_ns)
        self._end_turn(now_ns)

    def _dispatch_due(self, now_ns: int) -> None:
        """Consume external inputs that are due; those beyond the limits of a turn wait for the next: what is
        published is sent in between.
        """
        consumed = 0
        limit_s = time.monotonic() + DISPATCH_LIMIT_S
        while consumed < self._config.process.poll_records_max and time.monotonic() < limit_s:
            due_ns = self._group.adapter_due_ns()
            if due_ns is None or due_ns > now_ns:
                return
            for event in self._group.poll_due(now_ns):
                consumed += 1
                self.figures.record_input(event)
                self._external.append(event)

    def _end_turn(self, now_ns: int) -> None:
        self._group.settle()
        pass_point("after_core")
        runs = self._group.runs.drain()
        is_snapshot_due = self._saver.is_due(now_ns)  # a snapshot must not contain untraced inputs
        writes_trace = self._group.has_untraced and (is_snapshot_due or now_ns >= self._next_trace_ns)
        if runs or writes_trace:
            trace_ns = now_ns if writes_trace else None
            self._saver.journal.write(JournalTurn(runs, tuple(self._external), trace_ns))
            self._external.clear()
        pass_point("after_journal")
        self._let_adapters_act()
        if writes_trace:
            self._group.write_traces(now_ns)
            self._next_trace_ns = now_ns + self._config.process.trace_interval_ms * NS_PER_MS
        self.figures.record_outputs(self._turns.release(), self._clock.now_ns)
        pass_point("after_release")
        if self._saver.has_saved():
            pass_point("after_snapshot")
        if is_snapshot_due:
            self._saver.begin_saving(self._source)

    def _let_adapters_act(self) -> None:
        if self._group.wants_commit:
            with self.disk.stalls:
                self._saver.journal.sync()
            self._group.committed()

    def _check_health(self) -> None:
        """Update readiness, and check whether the process may continue."""
        outbox = self._bus.outbox
        failure = self._claims.failure or outbox.failure or self.disk.failure or self._clock.failure
        if failure is not None:
            raise failure
        if outbox.size > self._config.process.outbox_records_max:
            raise DependencyError(
                f"{outbox.size} records are unconfirmed: the process restarts from its journal"
            )
        if self._caught_up_at:
            positions = self._source.positions
            self._caught_up_at = {tp: end for tp, end in self._caught_up_at.items() if positions[tp] < end}
        if not self._is_held():
            self.not_ready_because = "catching up" if self._caught_up_at else None

    async def _drain(self) -> bool:
        """Shut down: cancel all orders while the rest of the engine continues. Returns True when none is
        left.
        """
        self.not_ready_because = "draining"
        self._group.end(self._clock.now_ns)
        self._end_turn(self._clock.now_ns)
        limit_s = time.monotonic() + DRAIN_LIMIT_S
        while not self._group.is_drained and time.monotonic() < limit_s:
            self._turn(await self._next_records())
        now_ns = self._clock.now_ns
        self._saver.journal.write(JournalTurn((), (), now_ns, is_last=True))
        self._group.write_traces(now_ns, is_last=True)
        self._turns.release()
        await self._bus.outbox.settle(DRAIN_LIMIT_S)
        await self._saver.settle()
        self._saver.save(self._source, last=True)
        await self._bus.outbox.settle(DRAIN_LIMIT_S)
        return self._group.is_drained

    async def _close(self) -> None:
        await self._group.close()
        if self._polling is not None:
            self._polling.cancel()
            await asyncio.gather(self._polling, return_exceptions=True)
        await wait_at_most(CLOSE_LIMIT_S, self._source.close())
        await wait_at_most(2 * CLOSE_LIMIT_S, self._bus.outbox.close())
        await self._saver.close()
        self._files.close()


def _files_of(group: ProcessGroup, config: Config, name: str) -> GroupFiles:
    folder, hours = Path(config.process.state_dir), config.kafka.replay_hours
    if len(group.names) == 1:
        return OwnFiles(folder, name, hours)
    return SharedFiles(folder, name, group.names, hours)
