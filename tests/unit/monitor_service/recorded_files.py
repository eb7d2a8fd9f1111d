"""Recordings as the tests write them, and what a feed makes of them."""

import gzip
import json
from pathlib import Path
from typing import Any

from monitor_service.feeds.recorded import RecordedFeed

from schemas.config import Config
from schemas.message import SymbolEvent

S = 1_000_000_000
MS = 1_000_000
T0 = 1_700_000_000 * S
NAMES = {"venue": "binance", "symbol": "BTC/USDT"}
TERMS = {"BTC/USDT": {"tick_size": "0.5", "lot_size": "0.01"}}


def book(ts: Any = T0, *, snapshot: Any = True, **fields: Any) -> dict[str, Any]:
    levels = {"bids": [[100.0, 1.0], [99.5, 2.0]], "asks": [[100.5, 1.5]]}
    return {"ts": ts, "ets": None, **NAMES, "type": "book", "snapshot": snapshot, **levels, **fields}


def trade(ts: Any = T0, **fields: Any) -> dict[str, Any]:
    facts = {"price": 100.5, "size": 0.25, "side": "buy", "id": "7"}
    return {"ts": ts, "ets": None, **NAMES, "type": "trade", **facts, **fields}


def without(event: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in event.items() if key != name}


def write(path: Path, *lines: dict[str, Any] | str | bytes) -> Path:
    texts = [
        each if isinstance(each, bytes) else (each if isinstance(each, str) else json.dumps(each)).encode()
        for each in lines
    ]
    data = b"".join(text + b"\n" for text in texts)
    path.write_bytes(gzip.compress(data) if path.name.endswith(".gz") else data)
    return path


def config(*paths: Path, on_malformed: str = "skip", instruments: Any = None, **sections: Any) -> Config:
    feed = {"kind": "recorded", "paths": [str(path) for path in paths], "on_malformed": on_malformed}
    return Config.model_validate({"feed": feed, "instruments": instruments or {}, **sections})


def played(feed: RecordedFeed) -> list[SymbolEvent]:
    """Everything that a feed has, in its order, each taken when it is due."""
    events: list[SymbolEvent] = []
    due_ns = feed.next_due_ns()
    while due_ns is not None:
        for event in feed.poll_due(due_ns):
            assert isinstance(event, SymbolEvent)
            events.append(event)
        later_ns = feed.next_due_ns()
        assert later_ns is None or later_ns >= due_ns, "the clock of a feed never runs back"
        due_ns = later_ns
    return events


def play(*paths: Path, **options: Any) -> list[SymbolEvent]:
    return played(RecordedFeed(config(*paths, **options)))
