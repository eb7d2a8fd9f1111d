"""Faults of keys, accounts and clocks, and trades by hand."""

import asyncio
import time
from collections.abc import Awaitable
from decimal import Decimal

import pytest

from maker.composition import monitor_definition
from sandbox.server import Sandbox, SandboxAccount, SandboxOptions
from schemas.config import Config
from tests.unit.sandbox.traders import BTC, KEY, REST, SECOND_KEY, SECRET, Answer, Stream, Trader, trading


@pytest.mark.parametrize("fault", ["bad_key", "ip_not_allowed"])
def test_a_key_is_not_accepted_any_more(fault: str) -> None:
    async def test(trader: Trader) -> None:
        stream = await trader.connect()
        await trader.place()
        await stream.event(e="outboundAccountPosition")
        await trader.arm(fault)
        for method, path in (
            ("POST", "order"),
            ("DELETE", "order"),
            ("GET", "openOrders"),
            ("GET", "account"),
        ):
            refused = await trader.ask(method, path, **REST, orderId="1")
            assert (refused.status, refused.code) == (401, -2015)
        assert (await trader.ask("GET", "time")).status == 200
        assert (await Stream(stream.socket).subscribe())["error"]["code"] == -2015
        trader.sandbox.exchange.force_fill(trader.live()[0], 1)
        assert await stream.is_silent() is (fault == "bad_key")
        await trader.clear()
        assert (await trader.place()).status == 200

    trading(test)


def test_a_key_without_permission_reads_and_does_not_trade() -> None:
    async def test(trader: Trader) -> None:
        await trader.place()
        await trader.arm("no_permission")
        for method, path in (
            ("POST", "order"),
            ("DELETE", "order"),
            ("DELETE", "openOrders"),
            ("POST", "order/cancelReplace"),
            ("PUT", "order/amend/keepPriority"),
        ):
            assert (await trader.ask(method, path, **REST, orderId="1")).code == -2015
        assert len((await trader.ask("GET", "openOrders")).body) == 1
        rights = await trader.ask("GET", "account/apiRestrictions", root="/sapi/v1/")
        assert rights.body["enableSpotAndMarginTrading"] is False

    trading(test)


def test_an_account_that_is_disabled_still_cancels() -> None:
    async def test(trader: Trader) -> None:
        await trader.place()
        await trader.arm("account_disabled")
        refused = await trader.place()
        assert refused.body == {"code": -2010, "msg": "This action is disabled on this account."}
        assert (await trader.ask("GET", "account")).body["canTrade"] is False
        assert (await trader.ask("DELETE", "order", symbol="BTCUSDT", orderId="1")).status == 200

    trading(test)


def test_a_key_says_what_it_may_do() -> None:
    async def test(trader: Trader) -> None:
        def ask(key: str) -> Awaitable[Answer]:
            return trader.ask("GET", "account/apiRestrictions", root="/sapi/v1/", key=key)

        for key in (KEY, SECOND_KEY):
            body = (await ask(key)).body
            assert (body["enableReading"], body["enableWithdrawals"], body["ipRestrict"]) == (
                True,
                False,
                True,
            )
        await trader.arm("withdrawing_key")
        assert (await ask(KEY)).body["enableWithdrawals"] is True
        assert (await ask("unknown")).code == -2015

    trading(test)


@pytest.mark.parametrize(
    ("fault", "said"), [("clock_skew", "outside of the recvWindow"), ("clock_behind", "1000ms ahead")]
)
def test_a_clock_is_wrong_in_both_directions(fault: str, said: str) -> None:
    async def test(trader: Trader) -> None:
        await trader.arm(fault, seconds=60)
        refused = await trader.place()
        assert refused.code == -1021
        assert said in refused.body["msg"]
        told_ms = (await trader.ask("GET", "time")).body["serverTime"]
        trader.ahead_ms = told_ms - time.time_ns() // 1_000_000
        assert abs(abs(trader.ahead_ms) - 60_000) < 2_000
        assert (await trader.place()).status == 200

    trading(test)


def test_an_account_and_its_key_may_be_opened_with_less() -> None:
    wanted = SandboxAccount(
        KEY, SECRET, {}, can_trade=False, key_trades=False, key_withdraws=True, is_ip_restricted=False
    )
    sandbox = Sandbox(Config(), SandboxOptions(accounts=(wanted,)), monitor_definition())
    sandbox.happenings.undo()
    names = ("enableSpotAndMarginTrading", "enableWithdrawals", "ipRestrict")
    rights = sandbox.keys.by_name[KEY].restrictions(0)
    assert [rights[name] for name in names] == [False, True, False]
    assert not sandbox.exchange.accounts[KEY].can_trade


def test_a_clock_drifts() -> None:
    async def test(trader: Trader) -> None:
        for _ in range(5):  # it goes on from where it is
            await trader.arm("clock_drift", seconds=1_000)
            await asyncio.sleep(0.05)
        assert trader.sandbox.now_ms() - time.time_ns() // 1_000_000 > 5 * 50 * 1_000
        assert (await trader.place()).code == -1021
        await trader.clear()
        assert (await trader.place()).status == 200

    trading(test)


@pytest.mark.parametrize(("amount", "side"), [("0.02", "BUY"), ("-0.02", "SELL")])
def test_somebody_trades_by_hand(amount: str, side: str) -> None:
    async def test(trader: Trader) -> None:
        stream = await trader.connect()
        await trader.arm("hand_trade", symbol=BTC, amount=amount)
        event = await stream.event(x="TRADE")
        assert (event["S"], event["c"][:4]) == (side, "web_")
        assert abs(trader.account.free["BTC"] - 1_000_000 - Decimal(amount)) < Decimal("0.001")
        trades = (await trader.ask("GET", "myTrades", symbol="BTCUSDT")).body
        assert {trade["orderId"] for trade in trades} == {event["i"]}

    trading(test)


def test_who_is_held_back_is_told_so_under_other_faults_too() -> None:
    async def test(trader: Trader) -> None:
        await trader.arm("long_ban", seconds=60)
        for fault in ("status_unknown", "lost_after"):
            await trader.arm(fault)
        assert (await trader.ask("GET", "openOrders")).status == 418

    trading(test)


def test_a_hand_is_refused_as_everybody_is() -> None:
    async def test(trader: Trader) -> None:
        await trader.arm("market_break")
        await trader.arm("hand_trade")
        assert trader.account.trades == []
        assert (await trader.control("trade", symbol=BTC, amount=1)).code == -1013

    trading(test)


def test_what_cannot_be_done_by_hand_is_said() -> None:
    async def test(trader: Trader) -> None:
        for path, body, said in (
            ("faults", {"name": "bad_kay"}, "did you mean 'bad_key'?"),
            ("faults", {"name": "deposit", "amount": "much"}, "deposit cannot be armed"),
            ("faults", {"name": "deposit", "second": 1}, "second"),
            ("fill", {"symbol": "XXX", "order_id": 1, "lots": 1}, "XXX"),
            ("deposit", {"currency": "BTC"}, "amount"),
        ):
            answer = await trader.control(path, **body)
            assert answer.status == 400
            assert said in answer.body["error"]

    trading(test)
