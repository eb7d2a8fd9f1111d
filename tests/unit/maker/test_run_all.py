"""`maker run --all` is alone with its state folder, and says which children it would have."""

import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from maker.children import RUNNABLE, children_of, everything
from maker.cli.app import app
from maker.run import run_process
from maker.supervisor import Child
from runtime.errors import ConfigError, RefusedError
from runtime.state.folder_lock import FolderLock
from schemas.config import Config
from schemas.topics import GATEWAY, INVENTORY, MONITOR, PATH, PROJECTOR, QUOTE, RISK, ROUTER, STATISTICS


def config_of(**process: Any) -> Config:
    return Config.model_validate({"process": process})


def at_an_exchange(**process: Any) -> Config:
    config = config_of(**process)
    return config.model_copy(update={"venue": config.venue.model_copy(update={"kind": "ccxt"})})


@pytest.fixture
def supervised(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Who would be run, without running it."""
    found: list[list[str]] = []

    def supervise(children: Sequence[Child], arguments: Sequence[str]) -> None:
        found.append([child.label for child in children])

    monkeypatch.setattr("maker.supervisor.supervise", supervise)
    return found


def test_a_second_one_is_refused_and_told_of_the_first(tmp_path: Path, supervised: list[list[str]]) -> None:
    state = tmp_path / "state"
    state.mkdir()
    first = FolderLock(state, "the state of every process")
    done = CliRunner().invoke(app, ["run", "--all", "--state", str(state)])
    assert done.exit_code == 4
    assert f"process {os.getpid()} has written the state of every process" in " ".join(done.output.split())
    assert supervised == []
    first.release()
    for _ in range(2):  # an end lets the next one in
        assert CliRunner().invoke(app, ["run", "--all", "--state", str(state)]).exit_code == 0
    assert len(supervised) == 2


def test_some_processes_leave_the_others_to_somebody_else(
    tmp_path: Path, supervised: list[list[str]]
) -> None:
    other = FolderLock(tmp_path, "the state of every process")
    done = CliRunner().invoke(app, ["run", "risk-service", "quote-service", "--state", str(tmp_path)])
    assert (done.exit_code, supervised) == (0, [["risk-service", "quote-service"]])
    other.release()


@pytest.mark.parametrize("name", [GATEWAY, STATISTICS])
def test_of_who_keeps_no_state_there_is_one_all_the_same(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    first = FolderLock(tmp_path / name, f"what {name} says")
    config = Config.model_validate({"process": {"state_dir": str(tmp_path)}})
    with pytest.raises(RefusedError, match=f"process {os.getpid()} has written the output of {name}"):
        run_process(name, config)
    first.release()


def test_the_path_takes_the_place_of_its_three_where_it_is_configured() -> None:
    assert everything(config_of()) == list(RUNNABLE)
    names = everything(config_of(path_in_one_process=True))
    assert names == [PATH, INVENTORY, RISK, PROJECTOR, GATEWAY, STATISTICS]
    assert children_of(names, config_of())[0] == Child(PATH, PATH)
    sharded = config_of(path_in_one_process=True, shards=2)
    assert everything(sharded) == names
    assert children_of(names, sharded)[:3] == (
        Child(f"{PATH}.0", PATH, ("--shard", "0")),
        Child(f"{PATH}.1", PATH, ("--shard", "1")),
        Child(INVENTORY, INVENTORY),
    )


def test_the_path_of_several_shards_is_refused_at_an_exchange(tmp_path: Path) -> None:
    config = at_an_exchange(path_in_one_process=True, state_dir=str(tmp_path), shards=2)
    for start in (partial(everything, config), partial(run_process, PATH, config)):
        with pytest.raises(ConfigError, match=r"process.shards is 2, but at an exchange path has one shard"):
            start()


def test_what_is_sharded_is_started_once_a_shard() -> None:
    names = (MONITOR, QUOTE, ROUTER, INVENTORY, RISK, GATEWAY, STATISTICS)
    children = children_of(names, config_of(shards=2, health_port=9000))
    assert [child.label for child in children] == [
        *(f"{name}.{shard}" for name in (MONITOR, QUOTE, ROUTER) for shard in range(2)),
        *(INVENTORY, RISK, GATEWAY, STATISTICS),
    ]
    assert children[1] == Child(f"{MONITOR}.1", MONITOR, ("--shard", "1", "--health-port", "9001"))
    assert children[6].arguments == ("--health-port", "9006")


def test_at_an_exchange_one_router_has_the_account() -> None:
    children = children_of((MONITOR, ROUTER), at_an_exchange(shards=2))
    assert [child.label for child in children] == [f"{MONITOR}.0", f"{MONITOR}.1", ROUTER]


def test_without_shards_each_is_started_as_it_is() -> None:
    assert children_of((QUOTE, GATEWAY), config_of()) == (Child(QUOTE, QUOTE), Child(GATEWAY, GATEWAY))


@pytest.mark.parametrize(
    ("fields", "said"),
    [({"shards": 2, "shard": 1}, "process.shard is 1"), ({"health_port": 65_535}, "leaves too few ports")],
)
def test_what_cannot_be_for_all_is_refused(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        children_of((QUOTE, RISK), config_of(**fields))
