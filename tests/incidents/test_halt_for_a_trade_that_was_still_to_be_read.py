"""A symbol halted for a difference that the account's own trades explained.

What happened: the user data stream lost one of three trades of an order. Account and ledger differed, and
0.3 s before the missing trade was read by a request, the difference had lasted long enough to be a position
break: the symbol stayed halted until people resumed it, although ledger and account agreed again.

What was wrong: a difference was judged by the venue's statements alone; nobody looked for a trade.

What holds it now: the first statement that our fills do not explain withdraws the symbol's quotes and has the
account's trades read; only what stands after that, or cannot be read in time, is a break.
"""

from pathlib import Path
from typing import Any

import pytest

from tests.servers.local import until
from tests.servers.sandbox import SandboxServer
from tests.system.sandbox.session import Session, agrees, running

pytestmark = pytest.mark.slow
SOL = "SOL/USDT"
LOST_LOTS = 50
"""More than the lot by which account and ledger may differ."""


def quotes_of(sandbox: SandboxServer) -> list[dict[str, Any]]:
    return [each for each in sandbox.truth["orders"] if each["status"] in {"NEW", "PARTIALLY_FILLED"}]


def stops(session: Session) -> list[tuple[bool, bool]]:
    return [(stop["asks_trades"], stop["needs_person"]) for stop in session.events("order.stop.v1")]


def test_a_trade_that_the_stream_lost_is_read_before_anything_is_halted(
    sandbox: SandboxServer, tmp_path: Path
) -> None:
    with running(tmp_path, sandbox, symbols=[SOL], reconcile_interval_s=600) as session:
        until(lambda: bool(quotes_of(sandbox)), "it is quoted")
        sandbox.arm("drop_fills")
        sandbox.fill(quotes_of(sandbox)[0], LOST_LOTS)
        until(lambda: bool(session.events("order.fill.v1")), "the lost trade is booked")
        placed = len(sandbox.truth["orders"])
        until(lambda: len(sandbox.truth["orders"]) > placed, "it quotes again")
        assert stops(session) == [(True, False)]
        assert session.process.stop() == 0
        agrees(session, sandbox)


def test_where_no_trade_can_be_read_it_halts_after_all(sandbox: SandboxServer, tmp_path: Path) -> None:
    with running(tmp_path, sandbox, symbols=[SOL], reconcile_interval_s=600) as session:
        until(lambda: bool(quotes_of(sandbox)), "it is quoted")
        sandbox.arm("drop_fills")
        sandbox.arm("server_error", times=10**6, path="myTrades")
        sandbox.fill(quotes_of(sandbox)[0], LOST_LOTS)
        until(lambda: (False, True) in stops(session), "it halts")
        assert not quotes_of(sandbox)
        sandbox.clear_faults()
        assert session.process.stop() == 0
