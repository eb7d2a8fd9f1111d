"""A start whose clock is a year ahead, and the next ones, whose clock is right again, or an hour behind."""

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import structlog

from maker import opening
from maker.composition import process_definitions
from maker.engine import Engine, RunOptions
from runtime.config.settings import load_config
from runtime.log.logfile import read_log
from runtime.process.session import sources_of
from runtime.replay.verify import replay_log
from schemas.units import NS_PER_S

NOW_NS = 1_750_000_000 * NS_PER_S
HOUR_NS = 3_600 * NS_PER_S
YEAR_NS = 365 * 24 * HOUR_NS


def run(log: Path, now_ns: int, patch: pytest.MonkeyPatch) -> list[Any]:
    """A second of the engine from this time of the machine on; what was said of clocks."""
    patch.setattr(opening, "time", SimpleNamespace(time_ns=lambda: now_ns))
    config = load_config((), {"engine": {"log_dir": str(log)}}).config
    with structlog.testing.capture_logs() as said:
        asyncio.run(Engine(config, RunOptions(for_s=1, gateway=False)).run())
    return [line for line in said if "clock" in line["event"]]


@pytest.mark.slow
def test_times_go_on_from_the_end_of_a_log_and_a_start_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "log"
    assert run(log, NOW_NS, monkeypatch) == []
    assert run(log, NOW_NS + YEAR_NS, monkeypatch) == []
    count = sum(1 for _ in read_log(log))
    for now_ns in (NOW_NS + 60 * NS_PER_S, NOW_NS + YEAR_NS - HOUR_NS):
        (line,) = run(log, now_ns, monkeypatch)
        assert line["event"] == "log_ends_later_than_the_clock"
        assert line["ends"].startswith("2026-06-15T")
        assert line["ahead_s"] >= 3_600
    records = list(read_log(log))
    assert len(records) > count
    assert all(record.envelope.event_time_ns >= NOW_NS + YEAR_NS for record in records[count:])
    definitions = {each.name: each for each in process_definitions()}
    results = replay_log(log, definitions, sources_of(definitions.values()))
    assert sum(result.divergences for result in results) == 0
