"""One market and the cores that quote it, without log, traces, risk process and views.

Fast enough to search in: the market's messages are computed once (`Market.of`), and every rule meets the
same. What it does is what the engine does: the same quoter, router, simulated venue and inventory, in the
order of its loop.
"""

from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from unittest.mock import patch

from inventory_service.core.inventory import InventoryCore
from monitor_service.core.monitor import MonitorCore
from monitor_service.feeds.recorded import RecordedFeed
from monitor_service.service import TICK_INTERVAL_NS as MONITOR_TICK_NS
from quote_service.quoting import quoter
from quote_service.quoting.draft import draft_quote
from quote_service.routing.router import RouterCore
from quote_service.routing.venues.simulated.venue import SimulatedVenue

from research.baselines import Draft
from runtime.process.definition import Core
from schemas.config import Config
from schemas.market import Book, Instrument
from schemas.message import ALL_SYMBOLS, Event
from schemas.orders import Fill
from schemas.process import Tick
from schemas.risk import RiskState
from schemas.topics import BY_NAME, INVENTORY, QUOTE, ROUTER, TOPIC_OF
from schemas.units import NS_PER_MS, NS_PER_S, side_sign

TICK_NS = 250 * NS_PER_MS
HEARTBEAT = {"risk_limits": {"heartbeat_ttl_ms": 1_000_000_000}}
"""Risk limits are not what is compared: the account is in RUN throughout."""


@dataclass
class Market:
    """What monitor-service says of a recording, and its mids."""

    name: str
    instrument: Instrument
    messages: list[Event] = field(default_factory=list)
    mid_times: list[int] = field(default_factory=list)
    mids: list[int] = field(default_factory=list)
    """In half ticks, of live books."""

    @classmethod
    def of(cls, path: Path, config: Config, fee_bps: float = 0.0) -> "Market":
        """Of a recording with one symbol, whose maker pays this fee."""
        messages = list(_monitored(path, config))
        instrument = next(each for each in messages if isinstance(each, Instrument))
        market = cls(
            path.name.split(".")[0],
            instrument.model_copy(update={"maker_fee_bps": Decimal(str(fee_bps))}),
            [each for each in messages if not isinstance(each, Instrument)],
        )
        for each in market.messages:
            if isinstance(each, Book) and each.status == "live":
                market.mid_times.append(each.event_time_ns)
                market.mids.append(each.bid_prices[0] + each.ask_prices[0])
        return market

    def parts(self, count: int, span_s: float | None = None) -> list[list[Event]]:
        """The messages in so many parts of equal time, each cut to its first `span_s`."""
        begin_ns, end_ns = self.messages[0].event_time_ns, self.messages[-1].event_time_ns
        found: list[list[Event]] = [[] for _ in range(count)]
        for each in self.messages:
            place = (each.event_time_ns - begin_ns) * count // max(end_ns - begin_ns, 1)
            found[min(place, count - 1)].append(each)
        if span_s is None:
            return found
        ends_ns = [part[0].event_time_ns + int(span_s * NS_PER_S) for part in found]
        return [
            [each for each in part if each.event_time_ns < end]
            for part, end in zip(found, ends_ns, strict=True)
        ]

    def mid_at(self, time_ns: int) -> int:
        """The last mid at or before a time, in half ticks; the last of all beyond the end."""
        return self.mids[max(bisect_right(self.mid_times, time_ns) - 1, 0)]


def _monitored(path: Path, config: Config) -> Iterator[Event]:
    feed_config = config.feed.model_copy(update={"kind": "recorded", "paths": (str(path),)})
    feed = RecordedFeed(config.model_copy(update={"feed": feed_config}), needs_rates=False)
    core, tick_ns = MonitorCore(config), 0
    while (due_ns := feed.next_due_ns()) is not None:
        tick_ns = tick_ns or due_ns
        while tick_ns < due_ns:
            tick_ns += MONITOR_TICK_NS
            yield from core.on_event(Tick(event_time_ns=min(tick_ns, due_ns)))
        for event in feed.poll_due(due_ns):
            yield from core.on_event(event)


@dataclass
class Outcome:
    """What one rule did in one part of a market. Money is in quote currency."""

    fills: list[Fill]
    end: float
    """Equity less that at the start: marked at the last mid, after fees."""
    highest: float
    lowest: float
    drawdown: float
    fees: float


class World:
    """The cores of one rule, and its simulated venue."""

    def __init__(self, config: Config, instrument: Instrument, now_ns: int) -> None:
        self.cores: dict[str, Core] = {
            QUOTE: quoter.QuoterCore(config),
            ROUTER: RouterCore(config),
            INVENTORY: InventoryCore(config),
        }
        self.venue = SimulatedVenue(config.venue)
        self.fills: list[Fill] = []
        self._next_tick_ns = 0
        self._queue: deque[Event] = deque()
        about = {"event_time_ns": now_ns, "venue": ALL_SYMBOLS, "symbol": ALL_SYMBOLS}
        self._deliver((instrument, RiskState(**about, state="RUN")))

    def play(self, messages: Iterable[Event]) -> None:
        """The market's messages, in order, with what they lead to in between."""
        for message in messages:
            now_ns = message.event_time_ns
            while (due_ns := self.venue.next_due_ns()) is not None and due_ns <= now_ns:
                for report in self.venue.poll_due(due_ns):
                    self._at_router(report)
                    self._deliver(())
            if now_ns >= self._next_tick_ns:
                self._next_tick_ns = now_ns + TICK_NS
                tick = Tick(event_time_ns=now_ns)
                self._queue.extend(self.cores[QUOTE].on_event(tick))
                self._at_router(tick)
                self._queue.extend(self.cores[INVENTORY].on_event(tick))
            self._deliver((message,))

    def _at_router(self, event: Event) -> None:
        made = self.cores[ROUTER].on_event(event)
        self.venue.on_event(event)
        for each in made:
            self.venue.on_event(each)
        self._queue.extend(made)

    def _deliver(self, messages: Iterable[Event]) -> None:
        queue = self._queue
        queue.extend(messages)
        while queue:
            message = queue.popleft()
            if isinstance(message, Fill):
                self.fills.append(message)
            for reader in BY_NAME[TOPIC_OF[message.type_name]].readers:
                if reader == ROUTER:
                    self._at_router(message)
                elif reader in self.cores:
                    queue.extend(self.cores[reader].on_event(message))


def outcome(market: Market, part: list[Event], config: Config, draft: Draft = draft_quote) -> Outcome:
    """One rule over one part of a market, from flat."""
    began_ns = part[0].event_time_ns
    with patch.object(quoter, "draft_quote", draft):
        world = World(config, market.instrument.model_copy(update={"event_time_ns": began_ns}), began_ns)
        world.play(part)
    return _accounted(market, part, world.fills)


def _accounted(market: Market, part: list[Event], fills: list[Fill]) -> Outcome:
    money = float(market.instrument.money_per_tick_lot)
    cash = fees = equity = highest = lowest = drawdown = 0.0
    lots, place = 0, 0
    for each in part:
        while place < len(fills) and fills[place].event_time_ns <= each.event_time_ns:
            fill, sign = fills[place], side_sign(fills[place].side)
            cash -= sign * fill.size_lots * fill.price_ticks * money + float(fill.fee)
            lots, fees, place = lots + sign * fill.size_lots, fees + float(fill.fee), place + 1
        if isinstance(each, Book) and each.status == "live":
            equity = cash + lots * (each.bid_prices[0] + each.ask_prices[0]) / 2 * money
            highest, lowest = max(highest, equity), min(lowest, equity)
            drawdown = max(drawdown, highest - equity)
    return Outcome(fills, equity, highest, lowest, drawdown, fees)


def markout(market: Market, fills: Iterable[Fill], horizon_s: float) -> float:
    """What fills had earned a horizon after them, before fees: at the last mid where the recording ends."""
    money = float(market.instrument.money_per_tick_lot)
    earned = 0.0
    for fill in fills:
        mid = market.mid_at((fill.executed_ns or fill.event_time_ns) + int(horizon_s * NS_PER_S))
        earned += side_sign(fill.side) * fill.size_lots * (mid / 2 - fill.price_ticks) * money
    return earned
