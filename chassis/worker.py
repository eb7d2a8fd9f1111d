"""One process on Kafka: `maker run PROCESS`.

A turn takes what has come, hands it to the core, writes what was consumed to the journal, and only then lets
out what the core said. The broker is never waited for: with an unconfirmed record that grows old the process
reads no more, so its inputs go stale and trading fails closed, while ticks and the venue go on.
"""

import asyncio
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import structlog

from chassis.bus.base import Record, TopicPartition
from chassis.bus.kafka.bus import KafkaBus
from chassis.bus.kafka.reader import KafkaReader
from chassis.crash_points import pass_point
from chassis.errors import DependencyError, EngineError, FencedError, OffsetOutOfRangeError
from chassis.input_source import InputSource, Shard, halts_on_poison
from chassis.journal import Journal, JournalTurn
from chassis.metrics import WorkerMetrics
from chassis.process import AdapterContext, NetworkAdapter, ProcessDefinition
from chassis.recovery import (
    EPOCH_TOPIC,
    TRACE_TOPIC,
    Rerun,
    Tail,
    check_not_lost,
    claim_epoch,
    highest_sequences,
    raise_barriers,
    read_tail,
    say_unconfirmed,
)
from chassis.settings import code_version, config_hash
from chassis.shell import ADAPTER_SUFFIX, TRACE_SUFFIX, ProcessShell
from chassis.snapshot import Snapshot, check_config, to_bytes
from chassis.state_files import StateFiles
from chassis.store import StateStore
from chassis.turn_bus import TurnBus
from chassis.wake import Wake
from schemas.config import Config
from schemas.message import Event
from schemas.process import ConfigApplied, EpochClaim, Shutdown, Tick
from schemas.units import NS_PER_MS, NS_PER_S

IDLE_S = 0.05
"""Longest wait for input, so that a stop or a failure is noticed."""
DRAIN_LIMIT_S = 30

logger = structlog.get_logger()


class Worker:
    """Runs one process definition for one shard."""

    def __init__(
        self, definition: ProcessDefinition, config: Config, store: StateStore, shard: int | None
    ) -> None:
        self._definition = definition
        self._config = config
        self._store = store
        self.name = definition.name if shard is None else f"{definition.name}.{shard}"
        self._shard = Shard(
            config.kafka.partitions, config.process.shards if shard is not None else 1, shard or 0
        )
        self._bus = KafkaBus(config.kafka)
        self._turns = TurnBus(self._bus)
        self._files = StateFiles(Path(config.process.state_dir) / self.name)
        self._shell = ProcessShell(
            definition, config, self._turns, config.engine.digest_interval_inputs, self.name
        )
        self._source = InputSource(self._bus, self._shard, {}, {})
        self._journal: Journal
        self._external: list[Event] = []
        process = config.process
        interval_ms = process.turn_interval_ms if definition.is_on_path else process.side_turn_interval_ms
        self._turn_interval_s = interval_ms / 1e3
        self._next_tick_ns: int | None = None
        self._next_trace_ns = 0
        self._next_snapshot_ns = 0
        self._caught_up_at: dict[TopicPartition, int] = {}
        self._stop = asyncio.Event()
        self._wake = Wake()
        self._taking: asyncio.Task[list[Record]] | None = None
        self._network: NetworkAdapter | None = None
        self._failure: Exception | None = None
        self.metrics = WorkerMetrics(self.name)
        self.is_started = False
        """State is restored."""
        self.not_ready_because: str | None = "starting"
        self.last_turn_s = time.monotonic()

    async def run(self) -> None:
        """Restore, serve until a stop, drain. Raises FencedError where another instance took over."""
        try:
            await self._restore()
            await self._open_adapter()
            watch = asyncio.create_task(self._watch_claims())
            try:
                await self._serve()
                await self._drain()
            finally:
                watch.cancel()
        finally:
            await self._close()

    @property
    def epoch(self) -> int:
        """What this process has claimed; 0: nothing yet."""
        return self._bus.epoch

    def stop(self) -> None:
        """Ask `run` to drain and end."""
        self._stop.set()

    async def _restore(self) -> None:
        began_s = time.monotonic()
        now_ns = time.time_ns()
        epoch = await claim_epoch(self._bus, self.name, f"{os.uname().nodename}-{os.getpid()}", now_ns)
        outputs = [*self._shard.outputs(self._definition.name), self._bus.place_of(TRACE_TOPIC, self.name)]
        await raise_barriers(self._bus, self.name, outputs, now_ns)
        snapshot, journal = self._files.load()
        starts = dict.fromkeys(outputs, 0) | ({} if snapshot is None else snapshot.end_offsets)
        tail = await read_tail(self._bus, self.name, starts)
        rerun = await self._feed_again(snapshot, journal, tail)
        self._begin(time.time_ns())
        self._roll(epoch)
        await self._note_ends()
        self.is_started = True
        logger.info(
            "restored",
            process=self.name,
            epoch=epoch,
            inputs_fed_again=rerun,
            suppressed=self._turns.suppressed,
            seconds=round(time.monotonic() - began_s, 3),
        )

    async def _feed_again(self, snapshot: Snapshot | None, journal: Iterable[JournalTurn], tail: Tail) -> int:
        positions = dict.fromkeys(self._shard.places(self._definition.name), 0)
        self._turns.said = tail.said
        if snapshot is None:
            check_not_lost(tail, self.name, str(self._files.directory))
            self._source = InputSource(self._bus, self._shard, positions, {})
            self._attach_adapter()
            return 0
        check_config(snapshot, config_hash(self._config), self._files.directory)
        self._shell.restore(snapshot.core)
        self._shell.continue_from(
            snapshot.sequence, snapshot.trace_sequence, snapshot.adapter_sequence, snapshot.inputs
        )
        if self._definition.restores_adapter(self._config):
            self._shell.adapter = snapshot.adapter
        self._source = InputSource(self._bus, self._shard, positions | snapshot.positions, snapshot.newest)
        say_unconfirmed(self._bus, snapshot.unconfirmed, tail.said)
        rerun = Rerun(self._shell, self._turns, self._source)
        await rerun.run(journal)
        self._turns.said = frozenset()
        highest = highest_sequences(self.name, tail.said)
        self._shell.skip_to(
            highest.get(self.name, 0),
            highest.get(self.name + TRACE_SUFFIX, 0),
            highest.get(self.name + ADAPTER_SUFFIX, 0),
        )
        if not self._definition.restores_adapter(self._config):
            self._attach_adapter()
        return rerun.inputs

    def _attach_adapter(self) -> None:
        if self._definition.make_adapter is not None:
            context = AdapterContext(
                self._config, self._shell.core, self._store, time.time_ns(), self._serves
            )
            self._shell.adapter = self._definition.make_adapter(context)

    async def _open_adapter(self) -> None:
        if isinstance(self._shell.adapter, NetworkAdapter):
            self._network = self._shell.adapter
            await self._network.open(self._wake.set)

    def _serves(self, key: str) -> bool:
        return self._shard.owns(self._bus.place_of("market.book", key).partition)

    def _begin(self, now_ns: int) -> None:
        self._shell.write_trace(now_ns)
        applied = ConfigApplied(
            event_time_ns=now_ns,
            process=self.name,
            code_version=code_version(),
            config_hash=config_hash(self._config),
            config=self._config,
        )
        self._shell.begin(applied)
        self._turns.release()
        if self._shell.tick_interval_ns is not None:
            self._next_tick_ns = now_ns  # the present time comes first: what is old is seen to be old
        self._next_trace_ns = now_ns + self._config.process.trace_interval_ms * NS_PER_MS

    def _roll(self, epoch: int) -> None:
        shell = self._shell
        sequence, trace_sequence, adapter_sequence = shell.sequences
        snapshot = Snapshot(
            process=self.name,
            code_version=code_version(),
            config_hash=config_hash(self._config),
            inputs=shell.inputs,
            sequence=sequence,
            trace_sequence=trace_sequence,
            adapter_sequence=adapter_sequence,
            positions=dict(self._source.positions),
            newest=dict(self._source.newest),
            end_offsets=self._bus.outbox.end_offsets(),
            unconfirmed=self._bus.outbox.unconfirmed(),
            core=shell.core,
            adapter=shell.adapter if self._definition.restores_adapter(self._config) else None,
        )
        self._journal = self._files.roll(epoch, to_bytes(snapshot))
        self._next_snapshot_ns = time.time_ns() + int(self._config.process.snapshot_interval_s * NS_PER_S)

    async def _note_ends(self) -> None:
        """Ready is who has consumed what was there when it started."""
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
            self._judge()
            if not records:
                await asyncio.sleep(0)

    async def _next_records(self) -> list[Record]:
        wait_s = self._wait_s()
        if self._is_held() or not self._source.positions:
            await self._wake.sleep(wait_s)
            return []
        limit = self._config.process.poll_records_max
        if self._network is None:
            return await self._source.take(limit, wait_s)
        if self._taking is None:
            self._taking = asyncio.create_task(self._source.take(limit, wait_s))
        await self._wake.until(self._taking)
        if not self._taking.done():
            return []
        taken, self._taking = self._taking.result(), None
        return taken

    def _wait_s(self) -> float:
        due_ns = time.time_ns() + NS_PER_S if self._next_tick_ns is None else self._next_tick_ns
        if self._shell.adapter is not None:
            adapter_due_ns = self._shell.adapter.next_due_ns()
            due_ns = due_ns if adapter_due_ns is None else min(due_ns, adapter_due_ns)
        return min(IDLE_S, max(0.001, (due_ns - time.time_ns()) / NS_PER_S))

    def _is_held(self) -> bool:
        """With an old unconfirmed record, or one that nobody can read, nothing more is read."""
        if self._bus.outbox.age_ms() > self._config.process.outbox_age_ms_max:
            self.not_ready_because = "the broker does not confirm what is published"
            return True
        poison = next((item for item in self._source.poison if halts_on_poison(item)), None)
        if poison is not None:
            place = poison.partition
            self.not_ready_because = f"{place} offset {poison.offset} cannot be read: {poison.reason}"
            return True
        return False

    def _turn(self, records: list[Record]) -> None:
        shell = self._shell
        now_ns = time.time_ns()
        interval_ns = shell.tick_interval_ns
        if interval_ns is not None and self._next_tick_ns is not None and now_ns >= self._next_tick_ns:
            shell.inject(Tick(event_time_ns=now_ns))
            self._next_tick_ns = now_ns + interval_ns
        for event in self._due(now_ns):
            self._external.append(event)
            shell.consume(shell.journal(event))
        for record in records:
            shell.consume(record)
        self.metrics.saw(records, now_ns)
        self._end_turn(now_ns)

    def _due(self, now_ns: int) -> Iterator[Event]:
        """External inputs up to now; more than one turn may take wait for the next."""
        adapter = self._shell.adapter
        taken = 0
        while adapter is not None and taken < self._config.process.poll_records_max:
            due_ns = adapter.next_due_ns()
            if due_ns is None or due_ns > now_ns:
                return
            for event in adapter.take_due(now_ns):
                taken += 1
                yield event

    def _end_turn(self, now_ns: int) -> None:
        pass_point("after_core")
        runs = self._shell.runs.mark()
        is_snapshot_due = now_ns >= self._next_snapshot_ns  # which holds no untraced inputs
        writes_trace = bool(self._shell.runs) and (is_snapshot_due or now_ns >= self._next_trace_ns)
        if runs or writes_trace:
            self._journal.write(JournalTurn(runs, tuple(self._external), now_ns if writes_trace else None))
            self._external.clear()
        pass_point("after_journal")
        self._let_adapter_act()
        if writes_trace:
            self._shell.write_trace(now_ns)
            self._next_trace_ns = now_ns + self._config.process.trace_interval_ms * NS_PER_MS
        self.metrics.said(self._turns.release(), time.time_ns())
        pass_point("after_release")
        if is_snapshot_due:
            self._roll(self._bus.epoch)
            pass_point("after_snapshot")

    def _let_adapter_act(self) -> None:
        if self._network is not None and self._network.wants_commit:
            self._journal.sync()
            self._network.committed()

    def _judge(self) -> None:
        """Is the process ready, and may it go on at all?"""
        outbox = self._bus.outbox
        failure = self._failure or outbox.failure
        if failure is not None:
            raise failure
        if outbox.size > self._config.process.outbox_records_max:
            raise DependencyError(
                f"{outbox.size} records are unconfirmed: the process goes on from its journal"
            )
        if self._caught_up_at:
            positions = self._source.positions
            self._caught_up_at = {
                place: end for place, end in self._caught_up_at.items() if positions[place] < end
            }
        if not self._is_held():
            self.not_ready_because = "catching up" if self._caught_up_at else None

    async def _watch_claims(self) -> None:
        """End when another instance has claimed this process's topics."""
        place = self._bus.place_of(EPOCH_TOPIC, self.name)
        reader = self._bus.reader({place: self._bus.epoch})
        try:
            while True:
                for record in await self._claims(reader):
                    if isinstance(record.message, EpochClaim) and record.message.process == self.name:
                        self._failure = FencedError(
                            f"{self.name} was taken over by {record.message.instance}: this instance ends"
                        )
        finally:
            await reader.close()

    async def _claims(self, reader: KafkaReader) -> Sequence[Record]:
        """The next claims; none while no broker answers: nobody can claim anything there either."""
        try:
            return await reader.poll(1000, 1.0)
        except OffsetOutOfRangeError as error:
            self._failure = error
        except DependencyError:
            logger.warning("no_broker", process=self.name)
        await asyncio.sleep(1.0)
        return ()

    async def _drain(self) -> None:
        """The end has come: whoever has orders cancels them, while the rest of the engine goes on."""
        self.not_ready_because = "draining"
        self._shell.inject(Shutdown(event_time_ns=time.time_ns()))
        self._end_turn(time.time_ns())
        limit_s = time.monotonic() + DRAIN_LIMIT_S
        while not self._definition.drained(self._shell.core) and time.monotonic() < limit_s:
            self._turn(await self._next_records())
        self._shell.write_trace(time.time_ns(), final=True)
        self._turns.release()
        async with asyncio.timeout(DRAIN_LIMIT_S):
            await self._bus.flush()
        self._roll(self._bus.epoch)
        if not self._definition.drained(self._shell.core):
            raise EngineError("orders of ours may be left at the venue: look there, and cancel them by hand")

    async def _close(self) -> None:
        if self._shell.adapter is not None:
            self._shell.adapter.close()
        if self._network is not None:
            await self._network.aclose()
        if self._taking is not None:
            self._taking.cancel()
            await asyncio.gather(self._taking, return_exceptions=True)
        await self._source.close()
        await self._bus.outbox.close()
        self._files.close()
