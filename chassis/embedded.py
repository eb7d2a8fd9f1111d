"""All processes in one event loop, on one bus, in one order: `maker up`.

The loop always does the earliest due thing next: a feed event, a venue's report, a tick. What it makes a
process publish is delivered to its readers, first in first out, until nobody has anything to say. So the
order of events depends on the inputs alone, and not on how fast the machine was.
"""

import asyncio
import heapq
from collections import Counter, deque
from collections.abc import Callable, Sequence
from time import perf_counter_ns

from chassis.bus.base import LocalBus, Record
from chassis.clock import EngineClock
from chassis.errors import ConfigError
from chassis.metrics import LatencyRecorder
from chassis.process import Adapter, NetworkAdapter
from chassis.shell import ProcessShell
from chassis.wake import Wake
from schemas.control import ControlEvent
from schemas.envelope import Envelope
from schemas.orders import INTENT_KINDS, OrderEvent
from schemas.process import Shutdown, Tick
from schemas.topics import GATEWAY, MONITOR, TOPIC_OF, TOPICS
from schemas.units import NS_PER_MS, NS_PER_S

COMMIT_INTERVAL_NS = 5 * NS_PER_MS
"""Real time: what was published is committed to the log at least this often."""
TURNS_PER_PAUSE = 256
"""Turns of the loop after which other tasks get their chance, and simulated time is committed."""
DRAIN_LIMIT_NS = 30 * NS_PER_S
"""How long a shutdown waits, in engine time, for the venue to confirm the last cancel."""
_TICK_PHASE_NS = 17 * NS_PER_MS
"""Ticks of different processes do not fall on one moment: each is work for every symbol."""
SILENCE_NS = 120 * NS_PER_S
"""Simulated time: after a silence of the feed this long, with no order left, time jumps to its next event."""
_NEVER = 1 << 63

Fire = Callable[[int], None]


class EmbeddedLoop:
    """Drives process shells until their feed ends, a time comes, or somebody asks it to stop."""

    def __init__(self, shells: Sequence[ProcessShell], bus: LocalBus, clock: EngineClock) -> None:
        self.order_latency = LatencyRecorder()
        """Seconds from a feed event's time to each order intent that it led to."""
        self.denials: Counter[str] = Counter()
        """Failed checks of the order gate, by reason."""
        self.market_events = 0
        self.cancelled = 0
        """Orders that the venue confirmed as cancelled."""
        self._clock = clock
        self._is_simulated = clock.is_simulated
        self._shells = tuple(shells)
        self._bus = bus
        self._queue: deque[Record] = deque()
        self._readers = {
            topic.name: tuple(shell for shell in shells if shell.name in topic.readers)
            for topic in TOPICS
            if not topic.own_input
        }
        self._adapters: list[tuple[Adapter, Fire]] = []
        self._ticks: list[tuple[int, int, int, ProcessShell]] = []
        self._commands: deque[ControlEvent] = deque()
        self._command_sequence = 0
        self._wake = Wake()
        self._network: list[NetworkAdapter] = []
        self._stopping = False
        self._committed_at_ns = perf_counter_ns()
        self._turns = 0
        self._turn_began_ns = 0
        self._turn_is_feed = False
        self._now_ns = 0
        self._fed_ns = 0
        """Engine time of the newest feed event."""

    @property
    def now_ns(self) -> int:
        """Engine time of the newest thing done."""
        return self._now_ns

    def continue_commands_from(self, sequence: int) -> None:
        """Number the next command after those in the log."""
        self._command_sequence = sequence

    def send_control(self, command: ControlEvent) -> None:
        """Publish what people want at the next turn of the loop."""
        self._commands.append(command)
        self._wake.set()

    def stop(self) -> None:
        """Ask `run` to return after the current turn."""
        self._stopping = True
        self._wake.set()

    async def run(self, until_ns: int | None = None) -> None:
        """Go on until the feed has no more, `until_ns` comes, or `stop` is called."""
        self._begin()
        for adapter in self._network:
            await adapter.open(self._wake.set)
        feed = self._feed()
        while not self._stopping and (feed_due_ns := feed.next_due_ns()) is not None:
            due_ns, fire = self._next()
            if due_ns > (until_ns or _NEVER - 1):
                break
            if due_ns - self._fed_ns > SILENCE_NS and self._can_skip_silence():
                self._skip_to(min(feed_due_ns, until_ns or feed_due_ns))
                continue
            if self._is_simulated and self._turns % TURNS_PER_PAUSE and not self._commands:
                self._turns += 1  # what _reach would do, without the price of awaiting it
                self._clock.jump_to(due_ns)
                self._turn(due_ns, fire)
            elif await self._reach(due_ns):
                self._turn(due_ns, fire)
        self._commit()

    def _feed(self) -> Adapter:
        feed = next((shell.adapter for shell in self._shells if shell.name == MONITOR), None)
        if feed is None:
            raise ConfigError(f"{MONITOR} is not installed: nothing would ever happen; run `make setup`")
        return feed

    def _can_skip_silence(self) -> bool:
        return self._is_simulated and self._is_drained()

    def _skip_to(self, time_ns: int) -> None:
        """Let the ticks of a silence be: a night or a year between two recordings has nothing to decide."""
        self._fed_ns = time_ns
        self._ticks = [
            (time_ns + index * _TICK_PHASE_NS, index, interval_ns, shell)
            for _, index, interval_ns, shell in self._ticks
        ]
        heapq.heapify(self._ticks)

    async def drain(self) -> bool:
        """Tell every process that the end has come; true when the venue holds none of our orders."""
        self._stopping = False
        shutdown = Shutdown(event_time_ns=self._now_ns)
        limit_ns = self._now_ns + DRAIN_LIMIT_NS
        for shell in self._shells:
            self._queue.extend(shell.inject(shutdown))
            self._deliver()
        self._let_adapters_act()
        while not self._is_drained() and self._now_ns < limit_ns and not self._stopping:
            due_ns, fire = self._next(without_feed=True)
            if await self._reach(due_ns):
                self._turn(due_ns, fire)
        return self._is_drained()

    def finish(self) -> None:
        """Write the last traces, with the digests of the final states, and commit."""
        for shell in self._shells:
            shell.write_trace(self._now_ns, final=True)
            if shell.adapter is not None:
                shell.adapter.close()
        self._bus.commit()

    async def close(self) -> None:
        """End what adapters have in the background."""
        for adapter in self._network:
            await adapter.aclose()

    def _is_drained(self) -> bool:
        return all(shell.definition.drained(shell.core) for shell in self._shells)

    def _begin(self) -> None:
        self._now_ns = self._fed_ns = self._clock.now_ns
        for index, shell in enumerate(self._shells):
            if shell.adapter is not None:
                self._adapters.append((shell.adapter, self._take_from(shell, shell.adapter)))
                if isinstance(shell.adapter, NetworkAdapter):
                    self._network.append(shell.adapter)
            if shell.tick_interval_ns is not None:
                interval_ns = shell.tick_interval_ns
                first_ns = self._now_ns + interval_ns + index * _TICK_PHASE_NS
                heapq.heappush(self._ticks, (first_ns, index, interval_ns, shell))

    def _take_from(self, shell: ProcessShell, adapter: Adapter) -> Fire:
        is_feed = shell.name == MONITOR

        def take(now_ns: int) -> None:
            self._turn_is_feed = is_feed
            if is_feed:
                self._fed_ns = now_ns
            for event in adapter.take_due(now_ns):
                self._queue.extend(shell.consume(shell.journal(event)))
                self._deliver()
                self.market_events += is_feed

        return take

    def _next(self, *, without_feed: bool = False) -> tuple[int, Fire]:
        """The earliest due thing; at equal times ticks come first, then adapters in the shells' order."""
        best_ns = self._ticks[0][0] if self._ticks else _NEVER
        best: Fire = self._tick
        for adapter, fire in self._adapters[without_feed:]:
            due_ns = adapter.next_due_ns()
            if due_ns is not None and due_ns < best_ns:
                best_ns, best = due_ns, fire
        return best_ns, best

    def _tick(self, due_ns: int) -> None:
        self._turn_is_feed = False
        _, index, interval_ns, shell = self._ticks[0]
        heapq.heapreplace(self._ticks, (due_ns + interval_ns, index, interval_ns, shell))
        self._queue.extend(shell.inject(Tick(event_time_ns=due_ns)))

    async def _reach(self, due_ns: int) -> bool:
        """Wait for a time; false where something else woke the loop first."""
        self._publish_commands()
        if self._turns % TURNS_PER_PAUSE == 0:
            self._commit()
            await asyncio.sleep(0)
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
        waiting = [adapter for adapter in self._network if adapter.wants_commit]
        if waiting:
            self._commit()
            self._bus.sync()
        for adapter in waiting:
            adapter.committed()

    def _deliver(self) -> None:
        queue = self._queue
        readers = self._readers
        while queue:
            record = queue.popleft()
            if type(record.message) is OrderEvent:
                self._note(record.message)
            for shell in readers[record.topic]:
                queue.extend(shell.consume(record))

    def _note(self, event: OrderEvent) -> None:
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
        while self._commands:
            command = self._commands.popleft().model_copy(update={"event_time_ns": self._now_ns})
            self._command_sequence += 1
            envelope = Envelope(GATEWAY, self._command_sequence, None, self._now_ns, command.type_name)
            self._queue.append(self._bus.publish(TOPIC_OF[command.type_name], envelope, command))
            self._deliver()

    def _commit_is_due(self) -> bool:
        return perf_counter_ns() - self._committed_at_ns > COMMIT_INTERVAL_NS

    def _commit(self) -> None:
        for shell in self._shells:
            shell.write_trace(self._now_ns)
        self._bus.commit()
        self._committed_at_ns = perf_counter_ns()
