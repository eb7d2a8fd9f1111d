"""A log that is kept: its engine closes segments while it runs, and starts and replays when old ones went."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from maker.cli.app import app
from maker.composition import process_definitions
from maker.engine import Engine, RunOptions
from runtime.config.settings import load_config
from runtime.log import logfile
from runtime.log.keeper import LogKeeper
from runtime.log.logfile import read_log
from runtime.log.segments import is_closed, segment_files, segment_of
from runtime.process.session import sources_of
from runtime.replay.verify import replay_log
from schemas.deployment import Keep
from schemas.units import NS_PER_S


@pytest.fixture
def short_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of ten seconds instead of an hour."""
    monkeypatch.setattr(logfile, "SEGMENT_NS_MAX", 10 * NS_PER_S)


def run(log: Path, seconds: float, **keep: Any) -> dict[str, Any]:
    overrides = {"feed": {"speed": "max"}, "engine": {"log_dir": str(log), "keep": keep}}
    engine = Engine(load_config((), overrides).config, RunOptions(for_s=seconds, gateway=False))
    return asyncio.run(engine.run())


def close_what_is_left(log: Path) -> None:
    """At full speed an engine ends before its segments are closed, on a slow machine all of them."""
    keeper = LogKeeper(log, Keep(), pause_share=0.0)
    keeper.start()
    assert keeper.wait(300)
    keeper.stop()


def closed_names(log: Path) -> list[str]:
    return [segment_of(path) for path in segment_files(log) if is_closed(path)]


def maker(*arguments: str) -> dict[str, Any]:
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def divergences(log: Path) -> int:
    definitions = {each.name: each for each in process_definitions()}
    results = replay_log(log, definitions, sources_of(definitions.values()))
    assert all(result.outputs for result in results if result.name != "view-projector")
    return sum(result.divergences for result in results)


@pytest.mark.slow
@pytest.mark.usefixtures("short_segments")
def test_an_engine_goes_on_and_replays_when_the_beginning_of_its_log_went(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "log"
    run(log, 45)
    run(log, 22)
    close_what_is_left(log)
    names = closed_names(log)
    assert len(names) >= 3
    assert divergences(log) == 0
    count = sum(1 for _ in read_log(log))
    run(log, 22, age_days=10 / 86_400)
    assert closed_names(log)[0] > names[0]
    assert divergences(log) == 0
    proof = maker("log", "verify", str(log), "--json")
    assert proof["problems"] == []
    assert proof["deleted_segments"] > 0
    assert proof["records"] + proof["deleted_records"] > count
    shown = maker("log", "show", str(log), "--json")
    assert [each["name"] for each in shown["segments"]] == [segment_of(path) for path in segment_files(log)]
    assert shown["days_left"] > 0
    run(log, 5)
    assert divergences(log) == 0

    monkeypatch.setattr("maker.cli.log.sources_of", lambda definitions: "another code's")
    replayed = CliRunner().invoke(app, ["replay", str(log)])
    assert "This is a what-if" in replayed.stdout
    as_json = json.loads(CliRunner().invoke(app, ["replay", str(log), "--json"]).stdout)
    assert {each["begins_as"] for each in as_json.values() if each and "begins_as" in each} == {"carried"}
