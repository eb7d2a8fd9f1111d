"""What was at a moment of the past, asked of a broker: from a copy near it, whatever the topics hold."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from gateway_api.history import state
from gateway_api.history.state import StateMoments

from runtime.process.definition import HistorySource
from runtime.replay.history import HistoryQuery, HistoryRecord, read_history
from tests.kafka.commands import maker
from tests.kafka.conftest import KafkaRun

pytestmark = [pytest.mark.kafka, pytest.mark.slow]


def read_of(monkeypatch: pytest.MonkeyPatch) -> list[HistoryRecord]:
    """What is read from now on."""
    read: list[HistoryRecord] = []

    def noted(source: HistorySource, query: HistoryQuery) -> Iterator[HistoryRecord]:
        for placed in read_history(source, query):
            read.append(placed)
            yield placed

    monkeypatch.setattr(state, "read_history", noted)
    return read


def documents(source: HistorySource, key: str, time_ns: int) -> dict[str, Any]:
    return {name: json.loads(each) for name, each in StateMoments(source).documents(key, time_ns).items()}


def test_a_broker_and_a_folder_tell_the_same_and_the_broker_reads_little(
    stormy_run: KafkaRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = maker("log", "export", tmp_path / "log", "--config", stormy_run.config_file)
    assert done.returncode == 0, done.stderr
    key = stormy_run.log.on("order.fill")[-1].record.message.key
    at_ns = max(sent.record.envelope.event_time_ns for sent in stormy_run.log.on("market.book")) - 500_000_000
    read = read_of(monkeypatch)
    by_broker = documents(HistorySource(kafka=stormy_run.kafka), key, at_ns)
    of_broker, read[:] = len(read), []
    by_folder = documents(HistorySource(log_dir=tmp_path / "log"), key, at_ns)
    assert 0 < of_broker < len(read), "the projector was killed last: it said a copy when it came back"
    assert by_broker.keys() == by_folder.keys()
    found = differing(by_broker, by_folder)
    assert list(found) == [], json.dumps(found)


CONFLATED = frozenset({"event_time_ns", "books", "quotes", "time_ns", "two_sided_ns", "spread_bps_ns"})
"""Counters of topics of state: a projector that was behind has skipped some, a folder has all."""


def differing(ours: Any, others: Any) -> dict[str, Any]:
    """Fields of documents that are not the same, but for what a copy does not carry."""
    return {
        f"{name}.{field}": (each, others[name].get(field))
        for name, document in ours.items()
        for field, each in document.items()
        if not is_same(field, each, others[name].get(field))
    }


def is_same(field: str, ours: Any, others: Any) -> bool:
    """Of trades and fills a copy carries none: those since are there."""
    if field in {"last_trades", "last_fills"}:
        return bool(ours == others[len(others) - len(ours) :])
    if field == "counters" and ours is not None and others is not None:
        return all(ours[name] == others[name] for name in ours.keys() - CONFLATED)
    return bool(ours == others)
