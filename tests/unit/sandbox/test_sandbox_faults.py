"""Each fault of the sandbox, over HTTP and websockets, as a client of the exchange sees it."""

import asyncio
import time
from decimal import Decimal
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from sandbox import faults
from sandbox.connections import DAY_OVER_CODE, RESTART_CODE, StreamConnection
from tests.servers.local import PATIENCE_S
from tests.unit.sandbox.traders import BTC, REST, Trader, trading


def test_a_stream_ends_without_closing_and_begins_again_on_the_same_socket() -> None:
    async def test(trader: Trader) -> None:
        stream = await trader.connect()
        assert (await stream.subscribe())["error"]["code"] == -2035
        await trader.arm("end_user_stream")
        await stream.event(e="eventStreamTerminated")
        await trader.place()
        assert await stream.is_silent()
        assert (await stream.subscribe())["result"] == {"subscriptionId": 1}
        await trader.place()
        assert (await stream.event(e="executionReport"))["i"] == 2

    trading(test)


def test_a_silent_stream_says_nothing_of_what_happens_meanwhile() -> None:
    async def test(trader: Trader) -> None:
        stream = await trader.connect()
        await trader.arm("silent_user_stream", seconds=0.5)
        await trader.place()
        assert await stream.is_silent()
        other = await trader.connect()
        await trader.place()
        assert (await other.event(e="executionReport"))["i"] == 2
        await trader.clear()
        await trader.place()
        assert (await stream.event(e="executionReport"))["i"] == 3

    trading(test)


@pytest.mark.parametrize(
    ("fault", "code", "is_announced"),
    [
        ("server_shutdown", RESTART_CODE, True),
        ("kick_user_stream", RESTART_CODE, False),
        ("disconnect_24h", DAY_OVER_CODE, False),
    ],
)
def test_connections_are_ended(fault: str, code: int, is_announced: bool) -> None:
    async def test(trader: Trader) -> None:
        stream = await trader.connect()
        await trader.arm(fault, seconds=0.05)
        if is_announced:
            await stream.event(e="serverShutdown")
        assert await stream.close_code() == code

    trading(test)


def test_the_next_connection_takes_long() -> None:
    async def test(trader: Trader) -> None:
        stream = await trader.connect()
        await trader.arm("slow_reconnect", seconds=0.5)
        assert await stream.close_code() == RESTART_CODE
        took_s = []
        for _ in range(6):
            began_s = time.monotonic()
            await trader.connect()
            took_s.append(time.monotonic() - began_s)
        assert took_s[0] >= 0.5 > min(took_s[1:])

    trading(test)


def test_a_stream_lags_in_order_and_late_events_are_overtaken() -> None:
    async def test(trader: Trader) -> None:
        stream = await trader.connect()
        for fault, first in (("stream_lags", [1, 2]), ("late_events", [4, 3])):
            await trader.arm(fault, seconds=0.5)
            await asyncio.gather(trader.place(), trader.place())
            assert [(await stream.event(x="NEW"))["i"] for _ in first] == first

    trading(test)


def test_what_is_held_back_is_not_overtaken_where_the_loop_is_late() -> None:
    async def test() -> list[bytes]:
        connection = StreamConnection(web.WebSocketResponse())
        connection.send_late(b"1", 0.001)
        time.sleep(0.01)
        connection.send_late(b"2", 0.0)
        return [await connection.queue.get() for _ in range(2)]

    assert asyncio.run(test()) == [b"1", b"2"]


def test_events_of_balances_are_dropped() -> None:
    async def test(trader: Trader) -> None:
        stream = await trader.connect()
        await trader.arm("drop_balances", times=2)
        await trader.arm("deposit", currency="BTC", amount="2.5")
        assert trader.account.free["BTC"] == Decimal("1000002.5")
        await trader.control("deposit", currency="BTC", amount=1, silent=True)
        await trader.control("deposit", currency="BTC", amount=-2)
        assert (await stream.event(e="balanceUpdate"))["d"] == "-2"
        assert (await stream.event(e="outboundAccountPosition"))["B"][0]["f"] == "1000001.5"

    trading(test)


def test_a_request_is_judged_again_before_the_matching() -> None:
    async def test(trader: Trader) -> None:
        await trader.arm("late_window", seconds=0.3, times=2)
        late = await trader.place(recvWindow="100")
        assert (late.status, late.code) == (400, -1021)
        assert trader.live() == []
        assert (await trader.place()).status == 200
        assert len(trader.live()) == 1

    trading(test)


def test_a_long_ban_grows_for_whom_it_does_not_hold_back() -> None:
    async def test(trader: Trader) -> None:
        await trader.arm("long_ban", seconds=120)
        held = await trader.ask("GET", "time")
        assert (held.status, held.code, held.headers["Retry-After"]) == (418, -1003, "120")
        trader.sandbox.limits.ban.until_ms -= 60_000
        await asyncio.sleep(0.3)
        left_s = int((await trader.ask("GET", "time")).headers["Retry-After"])
        assert 180 < left_s <= 240, "twice 120, but for what passed since"
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await trader.connect()
        await trader.clear()
        assert (await trader.ask("GET", "time")).status == 200

    trading(test)


def test_used_up_order_counts_hold_new_orders_alone() -> None:
    async def test(trader: Trader) -> None:
        placed = await trader.place()
        assert placed.headers["X-MBX-ORDER-COUNT-10S"] == "1"
        await trader.arm("order_count", seconds=5)
        for path in ("order", "order/cancelReplace"):
            held = await trader.ask("POST", path, **REST, cancelOrderId="1")
            assert (held.status, held.code, held.headers["Retry-After"]) == (429, -1015, "5")
        shrunk = await trader.ask(
            "PUT", "order/amend/keepPriority", symbol="BTCUSDT", orderId="1", newQty="0.005"
        )
        assert shrunk.status == 200
        cancelled = await trader.ask("DELETE", "order", symbol="BTCUSDT", orderId="1")
        assert cancelled.status == 200
        assert "X-MBX-ORDER-COUNT-10S" not in cancelled.headers
        assert int(cancelled.headers["X-MBX-USED-WEIGHT-1M"]) == 1 + 1 + 1 + 4 + 1

    trading(test)


def test_a_break_expires_orders_and_ends() -> None:
    async def test(trader: Trader) -> None:
        stream = await trader.connect()
        await trader.place()
        await trader.place(symbol="ETHUSDT", price="1500", quantity="0.1")
        await trader.arm("market_break", symbol=BTC, seconds=0.2)
        assert (await stream.event(x="EXPIRED"))["eR"] == "EXCHANGE_CANCELED"
        assert [order.symbol for order in trader.live()] == ["ETH/USDT"]
        info = await trader.ask("GET", "exchangeInfo")
        assert {each["symbol"]: each["status"] for each in info.body["symbols"]}["BTCUSDT"] == "BREAK"
        assert (await trader.place()).code == -1013
        async with asyncio.timeout(PATIENCE_S):
            while (await trader.place()).status != 200:
                await asyncio.sleep(0.05)

    trading(test)


def test_a_prevented_trade_is_shown_everywhere() -> None:
    async def test(trader: Trader) -> None:
        stream = await trader.connect()
        await trader.arm("trade_prevention")
        assert trader.sandbox.faults.fired == []
        await trader.place(newClientOrderId="a")
        trader.sandbox.happenings.carry_out()
        event = await stream.event(x="TRADE_PREVENTION")
        assert (event["X"], event["c"]) == ("EXPIRED_IN_MATCH", "a")
        shown = await trader.ask("GET", "order", symbol="BTCUSDT", origClientOrderId="a")
        assert (shown.body["status"], shown.body["preventedQuantity"]) == ("EXPIRED_IN_MATCH", "0.01000")
        matches = await trader.ask("GET", "myPreventedMatches", symbol="BTCUSDT", orderId="1")
        assert [(m["makerOrderId"], m["takerOrderId"]) for m in matches.body] == [(1, event["U"])]
        await trader.place()
        order_id = trader.live()[0].order_id
        await trader.control("prevent", symbol=BTC, order_id=order_id)
        assert trader.live() == []

    trading(test)


def test_the_readme_has_a_row_for_each_fault() -> None:
    text = (Path(faults.__file__).parent / "README.md").read_text()
    rows = {
        name
        for line in text.splitlines()
        if line.startswith("| ")
        for name in line.split("|")[1].replace(",", " ").split()
    }
    assert set(faults.FAULTS) <= rows
