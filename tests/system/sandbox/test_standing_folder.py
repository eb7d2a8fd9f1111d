"""`maker up` at an exchange as README says it, without a word of where the log goes."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.servers.local import MAKER, LocalProcess, until, watched
from tests.servers.sandbox import SandboxServer, trading_at
from tests.system.conftest import run_maker

pytestmark = pytest.mark.slow


class Trader:
    """One who starts `maker up --config trade.yaml` in a folder of theirs, again and again."""

    def __init__(self, folder: Path, sandbox: SandboxServer) -> None:
        self.folder = folder
        settings = trading_at(sandbox, folder, ["BTC/USDT"])
        (folder / "trade.yaml").write_text(yaml.safe_dump(settings))
        self.command: list[str | Path] = [MAKER, "up", "--config", "trade.yaml", "--port", "0"]

    @property
    def log(self) -> Path:
        (found,) = (self.folder / "runs").iterdir()
        return found

    def events(self, type_name: str) -> list[dict[str, Any]]:
        lines = (line for path in sorted(self.log.glob("*.log")) for line in path.read_text().splitlines())
        return [json.loads(line[9:])["message"] for line in lines if f'"type":"{type_name}"' in line]

    def position_lots(self) -> int:
        return int(self.events("inventory.position.v1")[-1]["position_lots"])

    @contextmanager
    def trading(self, sandbox: SandboxServer) -> Iterator[LocalProcess]:
        process = LocalProcess(self.command, self.folder / "engine.txt", folder=self.folder)
        process.start()
        try:
            with watched(process):
                until(lambda: len(sandbox.open_ids) == 2, "both sides are quoted")
                yield process
        except BaseException:
            print(process.text()[-4000:])
            raise
        finally:
            process.kill()


def test_a_restart_after_a_kill_goes_on_with_the_position(sandbox: SandboxServer, tmp_path: Path) -> None:
    trader = Trader(tmp_path, sandbox)
    with trader.trading(sandbox) as process:
        order = next(o for o in sandbox.truth["orders"] if o["status"] == "NEW" and o["side"] == "buy")
        sandbox.fill(order, order["size_lots"])
        until(lambda: bool(trader.events("order.fill.v1")), "the fill is booked")
        until(lambda: trader.position_lots() != 0, "the position is known")
        process.kill()
    held = trader.position_lots()
    with trader.trading(sandbox) as process:
        assert process.stop() == 0
    assert trader.log.name.startswith("sandbox-binance-")
    after = trader.events("order.fill.v1")
    assert trader.position_lots() == sum(
        fill["size_lots"] * (1 if fill["side"] == "buy" else -1) for fill in after
    )
    assert held != 0


def test_a_second_engine_of_the_account_is_refused_and_told_of_the_first(
    sandbox: SandboxServer, tmp_path: Path
) -> None:
    trader = Trader(tmp_path, sandbox)
    with trader.trading(sandbox) as process:
        second = run_maker(*map(str, trader.command[1:]), cwd=tmp_path)
        assert second.code == 4
        assert f"is in use: process {process.pid} has written the log since" in second.err
        assert f"`kill {process.pid}` ends it" in second.err
        assert f"`maker halt --log {trader.log.relative_to(tmp_path)}`" in second.err
        assert process.stop() == 0
    assert run_maker("replay", trader.log).code == 0


def test_a_second_engine_of_the_account_is_refused_on_another_log_too(
    sandbox: SandboxServer, tmp_path: Path
) -> None:
    """It would cancel the first one's orders as strays of its own."""
    trader = Trader(tmp_path, sandbox)
    with trader.trading(sandbox) as process:
        second = run_maker(*map(str, trader.command[1:]), "--log", "another", cwd=tmp_path)
        assert second.code == 4
        assert f"process {process.pid} has written orders of this account at sandbox-binance" in second.err
        assert "another exchange.order_prefix" in second.err
        assert len(sandbox.open_ids) == 2
        assert process.stop() == 0


def test_a_log_that_is_deleted_ends_the_engine_without_an_order_left(
    sandbox: SandboxServer, tmp_path: Path
) -> None:
    trader = Trader(tmp_path, sandbox)
    with trader.trading(sandbox) as process:
        shutil.rmtree(trader.log)
        assert process.wait() == 3
        assert sandbox.open_ids == []
        said = process.text().splitlines()[-1]
    assert "was deleted or moved while in use" in said
    assert "2 orders with the prefix mm cancelled at binance; it shows none of them open" in said
