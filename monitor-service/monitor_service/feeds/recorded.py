"""A market from recorded files: one event a line, in order of receipt. The format is in the README."""

import gzip
import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from pydantic_core import from_json

from chassis.errors import ConfigError, FeedError
from monitor_service.feeds.conversion import (
    RefusedValueError,
    StepFinder,
    UnitScale,
    price_scale,
    size_scale,
    time_ns,
)
from monitor_service.feeds.instruments import announce
from schemas.config import Config
from schemas.market import FeedBook, FeedInstrument, FeedRefused, FeedTrade
from schemas.message import ALL_SYMBOLS, Event

_SUFFIXES = (".jsonl", ".jsonl.gz")
_UNKNOWN_VENUE = "recorded"


class Line(NamedTuple):
    """One line of a file: what it holds, or what is wrong with it."""

    place: str
    event: dict[str, Any] | None
    problem: str | None


@dataclass(slots=True)
class Steps:
    """What a first pass found out about one symbol."""

    venue: str
    symbol: str
    price: StepFinder = field(default_factory=StepFinder)
    size: StepFinder = field(default_factory=StepFinder)


@dataclass(frozen=True, slots=True)
class Scales:
    """How one symbol's numbers become ticks and lots."""

    venue: str
    symbol: str
    price: UnitScale
    size: UnitScale


def recorded_files(paths: Iterable[str]) -> list[Path]:
    """The files named, and those in folders named; raises ConfigError where there are none."""
    files: list[Path] = []
    for path in map(Path, paths):
        if not path.exists():
            raise ConfigError(f"--path {path} is not there")
        found = (
            sorted(each for each in path.iterdir() if each.name.endswith(_SUFFIXES))
            if path.is_dir()
            else [path]
        )
        if not found:
            raise ConfigError(f"--path {path} holds no file that ends in {' or '.join(_SUFFIXES)}")
        files += found
    if not files:
        raise ConfigError("a recorded feed needs --path FILE (or feed.paths)")
    return files


def read_lines(path: Path) -> Iterator[Line]:
    """The lines of one file, gzip or plain; empty lines are passed over."""
    try:
        with gzip.open(path, "rb") if path.name.endswith(".gz") else path.open("rb") as file:
            for number, text in enumerate(file, start=1):
                if not text.isspace():
                    yield _parse(f"{path} line {number}", text)
    except (OSError, EOFError) as error:
        raise FeedError(f"{path} cannot be read on: {error}") from None


def _parse(place: str, text: bytes) -> Line:
    try:
        event = from_json(text)
    except ValueError as error:
        return Line(place, None, f"not JSON: {error}")
    if not isinstance(event, dict):
        return Line(place, None, f"a {type(event).__name__}, not an object")
    return Line(place, event, _missing(event))


def _missing(event: dict[str, Any]) -> str | None:
    """What keeps an object from being an event at all."""
    kind = event.get("type")
    if kind not in ("book", "trade"):
        return f"type {kind!r} is neither book nor trade"
    time = event.get("ts")
    if not isinstance(time, int) or isinstance(time, bool):
        return f"ts {time!r} is not a whole number"
    for name in ("venue", "symbol"):
        if not isinstance(event.get(name), str) or not event[name]:
            return f"{name} {event.get(name)!r} is not a name"
    return None


def _first_pass(files: Iterable[Path]) -> dict[tuple[str, str], Steps]:
    """All symbols of the files, with their price and size steps."""
    found: dict[tuple[str, str], Steps] = {}
    for path in files:
        for line in read_lines(path):
            if line.event is None or line.problem is not None:
                continue
            name = (line.event["venue"], line.event["symbol"])
            steps = found.get(name)
            if steps is None:
                steps = found[name] = Steps(*name)
            _see(steps, line.event)
    return found


def _see(steps: Steps, event: dict[str, Any]) -> None:
    if event["type"] == "trade":
        steps.price.see(event.get("price"))
        steps.size.see(event.get("size"))
        return
    for side in ("bids", "asks"):
        levels = event.get(side)
        for level in levels if isinstance(levels, list) else ():
            match level:
                case [price, size]:
                    steps.price.see(price)
                    steps.size.see(size)


class RecordedFeed:
    """Plays recorded files in order of their receive times, the files merged. An Adapter of the chassis."""

    def __init__(self, config: Config) -> None:
        self._fails = config.feed.on_malformed == "fail"
        files = recorded_files(config.feed.paths)
        found = _first_pass(files)
        if not found:
            raise ConfigError(f"{', '.join(map(str, files))}: no market event in it")
        self._scales: dict[tuple[str, str], Scales] = {}
        self._newest_ns = 0
        self._announcements = [self._announce(steps, config) for steps in found.values()]
        self._events = heapq.merge(
            *(self._events_of(path) for path in files), key=lambda each: each.event_time_ns
        )
        first = next(self._events)
        opening = [
            each.model_copy(update={"event_time_ns": first.event_time_ns}) for each in self._announcements
        ]
        self._opening: list[Event] = [*opening, first]
        self._next: Event | None = first

    def _announce(self, steps: Steps, config: Config) -> FeedInstrument:
        instrument = announce(
            steps.venue, steps.symbol, config, 0, inferred_tick=steps.price.step, inferred_lot=steps.size.step
        )
        scales = Scales(
            steps.venue, steps.symbol, price_scale(instrument.tick_size), size_scale(instrument.lot_size)
        )
        self._scales[steps.venue, steps.symbol] = scales
        return instrument

    def _events_of(self, path: Path) -> Iterator[FeedBook | FeedTrade | FeedRefused]:
        newest_ns = 0
        for line in read_lines(path):
            event = self._event(line, newest_ns)
            newest_ns = max(newest_ns, event.event_time_ns)
            yield event

    def _event(self, line: Line, newest_ns: int) -> FeedBook | FeedTrade | FeedRefused:
        raw = line.event
        if raw is None or line.problem is not None:
            return self._refused(line, newest_ns, RefusedValueError("malformed", str(line.problem)))
        try:
            receive_ns = time_ns(raw["ts"])
            scales = self._scales[raw["venue"], raw["symbol"]]
            return (
                _book(raw, receive_ns, scales) if raw["type"] == "book" else _trade(raw, receive_ns, scales)
            )
        except RefusedValueError as error:
            return self._refused(line, newest_ns, error)
        except (KeyError, TypeError, ValueError) as error:
            problem = f"{type(error).__name__} {error}".splitlines()[0]
            return self._refused(line, newest_ns, RefusedValueError("malformed", problem))

    def _refused(self, line: Line, newest_ns: int, error: RefusedValueError) -> FeedRefused:
        detail = f"{line.place}: {error}"
        if self._fails:
            raise FeedError(f"{detail}; mend the line, or let it be skipped with --on-malformed skip")
        raw = line.event or {}
        name = (raw.get("venue"), raw.get("symbol"))
        scales = next((each for key, each in self._scales.items() if key == name), None)
        kind = raw.get("type")
        return FeedRefused(
            event_time_ns=_time_or(raw.get("ts"), newest_ns),
            venue=scales.venue if scales else _UNKNOWN_VENUE,
            symbol=scales.symbol if scales else ALL_SYMBOLS,
            reason=error.reason,
            detail=detail,
            event_type=kind if kind in ("book", "trade") else None,
        )

    def on_event(self, event: Event) -> None:
        """A recording does not react."""

    def next_due_ns(self) -> int | None:
        """Receive time of the next event; None at the end."""
        return None if self._next is None else max(self._newest_ns, self._next.event_time_ns)

    def take_due(self, now_ns: int) -> Iterable[Event]:
        """The next event, and before the first of all the instruments."""
        if self._next is None or self._next.event_time_ns > now_ns:
            return ()
        due = self._opening or [self._next]
        self._opening = []
        self._newest_ns = max(self._newest_ns, self._next.event_time_ns)
        self._next = next(self._events, None)
        return due

    def close(self) -> None:
        """Files are closed as they end."""


def _time_or(value: object, newest_ns: int) -> int:
    try:
        return max(newest_ns, time_ns(value)) if isinstance(value, int) else newest_ns
    except RefusedValueError:
        return newest_ns


def _exchange_time_ns(raw: dict[str, Any]) -> int | None:
    value = raw.get("ets")
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool):
        raise RefusedValueError("malformed", f"ets {value!r} is not a whole number")
    return time_ns(value)


def _book(raw: dict[str, Any], receive_ns: int, scales: Scales) -> FeedBook:
    bid_prices, bid_sizes = _side(raw["bids"], scales)
    ask_prices, ask_sizes = _side(raw["asks"], scales)
    if not isinstance(raw["snapshot"], bool):
        raise RefusedValueError("malformed", f"snapshot {raw['snapshot']!r} is neither true nor false")
    return FeedBook(
        event_time_ns=receive_ns,
        venue=scales.venue,
        symbol=scales.symbol,
        exchange_time_ns=_exchange_time_ns(raw),
        snapshot=raw["snapshot"],
        sequence=raw.get("seq"),
        bid_prices=bid_prices,
        bid_sizes=bid_sizes,
        ask_prices=ask_prices,
        ask_sizes=ask_sizes,
    )


def _side(levels: list[list[float]], scales: Scales) -> tuple[tuple[int, ...], tuple[int, ...]]:
    prices = scales.price.all_units([price for price, _ in levels])
    if 0 in prices:
        raise RefusedValueError("bad_price", "price 0 must be positive")
    return prices, scales.size.all_units([size for _, size in levels])


def _trade(raw: dict[str, Any], receive_ns: int, scales: Scales) -> FeedTrade:
    trade_id = raw["id"]
    return FeedTrade(
        event_time_ns=receive_ns,
        venue=scales.venue,
        symbol=scales.symbol,
        exchange_time_ns=_exchange_time_ns(raw),
        price_ticks=scales.price.positive_units(raw["price"]),
        size_lots=scales.size.positive_units(raw["size"]),
        side=raw.get("side"),
        trade_id=trade_id if isinstance(trade_id, str) else str(trade_id),
    )
