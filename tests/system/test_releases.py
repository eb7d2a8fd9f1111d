"""Every release's logs are gone on with: another code and another configuration, and nothing is forgotten."""

import json
import shutil
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from maker.composition import process_definitions
from runtime.log.logfile import read_log
from runtime.process.session import sources_of
from runtime.replay.verify import ProcessReplay, replay
from schemas.topics import PROJECTOR
from tests.servers.log_lines import committed, ledger, messages, standing
from tests.system.conftest import Done, Maker

RELEASES = Path(__file__).resolve().parents[1] / "releases"
ARCHIVED = sorted(path.with_suffix("").with_suffix("") for path in RELEASES.glob("*/*.tar.gz"))
LOGS = [path for path in ARCHIVED if path.name != "kafka"]
FOR_S = "6"
pytestmark = pytest.mark.slow


def name_of(archived: Path) -> str:
    return f"{archived.parent.name}-{archived.name}"


@dataclass(frozen=True)
class GoneOn:
    """An archived log after today's engine ran on a copy of it."""

    manifest: dict[str, Any]
    log: Path
    before: int
    """How many records the archive held."""
    done: Done

    @property
    def held(self) -> dict[str, Any]:
        held: dict[str, Any] = self.manifest["held"]
        return held

    @property
    def since(self) -> list[dict[str, Any]]:
        return committed(self.log)[self.before :]


def unpacked(archived: Path, folder: Path) -> dict[str, Any]:
    """The manifest of an archive, whose parts are in `folder` now."""
    with tarfile.open(f"{archived}.tar.gz") as tar:
        tar.extractall(folder, filter="data")
    manifest: dict[str, Any] = json.loads(archived.with_suffix(".json").read_text(encoding="utf-8"))
    return manifest


@pytest.fixture(scope="module", params=LOGS, ids=name_of)
def gone_on(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, maker: Maker) -> GoneOn:
    """Six seconds of today's engine, one setting of its file changed."""
    folder = tmp_path_factory.mktemp("release")
    manifest = unpacked(request.param, folder)
    before = len(committed(folder / "log"))
    config = folder / "config.yaml"
    config.write_text(yaml.safe_dump(manifest["config"] | {"risk_limits": {"repeat_fills_same_side": 21}}))
    done = maker(
        "up", "--config", config, "--log", "log", "--for", FOR_S, "--no-gateway", "--json", cwd=folder
    )
    return GoneOn(manifest, folder / "log", before, done)


def test_the_engine_goes_on_and_ends_well(gone_on: GoneOn) -> None:
    assert gone_on.done.code == 0, gone_on.done.err
    assert "session_begun" in gone_on.done.err


def test_the_ledgers_are_those_that_the_release_knew(gone_on: GoneOn) -> None:
    told = gone_on.held["ledgers"]
    fills = 0
    first: dict[str, dict[str, Any]] = {}
    for record in gone_on.since:
        fills += record["type"] == "order.fill.v1"
        if record["type"] == "inventory.position.v1":
            first.setdefault(record["key"], record["message"])
    assert set(first) == set(told)
    for key, position in first.items():
        same_numbers(ledger(position), told[key])


def same_numbers(now: dict[str, Any], told: dict[str, Any]) -> None:
    """Equal to the last digit, however many zeros each is written with."""
    for name, value in told.items():
        assert name in now
        if isinstance(value, str):
            assert Decimal(now[name]) == Decimal(value), name
        else:
            assert now[name] == value, name


def test_what_the_ledgers_say_is_what_the_releases_own_pnl_says(gone_on: GoneOn) -> None:
    """Of the manifest itself: two ways to the same figures, both of that release."""
    for key, told in gone_on.held["ledgers"].items():
        pnl = gone_on.manifest["pnl"][key]
        assert Decimal(pnl["attribution"]["fees"]) == Decimal(told["fees"])
        assert bool(Decimal(pnl["position"])) == bool(told["position_lots"])


def test_no_position_jumps_and_no_trade_counts_twice(gone_on: GoneOn) -> None:
    """In the new session every ledger moves by its fills alone."""
    lots = {key: told["position_lots"] for key, told in gone_on.held["ledgers"].items()}
    for fill in messages(gone_on.since, "order.fill.v1"):
        lots[fill["key"]] += fill["size_lots"] if fill["side"] == "buy" else -fill["size_lots"]
    now = standing(committed(gone_on.log))["ledgers"]
    assert {key: told["position_lots"] for key, told in now.items()} == lots
    trades = [
        (each["key"], each["venue_trade_id"]) for each in messages(committed(gone_on.log), "order.fill.v1")
    ]
    assert len(trades) == len(set(trades))


def test_what_was_halted_stays_so_and_the_rest_is_quoted(gone_on: GoneOn) -> None:
    halted = set(gone_on.held["halts"])
    assert halted, "the archive holds a halt"
    states = [each for each in messages(gone_on.since, "risk.state.v1") if each["key"] in halted]
    assert {each["key"] for each in states} == halted
    for state in states:
        assert (state["state"], state["latched"]) == ("HALT", True)
        assert state["reasons"] == gone_on.held["halts"][state["key"]]
    placed = {
        event["key"]
        for event in messages(gone_on.since, "order.event.v1")
        if event["kind"] in {"place_intent", "amend_intent"}
    }
    assert placed == set(gone_on.held["ledgers"]) - halted


def test_changed_settings_stay_in_force(gone_on: GoneOn) -> None:
    began = next(messages(gone_on.since, "process.config.v1"))
    live = {each["setting_key"]: each["value"] for each in began["live_settings"]}
    assert live == gone_on.held["settings"]
    for key, value in live.items():
        section, name = key.split(".")
        assert Decimal(str(began["config"][section][name])) == Decimal(value)


def test_orders_of_the_release_end_and_none_is_taken_for_alive(gone_on: GoneOn) -> None:
    """The simulated venue of another session knows none of them: each is accounted for, none is left."""
    assert standing(committed(gone_on.log))["open_orders"] == {}


def test_the_whole_log_is_replayed(gone_on: GoneOn) -> None:
    results = replayed(gone_on.log)
    ours = sources_of(process_definitions())
    for result in results:
        old, new = result.sessions
        assert old.applied.sources_hash != ours
        assert new.applied.sources_hash == ours
        assert new.divergences == 0, result.first
        assert (new.outputs > 0) == (result.name != PROJECTOR)


def replayed(log: Path) -> Sequence[ProcessReplay]:
    return replay(read_log(log), {each.name: each for each in process_definitions()})


def test_replay_says_which_sessions_are_of_another_code(gone_on: GoneOn, maker: Maker) -> None:
    told = maker("replay", gone_on.log, "--json").json
    for process in process_definitions():
        old, new = told[process.name]["sessions"]
        assert not old["this_code"]
        assert new["this_code"]
        assert new["divergences"] == 0


def test_a_second_start_goes_on_with_the_same_session(gone_on: GoneOn, maker: Maker, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(gone_on.log.parent, folder)
    before = len(committed(folder / "log"))
    told = standing(committed(folder / "log"))
    done = maker(
        "up", "--config", "config.yaml", "--log", "log", "--for", "2", "--no-gateway", "--json", cwd=folder
    )
    assert done.code == 0, done.err
    assert "session_resumed" in done.err
    since = committed(folder / "log")[before:]
    began = [each["session_began_ns"] for each in messages(since, "process.config.v1")]
    assert set(began) == {max(began)}
    for result in replayed(folder / "log"):
        assert [session.divergences for session in result.sessions[1:]] == [0]
    assert standing(committed(folder / "log"))["halts"] == told["halts"]


def test_both_ways_to_end_are_kept_of_every_release() -> None:
    assert {path.name for path in LOGS} == {"killed", "ended"}
    for release in RELEASES.iterdir():
        if release.is_dir():
            assert {path.name for path in release.glob("*.tar.gz")} >= {"killed.tar.gz", "ended.tar.gz"}
