"""A market from recorded files: one event per line, in order of receipt. The format is in the README."""

import heapq
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from monitor_service.feeds.conversion import (
    RefusedValueError,
    UnitScale,
    price_scale,
    short,
    size_scale,
    time_ns,
    trade_id_of,
)
from monitor_service.feeds.instruments import announce
from monitor_service.feeds.recorded_lines import Line, Steps, first_pass, read_lines, recorded_files
from monitor_service.feeds.started import Carried, StartedSymbols
from runtime.config.known_symbols import check_known
from runtime.errors import ConfigError, FeedError
from runtime.text import nearest
from schemas.config import Config
from schemas.market import FeedBook, FeedInstrument, FeedRefused, FeedTrade, SymbolRemoved
from schemas.message import ALL_SYMBOLS, Event
from schemas.numbers import INTEGER_MAX

_UNKNOWN_VENUE = "recorded"


@dataclass(frozen=True, slots=True)
class Scales:
    """Conversion of one symbol's numbers to ticks and lots."""

    venue: str
    symbol: str
    price: UnitScale
    size: UnitScale


class RecordedFeed:
    """Plays recorded files, merged by receive time. An Adapter of the runtime.

    Raises ConfigError where there is nothing to play; FeedError for a file that cannot be read, and for a bad
    line where `feed.on_malformed` is `fail`.
    """

    def __init__(self, config: Config, *, needs_rates: bool = True, carried: Carried = lambda: ()) -> None:
        """`needs_rates`: of all quote currencies, as money is counted; a study of the market needs none."""
        self._started = StartedSymbols(carried)
        self._removed: set[str] = set()
        """Keys of symbols that operators removed: what the recording holds of them is passed over."""
        self._answers: deque[FeedRefused] = deque()
        self._needs_rates = needs_rates
        self._fails = config.feed.on_malformed == "fail"
        files = recorded_files(config.feed.paths)
        found = first_pass(files)
        check_known(config, [f"{venue}:{symbol}" for venue, symbol in found.symbols])
        self._scales: dict[tuple[str, str], Scales] = {}
        self._not_announced: dict[tuple[str, str], str] = {}
        """The reason, by venue and symbol."""
        self._newest_ns = 0
        announced = self._announce_all(found.symbols.values(), config)
        self._events = heapq.merge(
            *(self._events_of(path, found.begin_ns[path]) for path in files),
            key=lambda each: each.event_time_ns,
        )
        first = next(self._events)
        opening = [each.model_copy(update={"event_time_ns": first.event_time_ns}) for each in announced]
        self._opening: list[Event] = [*opening, first]
        self._next: Event | None = first

    def _announce_all(self, found: Iterable[Steps], config: Config) -> list[FeedInstrument]:
        """The instruments of all symbols with known terms; a symbol without does not affect others."""
        announced: list[FeedInstrument] = []
        problems: list[ConfigError] = []
        for steps in found:
            try:
                announced.append(self._announce(steps, config))
            except ConfigError as error:
                problems.append(error)
                self._not_announced[steps.venue, steps.symbol] = str(error)
        if not announced:
            raise problems[0]
        return announced

    def _announce(self, steps: Steps, config: Config) -> FeedInstrument:
        instrument = announce(
            steps.venue,
            steps.symbol,
            config,
            0,
            inferred_tick=steps.price.step,
            inferred_lot=steps.size.step,
            needs_rate=self._needs_rates,
        )
        scales = Scales(
            steps.venue, steps.symbol, price_scale(instrument.tick_size), size_scale(instrument.lot_size)
        )
        self._scales[steps.venue, steps.symbol] = scales
        return instrument

    def _events_of(self, path: Path, begin_ns: int) -> Iterator[FeedBook | FeedTrade | FeedRefused]:
        newest_ns = begin_ns
        for line in read_lines(path):
            event = self._event(line, newest_ns)
            newest_ns = max(newest_ns, event.event_time_ns)
            yield event

    def _event(self, line: Line, newest_ns: int) -> FeedBook | FeedTrade | FeedRefused:
        raw = line.event
        if raw is None or line.problem is not None:
            return self._refused(line, newest_ns, RefusedValueError("malformed", str(line.problem)))
        try:
            scales = self._scales_of(raw["venue"], raw["symbol"])
            make = _book if raw["type"] == "book" else _trade
            return make(raw, line.receive_ns, scales)
        except RefusedValueError as error:
            return self._refused(line, newest_ns, error)
        except KeyError as error:
            return self._refused(line, newest_ns, RefusedValueError("malformed", f"no field {error}"))
        except ValidationError as error:
            return self._refused(line, newest_ns, RefusedValueError("malformed", _first_problem(error)))

    def _scales_of(self, venue: str, symbol: str) -> Scales:
        scales = self._scales.get((venue, symbol))
        if scales is None:
            because = self._not_announced.get((venue, symbol), "its terms are not known")
            detail = f"{venue}:{symbol} is not followed: {because}"
            raise RefusedValueError("unknown_symbol", detail)
        return scales

    def _refused(self, line: Line, newest_ns: int, error: RefusedValueError) -> FeedRefused:
        detail = f"{line.place}: {error}"
        if self._fails:
            raise FeedError(f"{detail}; fix the line, or skip it with --on-malformed skip")
        raw = line.event or {}
        name = (raw.get("venue"), raw.get("symbol"))
        scales = next((each for key, each in self._scales.items() if key == name), None)
        kind = raw.get("type")
        return FeedRefused(
            event_time_ns=max(newest_ns, line.receive_ns),
            venue=scales.venue if scales else _UNKNOWN_VENUE,
            symbol=scales.symbol if scales else ALL_SYMBOLS,
            reason=error.reason,
            detail=detail,
            event_type=kind if kind in ("book", "trade") else None,
        )

    def on_event(self, event: Event) -> None:
        """A recording's symbols are fixed: others that operators start are refused."""
        if isinstance(event, SymbolRemoved):
            self._removed.add(event.key)
        if not self._started.may_follow(event):
            return
        self._removed = self._started.removed()
        for started in self._started.pop_new({f"{venue}:{symbol}" for venue, symbol in self._scales}):
            near = nearest(started.symbol, (symbol for _, symbol in self._scales))
            because = f"the recording holds no {started.key}{near}"
            self._answers.append(started.refused(event.event_time_ns, because))

    def next_due_ns(self) -> int | None:
        """Receive time of the next event; None at the end."""
        if self._next is None:
            return None
        due_ns = max(self._newest_ns, self._next.event_time_ns)
        return min(due_ns, self._answers[0].event_time_ns) if self._answers else due_ns

    def poll_due(self, now_ns: int) -> Iterable[Event]:
        """The next event; before the first, all instruments."""
        if self._answers:
            return (self._answers.popleft(),)
        if self._next is None or self._next.event_time_ns > now_ns:
            return ()
        if self._opening:
            self._removed = self._started.removed()
        due = self._opening or [self._next]
        self._opening = []
        self._newest_ns = max(self._newest_ns, self._next.event_time_ns)
        self._next = next(self._events, None)
        return [event for event in due if event.key not in self._removed] if self._removed else due

    def close(self) -> None:
        """Files are closed as they end."""


def _first_problem(error: ValidationError) -> str:
    """The first validation error, in one line."""
    first = error.errors(include_url=False, include_context=False)[0]
    return f"{'.'.join(map(str, first['loc']))} {short(first['input'])}: {first['msg']}"


def _exchange_time_ns(raw: dict[str, Any]) -> int | None:
    value = raw.get("ets")
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool):
        raise RefusedValueError("malformed", f"ets {short(value)} is not a whole number")
    return time_ns(value)


def _book(raw: dict[str, Any], receive_ns: int, scales: Scales) -> FeedBook:
    bid_prices, bid_sizes = _side(raw, "bids", scales)
    ask_prices, ask_sizes = _side(raw, "asks", scales)
    if not isinstance(raw["snapshot"], bool):
        raise RefusedValueError("malformed", f"snapshot {short(raw['snapshot'])} is neither true nor false")
    return FeedBook(
        event_time_ns=receive_ns,
        venue=scales.venue,
        symbol=scales.symbol,
        exchange_time_ns=_exchange_time_ns(raw),
        snapshot=raw["snapshot"],
        sequence=_sequence(raw),
        bid_prices=bid_prices,
        bid_sizes=bid_sizes,
        ask_prices=ask_prices,
        ask_sizes=ask_sizes,
    )


def _sequence(raw: dict[str, Any]) -> int | None:
    value: int | None = raw.get("seq")
    if isinstance(value, int) and abs(value) > INTEGER_MAX:
        raise RefusedValueError("malformed", f"seq {short(value)} is more than {INTEGER_MAX:.0e}")
    return value


def _side(raw: dict[str, Any], name: str, scales: Scales) -> tuple[tuple[int, ...], tuple[int, ...]]:
    levels = raw[name]
    try:
        prices = [price for price, _ in levels]
        sizes = [size for _, size in levels]
    except (TypeError, ValueError):
        raise RefusedValueError(
            "malformed", f"{name} {short(levels)} is not a list of [price, size]"
        ) from None
    price_ticks = scales.price.all_units(prices)
    if 0 in price_ticks:
        raise RefusedValueError("bad_price", f"price 0 in {name} must be positive")
    return price_ticks, scales.size.all_units(sizes)


def _trade(raw: dict[str, Any], receive_ns: int, scales: Scales) -> FeedTrade:
    trade_id = raw["id"]
    if not isinstance(trade_id, str | int) or isinstance(trade_id, bool) or trade_id == "":
        raise RefusedValueError("malformed", f"id {short(trade_id)} is neither a text nor a whole number")
    return FeedTrade(
        event_time_ns=receive_ns,
        venue=scales.venue,
        symbol=scales.symbol,
        exchange_time_ns=_exchange_time_ns(raw),
        price_ticks=scales.price.positive_units(raw["price"]),
        size_lots=scales.size.positive_units(raw["size"]),
        side=raw.get("side"),
        trade_id=trade_id_of(trade_id),
    )
