"""A log is gone on with under another configuration, as its user would, and as a user would break it."""

import os
import resource
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.servers.local import MAKER
from tests.servers.log_lines import committed, messages, standing
from tests.system.conftest import Done, Maker

pytestmark = pytest.mark.slow
RUN = ("--speed", "max", "--for", "30", "--seed", "5", "--no-gateway", "--json")
CONTRACT = {"venue": "synthetic", "min_notional": "10"}


@dataclass(frozen=True)
class Begun:
    """The log of a first run, in which something is held."""

    folder: Path
    log: Path
    held: dict[str, Any]


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory, maker: Maker) -> Path:
    log = tmp_path_factory.mktemp("first") / "log"
    done = maker("up", *RUN, "--log", log)
    assert done.code == 0, done.err
    return log


@pytest.fixture
def begun(first: Path, tmp_path: Path) -> Begun:
    log = tmp_path / "log"
    shutil.copytree(first, log)
    held = standing(committed(log))
    assert any(each["position_lots"] for each in held["ledgers"].values())
    return Begun(tmp_path, log, held)


def again(begun: Begun, maker: Maker, config: dict[str, Any], **env: str) -> Done:
    file = begun.folder / "config.yaml"
    file.write_text(yaml.safe_dump(config), encoding="utf-8")
    return maker("up", "--config", file, *RUN, "--log", begun.log, **env)


def new_records(begun: Begun, first: Path) -> list[dict[str, Any]]:
    return committed(begun.log)[len(committed(first)) :]


def placed_symbols(records: list[dict[str, Any]]) -> set[str]:
    intents = messages(records, "order.event.v1")
    return {event["symbol"] for event in intents if event["kind"] == "place_intent"}


def is_replayed(begun: Begun, maker: Maker) -> None:
    done = maker("replay", begun.log)
    assert done.code == 0, done.out + done.err


def test_a_lot_that_does_not_divide_halts_its_symbol_with_the_command(
    begun: Begun, first: Path, maker: Maker
) -> None:
    key = next(key for key, each in begun.held["ledgers"].items() if each["position_lots"])
    symbol = key.partition(":")[2]
    instruments = yaml.safe_load(maker("config", "show", "--json").out)
    given = {
        name: {**CONTRACT, **{f: instruments[f"instruments.{name}.{f}"] for f in ("tick_size", "lot_size")}}
        for name in ("BTC/USDT", "ETH/USDT", "SOL/USDT", "AAVE/USDT", "LTC/USDT")
    }
    given[symbol]["lot_size"] = "0.00077"
    done = again(begun, maker, {"instruments": given})
    assert done.code == 0, done.err
    since = new_records(begun, first)
    states = {state["key"]: state for state in messages(since, "risk.state.v1")}
    assert states[key]["state"] == "HALT"
    assert f"maker positions adjust {symbol}" in " ".join(states[key]["reasons"])
    assert placed_symbols(since) == set(given) - {symbol}
    is_replayed(begun, maker)


def test_another_reporting_currency_is_refused_with_the_command(begun: Begun, maker: Maker) -> None:
    rates = {"EUR": "1", "USDT": "0.9", "USD": "0.9", "USDC": "0.9"}
    before = {path.name: path.read_bytes() for path in begun.log.glob("*.log")}
    done = again(begun, maker, {"reporting": {"currency": "EUR", "rates": rates}})
    assert done.code == 2
    assert "reporting.currency is EUR" in done.err
    assert "maker up --log" in done.err
    assert {path.name: path.read_bytes() for path in begun.log.glob("*.log")} == before


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"market_making": {"base_sprad": 0.003}}, "did you mean 'market_making.base_spread'"),
        ({"risk_limits": {"max_loss": 500}}, "risk_limits.max_loss"),
        ({"instruments": {"BTC/USDT": {"tick_size": 0}}}, "tick_size"),
    ],
)
def test_a_mistyped_file_leaves_the_log_as_it_was(
    begun: Begun, maker: Maker, config: dict[str, Any], said: str
) -> None:
    before = {path.name: path.read_bytes() for path in begun.log.glob("*.log")}
    done = again(begun, maker, config)
    assert done.code == 2
    assert said in done.err
    assert {path.name: path.read_bytes() for path in begun.log.glob("*.log")} == before


def test_a_disk_that_is_full_at_the_start_costs_that_start_alone(
    begun: Begun, first: Path, maker: Maker
) -> None:
    config = begun.folder / "config.yaml"
    config.write_text(yaml.safe_dump({"market_making": {"base_spread": 0.003}}), encoding="utf-8")
    size = max(begun.log.glob("*.log")).stat().st_size

    def nearly_full() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 2_000, size + 2_000))

    done = subprocess.run(
        [MAKER, "up", "--config", config, *RUN, "--log", begun.log],
        capture_output=True,
        text=True,
        preexec_fn=nearly_full,
        env={**os.environ, "NO_COLOR": "1", "PYTHONDONTWRITEBYTECODE": "1"},
        check=False,
    )
    assert done.returncode not in {0, -11}, done.stderr
    assert again(begun, maker, {"market_making": {"base_spread": 0.003}}).code == 0
    is_replayed(begun, maker)
