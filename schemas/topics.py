"""Every topic as data: what it carries, its key, its one writer, its readers, its retention.

Read this first: it is the map of the engine. All topics have the same partition count, so that a
symbol's partition number is the same everywhere. `kept` gives the retention on Kafka.

state  the newest message per key is authoritative; a lost or repeated one is harmless, a stale one is not
event  each message counts once, by its natural key
"""

from dataclasses import dataclass
from typing import Literal

from schemas import (
    balancing,
    control,
    gating,
    inventory,
    market,
    orders,
    process,
    quoting,
    risk,
    signals,
    statistics,
)
from schemas.carried.catalogue import CARRIED
from schemas.message import Event

Kind = Literal["state", "event"]
Kept = Literal["present", "replay", "accounting"]

MONITOR = "monitor-service"
QUOTE = "quote-service"
ROUTER = "order-router"
INVENTORY = "inventory-service"
RISK = "risk-service"
PROJECTOR = "view-projector"
GATEWAY = "gateway-api"
PROCESSES = (MONITOR, QUOTE, ROUTER, INVENTORY, RISK, PROJECTOR)
"""In the order in which one loop serves them: facts before decisions, decisions before views."""
PATH = "path"
"""From book to order in one operating-system process: `maker run path`."""
PATH_PROCESSES = (MONITOR, QUOTE, ROUTER)
SENDS_ORDERS = (ROUTER, PATH)
"""What has orders at the venue: it is stopped first."""
STATISTICS = "statistics"
EVERY_PROCESS = "every process"
OFF_PATH = (STATISTICS,)
"""Workers beside the engine: not served by its loop, not replayed, and nothing that trades reads them."""

STATUS = "process.status"
"""What processes report about themselves, for operators."""


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
    """The natural key that identifies a message."""
    kept: Kept
    """On Kafka: an hour, the replay retention, or the accounting retention; see runtime.kafka.topic_settings.
    On a compacted topic the newest record of each key is kept for good."""
    compacted: bool = False
    own_input: bool = False
    """External input that its writer journals and then consumes itself, so that it can be replayed."""

    @property
    def writers(self) -> tuple[str, ...]:
        """The processes that write it: one, except for topics about processes themselves."""
        if self.writer != EVERY_PROCESS:
            return (self.writer,)
        return PROCESSES if self.is_recorded else (*PROCESSES, *OFF_PATH)

    @property
    def is_recorded(self) -> bool:
        """Is it part of the record that is exported and replayed? Process status is not."""
        return self.name != STATUS

    @property
    def is_for_replay(self) -> bool:
        """Is it kept only to be replayed, without a process waiting for it?"""
        return self.own_input or self.name == "process.trace"

    def carries_outputs_of(self, kind: str) -> bool:
        """Does it carry outputs of the core of a process? Traces and claims come from the process runner."""
        return self.writer == kind or self.name in {"process.setting", "process.fault"}

    @property
    def conflated(self) -> bool:
        """May a reader that has fallen behind skip to the newest record of each key?"""
        return self.kind == "state" and not self.compacted


TOPICS: tuple[Topic, ...] = (
    Topic(
        "market.feed",
        "event",
        MONITOR,
        (MONITOR,),
        (
            market.FeedInstrument,
            market.FeedRate,
            market.FeedBook,
            market.FeedTrade,
            market.FeedRefused,
            market.FeedLag,
        ),
        "symbol",
        "offset",
        "replay",
        own_input=True,
    ),
    Topic(
        "market.instrument",
        "state",
        MONITOR,
        (QUOTE, ROUTER, INVENTORY, RISK, PROJECTOR),
        (market.Instrument,),
        "symbol",
        "symbol",
        "replay",
        compacted=True,
    ),
    Topic(
        "market.book",
        "state",
        MONITOR,
        (QUOTE, ROUTER, PROJECTOR, STATISTICS),
        (market.Book,),
        "symbol",
        "symbol",
        "replay",
    ),
    Topic(
        "market.trade",
        "event",
        MONITOR,
        (ROUTER, PROJECTOR, STATISTICS),
        (market.Trade,),
        "symbol",
        "trade id of the venue",
        "replay",
    ),
    Topic(
        "market.signal",
        "state",
        MONITOR,
        (QUOTE, INVENTORY, RISK, PROJECTOR),
        (signals.Signal, market.Rate),
        "symbol",
        "symbol",
        "replay",
    ),
    Topic(
        "market.refusal",
        "event",
        MONITOR,
        (QUOTE, ROUTER, RISK, PROJECTOR),
        (market.Refusal, market.MarketLag, market.SymbolRemoved),
        "symbol",
        "event id",
        "accounting",
    ),
    Topic(
        "quote.target",
        "state",
        QUOTE,
        (ROUTER, PROJECTOR, STATISTICS),
        (quoting.QuoteTarget,),
        "symbol",
        "symbol",
        "replay",
    ),
    Topic(
        "order.event",
        "event",
        ROUTER,
        (PROJECTOR, STATISTICS),
        (orders.OrderEvent,),
        "symbol",
        "client order id and event id",
        "accounting",
    ),
    Topic(
        "venue.report",
        "event",
        ROUTER,
        (ROUTER,),
        (
            orders.VenueReport,
            orders.VenueStatus,
            orders.VenueBalances,
            orders.VenuePositions,
            orders.VenueOpenOrders,
        ),
        "symbol or *",
        "event id",
        "replay",
        own_input=True,
    ),
    Topic(
        "order.kill",
        "state",
        ROUTER,
        (MONITOR, PROJECTOR),
        (orders.KillReport,),
        "symbol or *",
        "symbol",
        "replay",
        compacted=True,
    ),
    Topic(
        "order.room",
        "state",
        ROUTER,
        (QUOTE,),
        (gating.GateRoom,),
        "symbol",
        "symbol",
        "replay",
        compacted=True,
    ),
    Topic(
        "order.stop",
        "event",
        ROUTER,
        (RISK,),
        (orders.TradingStop,),
        "symbol",
        "event id",
        "accounting",
    ),
    Topic(
        "order.fill",
        "event",
        ROUTER,
        (INVENTORY, RISK, PROJECTOR, STATISTICS),
        (orders.Fill, orders.AccountChange),
        "symbol",
        "trade id of the venue, change id",
        "accounting",
    ),
    Topic(
        "account.balance",
        "state",
        ROUTER,
        (INVENTORY,),
        (orders.AccountBalance,),
        "symbol",
        "symbol",
        "replay",
        compacted=True,
    ),
    Topic(
        "inventory.position",
        "state",
        INVENTORY,
        (QUOTE, ROUTER, RISK, PROJECTOR),
        (inventory.Position,),
        "symbol",
        "symbol",
        "replay",
        compacted=True,
    ),
    Topic(
        "inventory.balance",
        "state",
        INVENTORY,
        (QUOTE, ROUTER, PROJECTOR),
        (balancing.BalanceOrder,),
        "symbol",
        "symbol",
        "replay",
    ),
    Topic(
        "risk.state",
        "state",
        RISK,
        (QUOTE, ROUTER, INVENTORY, PROJECTOR),
        (risk.RiskState,),
        "symbol or *",
        "symbol",
        "replay",
        compacted=True,
    ),
    Topic(
        "risk.alert",
        "event",
        RISK,
        (PROJECTOR,),
        (risk.RiskAlert,),
        "symbol or *",
        "alert id",
        "accounting",
    ),
    Topic(
        "control.command",
        "event",
        GATEWAY,
        (MONITOR, QUOTE, ROUTER, INVENTORY, RISK, PROJECTOR),
        (control.Command, control.Override, control.SettingChange, control.Adjustment),
        "symbol or *",
        "command id, override id, change id, adjustment id",
        "accounting",
    ),
    Topic(
        "control.people",
        "event",
        GATEWAY,
        (RISK, PROJECTOR),
        (control.Proposal, control.Decision, control.Acknowledgement, control.AccessEvent),
        "symbol or *",
        "proposal id, alert id, event id",
        "accounting",
    ),
    Topic(
        "process.setting",
        "event",
        EVERY_PROCESS,
        (RISK, PROJECTOR),
        (process.SettingApplied, process.AdjustmentApplied),
        "process",
        "event id",
        "accounting",
    ),
    Topic(
        "process.fault",
        "event",
        EVERY_PROCESS,
        (RISK,),
        (process.MessageFault,),
        "process",
        "event id",
        "accounting",
    ),
    Topic(
        "monitor.statistics",
        "event",
        STATISTICS,
        (PROJECTOR,),
        (statistics.MinuteStatistics,),
        "symbol",
        "start of the minute; of its versions the highest counts, and replaces the others",
        "accounting",
    ),
    Topic(
        "process.trace",
        "event",
        EVERY_PROCESS,
        ("replay", "audit"),
        (process.ConfigApplied, process.Trace),
        "process",
        "event id",
        "replay",
    ),
    Topic(
        "process.state",
        "event",
        EVERY_PROCESS,
        (EVERY_PROCESS,),
        CARRIED,
        "process",
        "event id",
        "accounting",
        own_input=True,
    ),
    Topic(
        STATUS, "state", EVERY_PROCESS, (GATEWAY,), (process.ProcessStatus,), "process", "process", "present"
    ),
    Topic(
        "process.epoch",
        "event",
        EVERY_PROCESS,
        (EVERY_PROCESS,),
        (process.EpochClaim,),
        "process",
        "offset",
        "accounting",
    ),
)

BY_NAME: dict[str, Topic] = {topic.name: topic for topic in TOPICS}
MESSAGE_TYPES: dict[str, type[Event]] = {
    message.type_name: message for topic in TOPICS for message in topic.messages
}
TOPIC_OF: dict[str, str] = {message.type_name: topic.name for topic in TOPICS for message in topic.messages}
