"""`maker start`, `stop` and `remove`: a symbol's quoting, by the gateway of a running engine."""

import json
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from maker.cli.errors import exit_with_errors
from maker.cli.options import Json
from maker.cli.where import TokenFile
from runtime.errors import ConfigError

if TYPE_CHECKING:
    from maker.client import MakerClient, SentCommand, Switched

Symbol = Annotated[str, typer.Argument(help="Symbol: BTC/USDT or venue:BTC/USDT.")]
Gateway = Annotated[str, typer.Option("--url", help="URL of its gateway: http://HOST:PORT.")]
Reason = Annotated[str, typer.Option(help="Reason; recorded in the log.")]
_HERE = "http://127.0.0.1:8080"


@exit_with_errors
def start(
    symbol: Symbol,
    max_position: Annotated[
        str | None, typer.Option("--max-position", help="Its largest position, in base units.")
    ] = None,
    max_loss: Annotated[
        str | None,
        typer.Option("--max-loss", help="Its largest loss, in the reporting currency, below 0."),
    ] = None,
    base_spread: Annotated[
        str | None, typer.Option("--base-spread", help="Its spread, as a fraction of the price.")
    ] = None,
    reason: Reason = "by hand",
    url: Gateway = _HERE,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Start quoting a symbol, also one that nothing lists; with values of its own, where given.

    What is looser than the value in force waits for a second person, where there is one.
    """
    own = {
        "max_position": _number("--max-position", max_position),
        "max_loss": _number("--max-loss", max_loss),
        "base_spread": _number("--base-spread", base_spread),
    }
    with _client(url, token_file) as client:
        _print(client.start(symbol, reason=reason, **own), as_json=as_json)


@exit_with_errors
def stop(
    symbol: Symbol,
    reason: Reason = "by hand",
    url: Gateway = _HERE,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Stop quoting a symbol, and cancel its orders."""
    with _client(url, token_file) as client:
        _print(client.stop(symbol, reason=reason), as_json=as_json)


@exit_with_errors
def remove(
    symbol: Symbol,
    force: Annotated[
        bool, typer.Option("--force", help="Although a position is held; it stays in the ledger.")
    ] = False,
    reason: Reason = "by hand",
    url: Gateway = _HERE,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Stop a symbol, and follow its market no more once the venue shows none of its orders; until a start."""
    with _client(url, token_file) as client:
        _print(client.remove(symbol, force=force, reason=reason), as_json=as_json)


def _client(url: str, token_file: Path | None) -> "MakerClient":
    from maker.reaching_http import client_at

    return client_at(url, token_file)


def _number(option: str, text: str | None) -> Decimal | None:
    """Exactly as written."""
    try:
        number = None if text is None else Decimal(text)
    except InvalidOperation:
        number = Decimal("nan")
    if number is not None and not number.is_finite():
        raise ConfigError(f"{option} {text!r} is not a number: give one such as 0.5")
    return number


def _print(answer: "SentCommand | Switched", *, as_json: bool) -> None:
    print(json.dumps(answer.model_dump(mode="json")) if as_json else answer.message)
