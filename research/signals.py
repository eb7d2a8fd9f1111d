"""`maker signals`: the features of a recording after each of its events, by the live core."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from math import exp, log
from pathlib import Path
from shutil import copyfileobj
from tempfile import TemporaryDirectory
from typing import Any

from monitor_service.core.bars import Bar
from monitor_service.core.depth import imbalance, volume_adjusted_mid
from monitor_service.core.monitor import MonitorCore
from monitor_service.feeds.recorded import RecordedFeed
from monitor_service.feeds.recorded_lines import Line, read_lines
from pydantic import BaseModel

from runtime.config.settings import load_config
from runtime.errors import ConfigError, FeedError
from runtime.invalid import short
from runtime.text import iso_time, nearest
from schemas.config import Config
from schemas.market import Book, FeedBook, FeedInstrument, FeedRefused, FeedTrade, Refusal
from schemas.market_data_settings import MarketData
from schemas.message import ALL_SYMBOLS, Event
from schemas.refusals import RefusalTally
from schemas.signals import Signal
from schemas.units import BPS_PER_UNIT, NS_PER_S

_SECTION = "market_data"
_LEVELS = 5
_KINDS = {FeedBook: "book", FeedTrade: "trade", FeedRefused: "refused"}
Row = dict[str, Any]


def run_signals(
    file: str, *, symbol: str | None, settings: Sequence[str], fails: bool, refused: RefusalTally
) -> Iterator[Row]:
    """One row of features per event of a recording, in order; for a file of bars, one per bar.

    `settings` are `name=value`, names within `market_data`. Events left out are counted in `refused`, those
    that name no known symbol too. Raises ConfigError for an invalid file, setting or symbol; FeedError at a
    bad line where `fails`.
    """
    config = _config(settings, fails=fails)
    with _on_disk(file) as path:
        rows = _bar_rows(path, config, fails=fails) if _holds_bars(path) else _event_rows(path, config)
        seen: dict[str, None] = {}
        is_found = symbol is None
        for row in rows:
            seen.setdefault(str(row["symbol"]))
            is_wanted = symbol in (None, row["symbol"], f"{row['venue']}:{row['symbol']}")
            if row["refused"] and (is_wanted or row["symbol"] in (ALL_SYMBOLS, None)):
                reason, _, detail = row["refused"].partition(": ")
                refused.count(reason, detail)
            if is_wanted:
                is_found = True
                yield row
    if not is_found:
        raise ConfigError(f"--symbol {symbol}: {file} holds no such symbol{nearest(str(symbol), seen)}")


@contextmanager
def _on_disk(file: str) -> Iterator[Path]:
    """A recording is read twice, first for tick and lot; so stdin is copied to a file."""
    if file != "-":
        yield Path(file)
        return
    with TemporaryDirectory() as folder:
        path = Path(folder) / "stdin.jsonl"
        with path.open("wb") as copy:
            copyfileobj(sys.stdin.buffer, copy)
        yield path


def _config(settings: Sequence[str], *, fails: bool) -> Config:
    """The defaults with the settings; raises ConfigError for an unknown name or a bad value."""
    places = dict(_places(MarketData, _SECTION))
    values: dict[str, Any] = {"feed": {"on_malformed": "fail" if fails else "skip"}}
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals:
            raise ConfigError(f"--set {setting!r}: write name=value")
        found = [place for place in places if place == name or place.endswith(f".{name}")]
        if not found:
            known = [place.rpartition(".")[2] for place in places]
            raise ConfigError(f"--set {setting!r}: no setting is called {name!r}{nearest(name, known)}")
        _put(values, found[0].split("."), text)
    return load_config((), values, {}).config


def _places(model: type[BaseModel], prefix: str) -> Iterator[tuple[str, None]]:
    for name, field in model.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from _places(inner, f"{prefix}.{name}")
        else:
            yield f"{prefix}.{name}", None


def _put(values: dict[str, Any], keys: list[str], text: str) -> None:
    for key in keys[:-1]:
        values = values.setdefault(key, {})
    values[keys[-1]] = text


def _event_rows(path: Path, config: Config) -> Iterator[Row]:
    feed = RecordedFeed(
        config.model_copy(update={"feed": config.feed.model_copy(update={"paths": (str(path),)})}),
        needs_rates=False,
    )
    core = MonitorCore(config)
    instruments: dict[str, FeedInstrument] = {}
    books: dict[str, Book] = {}
    number = 0
    while (due_ns := feed.next_due_ns()) is not None:
        for event in feed.poll_due(due_ns):
            messages = core.on_event(event)
            if isinstance(event, FeedInstrument):
                instruments[event.key] = event
                continue
            books |= {message.key: message for message in messages if isinstance(message, Book)}
            number += 1
            yield _row(number, event, messages, core, instruments.get(event.key), books.get(event.key))


def _row(
    number: int,
    event: Event,
    messages: Iterable[Event],
    core: MonitorCore,
    instrument: FeedInstrument | None,
    book: Book | None,
) -> Row:
    venue, _, symbol = event.key.partition(":")
    refusal = next((each for each in messages if isinstance(each, Refusal)), None)
    signal = core.signal_of(event.key)
    row: Row = {
        "number": number,
        "time": iso_time(event.event_time_ns),
        "time_ns": event.event_time_ns,
        "venue": venue,
        "symbol": symbol,
        "event": _KINDS[type(event)],
        "refused": None if refusal is None else f"{refusal.reason}: {refusal.detail}",
    }
    if signal is not None and instrument is not None:
        row |= _features(signal, book, instrument.tick_size, instrument.lot_size * instrument.multiplier)
    return row


def _features(signal: Signal, book: Book | None, tick: Decimal, lot: Decimal) -> Row:
    """Prices in quote currency, sizes in base units, volatility per square root of a second."""
    mid = signal.mid_half_ticks
    bid, bid_lots, ask, ask_lots = _best(book)
    return {
        "status": signal.book_status,
        "bid": _times(bid, tick),
        "bid_size": _times(bid_lots, lot),
        "ask": _times(ask, tick),
        "ask_size": _times(ask_lots, lot),
        "mid": _times(mid, tick / 2),
        "spread": _times(signal.spread_ticks, tick),
        "spread_bps": None
        if not mid or signal.spread_ticks is None
        else signal.spread_ticks * 2 * BPS_PER_UNIT / mid,
        "weighted_mid": _times(signal.weighted_mid_ticks, tick),
        "volume_adjusted_mid": _times(_volume_adjusted_mid(book), tick),
        "queue_imbalance": None if bid_lots is None or ask_lots is None else imbalance(bid_lots, ask_lots),
        "imbalance": None if book is None else signal.imbalance,
        "bid_depth": None if book is None else _times(signal.bid_depth_lots, lot),
        "ask_depth": None if book is None else _times(signal.ask_depth_lots, lot),
        "ofi": list(signal.ofi),
        "flow_imbalance": signal.flow_imbalance,
        "flow_volume": _times(signal.flow_volume_lots, lot),
        "toxicity": signal.toxicity,
        "arrival_rate_per_s": signal.arrival_rate_per_s,
        "arrival_decay": None
        if signal.arrival_decay_per_tick is None
        else signal.arrival_decay_per_tick / float(tick),
        "volatility": signal.volatility_per_sqrt_s,
        "volatility_ready": signal.volatility_ready,
        "robust_volatility": signal.robust_volatility_per_sqrt_s,
        "volatility_without_jumps": signal.without_jumps_per_sqrt_s,
        "noise": signal.noise,
        "jump": signal.jump,
        "regime": signal.regime,
    }


def _volume_adjusted_mid(book: Book | None) -> float | None:
    if book is None:
        return None
    return volume_adjusted_mid(
        book.bid_prices[:_LEVELS],
        book.bid_sizes[:_LEVELS],
        book.ask_prices[:_LEVELS],
        book.ask_sizes[:_LEVELS],
    )


def _best(book: Book | None) -> tuple[int | None, int | None, int | None, int | None]:
    bid = (book.bid_prices[0], book.bid_sizes[0]) if book and book.bid_prices else (None, None)
    ask = (book.ask_prices[0], book.ask_sizes[0]) if book and book.ask_prices else (None, None)
    return (*bid, *ask)


def _times(units: float | None, unit: Decimal) -> float | None:
    """Whole units are multiplied exactly, so that 61602.02 is not 61602.020000000004."""
    if units is None:
        return None
    return float(units * unit) if isinstance(units, int) else units * float(unit)


def _holds_bars(path: Path) -> bool:
    """Does a file start with a bar?"""
    if not path.is_file():
        return False
    first = next((line.event for line in read_lines(path) if line.event is not None), None)
    return first is not None and first.get("type") == "bar"


def _bar_rows(path: Path, config: Config, *, fails: bool) -> Iterator[Row]:
    """Bars of open, high, low, close, `ts` at their end; volatility averages bars with decay."""
    tau_s = config.market_data.volatility.half_life_s / log(2)
    before: dict[str, tuple[int, float, float]] = {}
    for number, line in enumerate(read_lines(path), start=1):
        row = _bar_identity(number, line)
        bar = _bar(line)
        if isinstance(bar, str):
            if fails:
                raise FeedError(f"{line.place}: {bar}; fix the line, or leave out --fail")
            yield row | {"refused": f"malformed: {bar}"}
            continue
        estimates = {
            "parkinson": bar.parkinson,
            "garman_klass": bar.garman_klass,
            "rogers_satchell": bar.rogers_satchell,
        }
        key = f"{row['venue']}:{row['symbol']}"
        time_ns, numerator, denominator = before.get(key, (0, 0.0, 0.0))
        dt_s = (row["time_ns"] - time_ns) / NS_PER_S if time_ns else 0.0
        if dt_s > 0:
            kept = exp(-dt_s / tau_s)
            numerator = numerator * kept + bar.garman_klass
            denominator = denominator * kept + dt_s
        before[key] = (row["time_ns"], numerator, denominator)
        volatility = (numerator / denominator) ** 0.5 if denominator else None
        yield row | {"refused": None, "bar_variance": estimates, "volatility": volatility}


def _bar_identity(number: int, line: Line) -> Row:
    raw = line.event or {}
    time_ns = raw.get("ts") if isinstance(raw.get("ts"), int) else 0
    return {
        "number": number,
        "time": iso_time(time_ns or 0),
        "time_ns": time_ns,
        "venue": raw.get("venue"),
        "symbol": raw.get("symbol"),
        "event": "bar",
    }


def _bar(line: Line) -> Bar | str:
    """The bar of a line, or the error in it."""
    raw = line.event
    if raw is None:
        return str(line.problem)
    if not isinstance(raw.get("ts"), int):
        return f"ts {short(raw.get('ts'))} is not a whole number of nanoseconds"
    try:
        return Bar(*(float(raw[name]) for name in ("open", "high", "low", "close")))
    except KeyError as error:
        return f"no field {error}"
    except (TypeError, ValueError) as error:
        return str(error)
