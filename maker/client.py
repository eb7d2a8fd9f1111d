"""A client of the gateway's API, for programs in Python; the commands that reach an engine by URL use it.

    with MakerClient("http://127.0.0.1:8080", token) as maker:
        maker.start("BTC/USDT", max_position=Decimal("2.5"))
        print(maker.status("BTC/USDT").inventory)

Every method raises RefusedError where the token may not do it (401, 403), DependencyError where nobody
answers or something behind the gateway is away (502 to 504), and ConfigError for everything else that is
refused; the text is the gateway's own, with its remedy.
"""

import json
import ssl
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Literal, Self, TypeVar
from urllib.parse import quote

import httpx
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from runtime.errors import ConfigError, DependencyError, EngineError, RefusedError

_ANSWER_S = 10.0
_FORBIDDEN = (401, 403)
_UNREADY = (502, 503, 504)
_ERRORS_FROM = 400
Json = dict[str, Any]
_Read = TypeVar("_Read", bound=BaseModel)


class _Answer(BaseModel):
    """A newer gateway may say more."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)


class PricedSizeAnswer(_Answer):
    """Price in the quote currency; size in base units of a spot contract, in contracts of a derivative."""

    price: Decimal
    size: Decimal


class CurrentQuotesAnswer(_Answer):
    """The best open orders; None on a side without one."""

    bid: PricedSizeAnswer | None
    ask: PricedSizeAnswer | None


class RiskStatusAnswer(_Answer):
    """Which limits are kept."""

    position_ok: bool
    loss_ok: bool
    exposure_ok: bool
    drawdown_ok: bool
    overall_ok: bool


class Status(_Answer):
    """Where a symbol stands."""

    symbol: str
    venue: str
    status: Literal["active", "stopped", "error"]
    current_quotes: CurrentQuotesAnswer | None
    inventory: Decimal
    """In base units of a spot contract, in contracts of a derivative; below 0: short."""
    pnl: Decimal | None
    """Total PnL in the quote currency; None where the token may not see it."""
    risk_status: RiskStatusAnswer
    state: str
    """The engine's own word, more exact than `status`."""


class OwnValue(_Answer):
    """A value of the symbol's own that a start came with."""

    setting_key: str
    value: str
    status: Literal["sent", "proposed", "kept"]
    change_id: str | None


class Switched(_Answer):
    """A start or stop that was sent."""

    symbol: str
    status: Literal["started", "stopped"]
    message: str
    command_id: str
    settings: tuple[OwnValue, ...]


class SentCommand(_Answer):
    """A command that was sent."""

    command_id: str
    symbol: str
    venue: str
    message: str


class Active(_Answer):
    """The symbols that are not stopped."""

    active_symbols: tuple[str, ...]
    total_count: int


class Performance(_Answer):
    """The figures of a symbol. PnL in the quote currency; the spread in bps."""

    symbol: str
    total_pnl: Decimal = Field(alias="totalPnL")
    total_trades: int = Field(alias="totalTrades")
    average_spread_bps: Decimal = Field(alias="avgSpread")
    fill_rate: Decimal = Field(alias="fillRate")
    inventory_turnover: Decimal = Field(alias="inventoryTurnover")


class AlertAnswer(_Answer):
    """Something that a person should see."""

    alert_id: str
    symbol: str
    timestamp: str
    issues: tuple[str, ...]
    severity: str


class AlertsAnswer(_Answer):
    """Newest first."""

    alerts: tuple[AlertAnswer, ...]
    alert_count: int


class SettingAnswer(_Answer):
    """A setting that can change while the engine runs."""

    key: str
    value: str
    default: str
    """Of a symbol's setting the account-wide value."""
    unit: str
    is_own: bool
    """The symbol has a value of its own."""
    change_id: str | None
    was: str | None


class _Settings(_Answer):
    """The answer that lists them."""

    settings: tuple[SettingAnswer, ...]


class ControlAnswer(_Answer):
    """A change that was sent, or that awaits a second person."""

    command_id: str
    status: Literal["sent", "proposed"]
    was: str | None = None
    touches: tuple[str, ...] = ()
    """The symbols for which the new value holds."""
    keeps: tuple[str, ...] = ()
    """The symbols that keep a value of their own."""


class MakerClient:
    """One gateway. It keeps its connection until it is closed."""

    def __init__(
        self,
        url: str,
        token: str,
        *,
        answer_s: float = _ANSWER_S,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """`token` is of `maker token` or of POST /session/token.

        Raises ConfigError for an invalid URL, token or proxy.
        """
        self.url = checked_url(url)
        if not (token.isascii() and token.isprintable()):
            raise ConfigError(
                "the token has characters that no token has: give it as `maker token` printed it"
            )
        try:
            self._http = httpx.Client(
                base_url=f"{self.url}/api/v1/",
                headers={"Authorization": f"Bearer {token}"},
                timeout=answer_s,
                transport=transport,
                verify=ssl.create_default_context(),
            )
        except (ImportError, ValueError, httpx.InvalidURL) as error:  # of the environment's proxies
            raise ConfigError(
                f"{self.url} cannot be reached through the proxy that the environment names ({error}): unset "
                "HTTP_PROXY, HTTPS_PROXY and ALL_PROXY, or name the host in NO_PROXY"
            ) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End its connections."""
        self._http.close()

    def start(
        self,
        symbol: str,
        *,
        max_position: Decimal | None = None,
        max_loss: Decimal | None = None,
        base_spread: Decimal | None = None,
        reason: str = "",
    ) -> Switched:
        """Start quoting a symbol, with values of its own: base units, reporting currency (below 0), fraction
        of the price. Those left out stay as they are.
        """
        values = {"max_position": max_position, "max_loss": max_loss, "base_spread": base_spread}
        given = {name: str(value) for name, value in values.items() if value is not None}
        return self._read(
            Switched, self.ask("POST", "maker/start", {"symbol": symbol, "reason": reason, **given})
        )

    def stop(self, symbol: str, *, reason: str = "") -> Switched:
        """Stop quoting a symbol and cancel its orders."""
        return self._read(Switched, self.ask("POST", "maker/stop", {"symbol": symbol, "reason": reason}))

    def remove(self, symbol: str, *, force: bool = False, reason: str = "") -> SentCommand:
        """Stop a symbol and, once the venue shows none of its orders, follow it no more: until a start.

        `force`: although a position is held, which stays in the ledger.
        """
        body = {"symbol": symbol, "force": force, "reason": reason}
        return self._read(SentCommand, self.ask("POST", "maker/remove", body))

    def status(self, symbol: str) -> Status:
        """Where a symbol stands; an unknown one is refused with the nearest."""
        return self._read(Status, self.ask("GET", f"maker/status/{quote(symbol, safe='')}"))

    def active(self) -> Active:
        """The symbols that are not stopped."""
        return self._read(Active, self.ask("GET", "maker/active"))

    def performance(self, symbol: str) -> Performance:
        """The figures of a symbol."""
        return self._read(Performance, self.ask("GET", f"maker/performance/{quote(symbol, safe='')}"))

    def alerts(self) -> AlertsAnswer:
        """The alerts of risk-service, newest first."""
        return self._read(AlertsAnswer, self.ask("GET", "maker/risk/alerts"))

    def halt(self, symbol: str, reason: str) -> SentCommand:
        """Latch a halt of a symbol, or of all by `*`: the command as it was sent."""
        return self._read(
            SentCommand, self.ask("POST", "maker/risk/halt", {"symbol": symbol, "reason": reason})
        )

    def resume(self, symbol: str, reason: str, halt_sequence: int | None = None) -> SentCommand:
        """End a halt, or request its end where the token permits no more: the command as it was sent."""
        body = {"symbol": symbol, "reason": reason, "halt_sequence": halt_sequence}
        try:
            return self._read(SentCommand, self.ask("POST", "maker/risk/resume", body))
        except RefusedError:
            return self._read(SentCommand, self.ask("POST", "maker/risk/resume-request", body))

    def flatten(self, symbol: str | None, reason: str, *, halt: bool = False) -> SentCommand:
        """Trade away what is held of a symbol, or of all by None; with `halt` under a halt."""
        body = {"symbol": symbol, "reason": reason, "halt": halt}
        return self._read(SentCommand, self.ask("POST", "maker/flatten", body))

    def approve_flatten(
        self, symbol: str | None, reason: str, halt_sequence: int | None = None
    ) -> SentCommand:
        """The second person's word for a flatten under a halt."""
        body = {"symbol": symbol, "reason": reason, "halt_sequence": halt_sequence}
        return self._read(SentCommand, self.ask("POST", "maker/flatten/approve", body))

    def settings(self, symbol: str | None = None) -> tuple[SettingAnswer, ...]:
        """The settings that can change while the engine runs: account-wide, or of one symbol."""
        query = "" if symbol is None else f"?symbol={quote(symbol, safe='')}"
        return self._read(_Settings, self.ask("GET", f"maker/settings{query}")).settings

    def change(self, key: str, value: str, reason: str) -> ControlAnswer:
        """Change a setting by its key in the configuration, or propose to loosen a limit."""
        body = {"value": value, "reason": reason}
        return self._read(ControlAnswer, self.ask("PUT", f"maker/settings/{quote(key, safe='')}", body))

    def revert(self, change_id: str, reason: str) -> ControlAnswer:
        """Restore the value from before a change in force."""
        body = {"change_id": change_id, "reason": reason}
        return self._read(ControlAnswer, self.ask("POST", "maker/settings/revert", body))

    def engine(self) -> Json:
        """The gateway's status of the engine: processes, symbols, halts."""
        found = self.ask("GET", "engine", exact=False)
        if not found.keys() >= {"processes", "symbols", "halts"}:
            raise _no_answer(self.url, "what answers is no gateway")
        return found

    def ask(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, *, exact: bool = True
    ) -> Json:
        """The JSON of an answer, for what has no method of its own; `exact`: numbers with a point are
        Decimal.
        """
        try:
            answer = self._http.request(method, path, json=body)
        except (httpx.HTTPError, UnicodeError) as error:  # UnicodeError: no host has such a name
            raise _no_answer(self.url, error) from None
        if answer.status_code >= _ERRORS_FROM:
            raise _problem(answer.status_code, answer.text, self.url)
        try:
            found = json.loads(answer.text, parse_float=Decimal if exact else None)
        except ValueError as error:
            raise _no_answer(self.url, error) from None
        if not isinstance(found, dict):
            raise _no_answer(self.url, f"what answers {path} is no gateway")
        return found

    def _read(self, kind: type[_Read], found: Json) -> _Read:
        """An answer in its form; raises DependencyError where it has another."""
        try:
            return kind.model_validate(found)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"]))
            raise _no_answer(self.url, f"{kind.__name__}: {place}: {first['msg']}") from None


def checked_url(url: str) -> str:
    """A gateway's URL without a page's fragment; raises ConfigError for what is none."""
    plain = url.split("#", maxsplit=1)[0].rstrip("/")
    try:
        is_valid = url.startswith(("http://", "https://")) and bool(httpx.URL(plain).host)
    except httpx.InvalidURL:
        is_valid = False
    if not is_valid:
        raise ConfigError(f"--url {url!r} is not a URL: give http://HOST:PORT or https://HOST")
    return plain


def _no_answer(url: str, error: Exception | str) -> DependencyError:
    return DependencyError(
        f"no gateway answers at {url} ({error}): give its URL with --url; a halt works without it, on its "
        "machine with --log or over the broker with --kafka"
    )


def _problem(status: int, content: str, url: str) -> EngineError:
    """The gateway's problem document as an error with its exit code."""
    try:
        problem = json.loads(content)
        text = f"{problem['detail'].removesuffix('.')}. {problem.get('hint') or ''}".strip()
    except (ValueError, KeyError, TypeError, AttributeError):
        text = f"{url} answered with status {status}"
    if status in _FORBIDDEN:
        return RefusedError(text)
    return DependencyError(text) if status in _UNREADY else ConfigError(text)
