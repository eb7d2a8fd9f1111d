"""One process on Kafka: `maker run PROCESS`.

A turn takes received inputs, passes them to the core, journals them, and only then publishes the core's
outputs. It never waits for the broker: when an unconfirmed record becomes too old the process stops reading,
so its inputs go stale and trading fails closed, while ticks and the venue continue.
"""

import asyncio
import time
from pathlib import Path

import structlog

from runtime.bus import Record, TopicPartition
from runtime.clock import MachineClock
from runtime.errors import DependencyError, EngineError, LogLostError, RefusedError, StateRefusedError
from runtime.kafka.broker import BrokerLink
from runtime.kafka.bus import KafkaBus
from runtime.kafka.client import CLOSE_LIMIT_S, wait_at_most
from runtime.observability.disk import DiskWatch
from runtime.observability.metrics import WorkerMetrics
from runtime.observability.process_figures import ProcessFigures
from runtime.process.carried_topic import CarriedTopic
from runtime.process.claim_watch import ClaimWatch
from runtime.process.crash_points import pass_point
from runtime.process.definition import AdapterContext, ProcessDefinition
from runtime.process.gaps import Resumption, log_gaps, loss_carried
from runtime.process.input_source import STATE_TOPIC, InputSource, Shard, halts_on_poison
from runtime.process.recovery import claim_epoch, raise_barriers
from runtime.process.runner import ProcessRunner
from runtime.process.session import Start, is_clock_back, sources_of
from runtime.process.shutdown import final_error, not_started
from runtime.process.startup import background, open_unless_stopped, wait_for_repair
from runtime.process.state_recovery import StateRecovery
from runtime.process.status import figures_of, instance_name
from runtime.process.turn import DRAIN_LIMIT_S, Turn
from runtime.process.turn_bus import TurnBus
from runtime.process.unrecorded_cancel import ended_by_disk
from runtime.process.wake import Wake
from runtime.state.appending import disk_must_take
from runtime.state.carried_file import CarriedState
from runtime.state.journal import Journal, JournalTurn
from runtime.state.snapshot import Snapshot, to_bytes
from runtime.state.standing import Standing
from runtime.state.state_files import StateFiles
from runtime.store.documents import StateStore
from schemas.config import Config
from schemas.message import Event
from schemas.units import NS_PER_MS, NS_PER_S

IDLE_S = 0.05
"""Longest wait for input, so that a stop or failure is noticed."""
CARRIED_INTERVAL_NS = 30 * NS_PER_S
"""Interval of carried states for different code; also written at each start and stop."""
CARRIED_SHARE = 400
"""Largest share of time spent on it, as turns wait for it."""

logger = structlog.get_logger()


class Worker:
    """Runs one process definition for one shard."""

    def __init__(
        self, definition: ProcessDefinition, config: Config, store: StateStore, shard: int | None
    ) -> None:
        self._definition = definition
        self._config, self._clock = config, MachineClock()
        self._store = store
        self._start = Start(config, sources_of((definition,)))
        self.name = definition.name if shard is None else f"{definition.name}.{shard}"
        self._shard = Shard(
            config.kafka.partitions, config.process.shards if shard is not None else 1, shard or 0
        )
        self._link = BrokerLink(config.kafka, definition.name, self._on_broker_change)
        self._bus = KafkaBus(config.kafka, wait_for_broker=self._link.wait_until_available)
        self._turns = TurnBus(self._bus)
        self._files = StateFiles(Path(config.process.state_dir) / self.name, config.kafka.replay_hours)
        self._runner = ProcessRunner(
            definition, config, self._turns, config.engine.digest_interval_inputs, self.name
        )
        self._process = Turn(self._runner)
        self._source = InputSource(self._bus, self._shard, Resumption({}, {}))
        self._copies = CarriedTopic(self.name)
        self._journal: Journal
        self._external: list[Event] = []
        on_path_ms, other_ms = config.process.turn_interval_ms, config.process.side_turn_interval_ms
        self._turn_interval_s = (on_path_ms if definition.is_on_path else other_ms) / 1e3
        self._next_trace_ns = self._next_snapshot_ns = self._next_carried_ns = 0
        self._caught_up_at: dict[TopicPartition, int] = {}
        self._stop = asyncio.Event()
        self._wake = Wake()
        self._polling: asyncio.Task[list[Record]] | None = None
        self._claims = ClaimWatch(self._bus, self.name)
        self.metrics = WorkerMetrics(self.name)
        self.disk = DiskWatch(self._files.directory, config.engine)
        self.is_started = False
        """Whether the state is restored."""
        self.awaits_repair = False
        """Whether the state is refused, so that the process is idle until an operator repairs it."""
        self.not_ready_because: str | None = "starting"
        self.last_turn_s = time.monotonic()

    async def run(self) -> None:
        """Restore, serve until a stop, drain. Raises FencedError where another instance took over."""
        try:
            if await open_unless_stopped(self._restore(), self._stop, self._link, self._beat):
                await self._process.open(self._wake.set)
                watches = (self._claims.run(), self._link.watch(self._bus.outbox.age_ms), self.disk.run())
                async with background(*watches):
                    await self._serve_and_drain()
            else:
                logger.info("stopped", process=self.name, note=not_started(self._definition.name))
        except StateRefusedError as refused:
            await self._wait_for_repair(refused)
        except LogLostError as lost:
            raise await ended_by_disk(lost, self._runner.adapter) from lost
        finally:
            await self._close()

    def _beat(self) -> None:
        self.last_turn_s = time.monotonic()

    def _on_broker_change(self, reason: str | None) -> None:
        if not self.is_started:
            self.not_ready_because = reason or "starting"

    @property
    def epoch(self) -> int:
        """The claimed epoch; 0: none yet."""
        return self._bus.epoch

    def figures(self) -> ProcessFigures:
        """Current figures, for monitoring."""
        return figures_of(self, self._runner, self._source, self._bus.outbox)

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
        ending = final_error(self._definition.name, failure, drained, self._bus.outbox.size, state)
        if ending is not None:
            raise ending

    async def _restore(self) -> None:
        await self._link.wait_until_available()
        began_s = time.monotonic()
        now_ns = self._clock.now_ns
        outputs, above = self._shard.all_outputs(self._definition.name, self.name), self._files.newest_epoch
        epoch = await claim_epoch(self._bus, self.name, instance_name(), now_ns, outputs, above)
        await raise_barriers(self._bus, self.name, outputs, now_ns)
        recovery = StateRecovery(
            self._config,
            self._definition,
            self._shard,
            self._bus,
            self._runner,
            self._turns,
            self._files,
            outputs,
        )
        recovered = await recovery.run(self._start.sources_hash)
        self._source, self._copies.sequence = recovered.source, recovered.parts_sequence
        self._start.check(self._runner.life.applied, str(self._files.directory))
        pass_point("after_rerun")
        self._begin(self._clock.now_ns, is_exact=recovered.is_exact)
        pass_point("after_session_begin")
        self._roll(epoch)
        await self._record_ends()
        self.is_started = True
        logger.info(
            "restored",
            process=self.name,
            epoch=epoch,
            session_began_ns=self._runner.life.session_began_ns,
            inputs_replayed=recovered.inputs,
            suppressed=self._turns.suppressed,
            seconds=round(time.monotonic() - began_s, 3),
        )

    async def _wait_for_repair(self, refused: StateRefusedError) -> None:
        """Stay alive and report the reason: a process that exits would be restarted in a loop."""
        logger.error("state_refused", process=self.name, because=str(refused))
        self.not_ready_because = str(refused)
        self.awaits_repair = True
        await wait_for_repair(self._files, self._stop, self._beat)

    def _attach_adapter(self, config: Config) -> None:
        if self._definition.make_adapter is not None:
            context = AdapterContext(config, self._runner.core, self._store, self._clock.now_ns, self._serves)
            self._runner.adapter = self._definition.make_adapter(context)

    def _serves(self, key: str) -> bool:
        return self._shard.owns(self._bus.partition_for("market.book", key).partition)

    def _begin(self, now_ns: int, *, is_exact: bool) -> None:
        runner = self._runner
        runner.write_trace(now_ns)
        newest = runner.life.applied
        carried: tuple[Event, ...] = ()
        log_gaps(self.name, self._source.missing)
        loss = loss_carried(self._definition.name, self.name, self._source.missing, now_ns)
        can_resume = is_exact and not loss and not is_clock_back(self._runner.life, now_ns)
        if can_resume and newest is not None and self._start.resumes(newest):
            applied = self._start.resumed(newest, now_ns)
        else:
            applied = self._start.begun(now_ns, runner.life.live_settings)
            carried = () if newest is None else runner.life.carried(now_ns)
            runner.adapter = None
        runner.begin(applied.model_copy(update={"process": self.name}))
        if runner.adapter is None:
            self._attach_adapter(applied.config)
        runner.adopt((*carried, *loss))
        runner.write_trace(now_ns)
        self._turns.release()
        self._process.begin(now_ns)  # inject the current time first, so that stale data are recognised
        self._next_trace_ns = now_ns + self._config.process.trace_interval_ms * NS_PER_MS

    def _roll(self, epoch: int, *, last: bool = False) -> None:
        now_ns = self._clock.now_ns
        runner = self._runner
        standing = Standing(
            runner.inputs,
            *runner.sequences,
            positions=dict(self._source.positions),
            newest=dict(self._source.newest),
            end_offsets=self._bus.outbox.end_offsets(),
            unconfirmed=self._bus.outbox.unconfirmed(),
            parts_sequence=self._copies.sequence,
        )
        adapter = runner.adapter if self._definition.restores_adapter(self._config) else None
        snapshot = Snapshot(self._start.sources_hash, standing, runner.life.state(), adapter)
        carried = None
        if last or now_ns >= self._next_carried_ns:
            carried = CarriedState(runner.life.in_force(), standing, runner.life.carried(now_ns)).to_bytes()
            took_ns = self._clock.now_ns - now_ns
            self._next_carried_ns = now_ns + max(CARRIED_INTERVAL_NS, CARRIED_SHARE * took_ns)
        with disk_must_take(self._files.directory):
            self._journal = self._files.roll(epoch, runner.life.session_began_ns, to_bytes(snapshot), carried)
        if carried is not None and (last or self._copies.is_due(now_ns)):
            for envelope, part in self._copies.messages(carried, now_ns):
                self._bus.publish(STATE_TOPIC, envelope, part)
        self._next_snapshot_ns = now_ns + int(self._config.process.snapshot_interval_s * NS_PER_S)

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
            self.metrics.turns.observe(time.monotonic() - self.last_turn_s)
            if not records:
                await asyncio.sleep(0)

    async def _next_records(self) -> list[Record]:
        wait_s = self._wait_s()
        if self._is_held() or not self._source.positions:
            await self._wake.sleep(wait_s)
            return []
        limit = self._config.process.poll_records_max
        if self._process.network is None:
            return await self._source.poll(limit, wait_s)
        if self._polling is None:
            self._polling = asyncio.create_task(self._source.poll(limit, wait_s))
        await self._wake.until(self._polling)
        if not self._polling.done():
            return []
        records, self._polling = self._polling.result(), None
        return records

    def _wait_s(self) -> float:
        due_ns = self._process.due_ns()
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
        next_tick_ns = self._process.next_tick_ns
        if next_tick_ns is not None and now_ns >= next_tick_ns:
            self._process.tick(now_ns)
        self._dispatch_due(now_ns)
        for record in records:
            self._runner.consume(record)
        self.metrics.record_consumed(records, now_ns)
        self._end_turn(now_ns)

    def _dispatch_due(self, now_ns: int) -> None:
        """Consume external inputs that are due; those beyond the limit of a turn wait for the next."""
        consumed = 0
        while consumed < self._config.process.poll_records_max:
            due_ns = self._process.adapter_due_ns()
            if due_ns is None or due_ns > now_ns:
                return
            for event, _ in self._process.poll_due(now_ns):
                consumed += 1
                self.metrics.record_input(event)
                self._external.append(event)

    def _end_turn(self, now_ns: int) -> None:
        pass_point("after_core")
        runs = self._runner.runs.mark()
        is_snapshot_due = now_ns >= self._next_snapshot_ns  # a snapshot must not contain untraced inputs
        writes_trace = bool(self._runner.runs) and (is_snapshot_due or now_ns >= self._next_trace_ns)
        if runs or writes_trace:
            self._journal.write(JournalTurn(runs, tuple(self._external), now_ns if writes_trace else None))
            self._external.clear()
        pass_point("after_journal")
        self._let_adapter_act()
        if writes_trace:
            self._runner.write_trace(now_ns)
            self._next_trace_ns = now_ns + self._config.process.trace_interval_ms * NS_PER_MS
        self.metrics.record_outputs(self._turns.release(), self._clock.now_ns)
        pass_point("after_release")
        if is_snapshot_due:
            self._roll(self._bus.epoch)
            pass_point("after_snapshot")

    def _let_adapter_act(self) -> None:
        if self._process.wants_commit:
            with self.disk.stalls:
                self._journal.sync()
            self._process.committed()

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
        self._process.end(self._clock.now_ns)
        self._end_turn(self._clock.now_ns)
        limit_s = time.monotonic() + DRAIN_LIMIT_S
        while not self._process.is_drained and time.monotonic() < limit_s:
            self._turn(await self._next_records())
        now_ns = self._clock.now_ns
        self._journal.write(JournalTurn((), (), now_ns, is_last=True))
        self._runner.write_trace(now_ns, final=True)
        self._turns.release()
        await self._bus.outbox.settle(DRAIN_LIMIT_S)
        self._roll(self._bus.epoch, last=True)
        await self._bus.outbox.settle(DRAIN_LIMIT_S)
        return self._process.is_drained

    async def _close(self) -> None:
        self._process.close_adapter()
        await self._process.close()
        if self._polling is not None:
            self._polling.cancel()
            await asyncio.gather(self._polling, return_exceptions=True)
        await wait_at_most(CLOSE_LIMIT_S, self._source.close())
        await wait_at_most(2 * CLOSE_LIMIT_S, self._bus.outbox.close())
        self._files.close()
