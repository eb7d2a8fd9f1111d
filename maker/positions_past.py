"""Ledger and account from the recorded messages, on disk or on Kafka, and appending corrections to a log.

The next start delivers them.
"""

import asyncio
import time
from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path

from maker.composition import holdings_from
from maker.positions import with_pending
from maker.signed import publisher
from runtime.config.control_keys import with_keys
from runtime.errors import LogDamagedError
from runtime.kafka.bus import KafkaBus
from runtime.kafka.layout import recorded_partitions
from runtime.log.finding import find_records
from runtime.log.lines import LoggedRecord
from runtime.log.logfile import LogFileBus
from runtime.log.segments import first_record_of, segments
from runtime.replay.start_points import as_published, carried_records
from runtime.state.checkpoint import Checkpoints, newest_standing
from schemas.config import Config
from schemas.control import Adjustment
from schemas.deployment import Kafka
from schemas.holdings import HoldingSeen
from schemas.inventory import Position
from schemas.market import Instrument
from schemas.message import Event
from schemas.orders import VenueBalances, VenuePositions
from schemas.process import ConfigApplied
from schemas.topics import GATEWAY, TOPIC_OF

_Statement = ConfigApplied | Instrument | Position | VenueBalances | VenuePositions
_STATEMENTS: tuple[type[_Statement], ...] = (
    ConfigApplied,
    Instrument,
    Position,
    VenueBalances,
    VenuePositions,
)
"""In the order in which a router receives them; of each key the newest."""
_TYPES = frozenset({Adjustment.type_name, *(each.type_name for each in _STATEMENTS)})
_SEGMENTS_MAX = 2
"""Accounts are polled more often than the log begins a segment, and right after a start."""
_TAIL = 20_000
"""The newest account statement of a venue is among this many records at the end of each partition."""


class Recorded:
    """The newest messages about positions."""

    def __init__(self, records: Iterable[LoggedRecord]) -> None:
        newest: dict[tuple[str, str], Event] = {}
        adjustments: list[Adjustment] = []
        for record in records:
            if record.envelope.type_name in _TYPES:
                message = record.decoded().message
                newest[message.type_name, message.key] = message
                if isinstance(message, Adjustment):
                    adjustments.append(message)
        self._statements = [
            message
            for kind in _STATEMENTS
            for message in newest.values()
            if message.type_name == kind.type_name
        ]
        applied_ns = {each.key: each.event_time_ns for each in self._statements if isinstance(each, Position)}
        self.pending = [each for each in adjustments if each.event_time_ns > applied_ns.get(each.key, 0)]
        """Adjustments that the ledgers have not applied yet."""

    @property
    def has_statement(self) -> bool:
        """Whether a venue has reported the account's holdings."""
        return any(isinstance(each, VenueBalances | VenuePositions) for each in self._statements)

    @property
    def config(self) -> Config | None:
        """The last configuration in force; None: no start was recorded."""
        applied = [each for each in self._statements if isinstance(each, ConfigApplied)]
        return applied[-1].config if applied else None

    def holdings(self, config: Config) -> list[HoldingSeen]:
        """Ledgers, including pending adjustments, and account."""
        facts = [each for each in self._statements if not isinstance(each, ConfigApplied)]
        return with_pending(holdings_from(config, facts), self.pending)


def recorded_on_disk(folder: Path) -> Recorded:
    """Raises ConfigError where there is no log."""
    parts = Checkpoints(folder).newest()
    carried = [as_published(record) for part in parts.values() for record in carried_records(part)]
    newest = min((part.log.position.segment for part in parts.values()), default=0)
    begins = [first_record_of(path) for path in reversed(segments(folder))]
    found = Recorded(chain(carried, find_records(folder, _TYPES, newest)))
    for begin in [each for each in begins if each < newest][: _SEGMENTS_MAX - 1]:
        if found.has_statement:
            break
        try:
            found = Recorded(chain(carried, find_records(folder, _TYPES, begin)))
        except LogDamagedError:
            break  # the ledgers are complete without it; an earlier statement of the venue is lost
    return found


def append_to_log(folder: Path, config: Config, adjustments: Sequence[Adjustment]) -> None:
    """Append signed messages to a log, for the next start to deliver. Raises ConfigError where an engine
    runs on it.
    """
    bus = LogFileBus(folder, standing=newest_standing(Checkpoints(folder).newest()))
    try:
        publish = publisher(with_keys(config, folder, signs=True)[1], GATEWAY, bus.last_sequences[GATEWAY])
        now_ns = max(time.time_ns(), bus.last_event_time_ns + 1)
        for adjustment in adjustments:
            publish(bus.publish, adjustment, now_ns)
    finally:
        asyncio.run(bus.close())


def recorded_on_kafka(kafka: Kafka) -> Recorded:
    """From the topics: positions and contracts are compacted; venue statements are read from the end."""
    return Recorded(asyncio.run(_read(kafka)))


async def _read(kafka: Kafka) -> list[LoggedRecord]:
    topics = {TOPIC_OF[each] for each in _TYPES if each != ConfigApplied.type_name}
    every = [place for place in recorded_partitions(kafka.partitions) if place.topic in topics]
    bus = KafkaBus(kafka)
    reader = bus.reader({})
    try:
        begins, ends = await reader.begin_offsets(every), await reader.end_offsets(every)
        tails = {"venue.report", "control.command", "order.fill"}
        reader.seek(
            {
                place: max(begin, ends[place] - _TAIL) if place.topic in tails else begin
                for place, begin in begins.items()
            }
        )
        found: list[LoggedRecord] = []
        while any(reader.positions[place] < end for place, end in ends.items()):
            raw = await reader.poll_raw(_TAIL, 1.0)
            found += [each.logged for each in raw if reader.admits(each)]
        return found
    finally:
        await reader.close()
        await bus.close()
