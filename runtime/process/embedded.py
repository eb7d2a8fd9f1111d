"""All processes in one event loop, on one bus, in one deterministic order: `maker up`.

The loop always handles the earliest due item next: a feed event, a venue report, a tick. The resulting
messages are delivered to their readers, first in, first out, until there are none left. The order of events
thus depends only on the inputs, not on the speed of the machine.
"""

import asyncio
import heapq
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from time import perf_counter_ns

from runtime.bus import LocalBus, Record
from runtime.clock import EngineClock
from runtime.config.signatures import Signer
from runtime.errors import ConfigError, EngineError, LogLostError
from runtime.observability.metrics import LatencyRecorder
from runtime.process.definition import Adapter, MeasuresLag
from runtime.process.runner import ProcessRunner
from runtime.process.turn import DRAIN_LIMIT_NS, Turn
from runtime.process.unrecorded_cancel import (
    CANCEL_LIMIT_S,
    UNTRADED_CANCEL_LIMIT_S,
    ended_by_disk,
    ended_undrained,
)
from runtime.process.wake import Wake
from schemas.control import ControlEvent
from schemas.envelope import Envelope
from schemas.market import FeedBook, FeedRefused, FeedTrade, Instrument
from schemas.orders import INTENT_KINDS, KillReport, OrderEvent
from schemas.topics import GATEWAY, MONITOR, TOPIC_OF, TOPICS
from schemas.units import NS_PER_MS, NS_PER_S

COMMIT_INTERVAL_NS = 25 * NS_PER_MS
"""Real time: published records are committed to the log at least this often, and at once where an adapter
waits for it or a command was received. Each commit has a trace of every process: more often would flood the
log."""
_LOG_WAIT_S = 0.05
TURNS_PER_PAUSE = 256
"""Turns of the loop before it yields to other tasks and commits in simulated time."""
_MARKET_EVENTS = frozenset((FeedBook, FeedTrade, FeedRefused))
_TICK_PHASE_NS = 17 * NS_PER_MS
"""Offset between the ticks of different processes: each tick is work for every symbol."""
LATE_NS = 50 * NS_PER_MS
"""A feed that does not wait for the engine is late beyond this age of its oldest event."""
SILENCE_NS = 120 * NS_PER_S
"""Simulated time: with no order left and the feed quiet this long, time jumps to its next event."""
_NEVER = 1 << 63

Fire = Callable[[int], None]


class EmbeddedLoop:
    """Drives process runners until the feed ends, a given time, or a stop request."""

    def __init__(
        self,
        runners: Sequence[ProcessRunner],
        bus: LocalBus,
        clock: EngineClock,
        signer: Signer | None = None,
        stalls: AbstractContextManager[None] | None = None,
    ) -> None:
        """`stalls` measures disk stalls."""
        self._stalls = stalls or nullcontext()
        self.order_latency = LatencyRecorder()
        """Seconds from a feed event's time to each order intent that it led to."""
        self.denials: Counter[str] = Counter()
        """Failed checks of the order gate, by reason."""
        self.market_events = 0
        self.keys: dict[str, None] = {}
        """Every announced `venue:symbol`."""
        self.on_kill: Callable[[KillReport], None] = lambda report: None
        """Receives the progress of mass cancels."""
        self.on_commit: Callable[[], None] = lambda: None
        """Called when everything so far is in the log and nothing is pending."""
        self.is_log_behind: Callable[[], bool] = lambda: False
        """At speed max the loop waits while it is: the log would grow faster than it can be compressed."""
        self.cancelled = 0
        """Orders that the venue confirmed as cancelled."""
        self._clock = clock
        self._is_simulated = clock.is_simulated
        self._runners = tuple(runners)
        self._processes = tuple(Turn(runner) for runner in runners)
        self._bus = bus
        self._queue: deque[Record] = deque()
        self._readers = {
            topic.name: tuple(runner for runner in runners if runner.name in topic.readers)
            for topic in TOPICS
            if not topic.own_input
        }
        self._adapters: list[tuple[Turn, Fire]] = []
        self._ticks: list[tuple[int, int]] = []
        """(due time, process)."""
        self._commands: deque[ControlEvent] = deque()
        self._signer = signer
        self._command_sequence = 0
        self._wake = Wake()
        self._acting: list[Turn] = []
        """Processes whose adapter acts after a commit."""
        self._stopping = False
        self._committed_at_ns = perf_counter_ns()
        self._turns = 0
        self._turn_began_ns = 0
        self._turn_is_feed = False
        self._now_ns = 0
        self._fed_ns = 0
        """Engine time of the newest feed event."""
        self._in_real_time: Turn | None = None
        """The process whose feed does not wait for the engine."""
        self._late_since_ns: int | None = None
        """Engine time at which the feed was found late; None: it is not."""

    @property
    def now_ns(self) -> int:
        """Engine time of the latest item handled."""
        return self._now_ns

    def continue_commands_from(self, sequence: int) -> None:
        """Continue the command numbering of the log."""
        self._command_sequence = sequence

    def deliver_first(self, records: Iterable[Record]) -> None:
        """Deliver the records from the start of the processes before anything else."""
        self._queue.extend(records)

    def send_control(self, command: ControlEvent) -> None:
        """Publish a control message at the next turn of the loop."""
        self._commands.append(command)
        self._wake.set()

    def stop(self) -> None:
        """Ask `run` to return after the current turn."""
        self._stopping = True
        self._wake.set()

    async def open(self) -> None:
        """Open the adapters. Raises RefusedError where a venue does not allow this account to trade."""
        self._begin()
        for process in self._processes:
            await process.open(self._wake.set)

    async def run(self, until_ns: int | None = None) -> None:
        """Run until the feed ends, `until_ns` is reached, or `stop` is called."""
        feed = self._feed()
        while not self._stopping and (feed_due_ns := feed.next_due_ns()) is not None:
            due_ns, fire = self._next()
            if due_ns > (until_ns or _NEVER - 1):
                break
            if due_ns - self._fed_ns > SILENCE_NS and self._can_skip_silence():
                self._skip_to(min(feed_due_ns, until_ns or feed_due_ns))
                continue
            if self._is_simulated and self._turns % TURNS_PER_PAUSE and not self._commands:
                self._turns += 1  # as _reach does, without the cost of an await
                self._clock.jump_to(due_ns)
                self._turn(due_ns, fire)
            elif await self._reach(due_ns):
                self._turn(due_ns, fire)
        self._commit()

    def _feed(self) -> Adapter:
        feed = next((runner.adapter for runner in self._runners if runner.name == MONITOR), None)
        if feed is None:
            raise ConfigError(f"{MONITOR} is not installed, so there would be no events; run `make setup`")
        return feed

    def _can_skip_silence(self) -> bool:
        return self._is_simulated and self._is_drained()

    def _skip_to(self, time_ns: int) -> None:
        """Skip the ticks of a gap: between two recordings there is nothing to decide."""
        self._fed_ns = time_ns
        self._ticks = [(time_ns + index * _TICK_PHASE_NS, index) for _, index in self._ticks]
        heapq.heapify(self._ticks)

    async def drain(self, limit_ns: int = DRAIN_LIMIT_NS) -> bool:
        """Shut down every process; True when none of our orders is left at the venue within that time."""
        self._stopping = False
        limit_ns += self._now_ns
        for process in self._processes:
            self._queue.extend(process.end(self._now_ns))
            self._deliver()
        self._let_adapters_act()
        while not self._is_drained() and self._now_ns < limit_ns and not self._stopping:
            due_ns, fire = self._next(without_feed=True)
            if await self._reach(due_ns):
                self._turn(due_ns, fire)
        return self._is_drained()

    def finish(self) -> None:
        """Write the final traces, with state digests, and sync them to disk."""
        for process in self._processes:
            process.runner.write_trace(self._now_ns, final=True)
        self._bus.commit()
        self._bus.sync()

    async def end_without_log(self, lost: LogLostError) -> EngineError:
        """Cancel all orders although nothing can be recorded; returns the error to end with."""
        return await ended_by_disk(lost, *(process.runner.adapter for process in self._processes))

    async def end_undrained(self, failure: EngineError) -> EngineError:
        """Cancel all orders where `drain` could not; returns the error to end with.

        Without market data nothing of this run is open, and the operator waits for the error.
        """
        limit_s = CANCEL_LIMIT_S if self.market_events else UNTRADED_CANCEL_LIMIT_S
        adapters = (process.runner.adapter for process in self._processes)
        return await ended_undrained(failure, limit_s, *adapters)

    async def close(self) -> None:
        """Close the adapters and their background tasks."""
        for process in self._processes:
            process.close_adapter()
            await process.close()

    def _is_drained(self) -> bool:
        return all(process.is_drained for process in self._processes)

    def _begin(self) -> None:
        self._now_ns = self._fed_ns = self._clock.now_ns
        for index, process in enumerate(self._processes):
            if process.runner.adapter is not None:
                self._adapters.append((process, self._fire_of(process)))
                if isinstance(process.runner.adapter, MeasuresLag) and not self._is_simulated:
                    self._in_real_time = process
            if process.network is not None:
                self._acting.append(process)
            if process.interval_ns is not None:
                process.begin(self._now_ns + process.interval_ns + index * _TICK_PHASE_NS)
                heapq.heappush(self._ticks, (process.next_tick_ns or 0, index))
        self._deliver()

    def _fire_of(self, process: Turn) -> Fire:
        is_feed = process.runner.name == MONITOR

        def fire(now_ns: int) -> None:
            self._turn_is_feed = is_feed
            if is_feed:
                self._fed_ns, self._late_since_ns = now_ns, None
            for record, records in process.poll_due(now_ns):
                self._queue.extend(records)
                self._deliver()
                self.market_events += is_feed and type(record.message) in _MARKET_EVENTS

        return fire

    def _next(self, *, without_feed: bool = False) -> tuple[int, Fire]:
        """The earliest due item; at equal times ticks come first, then adapters in runner order."""
        best_ns = self._ticks[0][0] if self._ticks else _NEVER
        best: Fire = self._tick
        for process, fire in self._adapters[without_feed:]:
            due_ns = process.adapter_due_ns()
            if due_ns is not None and process is self._in_real_time:
                due_ns = self._due_in_real_time(due_ns)
            if due_ns is not None and due_ns < best_ns:
                best_ns, best = due_ns, fire
        return best_ns, best

    def _due_in_real_time(self, due_ns: int) -> int:
        """A feed that is late is due now: ticks, and so the heartbeat, do not wait for what it has queued."""
        if self._late_since_ns is None:
            now_ns = self._clock.now_ns
            if now_ns - due_ns <= LATE_NS:
                return due_ns
            self._late_since_ns = now_ns
        return self._late_since_ns

    def _tick(self, due_ns: int) -> None:
        self._turn_is_feed = False
        _, index = self._ticks[0]
        records = self._processes[index].tick(due_ns)
        heapq.heapreplace(self._ticks, (self._processes[index].next_tick_ns or _NEVER, index))
        self._queue.extend(records)

    async def _reach(self, due_ns: int) -> bool:
        """Wait for a time; False where the loop was woken earlier."""
        self._publish_commands()
        if self._turns % TURNS_PER_PAUSE == 0:
            self._commit()
            await asyncio.sleep(0)
            while self._is_simulated and self.is_log_behind() and not self._stopping:
                await asyncio.sleep(_LOG_WAIT_S)
        self._turns += 1
        wait_s = self._clock.wait_s(due_ns)
        if wait_s <= 0:
            self._clock.jump_to(due_ns)
            if not self._is_simulated and self._commit_is_due():
                self._commit()
            return True
        if wait_s * NS_PER_S > COMMIT_INTERVAL_NS or self._commit_is_due():
            self._commit()
        return await self._wake.sleep(wait_s)

    def _turn(self, due_ns: int, fire: Fire) -> None:
        self._now_ns = max(self._now_ns, due_ns)
        self._turn_began_ns = perf_counter_ns()
        fire(self._now_ns)
        self._deliver()
        self._let_adapters_act()

    def _let_adapters_act(self) -> None:
        waiting = [process for process in self._acting if process.wants_commit]
        if waiting:
            self._commit()
            with self._stalls:
                self._bus.sync()
        for process in waiting:
            process.committed()

    def _deliver(self) -> None:
        queue = self._queue
        readers = self._readers
        while queue:
            record = queue.popleft()
            message = record.message
            if type(message) is OrderEvent:
                self._record(message)
            elif type(message) is KillReport:
                self.on_kill(message)
            elif type(message) is Instrument:
                self.keys[message.key] = None
            for runner in readers[record.topic]:
                queue.extend(runner.consume(record))

    def _record(self, event: OrderEvent) -> None:
        self.cancelled += event.kind == "cancelled"
        if event.kind == "denied":
            self.denials.update(event.reasons)
        if not self._turn_is_feed or event.kind not in INTENT_KINDS:
            return
        if self._is_simulated:
            elapsed_ns = perf_counter_ns() - self._turn_began_ns
        else:
            elapsed_ns = self._clock.now_ns - event.event_time_ns
        self.order_latency.observe(elapsed_ns / NS_PER_S)

    def _publish_commands(self) -> None:
        """Commands are committed at once, so that no crash undoes them."""
        if not self._commands:
            return
        while self._commands:
            command = self._commands.popleft().model_copy(update={"event_time_ns": self._now_ns})
            if self._signer is not None:
                command = self._signer.sign(command)
            self._command_sequence += 1
            envelope = Envelope(GATEWAY, self._command_sequence, None, self._now_ns, command.type_name)
            self._queue.append(self._bus.publish(TOPIC_OF[command.type_name], envelope, command))
            self._deliver()
        self._commit()

    def _commit_is_due(self) -> bool:
        return perf_counter_ns() - self._committed_at_ns > COMMIT_INTERVAL_NS

    def _commit(self) -> None:
        for runner in self._runners:
            runner.write_trace(self._now_ns)
        with self._stalls:
            self._bus.commit()
        self.on_commit()
        self._committed_at_ns = perf_counter_ns()
