"""Positions are true: what an account holds before the first start, on a new log, after a kill, by hand."""

import re
from collections.abc import Iterator
from contextlib import AbstractContextManager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.servers.local import until
from tests.servers.sandbox import SandboxServer
from tests.system.conftest import Maker
from tests.system.sandbox.session import Session, running

pytestmark = pytest.mark.slow
SOL = "SOL/USDT"


@pytest.fixture
def held() -> Iterator[SandboxServer]:
    """An account with 10 SOL from before."""
    server = SandboxServer(balances={"USDT": Decimal(1_000_000), "SOL": Decimal(10)})
    yield server
    server.stop()


def sol(folder: Path, sandbox: SandboxServer, **inventory: Any) -> AbstractContextManager[Session]:
    folder.mkdir(exist_ok=True)
    return running(folder, sandbox, inventory=inventory, symbols=[SOL])


def quotes(sandbox: SandboxServer) -> None:
    """A taker may have left too little for an offer: a bid can always be paid."""
    until(lambda: len(sandbox.open_ids) >= 1, "it is quoted")


def ledger(session: Session) -> Decimal:
    """SOL that the ledger holds, as it was said last."""
    lot = Decimal(session.events("market.instrument.v1")[-1]["lot_size"])
    return int(session.events("inventory.position.v1")[-1]["position_lots"]) * lot


def refused(folder: Path, sandbox: SandboxServer, **inventory: Any) -> str:
    """What a start says that ends with exit code 4 and has placed nothing."""
    placed = len(sandbox.truth["orders"])
    with sol(folder, sandbox, **inventory) as session:
        assert session.process.wait() == 4, session.process.text()[-2_000:]
        assert len(sandbox.truth["orders"]) == placed
        return session.process.text()


@pytest.mark.parametrize(
    "inventory", [{"opening": "venue"}, {"opening": "stated", "opening_positions": {SOL: {"size": 10}}}]
)
def test_an_account_that_held_something_before_the_first_start_opens_the_ledger(
    held: SandboxServer, tmp_path: Path, maker: Maker, inventory: dict[str, Any]
) -> None:
    with sol(tmp_path, held, **inventory) as session:
        quotes(held)
        changes = session.events("order.account.change.v1")
        assert [each["change_id"] for each in changes] == ["opening"]
        assert abs(ledger(session) - Decimal(held.truth["balances"]["SOL"])) <= Decimal("0.01")
        position = session.events("inventory.position.v1")[0]
        assert (Decimal(position["pnl"]), position["fills"]) == (Decimal(0), 0)
        session.process.kill()
    with sol(tmp_path, held, **inventory) as session:
        before = len(held.truth["orders"])
        until(lambda: len(held.truth["orders"]) > before, "it quotes again")
        assert len(session.events("order.account.change.v1")) == 1
        assert session.process.stop() == 0
    assert maker("replay", session.log).code == 0


def test_what_nobody_explains_is_refused_with_the_command_that_settles_it(
    held: SandboxServer, tmp_path: Path, maker: Maker
) -> None:
    text = refused(tmp_path, held)
    assert "SOL/USDT: the venue holds +10 SOL that our fills do not explain: account 10, ledger of" in text
    assert "no order is left open at the venue" in text
    command = re.search(r"`maker (positions adopt SOL/USDT --reason) TEXT`", text)
    assert command is not None
    done = maker(*command[1].split(), "bought last year", "--log", tmp_path / "log")
    assert (done.code, done.out.strip()) == (0, "SOL/USDT: 0.00 +10.00 = 10.00 SOL"), done.err
    with sol(tmp_path, held) as session:
        quotes(held)
        [adjustment] = session.events("control.adjustment.v1")
        assert (adjustment["kind"], adjustment["reason"]) == ("adopt", "bought last year")
        assert abs(ledger(session) - Decimal(held.truth["balances"]["SOL"])) <= Decimal("0.01")
        assert session.process.stop() == 0
    assert maker("replay", session.log).code == 0


def test_a_new_log_folder_over_a_position_is_refused_and_what_is_reserved_is_none(
    held: SandboxServer, tmp_path: Path
) -> None:
    with sol(tmp_path / "first", held, opening="venue") as session:
        quotes(held)
        session.process.kill()
    assert "SOL that our fills do not explain" in refused(tmp_path / "second", held)
    stated = {"opening": "stated", "opening_positions": {SOL: {"size": 7}}}
    assert "inventory.opening_positions states 7" in refused(tmp_path / "third", held, **stated)
    with sol(tmp_path / "fourth", held, reserved={"SOL": held.truth["balances"]["SOL"]}):
        quotes(held)


def test_a_transfer_while_it_runs_halts_and_after_an_adopt_and_a_resume_it_quotes_on(
    held: SandboxServer, tmp_path: Path, maker: Maker
) -> None:
    with sol(tmp_path, held, opening="venue") as session:
        quotes(held)
        held.call(lambda: held.sandbox.happenings.deposit("USDT", Decimal(5_000)))
        held.call(lambda: held.sandbox.happenings.deposit("SOL", Decimal(-3)))
        until(
            lambda: len(session.events("order.stop.v1")) >= 2, "the break stands after the trades were read"
        )
        doubt, stop = session.events("order.stop.v1")
        assert (doubt["asks_trades"], doubt["needs_person"]) == (True, False)
        assert (stop["asks_trades"], stop["needs_person"]) == (False, True)
        assert "`maker positions adopt SOL/USDT --reason TEXT`" in stop["text"]
        until(lambda: not held.open_ids, "nothing is quoted")
        before = session.events("inventory.position.v1")[-1]
        done = maker("positions", "adopt", SOL, "--reason", "moved to the vault", "--log", session.log)
        assert done.code == 0, done.err
        until(
            lambda: session.events("inventory.position.v1")[-1]["adjustments"] > before["adjustments"],
            "the ledger was adjusted",
        )
        after = session.events("inventory.position.v1")[-1]
        assert after["fills"] == before["fills"]
        assert Decimal(after["max_drawdown"]) - Decimal(before["max_drawdown"]) < 1, "3 SOL are 450 USDT"
        assert abs(ledger(session) - Decimal(held.truth["balances"]["SOL"])) <= Decimal("0.01")
        session.post("risk/resume", symbol=SOL, reason="settled")
        quotes(held)
        alerts = {alert["name"] for alert in session.events("risk.alert.v1")}
        assert not alerts & {"MAX_DRAWDOWN", "MAX_LOSS", "NEAR_DRAWDOWN", "NEAR_LOSS"}
        assert session.process.stop() == 0
    assert maker("replay", session.log).code == 0
