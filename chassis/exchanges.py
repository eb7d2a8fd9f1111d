"""Clients of real exchanges: the one importer of ccxt.

A client is ccxt's own class, unchanged but for what is set here: its rate limiter is off, for it queues
orders behind queries (budgets of our own stand before it), sandbox addresses, and the map of errors, which
ccxt chooses by the address and so would not have for a sandbox or a websocket.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from chassis.errors import ConfigError
from schemas.deployment import Exchange

Client: TypeAlias = Any
"""A ccxt.pro exchange; its types say less than its documents."""
WS_KEEP_ALIVE_MS = 2_500
WS_PONGS_MISSED_MAX = 2
"""With 1, a pong that took longer than the timer's jitter would break a healthy connection."""
SeeResponse = Callable[[int, Mapping[str, str]], None]
"""Is told the status and the headers of every REST answer."""


@dataclass(frozen=True)
class Credentials:
    """What opens an account. Never shown, logged or published."""

    api_key: str
    api_secret: str
    api_passphrase: str = ""

    def __repr__(self) -> str:
        return "Credentials(...)"


def read_credentials(exchange: Exchange) -> Credentials:
    """The account's keys; raises ConfigError where a file is not named or cannot be read."""
    return Credentials(
        _read_secret("api_key_file", exchange.api_key_file),
        _read_secret("api_secret_file", exchange.api_secret_file),
        ""
        if exchange.api_passphrase_file is None
        else _read_secret("api_passphrase_file", exchange.api_passphrase_file),
    )


def _read_secret(name: str, path: str | None) -> str:
    if path is None:
        raise ConfigError(f"exchange.{name} is not set: name the file that holds it alone")
    try:
        secret = Path(path).read_text().strip()
    except OSError as error:
        raise ConfigError(f"exchange.{name}: {error}") from error
    if not secret:
        raise ConfigError(f"exchange.{name}: {path} is empty")
    return secret


def make_client(
    exchange: Exchange, credentials: Credentials | None = None, see_response: SeeResponse | None = None
) -> Client:
    """A client for use in one event loop, which its user must close; without credentials for public data."""
    import ccxt.pro  # noqa: PLC0415  a second of the start, for those alone who trade on a real venue

    class Seeing(getattr(ccxt.pro, exchange.id)):  # type: ignore[misc]
        """Shows the headers of each answer as it comes: what the venue says of our rates stands there."""

        def on_rest_response(
            self, code: int, reason: str, url: str, method: str, headers: Any, *rest: Any
        ) -> Any:
            if see_response is not None:
                see_response(code, headers)
            return super().on_rest_response(code, reason, url, method, headers, *rest)

    client = Seeing(_settings(exchange, credentials))
    if exchange.id in {"binance", "binanceusdm"}:
        kind = "spot" if exchange.id == "binance" else "linear"
        client.exceptions["exact"].update(client.exceptions[kind]["exact"])
    if exchange.url is not None:
        _point_at_sandbox(client, exchange)
    return client


def _settings(exchange: Exchange, credentials: Credentials | None) -> dict[str, Any]:
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


def _point_at_sandbox(client: Client, exchange: Exchange) -> None:
    if exchange.id != "binance":
        raise ConfigError(
            f"exchange.url is set, but there is a sandbox for binance alone, not for {exchange.id}"
        )
    parts = urlsplit(exchange.url or "")
    sockets = f"{'wss' if parts.scheme == 'https' else 'ws'}://{parts.netloc}"
    urls = client.urls["api"] = _moved(client.urls["api"], exchange.url or "", sockets)
    urls |= dict.fromkeys(("public", "private"), f"{exchange.url}/api/v3")
    urls["ws"]["spot"] = f"{sockets}/stream/ws"  # ccxt knows spot by the word stream
    urls["ws"]["ws-api"]["spot"] = f"{sockets}/ws-api/v3"


def _moved(urls: Any, rest: str, sockets: str) -> Any:
    """Every address with the sandbox's host in place of its own: no request may leave it."""
    if isinstance(urls, dict):
        return {name: _moved(value, rest, sockets) for name, value in urls.items()}
    parts = urlsplit(urls)
    return (sockets if parts.scheme in {"ws", "wss"} else rest) + parts.path
