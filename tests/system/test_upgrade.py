"""An engine with positions, open orders and a halt is replaced by another code or another configuration.

The exchange's own books are the judge: nothing is lost, no order and no fill is there twice.
"""

import shutil
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from maker.composition import process_definitions
from runtime.log.logfile import read_log
from runtime.replay.verify import replay
from tests.servers.log_lines import messages, standing
from tests.servers.sandbox import RICH, SandboxServer
from tests.servers.sources import Sources, other_sources
from tests.servers.trader import SYMBOLS, Trader, trading
from tests.system.conftest import Maker

pytestmark = pytest.mark.slow
HALTED = "SOL/USDT"
LIVE = ("market_making.base_spread", "0.0031")


@pytest.fixture(scope="session")
def older(tmp_path_factory: pytest.TempPathFactory) -> Sources:
    """The sources before these."""
    return other_sources(tmp_path_factory.mktemp("older"))


@pytest.fixture
def sandbox() -> Iterator[SandboxServer]:
    server = SandboxServer()
    yield server
    server.stop()


def alive(sandbox: SandboxServer) -> list[dict[str, Any]]:
    return [o for o in sandbox.truth["orders"] if o["status"] in {"NEW", "PARTIALLY_FILLED"}]


def quoted(sandbox: SandboxServer) -> set[str]:
    """Symbols with an order on each side."""
    sides = {(order["symbol"], order["side"]) for order in alive(sandbox)}
    return {symbol for symbol, _ in sides if {(symbol, "buy"), (symbol, "sell")} <= sides}


def is_booked(trader: Trader, sandbox: SandboxServer) -> bool:
    """Has the account what the ledgers say, but for fees of less than a lot, and is each trade counted?"""
    records = trader.records
    lots = {each["key"]: Decimal(each["lot_size"]) for each in messages(records, "market.instrument.v1")}
    truth = sandbox.truth
    traded = {trade["symbol"] for trade in truth["trades"]}
    ledgers = {key.partition(":")[2]: (each, lots[key]) for key, each in standing(records)["ledgers"].items()}
    if not traded <= set(ledgers) or trades(records) != traded_at(truth):
        return False
    for symbol, (each, lot) in ledgers.items():
        base = symbol.partition("/")[0]
        gained = Decimal(truth["balances"][base]) - RICH[base]
        if abs(gained - each["position_lots"] * lot) >= lot:
            return False
    return True


def trades(records: Sequence[dict[str, Any]]) -> list[tuple[str, int, str]]:
    fills = messages(records, "order.fill.v1")
    return sorted((fill["venue_trade_id"], fill["size_lots"], fill["side"]) for fill in fills)


def traded_at(truth: dict[str, Any]) -> list[tuple[str, int, str]]:
    return sorted((str(trade["trade_id"]), trade["size_lots"], trade["side"]) for trade in truth["trades"])


def lives(trader: Trader, sandbox: SandboxServer) -> None:
    """A life in which every symbol trades, a setting is changed and a symbol is halted."""
    trader.until(lambda: quoted(sandbox) == set(SYMBOLS), "all symbols are quoted")
    fill_one_of_each(sandbox, 3)
    trader.until(lambda: is_booked(trader, sandbox), "all is booked")
    key, value = LIVE
    trader.visitor.ask("PUT", f"api/v1/maker/settings/{key}", {"value": value, "reason": "a test"})
    trader.visitor.post("api/v1/maker/risk/halt", symbol=HALTED, reason="a test")
    rest = set(SYMBOLS) - {HALTED}
    trader.until(lambda: set(trader.held["settings"].items()) == {LIVE}, "the setting is in force")
    trader.until(lambda: is_halted(sandbox) and quoted(sandbox) == rest, "the halt is carried out")


def is_halted(sandbox: SandboxServer) -> bool:
    return not [order for order in alive(sandbox) if order["symbol"] == HALTED]


def fill_one_of_each(sandbox: SandboxServer, divisor: int) -> None:
    """A taker meets a part of an order of every symbol."""
    for symbol in sorted({order["symbol"] for order in alive(sandbox)}):
        order = next(order for order in alive(sandbox) if order["symbol"] == symbol)
        left = order["size_lots"] - order["filled_lots"]
        sandbox.fill(order, max(1, left // divisor))


def goes_on(trader: Trader, sandbox: SandboxServer, symbols: Sequence[str] = SYMBOLS) -> None:
    """The life after: what was held is held, what was halted stays so, the rest is quoted and trades."""
    wanted = set(symbols) - {HALTED}
    trader.until(lambda: quoted(sandbox) == wanted, "all but the halted symbol is quoted")
    fill_one_of_each(sandbox, 2)
    trader.until(lambda: is_booked(trader, sandbox), "all is booked")
    assert [key.partition(":")[2] for key in trader.held["halts"]] == [HALTED]
    assert set(trader.held["settings"].items()) == {LIVE}
    halted = [
        e for e in trader.since("order.event.v1") if e["key"].endswith(HALTED) and e["kind"] == "place_intent"
    ]
    assert halted == []


def judged(trader: Trader, sandbox: SandboxServer) -> None:
    """After the end: the exchange's books are ours, and the log is replayed."""
    assert alive(sandbox) == []
    truth, records = sandbox.truth, trader.records
    assert trades(records) == traded_at(truth)
    assert is_booked(trader, sandbox)
    intents = [r["message"] for r in records if r["type"] == "order.event.v1"]
    asked = [e["client_order_id"] for e in intents if e["kind"] == "place_intent"]
    assert len(asked) == len(set(asked))
    wires = [order["client_id"] for order in truth["orders"]]
    assert len(wires) == len(set(wires))
    for result in replay(read_log(trader.log), {each.name: each for each in process_definitions()}):
        assert result.sessions[-1].divergences == 0, result.first
        assert len(result.sessions) >= 2


@pytest.mark.parametrize("end", ["killed", "ended"])
def test_new_code_goes_on_where_the_old_ended(
    end: str, older: Sources, sandbox: SandboxServer, tmp_path: Path
) -> None:
    with trading(Trader(tmp_path, sandbox, older)) as before:
        lives(before, sandbox)
        if end == "killed":
            before.process.kill()
            fill_one_of_each(sandbox, 3)  # while nobody looks
        else:
            assert before.process.stop() == 0
            assert alive(sandbox) == []
    with trading(Trader(tmp_path, sandbox)) as now:
        goes_on(now, sandbox)
        assert now.process.stop() == 0
    judged(now, sandbox)


def test_one_change_after_another_and_a_new_machine(sandbox: SandboxServer, tmp_path: Path) -> None:
    """A setting, a symbol less, a symbol more, in one folder; then a copy of it on another machine."""
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    changes: tuple[tuple[tuple[str, ...], dict[str, Any]], ...] = (
        (SYMBOLS, {"risk_limits": {"repeat_fills_same_side": 21}}),
        (("BTC/USDT", HALTED), {}),
        ((*SYMBOLS, "LTC/USDT"), {"routing": {"price_collar": 0.03}}),
    )
    with trading(Trader(here, sandbox)) as trader:
        lives(trader, sandbox)
        trader.process.kill()
        fill_one_of_each(sandbox, 3)
    for symbols, sections in changes:
        with trading(Trader(here, sandbox, symbols=symbols, **sections)) as trader:
            goes_on(trader, sandbox, symbols)
            trader.process.kill()
    shutil.copytree(here, there)
    symbols, sections = changes[-1]
    home = {"HOME": str(tmp_path / "home"), "XDG_RUNTIME_DIR": str(tmp_path)}
    with trading(Trader(there, sandbox, symbols=symbols, env=home, **sections)) as trader:
        goes_on(trader, sandbox, symbols)
        assert trader.process.stop() == 0
    judged(trader, sandbox)
    began = {each["session_began_ns"] for each in messages(trader.records, "process.config.v1")}
    assert len(began) == 1 + len(changes), "the copy goes on with the session that was copied"


def test_a_second_engine_on_the_folder_is_refused_with_the_pid_of_the_first(
    sandbox: SandboxServer, tmp_path: Path, maker: Maker
) -> None:
    with trading(Trader(tmp_path, sandbox)) as trader:
        trader.until(lambda: quoted(sandbox) == set(SYMBOLS), "all symbols are quoted")
        done = maker("up", "--config", trader.config, "--log", trader.log, "--port", "0")
        assert done.code == 4, done.err
        assert str(trader.process.pid) in done.err
        assert trader.process.stop() == 0
    assert alive(sandbox) == []
