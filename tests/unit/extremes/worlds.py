"""Messages with the most extreme values that their types allow, and all processes to feed them to."""

from collections.abc import Iterator
from decimal import Decimal
from functools import partial
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeGuard, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt, MaxLen, MinLen
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from maker.composition import process_definitions
from runtime.bus import Record
from runtime.log.memory import MemoryBus
from runtime.process.definition import AdapterContext
from runtime.process.runner import ProcessRunner
from runtime.store.documents import MemoryStore
from schemas.config import Config
from schemas.envelope import Envelope, decode, encode
from schemas.market import FeedBook, FeedInstrument
from schemas.message import Event
from schemas.process import ConfigApplied, Tick
from schemas.topics import BY_NAME, MESSAGE_TYPES, MONITOR, ROUTER, TOPIC_OF, TOPICS
from tests.kit.messages import config_applied

T0 = 1_700_000_000_000_000_000
VENUE = "sim"
SOUND, STRANGE = "A/USDT", "B/USDT"
"""Of the first everything is as it should be, where a test wants so."""
INTEGERS = (
    0,
    1,
    -1,
    2,
    99,
    100,
    101,
    10**6,
    2**31,
    2**63,
    -(2**63),
    10**18,
    10**24 - 1,
    10**32,
    10**400,
    -(10**400),
)
FLOATS = (0.0, -0.0, 1.0, -1.0, 0.5, 5e-324, 2.3e-308, 1e-12, 1e12, 1e154, 1e155, 1.7e308, -1.7e308, 1e-155)
DECIMALS = (
    "0",
    "-0",
    "1",
    "-1",
    "0.01",
    "1e-18",
    "1e18",
    "1e-999999",
    "9e40",
    "1e-60",
    "1e999999",
    "-1e999999",
    "9" * 60,
)
TEXTS = ("", "*", "A/USDT", "x" * 128, "\x00", "é\N{SNOWMAN}", "=1+1", "USDT", "A")
TIMES = (0, 1, T0, T0 + 1, T0 + 10**9, T0 + 10**12, 2**63 - 1, 2**63, 10**30)


def _number(value: Any) -> Any:
    """Decimals are made of their texts, as on the wire."""
    return Decimal(value) if isinstance(value, str) else value


def _bounded(values: st.SearchStrategy[Any], metadata: tuple[Any, ...]) -> st.SearchStrategy[Any]:
    for rule in (each for item in metadata for each in getattr(item, "metadata", (item,))):
        values = _within(values, rule)
    return values


def _within(values: st.SearchStrategy[Any], rule: object) -> st.SearchStrategy[Any]:
    match rule:
        case Ge(ge=bound):
            return st.one_of(st.just(bound), values.filter(lambda value: bool(_number(value) >= bound)))
        case Gt(gt=bound):
            return values.filter(lambda value: bool(_number(value) > bound))
        case Le(le=bound):
            return st.one_of(st.just(bound), values.filter(lambda value: bool(_number(value) <= bound)))
        case Lt(lt=bound):
            return values.filter(lambda value: bool(_number(value) < bound))
        case MinLen(min_length=length):
            return values.filter(lambda value: len(value) >= length)
        case MaxLen(max_length=length):
            return values.map(lambda value: value[:length])
    return values


def values_of(annotation: Any, metadata: tuple[Any, ...] = ()) -> st.SearchStrategy[Any]:
    """Extreme values of a type, within its bounds."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return values_of(arguments[0], (*metadata, *arguments[1:]))
    if origin in (Union, UnionType):
        return st.one_of([values_of(each, metadata) for each in arguments])
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin is tuple:
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            return _bounded(st.lists(values_of(arguments[0]), max_size=4).map(tuple), metadata)
        return st.tuples(*map(values_of, arguments))
    if origin is dict:
        return st.dictionaries(*map(values_of, arguments), max_size=3)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return fields_of(annotation)
    plain = {
        NoneType: st.none(),
        bool: st.booleans(),
        int: st.sampled_from(INTEGERS),
        float: st.sampled_from(FLOATS),
        Decimal: st.sampled_from(DECIMALS),
        str: st.sampled_from(TEXTS),
    }
    return _bounded(plain[annotation], metadata)


def fields_of(model: type[BaseModel], **given: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Fields of a model; each may be left out that has a default."""
    needed: dict[str, st.SearchStrategy[Any]] = dict(given)
    optional: dict[str, st.SearchStrategy[Any]] = {}
    for name, field in model.model_fields.items():
        if name in given or field.annotation is Config:
            continue
        place = needed if field.is_required() else optional
        place[name] = values_of(field.annotation, tuple(field.metadata))
    return st.fixed_dictionaries(needed, optional=optional)


def _made(model: type[Event], fields: dict[str, Any]) -> Event | None:
    try:
        return model.model_validate(fields)
    except ValidationError:
        return None  # what rules across fields forbid


def _is_made(event: Event | None) -> TypeGuard[Event]:
    return event is not None


def strange_messages(
    types: tuple[type[Event], ...], symbols: tuple[str, ...] = (SOUND, STRANGE, "*")
) -> st.SearchStrategy[Event]:
    """A message of one of the types with extreme values, as it is read from a topic."""
    made = []
    for model in types:
        given: dict[str, st.SearchStrategy[Any]] = {"event_time_ns": st.sampled_from(TIMES)}
        if "symbol" in model.model_fields:
            given |= {"symbol": st.sampled_from(symbols), "venue": st.sampled_from((VENUE,))}
        made.append(fields_of(model, **given).map(partial(_made, model)))
    return st.one_of(made).filter(_is_made)


class World:
    """All processes on a bus in memory, as in `maker up`; what they say is delivered, and decodes."""

    def __init__(self, config: Config | None = None) -> None:
        self.config = config or Config()
        self.bus = MemoryBus()
        self.runners = {
            definition.name: ProcessRunner(definition, self.config, self.bus, 10**9)
            for definition in process_definitions()
        }
        self.now_ns = T0
        router = self.runners[ROUTER]
        make_adapter = router.definition.make_adapter
        assert make_adapter is not None
        router.adapter = make_adapter(AdapterContext(self.config, router.core, MemoryStore(), T0))
        applied = config_applied(self.config, "*", code_version="t", time_ns=T0)
        for runner in self.runners.values():
            runner.start(T0, applied, "test")
        self.said: list[Event] = []

    def put(self, event: Event, reader: str | None = None) -> None:
        """Publish a message as if its writer had said it, and deliver it to all who read it, or to one."""
        record = self.bus.publish(
            TOPIC_OF[event.type_name], Envelope("test", 1, None, event.event_time_ns, event.type_name), event
        )
        topic = BY_NAME[record.topic]
        names = (reader,) if reader is not None else topic.readers
        self._deliver([(self.runners[name], record) for name in names if name in self.runners])

    def feed(self, *events: Event) -> None:
        """The feed says something: monitor-service journals it, and hears it."""
        runner = self.runners[MONITOR]
        for event in events:
            self._say(runner.consume(runner.journal(event)))

    def tick(self, seconds: float = 0.25) -> None:
        """Time passes for every process, and for the venue."""
        self.now_ns += int(seconds * 10**9)
        for runner in self.runners.values():
            if runner.tick_interval_ns is not None:
                self._say(runner.inject(Tick(event_time_ns=self.now_ns)))
        router = self.runners[ROUTER]
        assert router.adapter is not None
        for event in router.adapter.poll_due(self.now_ns):
            self._say(router.consume(router.journal(event)))

    def _say(self, records: list[Record]) -> None:
        self._deliver(list(self._readers(records)))

    def _readers(self, records: list[Record]) -> Iterator[tuple[ProcessRunner, Record]]:
        for record in records:
            event = record.message
            self.said.append(event)
            assert decode(type(event), encode(event)) == event
            for name in BY_NAME[record.topic].readers:
                if name in self.runners:
                    yield self.runners[name], record

    def _deliver(self, waiting: list[tuple[ProcessRunner, Record]]) -> None:
        while waiting:
            runner, record = waiting.pop(0)
            waiting += self._readers(runner.consume(record))


INPUTS = tuple(
    model
    for topic in TOPICS
    for model in topic.messages
    if topic.writer in (MONITOR, ROUTER) or set(topic.readers) & {MONITOR, ROUTER, "quote-service"}
)
EVERY_TYPE = tuple(model for model in MESSAGE_TYPES.values() if model is not ConfigApplied)


def sound_market(symbol: str, now_ns: int, mid_ticks: int = 10_000, sequence: int = 1) -> tuple[Event, ...]:
    """What a feed says of a market as it should be."""
    names: dict[str, Any] = {"event_time_ns": now_ns, "venue": VENUE, "symbol": symbol}
    contract = FeedInstrument(
        **names,
        tick_size=Decimal("0.01"),
        lot_size=Decimal("0.001"),
        base_currency=symbol.partition("/")[0],
        quote_currency="USDT",
        reporting_rate=Decimal(1),
    )
    book = FeedBook(
        **names,
        snapshot=True,
        sequence=sequence,
        bid_prices=(mid_ticks - 1, mid_ticks - 2),
        bid_sizes=(10_000, 10_000),
        ask_prices=(mid_ticks + 1, mid_ticks + 2),
        ask_sizes=(10_000, 10_000),
    )
    return contract, book
