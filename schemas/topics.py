"""Every topic as data: what it carries, its key, its one writer, its readers, how long it is kept.

Read this first: it is the map of the engine. All topics have the same partition count, so that a
symbol's partition number is the same everywhere.

level   the newest message per key is the truth; a lost or repeated one is harmless, a stale one is not
ledger  each message counts once, by its natural key
"""

from dataclasses import dataclass
from typing import Literal

from schemas import control, inventory, market, orders, process, quoting, risk, signals, statistics
from schemas.message import Event

Kind = Literal["level", "ledger"]

MONITOR = "monitor-service"
QUOTE = "quote-service"
ROUTER = "order-router"
INVENTORY = "inventory-service"
RISK = "risk-service"
PROJECTOR = "view-projector"
GATEWAY = "gateway-api"
PROCESSES = (MONITOR, QUOTE, ROUTER, INVENTORY, RISK, PROJECTOR)
"""In the order in which one loop serves them: facts before decisions, decisions before views."""
STATISTICS = "statistics"
EVERY_PROCESS = "every process"
OFF_PATH = (STATISTICS,)
"""Workers beside the engine: not served by its loop, not replayed, and nothing that trades reads them."""

_HOUR_MS = 3_600_000
_DAY_MS = 24 * _HOUR_MS


@dataclass(frozen=True, slots=True)
class Topic:
    """One message family between processes."""

    name: str
    kind: Kind
    writer: str
    """The one process that writes it; `every process` for the topics about processes themselves."""
    readers: tuple[str, ...]
    messages: tuple[type[Event], ...]
    key: Literal["symbol", "symbol or *", "process"]
    natural_key: str
    """What makes two messages the same one."""
    retention_ms: int
    compacted: bool = False
    own_input: bool = False
    """External input that its writer journals and then consumes itself, so that it can be replayed."""

    @property
    def is_for_replay(self) -> bool:
        """Does no process wait for it? It is kept to be replayed."""
        return self.own_input or self.name == "process.trace"

    def carries_outputs_of(self, kind: str) -> bool:
        """Does it carry what the core of a process says? Traces and claims are said by the shell."""
        return self.writer == kind or self.name == "process.setting"

    @property
    def conflated(self) -> bool:
        """May a reader that has fallen behind skip to the newest record of each key?"""
        return self.kind == "level" and not self.compacted


TOPICS: tuple[Topic, ...] = (
    Topic(
        "market.feed",
        "ledger",
        MONITOR,
        (MONITOR,),
        (market.FeedInstrument, market.FeedBook, market.FeedTrade, market.FeedRefused),
        "symbol",
        "offset",
        _DAY_MS,
        own_input=True,
    ),
    Topic(
        "market.instrument",
        "level",
        MONITOR,
        (QUOTE, ROUTER, INVENTORY, RISK, PROJECTOR),
        (market.Instrument,),
        "symbol",
        "symbol",
        7 * _DAY_MS,
        compacted=True,
    ),
    Topic(
        "market.book",
        "level",
        MONITOR,
        (QUOTE, ROUTER, PROJECTOR, STATISTICS),
        (market.Book,),
        "symbol",
        "symbol",
        _DAY_MS,
    ),
    Topic(
        "market.trade",
        "ledger",
        MONITOR,
        (ROUTER, PROJECTOR, STATISTICS),
        (market.Trade,),
        "symbol",
        "trade id of the venue",
        7 * _DAY_MS,
    ),
    Topic(
        "market.signal",
        "level",
        MONITOR,
        (QUOTE, INVENTORY, RISK, PROJECTOR),
        (signals.Signal,),
        "symbol",
        "symbol",
        _DAY_MS,
    ),
    Topic(
        "market.refusal",
        "ledger",
        MONITOR,
        (PROJECTOR,),
        (market.Refusal,),
        "symbol",
        "event id",
        7 * _DAY_MS,
    ),
    Topic(
        "quote.target",
        "level",
        QUOTE,
        (ROUTER, PROJECTOR, STATISTICS),
        (quoting.QuoteTarget,),
        "symbol",
        "symbol",
        7 * _DAY_MS,
    ),
    Topic(
        "order.event",
        "ledger",
        ROUTER,
        (PROJECTOR, STATISTICS),
        (orders.OrderEvent,),
        "symbol",
        "client order id and event id",
        30 * _DAY_MS,
    ),
    Topic(
        "venue.report",
        "ledger",
        ROUTER,
        (ROUTER,),
        (orders.VenueReport, orders.VenueStatus, orders.VenueBalances, orders.VenueOpenOrders),
        "symbol or *",
        "event id",
        30 * _DAY_MS,
        own_input=True,
    ),
    Topic(
        "order.kill",
        "level",
        ROUTER,
        (PROJECTOR,),
        (orders.KillReport,),
        "symbol or *",
        "symbol",
        30 * _DAY_MS,
        compacted=True,
    ),
    Topic(
        "order.stop",
        "ledger",
        ROUTER,
        (RISK,),
        (orders.TradingStop,),
        "symbol",
        "event id",
        30 * _DAY_MS,
    ),
    Topic(
        "order.fill",
        "ledger",
        ROUTER,
        (INVENTORY, RISK, PROJECTOR, STATISTICS),
        (orders.Fill,),
        "symbol",
        "trade id of the venue",
        30 * _DAY_MS,
    ),
    Topic(
        "inventory.position",
        "level",
        INVENTORY,
        (QUOTE, ROUTER, RISK, PROJECTOR),
        (inventory.Position,),
        "symbol",
        "symbol",
        7 * _DAY_MS,
        compacted=True,
    ),
    Topic(
        "risk.state",
        "level",
        RISK,
        (QUOTE, ROUTER, PROJECTOR),
        (risk.RiskState,),
        "symbol or *",
        "symbol",
        7 * _DAY_MS,
        compacted=True,
    ),
    Topic(
        "risk.alert",
        "ledger",
        RISK,
        (PROJECTOR,),
        (risk.RiskAlert,),
        "symbol or *",
        "alert id",
        30 * _DAY_MS,
    ),
    Topic(
        "control.command",
        "ledger",
        GATEWAY,
        (QUOTE, ROUTER, INVENTORY, RISK, PROJECTOR),
        (control.Command, control.Override, control.SettingChange),
        "symbol or *",
        "command id, override id, change id",
        30 * _DAY_MS,
    ),
    Topic(
        "control.people",
        "ledger",
        GATEWAY,
        (PROJECTOR,),
        (control.Proposal, control.Decision, control.Acknowledgement, control.AccessEvent),
        "symbol or *",
        "proposal id, alert id, event id",
        30 * _DAY_MS,
    ),
    Topic(
        "process.setting",
        "ledger",
        EVERY_PROCESS,
        (PROJECTOR,),
        (process.SettingApplied,),
        "process",
        "event id",
        30 * _DAY_MS,
    ),
    Topic(
        "monitor.statistics",
        "ledger",
        STATISTICS,
        (PROJECTOR,),
        (statistics.MinuteStatistics,),
        "symbol",
        "start of the minute; of its versions the highest counts, and replaces the others",
        30 * _DAY_MS,
    ),
    Topic(
        "process.trace",
        "ledger",
        EVERY_PROCESS,
        ("replay", "audit"),
        (process.ConfigApplied, process.Trace),
        "process",
        "event id",
        30 * _DAY_MS,
    ),
    Topic(
        "process.epoch",
        "ledger",
        EVERY_PROCESS,
        (EVERY_PROCESS,),
        (process.EpochClaim,),
        "process",
        "offset",
        30 * _DAY_MS,
    ),
)

BY_NAME: dict[str, Topic] = {topic.name: topic for topic in TOPICS}
MESSAGE_TYPES: dict[str, type[Event]] = {
    message.type_name: message for topic in TOPICS for message in topic.messages
}
TOPIC_OF: dict[str, str] = {message.type_name: topic.name for topic in TOPICS for message in topic.messages}
