"""The sandbox exchange as a server: HTTP, signatures, limits, faults, sockets, and the market behind it."""

import asyncio
import hashlib
import hmac
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import count
from typing import Any
from urllib.parse import parse_qsl

import structlog
from aiohttp import web

from chassis.errors import ConfigError
from quote_service.sandbox.accounts import Account, Order, Trade
from quote_service.sandbox.depth import Depth, book_ticker
from quote_service.sandbox.errors import VenueError
from quote_service.sandbox.exchange import Exchange
from quote_service.sandbox.faults import Armed, FaultName, Faults
from quote_service.sandbox.limits import Limits
from quote_service.sandbox.market_source import MarketSource
from quote_service.sandbox.rest import Rest, truth_of, whole
from quote_service.sandbox.shapes import account_position, execution_report, public_trade, symbol_id
from quote_service.sandbox.sockets import Sockets
from schemas.config import Config
from schemas.market import Book, Instrument
from schemas.market import Trade as MarketTrade
from schemas.message import Event, Side
from schemas.units import NS_PER_MS

DEPTH_INTERVAL_S = 0.1
LOOPBACK = "127.0.0.1"
_RECV_WINDOW_MS = 5_000
_AHEAD_MS_MAX = 1_000
_STATUS_UNKNOWN = (
    "Timeout waiting for response from backend server. Send status unknown; execution status unknown."
)
_CUT_FIRST: frozenset[FaultName] = frozenset(
    {"lost_before", "late_execution", "rate_limit", "ban", "server_error", "busy"}
)
_CUT_AFTER: frozenset[FaultName] = frozenset({"lost_after", "late_reply", "status_unknown"})

logger = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class SandboxAccount:
    """An account that the sandbox opens at its start."""

    api_key: str
    api_secret: str
    balances: Mapping[str, Decimal]


@dataclass(frozen=True, slots=True)
class SandboxOptions:
    """What is set beside the configuration, whose feed is the market."""

    port: int = 0
    host: str = LOOPBACK
    seed: int = 1
    enforces_limits: bool = True
    accounts: tuple[SandboxAccount, ...] = field(default_factory=tuple)


class Sandbox:
    """One exchange; made and run in one event loop."""

    def __init__(self, config: Config, options: SandboxOptions) -> None:
        self.faults = Faults(options.seed)
        self.exchange = Exchange(self.now_ns, self._hear)
        self.limits = Limits(self.now_ms, enforced=options.enforces_limits)
        self._options = options
        self._keys: dict[str, Account] = {}
        for each in options.accounts:
            account = Account(each.api_key, each.api_secret)
            account.free.update(each.balances)
            self._keys[each.api_key] = self.exchange.accounts[each.api_key] = account
        self._depths: dict[str, Depth] = {}
        self._rest = Rest(self.exchange, self._depths, self.faults, self.now_ms, self.limits)
        self.sockets = Sockets(self.faults, self.authenticate, self.now_ms)
        self._source = MarketSource(config, self._see)
        self._public_trade_ids = count(1)
        self._tasks: set[asyncio.Task[Any]] = set()
        self._runner: web.AppRunner | None = None

    def now_ms(self) -> int:
        """The exchange's clock."""
        return self.now_ns() // NS_PER_MS

    def now_ns(self) -> int:
        """The same, finer."""
        return time.time_ns() + self.faults.clock_skew_ms * NS_PER_MS

    async def start(self) -> str:
        """Serve; where it is. Every symbol has a book by then."""
        app = web.Application(client_max_size=1 << 20)
        app.router.add_get("/stream/ws/{n}", self.sockets.serve_market)
        app.router.add_get("/stream/ws", self.sockets.serve_market)
        app.router.add_get("/stream", self.sockets.serve_market)
        app.router.add_get("/ws", self.sockets.serve_market)
        app.router.add_get("/ws-api/v3", self.sockets.serve_api)
        app.router.add_route("*", "/api/v3/{path:.+}", self._serve)
        app.router.add_get("/sandbox/truth", self._serve_truth)
        app.router.add_post("/sandbox/faults", self._serve_faults)
        app.router.add_delete("/sandbox/faults", self._serve_all_clear)
        app.router.add_post("/sandbox/fill", self._serve_fill)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._options.host, self._options.port)
        await site.start()
        self._spawn(self._source.run())
        self._spawn(self._publish_depths())
        await self._source.is_complete.wait()
        host, port = self._runner.addresses[0][:2]
        return f"http://{host}:{port}"

    async def stop(self) -> None:
        """Close everything."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.sockets.kick(self.sockets.market | self.sockets.user)
        if self._runner is not None:
            await self._runner.cleanup()

    def truth(self) -> dict[str, Any]:
        """By account: every order with its history, every trade, all balances."""
        return {name: truth_of(account) for name, account in self.exchange.accounts.items()}

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _see(self, event: Event) -> None:
        """The market moved."""
        if isinstance(event, Instrument):
            self.exchange.see_instrument(event)
            self._depths.setdefault(event.symbol, Depth())
        elif isinstance(event, Book):
            self.exchange.see_book(event)
            self._depths[event.symbol].note_change()
        elif isinstance(event, MarketTrade):
            self.exchange.see_trade(event)
            self._publish_trade(event.symbol, event.price_ticks, event.size_lots, event.side)

    async def _publish_depths(self) -> None:
        """The differences of all books, as often as the venue sends them."""
        while True:
            for symbol in self.exchange.markets:
                self._publish_depth(symbol)
            await asyncio.sleep(DEPTH_INTERVAL_S)

    def _publish_depth(self, symbol: str) -> None:
        update = self._depths[symbol].advance(self.exchange.markets[symbol], self.now_ms())
        if update is None or self.faults.next(frozenset({"depth_gap"})) is not None:
            return
        name = symbol_id(symbol).lower()
        self.sockets.publish(f"{name}@depth@100ms", update)
        self.sockets.publish(f"{name}@depth", update)
        best = book_ticker(self._depths[symbol], self.exchange.markets[symbol])
        self.sockets.publish(f"{name}@bookTicker", best)

    def _publish_trade(self, symbol: str, price_ticks: int, size_lots: int, taker: Side | None) -> None:
        instrument = self.exchange.markets[symbol].instrument
        number, now_ms = next(self._public_trade_ids), self.now_ms()
        event = public_trade(instrument, number, price_ticks, size_lots, now_ms, taker)
        self._rest.see_trade(symbol, event)
        name = symbol_id(symbol).lower()
        self.sockets.publish(f"{name}@trade", event)
        summed = {"e": "aggTrade", "a": number, "f": number, "l": number}
        self.sockets.publish(f"{name}@aggTrade", event | summed)

    def _hear(self, account: str, order: Order, execution: str, trade: Trade | None) -> None:
        """Something happened to an order: its account's stream says so, and everybody hears of a trade."""
        instrument = self.exchange.markets[order.symbol].instrument
        self._depths[order.symbol].note_change()
        if trade is not None and not trade.is_maker:
            self._publish_trade(order.symbol, trade.price_ticks, trade.size_lots, trade.side)
        if execution != "REPLACED":
            cancel_id = self._rest.cancel_id if execution == "CANCELED" else None
            self.sockets.tell(account, execution_report(instrument, order, execution, trade, cancel_id))
        currencies = (instrument.base_currency, instrument.quote_currency)
        position = account_position(self.exchange.accounts[account], self.now_ms(), currencies)
        self.sockets.tell(account, position)

    def authenticate(self, params: Mapping[str, str], key: str | None = None, signed: str = "") -> Account:
        """The account that signed; raises VenueError. `signed`: the text that was signed."""
        account = self._keys.get(key or params.get("apiKey", ""))
        if account is None:
            raise VenueError(-2015, "Invalid API-key, IP, or permissions for action.", 401)
        if not signed:
            named = sorted(item for item in params.items() if item[0] != "signature")
            signed = "&".join(f"{name}={value}" for name, value in named)
        made = hmac.new(account.secret.encode(), signed.encode(), hashlib.sha256).hexdigest()
        if not hmac.compare_digest(made, params.get("signature", "")):
            raise VenueError(-1022, "Signature for this request is not valid.")
        age_ms = self.now_ms() - whole(params, "timestamp", 0)
        if age_ms > whole(params, "recvWindow", _RECV_WINDOW_MS) or age_ms < -_AHEAD_MS_MAX:
            raise VenueError(-1021, "Timestamp for this request is outside of the recvWindow.")
        return account

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        path, method = request.match_info["path"], request.method
        body = (await request.read()).decode()
        query = request.rel_url.raw_query_string
        signed_text = "&".join(part for part in (query, body) if part)
        params = dict(parse_qsl(signed_text, keep_blank_values=True))
        fault = self.faults.next(_CUT_FIRST, method, path)
        if fault is not None:
            return await self._fail_first(request, fault, lambda: self._answer(request, params, signed_text))
        answer = self._answer(request, params, signed_text)
        after = self.faults.next(_CUT_AFTER, method, path)
        if after is None:
            return answer
        if after.name == "late_reply":
            await asyncio.sleep(after.seconds)
            return answer
        if after.name == "status_unknown":
            return self._refusal(VenueError(-1007, _STATUS_UNKNOWN, 408))
        return _cut(request)

    async def _fail_first(self, request: web.Request, fault: Armed, act: Any) -> web.StreamResponse:
        if fault.name == "late_execution":
            asyncio.get_running_loop().call_later(fault.seconds, act)
            return _cut(request)
        if fault.name in {"rate_limit", "ban"}:
            status = 429 if fault.name == "rate_limit" else 418
            error = VenueError(-1003, "Too many requests.", status)
            error.retry_after_s = max(1, round(fault.seconds))
            return self._refusal(error)
        if fault.name == "server_error":
            return web.Response(status=503, text="Service Unavailable")
        if fault.name == "busy":
            return self._refusal(VenueError(-1008, "Server is currently overloaded with other requests."))
        return _cut(request)

    def _answer(self, request: web.Request, params: Mapping[str, str], signed_text: str) -> web.Response:
        path, method = request.match_info["path"], request.method
        self._hide_orders()
        try:
            self.limits.count(method, path, params)
            public = self._rest.public.get((method, path))
            if public is not None:
                return self._json(public(params))
            private = self._rest.private.get((method, path))
            if private is None:
                return self._refusal(VenueError(-1000, f"The sandbox does not know {method} {path}.", 404))
            signed, _, _ = signed_text.rpartition("&signature=")
            account = self.authenticate(params, request.headers.get("X-MBX-APIKEY", ""), signed)
            answer = private(account, params)
        except VenueError as error:
            return self._refusal(error)
        return self._json(answer)

    def _hide_orders(self) -> None:
        fault = self.faults.next(frozenset({"hide_order"}))
        if fault is not None:
            self._rest.hidden_since_ms = self.now_ms()
            asyncio.get_running_loop().call_later(fault.seconds, self._show_orders)

    def _show_orders(self) -> None:
        self._rest.hidden_since_ms = None

    def _json(self, body: Any) -> web.Response:
        return web.json_response(body, headers=self.limits.headers())

    def _refusal(self, error: VenueError) -> web.Response:
        headers = self.limits.headers()
        if error.retry_after_s is not None:
            headers["Retry-After"] = str(error.retry_after_s)
        return web.json_response(error.body, status=error.status, headers=headers)

    async def _serve_truth(self, request: web.Request) -> web.Response:
        return web.json_response(self.truth())

    async def _serve_faults(self, request: web.Request) -> web.Response:
        wanted = await request.json()
        try:
            self.faults.arm(wanted.pop("name", ""), **wanted)
        except (ConfigError, TypeError) as error:
            return web.json_response({"error": str(error)}, status=400)
        await self.kick_where_armed()
        return web.json_response({"armed": [armed.name for armed in self.faults.armed]})

    async def _serve_all_clear(self, request: web.Request) -> web.Response:
        self.faults.clear()
        return web.json_response({"armed": []})

    async def _serve_fill(self, request: web.Request) -> web.Response:
        """A taker meets one order: `{"order_id": ..., "lots": ...}`."""
        wanted = await request.json()
        try:
            self.exchange.force_fill(int(wanted["order_id"]), int(wanted["lots"]))
        except (KeyError, ValueError) as error:
            return web.json_response({"error": f"no order, or no number of lots: {error}"}, status=400)
        return web.json_response({})

    async def kick_where_armed(self) -> None:
        """Carry out the faults that need no request."""
        skew = self.faults.next(frozenset({"clock_skew"}))
        if skew is not None:
            self.faults.clock_skew_ms = round(skew.seconds * 1_000)
        maintenance = self.faults.next(frozenset({"maintenance"}))
        if maintenance is not None:
            self.exchange.is_open = False
            asyncio.get_running_loop().call_later(maintenance.seconds, self._open)
        if self.faults.next(frozenset({"kick_user_stream"})) is not None:
            await self.sockets.kick(self.sockets.user)
        if self.faults.next(frozenset({"kick_market_stream"})) is not None:
            await self.sockets.kick(self.sockets.market)

    def _open(self) -> None:
        self.exchange.is_open = True


def _cut(request: web.Request) -> web.StreamResponse:
    """No answer: the connection breaks."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)
