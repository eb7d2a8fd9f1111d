"""A market from recorded files: one event per line, in order of receipt. The format is in the README."""

import heapq
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError

from monitor_service.feeds.conversion import (
    RefusedValueError,
    Scales,
    scales_of,
    short,
    time_ns,
    trade_id_of,
)
from monitor_service.feeds.instruments import announce
from monitor_service.feeds.levels import sides_of
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


FeedMessage = FeedBook | FeedTrade | FeedRefused


class _Market(NamedTuple):
    """A symbol with known terms."""

    venue: str
    symbol: str
    scales: Scales


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
        self._markets: dict[tuple[str, str], _Market] = {}
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
        scales = scales_of(instrument.tick_size, instrument.lot_size)
        self._markets[steps.venue, steps.symbol] = _Market(steps.venue, steps.symbol, scales)
        return instrument

    def _events_of(self, path: Path, begin_ns: int) -> Iterator[FeedMessage]:
        newest_ns = begin_ns
        for line in read_lines(path):
            for event in self._events_in(line, newest_ns):
                newest_ns = max(newest_ns, event.event_time_ns)
                yield event

    def _events_in(self, line: Line, newest_ns: int) -> Iterator[FeedMessage]:
        """The event of a line, and what it lost of it."""
        raw = line.event
        if raw is None or line.problem is not None:
            yield self._refused(line, newest_ns, RefusedValueError("malformed", str(line.problem)))
            return
        lost: Iterable[RefusedValueError] = ()
        try:
            market = self._market_of(raw["venue"], raw["symbol"])
            if raw["type"] == "book":
                event, lost = _book(raw, line.receive_ns, market)
                yield event
            else:
                yield _trade(raw, line.receive_ns, market)
        except RefusedValueError as error:
            yield self._refused(line, newest_ns, error)
        except KeyError as error:
            yield self._refused(line, newest_ns, RefusedValueError("malformed", f"no field {error}"))
        except ValidationError as error:
            yield self._refused(line, newest_ns, RefusedValueError("malformed", _first_problem(error)))
        for each in lost:
            refused = self._refused(line, newest_ns, each)
            yield refused.model_copy(update={"event_type": None})  # the rest of the book is sound

    def _market_of(self, venue: str, symbol: str) -> _Market:
        market = self._markets.get((venue, symbol))
        if market is None:
            because = self._not_announced.get((venue, symbol), "its terms are not known")
            detail = f"{venue}:{symbol} is not followed: {because}"
            raise RefusedValueError("unknown_symbol", detail)
        return market

    def _refused(self, line: Line, newest_ns: int, error: RefusedValueError) -> FeedRefused:
        detail = f"{line.place}: {error}"
        if self._fails:
            raise FeedError(f"{detail}; fix the line, or skip it with --on-malformed skip")
        raw = line.event or {}
        name = (raw.get("venue"), raw.get("symbol"))
        market = next((each for key, each in self._markets.items() if key == name), None)
        kind = raw.get("type")
        return FeedRefused(
            event_time_ns=max(newest_ns, line.receive_ns),
            venue=market.venue if market else _UNKNOWN_VENUE,
            symbol=market.symbol if market else ALL_SYMBOLS,
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
        for started in self._started.pop_new({f"{venue}:{symbol}" for venue, symbol in self._markets}):
            near = nearest(started.symbol, (symbol for _, symbol in self._markets))
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
    try:
        return None if value is None else time_ns(value)
    except RefusedValueError as error:
        raise RefusedValueError("malformed", f"ets {error}") from None


def _book(
    raw: dict[str, Any], receive_ns: int, market: _Market
) -> tuple[FeedBook, Iterator[RefusedValueError]]:
    """The book, and the levels that it lost."""
    is_snapshot = raw["snapshot"]
    if not isinstance(is_snapshot, bool):
        raise RefusedValueError("malformed", f"snapshot {short(is_snapshot)} is neither true nor false")
    bids, asks = _levels(raw, "bids"), _levels(raw, "asks")
    sides = sides_of(bids, asks, market.scales, is_snapshot=is_snapshot)
    book = FeedBook(
        event_time_ns=receive_ns,
        venue=market.venue,
        symbol=market.symbol,
        exchange_time_ns=_exchange_time_ns(raw),
        snapshot=is_snapshot,
        sequence=_sequence(raw),
        bid_prices=sides.bids.prices,
        bid_sizes=sides.bids.sizes,
        ask_prices=sides.asks.prices,
        ask_sizes=sides.asks.sizes,
    )
    return book, sides.lost


def _sequence(raw: dict[str, Any]) -> int | None:
    value: int | None = raw.get("seq")
    if isinstance(value, int) and abs(value) > INTEGER_MAX:
        raise RefusedValueError("malformed", f"seq {short(value)} is more than {INTEGER_MAX:.0e}")
    return value


def _levels(raw: dict[str, Any], name: str) -> list[Any]:
    levels = raw[name]
    if not isinstance(levels, list):
        raise RefusedValueError("malformed", f"{name} {short(levels)} is not a list of [price, size]")
    return levels


def _trade(raw: dict[str, Any], receive_ns: int, market: _Market) -> FeedTrade:
    trade_id = raw["id"]
    if not isinstance(trade_id, str | int) or isinstance(trade_id, bool) or trade_id == "":
        raise RefusedValueError("malformed", f"id {short(trade_id)} is neither a text nor a whole number")
    return FeedTrade(
        event_time_ns=receive_ns,
        venue=market.venue,
        symbol=market.symbol,
        exchange_time_ns=_exchange_time_ns(raw),
        price_ticks=market.scales.price.positive_units(raw["price"]),
        size_lots=market.scales.size.positive_units(raw["size"]),
        side=raw.get("side"),
        trade_id=trade_id_of(trade_id),
    )
