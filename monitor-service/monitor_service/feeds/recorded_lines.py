"""Recorded files as lines: the content or error of each, and the ticks and lots they imply."""

import gzip
import zlib
from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from pydantic_core import from_json

from monitor_service.feeds.conversion import RefusedValueError, StepFinder, short, time_ns
from runtime.errors import ConfigError, FeedError
from schemas.message import ALL_SYMBOLS
from schemas.names import is_name
from schemas.units import NS_PER_S

_SUFFIXES = (".jsonl", ".jsonl.gz")
AHEAD_NS_MAX = NS_PER_S
"""A line this far ahead of both its neighbours has a wrong time."""


class Line(NamedTuple):
    """One line of a file: its content, and its error if any."""

    place: str
    receive_ns: int
    """0 where the line has no usable time."""
    event: dict[str, Any] | None
    problem: str | None


@dataclass(slots=True)
class Steps:
    """What a first pass found about one symbol."""

    venue: str
    symbol: str
    price: StepFinder = field(default_factory=StepFinder)
    size: StepFinder = field(default_factory=StepFinder)


def recorded_files(paths: Iterable[str]) -> list[Path]:
    """The files given, and those in given folders; raises ConfigError where there are none."""
    files: list[Path] = []
    for path in map(Path, paths):
        if not path.exists():
            raise ConfigError(f"--path {path} does not exist")
        inside = sorted(path.iterdir()) if path.is_dir() else []
        found = [each for each in inside if each.name.endswith(_SUFFIXES)] if path.is_dir() else [path]
        if not found:
            raise ConfigError(f"--path {path} contains no file that ends in {' or '.join(_SUFFIXES)}")
        files += found
    if not files:
        raise ConfigError("a recorded feed needs --path FILE (or feed.paths)")
    return list(dict.fromkeys(files))


def read_lines(path: Path) -> Iterator[Line]:
    """The lines of one file, gzip or plain, without empty lines.

    Raises FeedError, naming the file, where it cannot be read to its end.
    """
    held: Line | None = None
    before_ns = 0
    for line in _parsed_lines(path):
        if held is not None:
            held = _judge_time(before_ns, held, line.receive_ns)
            before_ns = max(before_ns, held.receive_ns)
            yield held
        held = line
    if held is not None:
        yield held


def _judge_time(before_ns: int, line: Line, after_ns: int) -> Line:
    """One line far in the future would make everything after it look late: so that line is the bad one."""
    ahead_ns = line.receive_ns - after_ns
    if not before_ns or not after_ns or ahead_ns <= AHEAD_NS_MAX or before_ns - after_ns > AHEAD_NS_MAX:
        return line
    problem = f"its time lies {ahead_ns / NS_PER_S:.3f} s ahead of the lines around it"
    return line._replace(receive_ns=0, problem=line.problem or problem)


def _parsed_lines(path: Path) -> Iterator[Line]:
    try:
        with gzip.open(path, "rb") if path.name.endswith(".gz") else path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                text = line.removeprefix(BOM_UTF8) if number == 1 else line
                if text.strip():
                    yield _parse(f"{path} line {number}", text)
    except (OSError, EOFError, zlib.error) as error:
        raise FeedError(
            f"{path} cannot be read to its end: {error}; leave it out, or provide a complete copy"
        ) from None


def _parse(place: str, text: bytes) -> Line:
    try:
        event = from_json(text)
    except ValueError as error:
        return Line(place, 0, None, f"not JSON: {error}")
    if not isinstance(event, dict):
        return Line(place, 0, None, f"a {type(event).__name__}, not an object")
    try:
        return Line(place, time_ns(event.get("ts")), event, _unnamed(event))
    except RefusedValueError as error:
        return Line(place, 0, event, _unnamed(event) or f"ts {error}")


def _unnamed(event: dict[str, Any]) -> str | None:
    """Why an object cannot be an event of any symbol, or None."""
    kind = event.get("type")
    if kind not in ("book", "trade"):
        return f"type {short(kind)} is neither book nor trade"
    for name in ("venue", "symbol"):
        value = event.get(name)
        if not isinstance(value, str) or value == ALL_SYMBOLS or not is_name(value):
            return f"{name} {short(value)} is not a name"
    return None


@dataclass(slots=True)
class FirstPass:
    """The result over all lines: symbols with their steps, and the start of each file."""

    symbols: dict[tuple[str, str], Steps] = field(default_factory=dict)
    begin_ns: dict[Path, int] = field(default_factory=dict)


def first_pass(files: Iterable[Path]) -> FirstPass:
    """Read all files once. Raises ConfigError for a file without any event."""
    found = FirstPass()
    for path in files:
        problem = ""
        for line in read_lines(path):
            if line.event is None or line.problem is not None:
                problem = problem or f"; the first unreadable line is {line.place}: {line.problem}"
                continue
            found.begin_ns.setdefault(path, line.receive_ns)
            name = (line.event["venue"], line.event["symbol"])
            steps = found.symbols.get(name)
            if steps is None:
                steps = found.symbols[name] = Steps(*name)
            _check(steps, line.event)
        if path not in found.begin_ns:
            raise ConfigError(f"{path}: contains no market event{problem}")
    return found


def _check(steps: Steps, event: dict[str, Any]) -> None:
    if event["type"] == "trade":
        steps.price.measure(event.get("price"))
        steps.size.measure(event.get("size"))
        return
    for side in ("bids", "asks"):
        levels = event.get(side)
        for level in levels if isinstance(levels, list) else ():
            match level:
                case [price, size]:
                    steps.price.measure(price)
                    steps.size.measure(size)
