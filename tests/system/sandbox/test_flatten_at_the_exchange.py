"""Flatten over real HTTP and websockets: IOC orders, partly filled, their rest expired, none sent twice."""

from collections.abc import Iterator
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import pytest
from quote_service.routing.venues.simulated.matching import SimulatedMarket

from sandbox.accounts import SandboxOrder
from tests.servers.log_lines import messages
from tests.servers.sandbox import KEY, SandboxServer
from tests.servers.trader import Trader, trading
from tests.system.conftest import Maker

pytestmark = pytest.mark.slow
SOL = "SOL/USDT"
BALANCE = {"cost_bps_max": 80, "depth_share_max": 0.5}


@pytest.fixture
def quicker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Others take half of what our first takers came for: the rest of an IOC order finds nothing.

    Not of all: what is left in the end would be too small for the exchange.
    """
    execute, shares = SimulatedMarket.execute, chain([2, 2], repeat(1))

    def half(self: SimulatedMarket, side: Any, limit_ticks: int | None, size_lots: int) -> Iterator[Any]:
        return execute(self, side, limit_ticks, size_lots // next(shares))

    monkeypatch.setattr(SimulatedMarket, "execute", half)


def trader_at(sandbox: SandboxServer, folder: Path) -> Trader:
    return Trader(folder, sandbox, symbols=(SOL,), balance=BALANCE)


def held(trader: Trader) -> int:
    positions = list(messages(trader.records, "inventory.position.v1"))
    return int(positions[-1]["position_lots"]) if positions else 0


def buy(trader: Trader, sandbox: SandboxServer) -> None:
    """Our bid is filled; one that was replaced just then is not, and the next one is."""

    def is_bought() -> bool:
        bids = [o for o in sandbox.truth["orders"] if (o["side"], o["status"]) == ("buy", "NEW")]
        if bids:
            sandbox.fill(bids[-1], bids[-1]["size_lots"])
        return any(trade["side"] == "buy" for trade in sandbox.truth["trades"])

    trader.until(is_bought, "a bid is filled")
    trader.until(lambda: held(trader) != 0, "the fill is booked")


def slices(trader: Trader) -> list[dict[str, Any]]:
    events = messages(trader.records, "order.event.v1")
    return [e for e in events if (e["kind"], e["time_in_force"]) == ("place_intent", "ioc")]


def at_exchange(sandbox: SandboxServer) -> list[SandboxOrder]:
    """Its IOC orders of ours."""
    accounts = sandbox.sandbox.exchange.accounts
    return sandbox.call(lambda: [o for o in accounts[KEY].orders.values() if o.time_in_force == "IOC"])


def agree(trader: Trader, sandbox: SandboxServer) -> None:
    """Each trade was booked once, each decision led to one order at the most, and each reduced."""
    fills = messages(trader.records, "order.fill.v1")
    booked = sorted((f["venue_trade_id"], f["size_lots"], f["side"]) for f in fills)
    traded = sorted((str(t["trade_id"]), t["size_lots"], t["side"]) for t in sandbox.truth["trades"])
    assert booked == traded
    sent = slices(trader)
    assert len({each["target_sequence"] for each in sent}) == len(sent)
    assert len(at_exchange(sandbox)) <= len(sent)
    lots = 0
    for record in trader.records:
        message = record["message"]
        sign = 1 if message.get("side") == "buy" else -1
        if record["type"] == "order.fill.v1":
            lots += sign * message["size_lots"]
        elif record["type"] == "order.event.v1":
            is_slice = (message["kind"], message["time_in_force"]) == ("place_intent", "ioc")
            assert not is_slice or message["size_lots"] <= -sign * lots


def test_a_position_is_sold_in_slices_whose_rest_expires_and_the_halt_stays(
    sandbox: SandboxServer, tmp_path: Path, maker: Maker, quicker: None
) -> None:
    with trading(trader_at(sandbox, tmp_path)) as trader:
        buy(trader, sandbox)
        trader.visitor.post("api/v1/maker/flatten", symbol=SOL, reason="leaving", halt=True)
        trader.until(lambda: held(trader) == 0, "nothing is held")
        [halt] = [each for each in messages(trader.records, "risk.state.v1") if each["symbol"] == SOL][-1:]
        assert (halt["state"], halt["flattens"]) == ("HALT", True)
        assert sandbox.open_ids == []
        assert trader.process.stop() == 0
        agree(trader, sandbox)
        orders = at_exchange(sandbox)
        assert {order.stp_mode for order in orders} == {"EXPIRE_MAKER"}
        rest = [(o.status, 0 < o.filled_lots < o.size_lots) for o in orders if o.size_lots > 1]
        assert ("EXPIRED", True) in rest
        assert {each["purpose"] for each in messages(trader.records, "order.fill.v1")} == {"quote", "balance"}
    assert maker("replay", trader.log).code == 0


def test_a_kill_between_the_order_and_its_answer_sells_nothing_twice(
    sandbox: SandboxServer, tmp_path: Path, maker: Maker, quicker: None
) -> None:
    """The exchange has executed it, and its answer never comes: the next life asks, and goes on."""
    with trading(trader_at(sandbox, tmp_path)) as trader:
        buy(trader, sandbox)
        sandbox.arm("late_reply", method="POST", path="order", seconds=30.0)
        trader.visitor.post("api/v1/maker/flatten", symbol=SOL, reason="leaving", halt=True)
        trader.until(lambda: bool(at_exchange(sandbox)), "a slice has reached the exchange")
        trader.process.kill()
    sandbox.clear_faults()
    with trading(trader_at(sandbox, tmp_path)) as trader:
        trader.until(lambda: held(trader) == 0, "nothing is held")
        assert sandbox.open_ids == [], "it never quoted"
        assert trader.process.stop() == 0
        agree(trader, sandbox)
    assert maker("replay", trader.log).code == 0


def test_an_order_that_never_arrived_is_looked_for_and_not_sent_again(
    sandbox: SandboxServer, tmp_path: Path, quicker: None
) -> None:
    with trading(trader_at(sandbox, tmp_path)) as trader:
        buy(trader, sandbox)
        sandbox.arm("lost_before", method="POST", path="order")
        trader.visitor.post("api/v1/maker/flatten", symbol=SOL, reason="leaving", halt=True)
        trader.until(lambda: held(trader) == 0, "nothing is held")
        assert trader.process.stop() == 0
        agree(trader, sandbox)
        assert len(at_exchange(sandbox)) < len(slices(trader))
