"""`maker state` names processes as they run, and lets nobody near the folder of one that does."""

from pathlib import Path

import pytest

from maker.cli.state import next_step
from maker.state_past import PastProcess
from runtime.errors import ConfigError, RefusedError
from runtime.state.state_files import StateFiles
from schemas.config import Config
from schemas.deployment import Process


def config(folder: Path, shards: int = 1) -> Config:
    return Config(process=Process(state_dir=str(folder), shards=shards))


def test_a_process_that_runs_is_left_alone(tmp_path: Path) -> None:
    running = StateFiles(tmp_path / "order-router")
    with pytest.raises(RefusedError, match="has written the state since"):
        PastProcess("order-router", config(tmp_path))
    running.close()
    PastProcess("order-router", config(tmp_path)).close()


@pytest.mark.parametrize(
    ("name", "shards", "words"),
    [
        ("quote-service.0", 1, "is named without a number, not 'quote-service.0'"),
        ("risk-service.1", 2, "is named without a number, not 'risk-service.1'"),
        ("quote-service", 2, r"is named quote-service\.0 and so on"),
        ("quote-service.2", 2, r"is named quote-service\.0 and so on"),
        ("quote-servic", 1, "did you mean 'quote-service'"),
        ("statistics", 1, "no process is called 'statistics'"),
    ],
)
def test_a_name_that_no_process_has_is_refused(name: str, shards: int, words: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=words):
        PastProcess(name, config(tmp_path, shards))


def test_a_shard_is_named_with_its_number(tmp_path: Path) -> None:
    PastProcess("quote-service.1", config(tmp_path, 2)).close()
    assert (tmp_path / "quote-service.1").is_dir()


def test_a_ledger_begun_anew_wants_the_router_rebuilt_with_it() -> None:
    told = next_step("inventory-service", dry_run=False, anew=True)
    assert "maker state rebuild order-router --anew" in told
    assert "maker positions show" in told


@pytest.mark.parametrize(("process", "anew"), [("inventory-service", False), ("order-router", True)])
def test_no_other_rebuild_asks_for_it(process: str, anew: bool) -> None:
    assert "--anew" not in next_step(process, dry_run=False, anew=anew)
