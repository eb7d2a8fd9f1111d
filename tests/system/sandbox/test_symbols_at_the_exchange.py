"""A symbol is started, filled, stopped and left out for a session at the exchange; ledger and halts stay."""

from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest

from tests.servers.local import until
from tests.servers.sandbox import SandboxServer
from tests.system.sandbox.session import Session, agrees, running

pytestmark = pytest.mark.slow
BTC, ETH = "BTC/USDT", "ETH/USDT"


def open_of(sandbox: SandboxServer, symbol: str) -> list[dict[str, Any]]:
    """Its open orders; the truth goes by the exchange's own names."""
    wanted = ("NEW", "PARTIALLY_FILLED")
    return [o for o in sandbox.truth["orders"] if o["status"] in wanted and _is_of(o, symbol)]


def _is_of(order: dict[str, Any], symbol: str) -> bool:
    return bool(order["symbol"].replace("/", "") == symbol.replace("/", ""))


def newest(session: Session, type_name: str, symbol: str) -> dict[str, Any]:
    return [each for each in session.events(type_name) if each["symbol"] == symbol][-1]


def test_a_started_symbol_trades_and_keeps_its_ledger_when_it_goes_and_comes_back(
    sandbox: SandboxServer, tmp_path: Path, maker: Any
) -> None:
    with running(tmp_path, sandbox, symbols=[BTC]) as session:
        until(lambda: len(open_of(sandbox, BTC)) == 2, "BTC is quoted")
        session.post("start", symbol=ETH)
        until(lambda: len(open_of(sandbox, ETH)) == 2, "ETH is quoted")
        order = open_of(sandbox, ETH)[0]
        sandbox.fill(order, order["size_lots"])
        until(lambda: bool(session.events("order.fill.v1")), "its fill is booked")
        session.post("stop", symbol=ETH)
        until(lambda: not open_of(sandbox, ETH), "its orders are withdrawn")
        session.post("risk/halt", symbol=ETH, reason="not while nobody looks")
        until(lambda: newest(session, "risk.state.v1", ETH)["state"] == "HALT", "it is halted")
        held = newest(session, "inventory.position.v1", ETH)["position_lots"]
        assert session.process.stop() == 0
    with running(tmp_path, sandbox, symbols=[BTC], reconcile_interval_s=20.0) as session:  # another session
        until(lambda: len(open_of(sandbox, BTC)) == 2, "BTC is quoted, whatever became of ETH")
        account = newest(session, "risk.state.v1", "*")
        assert account["state"] == "RUN"
        assert newest(session, "risk.state.v1", ETH)["state"] == "HALT"
        assert {each["name"]: each["value"] for each in account["limits"]}["exposure"] > 0
        session.post("start", symbol=ETH)
        session.post("risk/resume", symbol=ETH, reason="somebody looks")
        until(lambda: bool(open_of(sandbox, ETH)), "ETH is quoted again")
        assert newest(session, "inventory.position.v1", ETH)["position_lots"] == held
        assert session.process.stop() == 0
        assert sandbox.open_ids == []
        agrees(session, sandbox)
    assert maker("replay", session.log).code == 0


def test_a_start_refused_for_one_symbol_leaves_no_order_of_the_run_before(
    sandbox: SandboxServer, tmp_path: Path
) -> None:
    with running(tmp_path, sandbox, symbols=[BTC, ETH]) as session:
        until(lambda: len(sandbox.open_ids) == 4, "both symbols are quoted")
        session.process.kill()
    assert sandbox.open_ids
    refused = Session(tmp_path, sandbox, symbols=[BTC, "ETH/USDTT"])
    refused.process.start()
    assert refused.process.wait() == 2
    assert "ETH/USDTT" in refused.process.text()
    assert "it shows none of them open" in refused.process.text()
    assert sandbox.open_ids == []


def test_a_removed_symbol_leaves_no_order_and_no_stream_and_stays_away(
    sandbox: SandboxServer, tmp_path: Path, maker: Any
) -> None:
    with running(tmp_path, sandbox, symbols=[BTC, ETH]) as session:
        until(lambda: len(sandbox.open_ids) == 4, "both symbols are quoted")
        order = open_of(sandbox, ETH)[0]
        sandbox.fill(order, order["size_lots"])
        until(
            lambda: any(each["symbol"] == ETH for each in session.events("inventory.position.v1")),
            "it is held",
        )
        with pytest.raises(HTTPError) as refused:
            session.post("remove", symbol=ETH, reason="no more")
        assert refused.value.code == 409
        assert "ETH/USDT holds" in refused.value.read().decode()
        session.post("remove", symbol=ETH, reason="no more", force=True)
        until(lambda: bool(session.events("market.removed.v1")), "it is removed")
        assert open_of(sandbox, ETH) == []
        until(lambda: "ethusdt@trade" not in subscribed(sandbox), "its streams are closed")
        assert "btcusdt@trade" in subscribed(sandbox)
        (told,) = [each for each in session.events("risk.alert.v1") if each["name"] == "REMOVED"]
        assert "ETH are still held" in told["message"]
        until(lambda: len(open_of(sandbox, BTC)) == 2, "BTC is quoted as before")
        assert session.process.stop() == 0
    with running(tmp_path, sandbox, symbols=[BTC, ETH], reconcile_interval_s=20.0) as session:
        until(lambda: len(open_of(sandbox, BTC)) == 2, "BTC is quoted")
        assert not [name for name in subscribed(sandbox) if name.startswith("ethusdt")]
        session.post("start", symbol=ETH)
        until(lambda: bool(open_of(sandbox, ETH)), "ETH is quoted again")
        assert session.process.stop() == 0
        agrees(session, sandbox)
    assert maker("replay", session.log).code == 0


def subscribed(sandbox: SandboxServer) -> set[str]:
    """The market streams that anybody receives."""
    connections = sandbox.call(lambda: tuple(sandbox.sandbox.markets.connections))
    return {name for connection in connections for name in connection.names}
