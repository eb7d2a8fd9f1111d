"""The sandbox exchange as a server: HTTP, faults of requests, and the market behind it."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

from runtime.process.definition import ProcessDefinition
from sandbox.accounts import Account
from sandbox.clock import Clock
from sandbox.connections import close
from sandbox.controls import Controls
from sandbox.depth import Depth, book_ticker
from sandbox.errors import VenueError
from sandbox.exchange import Happening, SandboxExchange
from sandbox.faults import Armed, FaultName, Faults
from sandbox.fees import Commission
from sandbox.happenings import ExchangeParts, Happenings
from sandbox.keys import ApiKey, Keys
from sandbox.limits import Limits
from sandbox.market_source import MarketSource
from sandbox.market_streams import MarketStreams
from sandbox.rest import Rest
from sandbox.shapes import account_position, execution_report, public_trade, symbol_id
from sandbox.truth import truth_of
from sandbox.user_stream import UserStream
from schemas.config import Config
from schemas.market import Book, Instrument
from schemas.market import Trade as MarketTrade
from schemas.message import Event, Side
from schemas.units import NS_PER_MS

DEPTH_INTERVAL_S = 0.1
LOOPBACK = "127.0.0.1"
_STATUS_UNKNOWN = (
    "Timeout waiting for response from backend server. Send status unknown; execution status unknown."
)
_BUSY = "Server is currently overloaded with other requests. Please try again in a few minutes."
_CUT_FIRST: frozenset[FaultName] = frozenset(
    {"lost_before", "late_execution", "late_window", "rate_limit", "ban", "server_error", "busy"}
)
_CUT_AFTER: frozenset[FaultName] = frozenset({"lost_after", "late_reply", "status_unknown"})
_HELD_BACK = frozenset({418, 429})
_COUNTED = frozenset({("POST", "order"), ("POST", "order/cancelReplace")})
"""Answers that carry order counts."""


@dataclass(frozen=True, slots=True)
class SandboxAccount:
    """An account that the sandbox opens at its start, with its first key."""

    api_key: str
    api_secret: str
    balances: Mapping[str, Decimal]
    commission: Commission | None = None
    more_keys: Mapping[str, str] = field(default_factory=dict)
    """By key name: secrets of further keys with the same permissions."""
    can_trade: bool = True
    """The first is the account's; the other three are its keys'."""
    key_trades: bool = True
    key_withdraws: bool = False
    is_ip_restricted: bool = True


@dataclass(frozen=True, slots=True)
class SandboxOptions:
    """Options beside the configuration, whose feed is the market."""

    port: int = 0
    host: str = LOOPBACK
    seed: int = 1
    enforces_limits: bool = True
    accounts: tuple[SandboxAccount, ...] = field(default_factory=tuple)


class Sandbox:
    """One exchange; created and run in one event loop. Its state outlives every client."""

    def __init__(self, config: Config, options: SandboxOptions, monitor: ProcessDefinition) -> None:
        """`monitor`: the process whose feed and core provide the market."""
        self.clock = Clock()
        self.faults = Faults(options.seed)
        self.exchange = SandboxExchange(self.clock.now_ns, self._apply, self.clock.steady_ns)
        self.limits = Limits(self.now_ms, enforced=options.enforces_limits)
        self.keys = Keys(self.now_ms)
        self._options = options
        for each in options.accounts:
            self._open_account(each)
        self._depths: dict[str, Depth] = {}
        self._rest = Rest(self.exchange, self._depths, self.faults, self.now_ms, self.clock.steady_ns)
        self.markets = MarketStreams(self.faults)
        self.users = UserStream(self.faults, self.keys, self.limits, self.now_ms)
        parts = ExchangeParts(self.clock, self.exchange, self.limits, self.keys, self.markets, self.users)
        self.happenings = Happenings(parts, self.faults)
        self._source = MarketSource(config, monitor, self._observe)
        self._tasks: set[asyncio.Task[Any]] = set()
        self._runner: web.AppRunner | None = None

    def _open_account(self, wanted: SandboxAccount) -> None:
        account = Account(wanted.api_key, wanted.commission, can_trade=wanted.can_trade)
        account.free.update(wanted.balances)
        account.order_counts.is_enforced = self._options.enforces_limits
        account.record_balances(self.clock.steady_ns())
        self.exchange.accounts[account.name] = account
        for name, secret in {wanted.api_key: wanted.api_secret, **wanted.more_keys}.items():
            self.keys.by_name[name] = ApiKey(
                secret, account, wanted.key_trades, wanted.key_withdraws, wanted.is_ip_restricted
            )

    def now_ms(self) -> int:
        """By the exchange's clock."""
        return self.clock.now_ns() // NS_PER_MS

    async def start(self) -> str:
        """Start serving; returns the URL. Every symbol has a book by then."""
        app = web.Application(client_max_size=1 << 20)
        for path in ("/stream/ws/{n}", "/stream/ws", "/stream", "/ws"):
            app.router.add_get(path, self.markets.serve)
        app.router.add_get("/ws-api/v3", self.users.serve)
        app.router.add_route("*", "/api/v3/{path:.+}", self._serve)
        app.router.add_get("/sapi/v1/{path:account/apiRestrictions}", self._serve)
        Controls(self.exchange, self.faults, self.happenings, self.truth).add_to(app)
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
        await close(self.markets.connections | self.users.connections)
        if self._runner is not None:
            await self._runner.cleanup()

    def truth(self) -> dict[str, Any]:
        """By account: every order with its history, every trade, all balances."""
        return {name: truth_of(account) for name, account in self.exchange.accounts.items()}

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _observe(self, event: Event) -> None:
        """Apply market data."""
        if isinstance(event, Instrument):
            self.exchange.observe_instrument(event)
            self._depths.setdefault(event.symbol, Depth())
        elif isinstance(event, Book):
            self.exchange.observe_book(event)
            self._depths[event.symbol].record_change()
        elif isinstance(event, MarketTrade):
            self.exchange.observe_trade(event)
            number = next(self.exchange.markets[event.symbol].trade_ids)
            self._publish_trade(event.symbol, number, event.price_ticks, event.size_lots, event.side)

    async def _publish_depths(self) -> None:
        """Publish all books' differences, at the venue's interval."""
        while True:
            for symbol in self.exchange.markets:
                self._publish_depth(symbol)
            await asyncio.sleep(DEPTH_INTERVAL_S)

    def _publish_depth(self, symbol: str) -> None:
        update = self._depths[symbol].advance(self.exchange.markets[symbol], self.now_ms())
        if update is None or self.faults.next(frozenset({"depth_gap"})) is not None:
            return
        name = symbol_id(symbol).lower()
        self.markets.publish(f"{name}@depth@100ms", update)
        self.markets.publish(f"{name}@depth", update)
        best = book_ticker(self._depths[symbol], self.exchange.markets[symbol])
        self.markets.publish(f"{name}@bookTicker", best)

    def _publish_trade(
        self, symbol: str, number: int, price_ticks: int, size_lots: int, taker: Side | None
    ) -> None:
        instrument = self.exchange.markets[symbol].instrument
        event = public_trade(instrument, number, price_ticks, size_lots, self.now_ms(), taker)
        self._rest.public_data.observe_trade(symbol, event)
        name = symbol_id(symbol).lower()
        self.markets.publish(f"{name}@trade", event)
        summed = {"e": "aggTrade", "a": number, "f": number, "l": number}
        self.markets.publish(f"{name}@aggTrade", event | summed)

    def _apply(self, happening: Happening) -> None:
        """Publish an order's event on its account's stream, and any trade to everyone."""
        account, order, trade = happening.account, happening.order, happening.trade
        instrument = self.exchange.markets[order.symbol].instrument
        self._depths[order.symbol].record_change()
        if trade is not None and not trade.is_maker:
            self._publish_trade(order.symbol, trade.trade_id, trade.price_ticks, trade.size_lots, trade.side)
        self.users.publish(account, execution_report(instrument, happening))
        currencies = {instrument.base_currency: None, instrument.quote_currency: None}
        if trade is not None:
            currencies[trade.fee_currency] = None
        self.users.publish(account, account_position(account, self.now_ms(), currencies))

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        path, method = request.match_info["path"], request.method
        body = (await request.read()).decode()
        query = request.rel_url.raw_query_string
        signed_text = "&".join(part for part in (query, body) if part)
        params = dict(parse_qsl(signed_text, keep_blank_values=True))
        fault = self.faults.next(_CUT_FIRST, method, path)
        if fault is not None:
            return await self._fail_first(request, fault, params, signed_text)
        answer = self._answer(request, params, signed_text)
        if answer.status in _HELD_BACK:  # rate limit refusals are sent whatever else goes wrong
            return answer
        after = self.faults.next(_CUT_AFTER, method, path)
        if after is None:
            return answer
        if after.name == "late_reply":
            await asyncio.sleep(after.seconds)
            return answer
        if after.name == "status_unknown":
            return self._refusal(VenueError(-1007, _STATUS_UNKNOWN, 408))
        return _cut(request)

    async def _fail_first(
        self, request: web.Request, fault: Armed, params: Mapping[str, str], signed_text: str
    ) -> web.StreamResponse:
        if fault.name == "late_window":
            return await self._judge_twice(request, fault, params, signed_text)
        if fault.name == "late_execution":
            loop = asyncio.get_running_loop()
            loop.call_later(fault.seconds, self._answer, request, params, signed_text)
        if fault.name in {"rate_limit", "ban"}:
            status = 429 if fault.name == "rate_limit" else 418
            error = VenueError(-1003, "Too many requests.", status)
            error.retry_after_s = max(1, round(fault.seconds))
            return self._refusal(error)
        if fault.name == "server_error":
            return web.Response(status=503, text="Service Unavailable")
        if fault.name == "busy":
            return self._refusal(VenueError(-1008, _BUSY))
        return _cut(request)

    async def _judge_twice(
        self, request: web.Request, fault: Armed, params: Mapping[str, str], signed_text: str
    ) -> web.StreamResponse:
        """The receive window is checked on arrival, and again before matching, which is delayed."""
        if "signature" in params:
            try:
                self._key_of(request, params, signed_text)
            except VenueError as error:
                return self._refusal(error)
            await asyncio.sleep(fault.seconds)
        return self._answer(request, params, signed_text)

    def _key_of(self, request: web.Request, params: Mapping[str, str], signed_text: str) -> ApiKey:
        signed, _, _ = signed_text.rpartition("&signature=")
        trades = self._rest.needs_trading(request.method, request.match_info["path"])
        name = request.headers.get("X-MBX-APIKEY", "")
        return self.keys.authenticate(params, name, signed, trades=trades)

    def _answer(self, request: web.Request, params: Mapping[str, str], signed_text: str) -> web.Response:
        path, method = request.match_info["path"], request.method
        hidden = self.faults.next(frozenset({"hide_order"}))
        if hidden is not None:
            self._rest.lookups.hide_younger(hidden.seconds)
        try:
            self.limits.count(method, path, params)
            return self._carried_out(request, method, path, params, signed_text)
        except VenueError as error:
            return self._refusal(error)

    def _carried_out(
        self, request: web.Request, method: str, path: str, params: Mapping[str, str], signed_text: str
    ) -> web.Response:
        public = self._rest.public.get((method, path))
        if public is not None:
            return self._json(public(params))
        if path == "account/apiRestrictions":
            return self._json(self._key_of(request, params, signed_text).restrictions(self.now_ms()))
        private = self._rest.private.get((method, path))
        if private is None:
            return self._refusal(VenueError(-1000, f"The sandbox does not know {method} {path}.", 404))
        account = self._key_of(request, params, signed_text).account
        answer = private(account, params)
        counts = account.order_counts.headers(self.now_ms()) if (method, path) in _COUNTED else {}
        return self._json(answer, counts)

    def _json(self, body: Any, headers: Mapping[str, str] | None = None) -> web.Response:
        return web.json_response(body, headers={**self.limits.headers(), **(headers or {})})

    def _refusal(self, error: VenueError) -> web.Response:
        return web.json_response(
            error.body, status=error.status, headers={**self.limits.headers(), **error.headers}
        )


def _cut(request: web.Request) -> web.StreamResponse:
    """No answer: the connection breaks."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)
