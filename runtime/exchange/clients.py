"""Clients of real exchanges: the only importer of ccxt.

A client is ccxt's class with these changes: its rate limiter is off, since it would queue orders behind
queries (request budgets replace it); sandbox addresses and receive windows are set; and so is the error map,
which ccxt selects by URL and would lack for a sandbox or a websocket. Every request of every client passes
one gate, which holds requests back while the venue accepts none.
"""

import asyncio
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from runtime.config.secret_files import read_secret_text
from runtime.errors import ConfigError
from runtime.exchange.request_budget import PROBE_WEIGHT_MAX, Purpose, RequestBudget
from runtime.exchange.request_kinds import ORDER_KINDS, kind_of
from runtime.exchange.shared_budgets import shared_budget
from schemas.deployment import ExchangeSettings
from schemas.venues import RequestKind

Client: TypeAlias = Any
"""A ccxt.pro exchange, whose own type hints are incomplete."""
WS_KEEP_ALIVE_MS = 2_500
WS_PONGS_MISSED_MAX = 2
"""With 1, a pong delayed by the timer's jitter would close a healthy connection."""
MessageObserver = Callable[[Any], None]
"""Receives every websocket message before ccxt parses it."""
WS_DIAL_INTERVAL_MS_MAX = 5_000
LATE_RECEIVE_WINDOW_MS = 60_000
"""For requests that may be executed late, such as cancels, which a slow clock must not block; Binance's
maximum."""
_PROBE_INTERVAL_S = 0.05
_API_SOCKET = "ws-api"
_KIND: ContextVar[RequestKind | None] = ContextVar("kind", default=None)
"""The kind of the current request."""


@dataclass(frozen=True)
class Credentials:
    """The API credentials of an account. Never shown, logged or published."""

    api_key: str
    api_secret: str
    api_passphrase: str = ""

    def __repr__(self) -> str:
        return "Credentials(...)"


def read_credentials(exchange: ExchangeSettings) -> Credentials:
    """Read the credentials; raises ConfigError where a file is not configured or cannot be read."""
    return Credentials(
        read_secret_text(exchange.api_key_file, "exchange.api_key_file"),
        read_secret_text(exchange.api_secret_file, "exchange.api_secret_file"),
        ""
        if exchange.api_passphrase_file is None
        else read_secret_text(exchange.api_passphrase_file, "exchange.api_passphrase_file"),
    )


def make_client(
    exchange: ExchangeSettings,
    credentials: Credentials | None = None,
    budget: RequestBudget | None = None,
    purpose: Purpose | None = None,
    observe_message: MessageObserver | None = None,
) -> Client:
    """A client for one event loop, to be closed by the caller; without credentials, for public data only.

    `budget` None: the one shared by all processes. With a `purpose`, each request waits for its weight and
    claims it; without one, the caller does so beforehand.
    """
    import ccxt.pro  # noqa: PLC0415  takes a second, and only real venues need it

    key = "" if credentials is None else credentials.api_key
    gate = _RequestGate(exchange, budget or shared_budget(exchange, key), purpose, ccxt.pro.DDoSProtection)

    class GatedExchange(getattr(ccxt.pro, exchange.id)):  # type: ignore[misc]
        """Passes each request through the gate, and each response to its budget."""

        async def fetch2(
            self, path: str, api: Any = "public", method: str = "GET", params: Any = None, config: Any = None
        ) -> Any:
            kind, params = await gate.enter(self, path, api, method, params or {})
            token = _KIND.set(kind)
            try:
                return await super().fetch2(path, api, method, params, config or {})
            finally:
                _KIND.reset(token)

        def on_rest_response(
            self, code: int, reason: str, url: str, method: str, headers: Any, body: str, *rest: Any
        ) -> Any:
            gate.budget.observe(code, headers, body, _KIND.get())
            return super().on_rest_response(code, reason, url, method, headers, body, *rest)

        def handle_message(self, client: Any, message: Any) -> None:
            if observe_message is not None:
                observe_message(message)
            super().handle_message(client, message)

        def ws_dial_delay(self, url: str) -> float:
            """Seconds to wait before connecting: a connection to the websocket API counts as a request."""
            blocked_s = gate.budget.blocked_s() if _API_SOCKET in url else 0.0
            return max(float(super().ws_dial_delay(url)), blocked_s)

        def on_error(self, client: Any, error: Any) -> None:
            """Reconnect soon: ccxt's own back-off grows to half a minute."""
            super().on_error(client, error)
            dial = (getattr(self, "ws_dial_backoff", None) or {}).get(client.url)
            if dial is not None and getattr(client, "last_retry_after", None) is None:
                dial["until"] = min(dial["until"], self.milliseconds() + WS_DIAL_INTERVAL_MS_MAX)

    client = GatedExchange(_settings(exchange, credentials))
    if exchange.id in {"binance", "binanceusdm"}:
        kind = "spot" if exchange.id == "binance" else "linear"
        client.exceptions["exact"].update(client.exceptions[kind]["exact"])
    if exchange.url is not None:
        _point_at_sandbox(client, exchange)
    return client


def drop_streams(client: Client, reason: str) -> None:
    """Close every websocket of a client as if its connection had failed; watchers reconnect."""
    import ccxt.pro  # noqa: PLC0415  loaded with the client

    for socket in tuple(client.clients.values()):
        socket.on_error(ccxt.pro.NetworkError(reason))


@dataclass(frozen=True)
class _RequestGate:
    """Checks each request of a client before it is sent."""

    exchange: ExchangeSettings
    budget: RequestBudget
    purpose: Purpose | None
    held_back: type[Exception]
    """ccxt's exception for a request that the exchange did not process."""

    async def enter(
        self, client: Client, path: str, api: Any, method: str, params: dict[str, Any]
    ) -> tuple[RequestKind | None, dict[str, Any]]:
        """The request's kind and parameters; raises `held_back` where it must not be sent."""
        kind = kind_of(self.exchange.id, method, path, params)
        if self.purpose is not None:
            await self.budget.acquire(kind or 1, self.purpose)
        self._check()
        if self.budget.is_banned:
            await self._probe(client, kind)
        if kind is None or kind in ORDER_KINDS or not _is_signed(api):
            return kind, params
        return kind, {"recvWindow": LATE_RECEIVE_WINDOW_MS} | params

    def _check(self) -> None:
        blocked_s = self.budget.blocked_s()
        if blocked_s:
            raise self.held_back(
                f"{self.exchange.id} 429 not sent: it accepts no requests for {blocked_s:.1f} s"
            )

    async def _probe(self, client: Client, kind: RequestKind | None) -> None:
        """After a ban seems to have ended, one cheap request verifies it while the others wait."""
        if self.budget.weight(kind or 1) > PROBE_WEIGHT_MAX:
            if self.purpose is None:
                await self.budget.acquire("time", "cancel")  # a cancel may be waiting for it
            await client.fetch_time()
            return
        while self.budget.is_banned and not self.budget.may_probe():
            if kind in ORDER_KINDS:
                raise self.held_back(f"{self.exchange.id} 418 not sent: the ban may not be over")
            await asyncio.sleep(_PROBE_INTERVAL_S)
            self._check()


def _is_signed(api: Any) -> bool:
    name = api if isinstance(api, str) else api[0]
    return "rivate" in name or name.startswith("sapi")


def _settings(exchange: ExchangeSettings, credentials: Credentials | None) -> dict[str, Any]:
    options: dict[str, Any] = {
        "recvWindow": exchange.receive_window_ms,
        "fetchMargins": False,
        "ws": {"keepAlive": WS_KEEP_ALIVE_MS, "maxPingPongMisses": WS_PONGS_MISSED_MAX},
        "fetchOpenOrders": {"warnWithoutSymbol": False},
        "warnOnFetchOpenOrdersWithoutSymbol": False,
    }
    if exchange.id == "binance":
        options |= {"defaultType": "spot", "fetchMarkets": {"types": ["spot"]}, "fetchCurrencies": False}
    settings: dict[str, Any] = {
        "enableRateLimit": False,
        "timeout": exchange.request_timeout_ms,
        "options": options,
    }
    if credentials is not None:
        settings |= {
            "apiKey": credentials.api_key,
            "secret": credentials.api_secret,
            "password": credentials.api_passphrase,
        }
    return settings


def _point_at_sandbox(client: Client, exchange: ExchangeSettings) -> None:
    if exchange.id != "binance":
        raise ConfigError(f"exchange.url is set, but there is no sandbox for {exchange.id}, only for binance")
    parts = urlsplit(exchange.url or "")
    sockets = f"{'wss' if parts.scheme == 'https' else 'ws'}://{parts.netloc}"
    urls = client.urls["api"] = _moved(client.urls["api"], exchange.url or "", sockets)
    urls |= dict.fromkeys(("public", "private"), f"{exchange.url}/api/v3")
    urls["ws"]["spot"] = f"{sockets}/stream/ws"  # ccxt recognises spot by the word stream
    urls["ws"]["ws-api"]["spot"] = f"{sockets}/ws-api/v3"


def _moved(urls: Any, rest: str, sockets: str) -> Any:
    """All URLs with the sandbox's host, so that no request can reach the real exchange."""
    if isinstance(urls, dict):
        return {name: _moved(value, rest, sockets) for name, value in urls.items()}
    parts = urlsplit(urls)
    return (sockets if parts.scheme in {"ws", "wss"} else rest) + parts.path
