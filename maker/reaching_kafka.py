"""An engine by its broker: needs no gateway, projector or Redis, and signs like the gateway."""

import asyncio
import getpass
import os
import socket
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from maker.asking import Word
from maker.composition import status_of_messages
from maker.flattening import Flatten, flatten_commands
from maker.reaching import Answer, Rule
from maker.resuming import Resume, resume_commands
from maker.signed import kafka_publisher, publish_to_kafka, send_to_kafka
from runtime.bus import TopicPartition
from runtime.errors import ConfigError, DependencyError
from runtime.kafka.broker import list_topics
from runtime.kafka.bus import KafkaBus
from runtime.kafka.layout import numbers_of
from runtime.kafka.reader import KafkaReader, RawRecord
from runtime.kafka.topic_check import missing_topics
from runtime.log.logfile import LoggedRecord
from runtime.process.definition import SystemStatus
from runtime.process.system_watch import SystemWatch
from runtime.text import nearest
from schemas.config import Config
from schemas.control import Command
from schemas.message import ALL_SYMBOLS, Event
from schemas.orders import KillReport, progress_of
from schemas.topics import BY_NAME, GATEWAY

_KEPT = ("market.instrument", "inventory.position", "risk.state", "order.kill")
"""Compacted: the newest message of each key is there, however old."""
_TAILS: Mapping[str, int] = {
    "market.book": 500,
    "market.signal": 500,
    "quote.target": 500,
    "order.event": 2_000,
    "control.command": 2_000,
}
"""Records at the end of each partition that cover the present."""
_SAID_ONCE = frozenset({"order.event", "control.command"})
"""All messages count; of other types only the newest of each key."""
_FETCHED_MAX = 20_000
_READ_S = 20.0


def user_here() -> str:
    """The user of this machine, as named in the log."""
    return f"{getpass.getuser()} at {socket.gethostname()}"


class BrokerEngine:
    """Talks to the engine's topics."""

    def __init__(self, config: Config) -> None:
        self._config = config

    @property
    def place(self) -> str:
        """Its broker."""
        return f"the broker at {self._config.kafka.bootstrap}"

    def halt(self, symbol: str, reason: str, until_s: float) -> Iterator[Answer]:
        """See maker.reaching.Reached. A single symbol is looked up first."""
        publish = kafka_publisher(self._config)
        following = _Following(self._config)
        with asyncio.Runner() as runner:
            try:
                key = runner.run(following.find(symbol))
                command = _halt(key, reason)
                runner.run(publish_to_kafka(following.bus, publish, [command], until_s - time.monotonic()))
                yield {"log": self.place, "accepted": command.command_id, "symbol": command.symbol}
                runner.run(following.open())
                reported: Answer = {}
                while time.monotonic() < until_s:
                    found = mass_cancel_of(key, runner.run(following.reports()))
                    if found is not None and found != reported:
                        reported = found
                        yield found
                        if found["state"] == "confirmed":
                            return
                raise TimeoutError
            finally:
                runner.run(following.close())

    def rule(self) -> Rule:
        """See maker.reaching.Reached."""
        return Rule(self._config.risk_limits.resume_people, self._config.access)

    def resume(self, resume: Resume) -> None:
        """See maker.reaching.Reached."""
        words = resume.words or (Word(principal=user_here()),)
        commands = resume_commands(resume.model_copy(update={"words": words}), time.time_ns())
        send_to_kafka(self._config, commands)

    def flatten(self, flatten: Flatten) -> None:
        """See maker.reaching.Reached."""
        words = flatten.words or (Word(principal=user_here()),)
        commands = flatten_commands(flatten.model_copy(update={"words": words}), time.time_ns())
        send_to_kafka(self._config, commands)

    def status(self) -> Answer:
        """See maker.reaching.Reached."""
        system, messages = asyncio.run(_look(self._config))
        found: Answer = status_of_messages(messages, system, self._config, time.time_ns())
        return found


def mass_cancel_of(key: str, reports: Sequence[KillReport]) -> Answer | None:
    """Progress of a halt; None: not reported. A halt of everything has one report per venue, `venue:*`."""
    symbol = key.partition(":")[2]
    own = [each for each in reports if key == each.key or symbol == each.symbol == ALL_SYMBOLS]
    standing = [each for each in own if each.state != "none"]
    if not standing:
        return None
    return {
        "state": progress_of(standing),
        "open_orders": [order for each in standing for order in each.open_orders],
    }


def _halt(key: str, reason: str) -> Command:
    venue, _, symbol = key.partition(":")
    return Command(
        event_time_ns=time.time_ns(),
        venue=venue,
        symbol=symbol,
        command_id=f"halt-{os.urandom(12).hex()}",
        action="halt",
        principal=user_here(),
        reason=reason,
    )


class _Following:
    """Reads the progress of a mass cancel."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self.bus = KafkaBus(config.kafka)
        self._reader: KafkaReader | None = None
        self._reports: dict[str, KillReport] = {}

    async def find(self, symbol: str) -> str:
        """The symbol as `venue:symbol`; raises ConfigError with the nearest name."""
        if symbol == ALL_SYMBOLS:
            return f"{ALL_SYMBOLS}:{ALL_SYMBOLS}"
        known = {each.key for each in await _read(self.bus, self._config, ["market.instrument"])}
        for key in sorted(known):
            if symbol in (key, key.partition(":")[2]):
                return key
        names = sorted(key.partition(":")[2] for key in known)
        raise ConfigError(f"no symbol is called {symbol!r}{nearest(symbol, names)}")

    async def open(self) -> None:
        """Read from the oldest report: a halt may have been confirmed before."""
        places = _places(self._config, ["order.kill"])
        self._reader = self.bus.reader({})
        self._reader.seek(await self._reader.begin_offsets(places))

    async def reports(self) -> list[KillReport]:
        """The newest report of each mass cancel, after a short wait."""
        if self._reader is not None:
            for record in await self._reader.poll(_FETCHED_MAX, 0.2):
                if isinstance(record.message, KillReport):
                    self._reports[record.message.key] = record.message
        return list(self._reports.values())

    async def close(self) -> None:
        if self._reader is not None:
            await self._reader.close()
        await self.bus.outbox.close()


def _places(config: Config, topics: Collection[str]) -> list[TopicPartition]:
    return [
        TopicPartition(name, number)
        for name in topics
        for number in numbers_of(BY_NAME[name], config.kafka.partitions)
    ]


async def _look(config: Config) -> tuple[SystemStatus, list[Event]]:
    missing = missing_topics(config.kafka, GATEWAY, await list_topics(config.kafka))
    if missing is not None:
        raise DependencyError(missing)
    bus = KafkaBus(config.kafka)
    try:
        system = await SystemWatch(config, bus).read_once()
        return system, await _read(bus, config, [*_KEPT, *_TAILS])
    finally:
        await bus.outbox.close()


async def _read(bus: KafkaBus, config: Config, topics: Collection[str]) -> list[Event]:
    """The current messages of some topics, see `in_order`. Raises DependencyError."""
    reader, places = bus.reader({}), _places(config, topics)
    try:
        begins, ends = await reader.begin_offsets(places), await reader.end_offsets(places)
        reader.seek({place: _first(place, begin, ends[place]) for place, begin in begins.items()})
        newest: dict[tuple[str, ...], RawRecord] = {}
        limit_s = time.monotonic() + _READ_S
        while any(reader.positions[place] < end for place, end in ends.items()):
            if time.monotonic() > limit_s:
                raise DependencyError(
                    f"the broker at {config.kafka.bootstrap} did not deliver everything within {_READ_S:g} s"
                )
            for raw in await reader.poll_raw(_FETCHED_MAX, 0.5):
                if reader.admits(raw):
                    newest.pop(_name_of(raw), None)
                    newest[_name_of(raw)] = raw
    finally:
        await reader.close()
    return [logged.decoded().message for logged in in_order(raw.logged for raw in newest.values())]


def in_order(read: Iterable[LoggedRecord]) -> list[LoggedRecord]:
    """Records in order of time, but never against the order of their partition: the fill that ended an order
    may be dated before the request to cancel it.
    """
    reached_ns: dict[tuple[str, int], int] = {}
    found = []
    for record in read:
        place = record.topic, record.partition
        reached_ns[place] = max(record.envelope.event_time_ns, reached_ns.get(place, 0))
        found.append((reached_ns[place], record))
    return [record for _, record in sorted(found, key=lambda each: each[0])]


def _first(place: TopicPartition, begin: int, end: int) -> int:
    return max(begin, end - _TAILS[place.topic]) if place.topic in _TAILS else begin


def _name_of(raw: RawRecord) -> tuple[str, ...]:
    logged = raw.logged
    if logged.topic in _SAID_ONCE:
        return logged.topic, str(logged.partition), str(logged.offset)
    return logged.topic, logged.key, logged.envelope.type_name
