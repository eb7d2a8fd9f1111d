"""The door before every request of a client: what goes out, what waits, how it is counted and signed."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import ccxt
import pytest
from aiohttp import web

from runtime.exchange.clients import LATE_RECEIVE_WINDOW_MS, Client, Credentials, make_client
from runtime.exchange.request_budget import Purpose, RequestBudget
from runtime.exchange.request_kinds import kind_of
from schemas.deployment import ExchangeSettings
from schemas.venues import VENUES, RequestKind
from tests.kit.fakes import ManualClock
from tests.servers.local import PATIENCE_S


class Venue:
    """Answers everything, and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, dict[str, str]]] = []
        self.refusals: list[web.Response] = []
        self.used = 0

    async def serve(self, request: web.Request) -> web.Response:
        query = dict(request.query) | dict(await request.post())
        self.asked.append((request.method, request.path.removeprefix("/api/v3/"), query))  # type: ignore[arg-type]
        self.used += 1
        if self.refusals:
            return self.refusals.pop(0)
        headers = {"X-MBX-USED-WEIGHT-1M": str(self.used)}
        return web.json_response(
            {"serverTime": int(time.time() * 1000), "bids": [], "asks": []}, headers=headers
        )


@asynccontextmanager
async def opened(
    venue: Venue, budget: RequestBudget, purpose: Purpose | None = None
) -> AsyncIterator[Client]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", venue.serve)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    exchange = ExchangeSettings(url=f"http://127.0.0.1:{runner.addresses[0][1]}", receive_window_ms=1_500)
    client = make_client(exchange, Credentials("key", "secret"), budget, purpose)
    try:
        async with asyncio.timeout(PATIENCE_S):
            yield client
    finally:
        await client.close()
        await runner.cleanup()


def make() -> tuple[ManualClock, RequestBudget]:
    clock = ManualClock(6_001.0)
    return clock, RequestBudget(VENUES["binance"], 1.0, clock)


def banned() -> web.Response:
    return web.json_response(
        {"code": -1003, "msg": "Way too much request weight used"}, status=418, headers={"Retry-After": "7"}
    )


@pytest.mark.parametrize(
    ("method", "path", "params", "kind"),
    [
        ("POST", "order", {}, "place"),
        ("PUT", "order", {}, "amend"),
        ("POST", "order/cancelReplace", {}, "amend"),
        ("PUT", "order/amend/keepPriority", {}, "shrink"),
        ("DELETE", "order", {}, "cancel"),
        ("GET", "openOrders", {}, "open_orders"),
        ("GET", "openOrders", {"symbol": "BTCUSDT"}, "open_orders_symbol"),
        ("GET", "myTrades", {"symbol": "BTCUSDT"}, "trades"),
        ("GET", "userTrades", {"orderId": 7}, "trades_of_order"),
        ("GET", "depth", {}, "depth_100"),
        ("GET", "depth", {"limit": 500}, "depth_500"),
        ("GET", "depth", {"limit": 5_000}, "depth_1000"),
        ("GET", "klines", {}, None),
    ],
)
def test_a_request_is_of_the_kind_that_it_asks_for(
    method: str, path: str, params: dict[str, Any], kind: RequestKind | None
) -> None:
    assert kind_of("binance", method, path, params) == kind
    assert kind_of("okx", method, path, params) is None


def test_a_client_with_a_purpose_takes_what_its_requests_weigh() -> None:
    async def run() -> None:
        _, budget = make()
        venue = Venue()
        async with opened(venue, budget, "feed") as client:
            await client.publicGetDepth({"symbol": "BTCUSDT", "limit": 500})
            await client.publicGetTime()
        assert budget.used == 26
        assert [path for _, path, _ in venue.asked] == ["depth", "time"]

    asyncio.run(run())


def test_nothing_leaves_while_the_venue_wants_to_hear_nothing() -> None:
    async def run() -> None:
        clock, budget = make()
        venue = Venue()
        venue.refusals = [banned()]
        async with opened(venue, budget) as client:
            with pytest.raises(ccxt.DDoSProtection):
                await client.publicGetDepth({"symbol": "BTCUSDT"})
            for ask in (client.privateDeleteOrder, client.privatePostOrder, client.publicGetTime):
                with pytest.raises(ccxt.DDoSProtection, match=r"not sent: .* for 7\.0 s"):
                    await ask({"symbol": "BTCUSDT"})
            assert len(venue.asked) == 1
            clock.now_s += 7
            await client.privateDeleteOrder({"symbol": "BTCUSDT"})
        assert not budget.is_banned

    asyncio.run(run())


def test_after_a_ban_the_first_request_is_a_cheap_one_and_the_others_wait_for_its_answer() -> None:
    async def run() -> None:
        clock, budget = make()
        venue = Venue()
        venue.refusals = [banned()]
        async with opened(venue, budget) as client:
            with pytest.raises(ccxt.DDoSProtection):
                await client.publicGetTime()
            clock.now_s += 7
            venue.asked.clear()
            await asyncio.gather(
                *(client.privateGetOpenOrders() for _ in range(3)),
                client.publicGetDepth({"symbol": "BTCUSDT", "limit": 500}),
            )
            assert venue.asked[0][1] == "time"
            assert sorted(path for _, path, _ in venue.asked if path != "time") == [
                "depth", "openOrders", "openOrders", "openOrders",
            ]  # fmt: skip

    asyncio.run(run())


def test_a_ban_that_is_not_over_costs_one_request() -> None:
    async def run() -> None:
        clock, budget = make()
        venue = Venue()
        venue.refusals = [banned(), banned()]
        async with opened(venue, budget) as client:
            with pytest.raises(ccxt.DDoSProtection):
                await client.publicGetTime()
            clock.now_s += 7
            asked = [client.privateGetOpenOrders() for _ in range(5)]
            failures = await asyncio.gather(*asked, return_exceptions=True)
        assert all(isinstance(failure, ccxt.DDoSProtection) for failure in failures)
        assert len(venue.asked) == 2
        assert budget.blocked_s() == pytest.approx(7)

    asyncio.run(run())


def test_orders_must_arrive_soon_and_everything_else_may_arrive_late() -> None:
    async def run() -> None:
        _, budget = make()
        venue = Venue()
        async with opened(venue, budget) as client:
            await client.privatePostOrder({"symbol": "BTCUSDT"})
            await client.privatePostOrderCancelReplace({"symbol": "BTCUSDT"})
            await client.privateDeleteOrder({"symbol": "BTCUSDT"})
            await client.privateGetOpenOrders()
            await client.privateDeleteOrder({"symbol": "BTCUSDT", "recvWindow": 9_000})
            await client.publicGetTime()
        windows = [query.get("recvWindow") for _, _, query in venue.asked]
        late = str(LATE_RECEIVE_WINDOW_MS)
        assert windows == ["1500", "1500", late, late, "9000", None]

    asyncio.run(run())


def test_what_each_answer_says_of_its_request_is_seen_with_its_kind() -> None:
    async def run() -> None:
        _, budget = make()
        venue = Venue()
        seen: list[RequestKind | None] = []
        see = budget.observe

        def note(status: int, headers: Any, body: str = "", kind: RequestKind | None = None) -> None:
            seen.append(kind)
            see(status, headers, body, kind)

        budget.observe = note  # type: ignore[method-assign]
        async with opened(venue, budget) as client:
            await asyncio.gather(
                client.privateGetOpenOrders(),
                client.publicGetTime(),
                client.privateDeleteOrder({"symbol": "X"}),
            )
        assert sorted(map(str, seen)) == ["cancel", "open_orders", "time"]

    asyncio.run(run())


class Socket:
    """What ccxt knows of a websocket that could not be opened."""

    url = "wss://venue"
    error = None

    def __init__(self, retry_after_s: float | None) -> None:
        self.dial_failed = True
        self.last_retry_after = retry_after_s


@pytest.mark.parametrize(("retry_after_s", "wait_s"), [(None, 5), (60.0, 60)])
def test_a_stream_is_tried_again_soon_unless_the_venue_says_otherwise(
    retry_after_s: float | None, wait_s: float
) -> None:
    client = make_client(ExchangeSettings())
    for _ in range(12):
        client.on_error(Socket(retry_after_s), ConnectionError())
    assert client.ws_dial_delay("wss://venue") == pytest.approx(wait_s, abs=0.5)


def test_in_a_ban_the_accounts_stream_is_not_opened_and_market_streams_are() -> None:
    _, budget = make()
    budget.observe(418, {"Retry-After": "300"})
    client = make_client(ExchangeSettings(), budget=budget)
    assert client.ws_dial_delay(client.urls["api"]["ws"]["ws-api"]["spot"]) == pytest.approx(300)
    assert client.ws_dial_delay(client.urls["api"]["ws"]["spot"]) == 0
