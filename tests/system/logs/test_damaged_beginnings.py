"""A log whose oldest records went, and whose checkpoints are damaged: what can be told is, and no more."""

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from gateway_api.access.visibility import ALL_OF_IT
from typer.testing import CliRunner, Result

from maker.cli.app import app
from maker.engine import Engine, RunOptions
from runtime.config.settings import load_config
from runtime.errors import LogDamagedError
from runtime.log import logfile
from runtime.log.keeper import LogKeeper
from runtime.log.segments import first_record_of, is_closed, segment_files
from runtime.log.slices import first_time_ns, last_time_ns
from runtime.process.definition import HistorySource
from runtime.state.checkpoint import Checkpoints
from schemas.deployment import Keep
from schemas.units import NS_PER_S
from tests.unit.gateway_api.past import calls_of

pytestmark = pytest.mark.slow
SYMBOL = "BTC/USDT"
KEY = f"synthetic:{SYMBOL}"


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of five seconds a segment; all but the newest are closed, and the first is deleted."""
    log = tmp_path_factory.mktemp("kept") / "log"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(logfile, "SEGMENT_NS_MAX", 5 * NS_PER_S)
        config = load_config((), {"feed": {"speed": "max"}, "engine": {"log_dir": str(log)}}).config
        asyncio.run(Engine(config, RunOptions(for_s=28, gateway=False)).run())
    begins = Checkpoints(log).begins()
    for settings in ({}, {"size_gb": sum(path.stat().st_size for path in segment_files(log)) / 1e9}):
        keeping = LogKeeper(log, Keep(**settings), begins=lambda _: begins, pause_share=0.0)
        keeping.start()
        assert keeping.wait(300)
        keeping.stop()
    path = segment_files(log)[0]
    keeping = LogKeeper(log, Keep(size_gb=size_without(log, path)), pause_share=0.0)
    keeping.start()
    assert keeping.wait(60)
    keeping.stop()
    assert not path.exists()
    assert [is_closed(path) for path in segment_files(log)][-3:] == [True, True, False]
    return log


def size_without(log: Path, path: Path) -> float:
    return (sum(each.stat().st_size for each in segment_files(log)) - path.stat().st_size / 2) / 1e9


@pytest.fixture
def log(kept: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(kept, tmp_path / "log"))


def maker(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(each) for each in arguments])


def why(log: Path) -> Any:
    """What was carried to where the reading begins has that time."""
    done = maker("why", SYMBOL, "--log", log, "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    causes = [(each["topic"], each["message"]) for each in found["causes"]]
    return found | {"causes": sorted(causes, key=lambda each: each[0])}


def known(log: Path) -> Any:
    """The newest state, but for what was averaged since the reading began."""
    status = calls_of(HistorySource(log_dir=log)).state(ALL_OF_IT, KEY, last_time_ns(log))["status"]
    return {name: value for name, value in status.items() if name != "activity"}


def parts(log: Path, number: int) -> list[Path]:
    """Of all processes, where a segment begins."""
    begin = first_record_of(segment_files(log)[number])
    return sorted((log / "checkpoints").glob(f"{begin:020d}.*"))


def damage(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("process", ["", "inventory-service"], ids=["gone", "one damaged"])
def test_an_oldest_checkpoint_that_does_not_tell_refuses_what_needs_it_alone(log: Path, process: str) -> None:
    before = why(log)
    for path in parts(log, 0):
        if not process:
            path.unlink()
        elif process in path.name:
            damage(path)
    wanted = f"lacks the state of {process or 'its processes'} there: restore that folder"
    refused = maker("replay", log)
    assert refused.exit_code == 1
    assert wanted in refused.stderr
    since = refused.stderr.rpartition("--from ")[2].strip()
    assert "0 divergences" in maker("replay", log, "--from", since).stdout
    profits = maker("pnl", log)
    assert profits.exit_code == 1, "profits of a part would be taken for those of all"
    assert wanted in profits.stderr
    assert why(log) == before
    shown = maker("config", "show", "--log", log)
    assert shown.exit_code == 0
    assert wanted in shown.stderr
    assert maker("positions", "show", "--log", log).exit_code == 0
    calls = calls_of(HistorySource(log_dir=log))
    assert calls.state(ALL_OF_IT, KEY, last_time_ns(log))["status"] is not None
    if not process:
        with pytest.raises(LogDamagedError, match="lacks the state of its processes"):
            calls.state(ALL_OF_IT, KEY, first_time_ns(log) + NS_PER_S)


def test_newer_checkpoints_that_are_damaged_are_passed_over(log: Path) -> None:
    before = why(log)
    state = known(log)
    for number in range(1, len(segment_files(log))):
        for path in parts(log, number):
            damage(path)
    assert why(log) == before
    assert known(log) == state
    assert "0 divergences" in maker("replay", log).stdout


def test_a_damaged_oldest_segment_does_not_hide_what_came_after(log: Path) -> None:
    path = segment_files(log)[0]
    path.write_bytes(path.read_bytes()[:-40])
    proof = maker("log", "verify", log)
    assert proof.exit_code == 1
    assert f"the index at the end of {path} is damaged" in proof.stderr
    assert "problems found: 1" in proof.stderr
    assert maker("log", "show", log).exit_code == 0
    assert maker("config", "show", "--log", log).exit_code == 0
    assert maker("positions", "show", "--log", log).exit_code == 0
    assert why(log)
