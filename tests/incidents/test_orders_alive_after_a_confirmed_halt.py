"""A halt of the whole account was confirmed while four of our orders were alive.

What happened: the engine was killed with quotes in three symbols and started again with one. A halt of
all symbols was confirmed, and the stop ended with exit code 0; at the exchange four orders with our
prefix were still alive in the two other symbols.

What was wrong: open orders, the proof of a mass cancel and the reconciliation of a start looked at the
configured symbols, not at the account.

What holds it now: whatever bears our prefix is ours, on every symbol of the account. A start cancels
what it does not know, and a mass cancel is confirmed only once the exchange shows none.
"""

from pathlib import Path
from typing import Any

import pytest

from tests.servers.local import until
from tests.servers.sandbox import SandboxServer
from tests.system.sandbox.session import quoted, running
from tests.unit.quote_service.routing.exchange.sender_world import ID, World, run


class TestWholeAccount:
    def test_ours_on_a_symbol_that_is_not_traded_is_shown_and_cancelled(self) -> None:
        async def test() -> None:
            world = World()
            venue_client_id = world.registry.ids.to_venue(ID, 0)
            held = world.exchange._open(venue_client_id, "buy", 100, 10)
            held.symbol = "DOGE/USDT"
            shown = await world.reconciliation.reconcile(0)
            assert shown.own == (ID,)
            assert shown.foreign == 0
            await world.rest()
            assert held.status == "canceled"
            assert (await world.reconciliation.reconcile(1)).own == ()
            assert world.reports == []

        run(test)

    def test_a_tag_that_was_never_learnt_is_ours_by_its_prefix(self) -> None:
        async def test() -> None:
            world = World()
            held = world.exchange._open("mmabcdefb0X5", "buy", 100, 10)
            assert (await world.reconciliation.reconcile(0)).own == ("mmabcdefb0X5",)
            await world.rest()
            assert held.status == "canceled"

        run(test)


@pytest.mark.slow
def test_orders_of_symbols_that_are_no_longer_traded_are_gone_before_the_end(
    sandbox: SandboxServer, tmp_path: Path
) -> None:
    with running(tmp_path, sandbox) as session:
        quoted(sandbox)
        session.process.kill()
    left = len(sandbox.open_ids)
    assert left > 2
    (tmp_path / "second").mkdir()
    with running(tmp_path / "second", sandbox, symbols=["SOL/USDT"]) as second:
        until(lambda: {o["symbol"] for o in alive(sandbox)} == {"SOL/USDT"}, "others are gone")
        assert second.process.stop() == 0
    assert sandbox.open_ids == []


def alive(server: SandboxServer) -> list[dict[str, Any]]:
    return [o for o in server.truth["orders"] if o["status"] in {"NEW", "PARTIALLY_FILLED"}]
