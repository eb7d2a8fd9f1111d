"""`maker why` and `maker price`: every step of a quote, of one in a log or of a state by hand."""

import json
import sys
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from maker.cli.errors import exit_with_errors
from maker.cli.options import ConfigFiles, Json
from maker.composition import explain_state
from runtime.config.settings import load_config
from runtime.errors import ConfigError
from runtime.invalid import short
from runtime.replay.explain import PRICE_INPUTS
from runtime.text import parse_time_ns

if TYPE_CHECKING:
    from rich.table import Table


def _print_json(value: Any) -> None:
    print(json.dumps(value, allow_nan=False))


@exit_with_errors
def why_command(
    symbol: Annotated[str, typer.Argument(help="Symbol: BTC/USDT or venue:BTC/USDT.")],
    log: Annotated[Path, typer.Option(help="Log folder, as written by `maker up --log`.")],
    at: Annotated[
        str | None, typer.Option(help="2024-08-08T23:54:14Z, 23:54:14 or -15m; default: the end of the log.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Explain the latest quote at a time: every step from fair value to the final tick, and its cause."""
    from runtime.log.slices import last_time_ns
    from runtime.replay.why import why

    until_ns = None if at is None else parse_time_ns(at, last_time_ns(log))
    explained = why(log, symbol, until_ns)
    if as_json:
        _print_json(explained)
    else:
        _print_explanation(explained)


def _print_explanation(explained: dict[str, Any]) -> None:
    from rich.console import Console

    console = Console(width=None if sys.stdout.isatty() else 120, soft_wrap=True)
    because = explained["model_because"]
    model = f"{explained['model']}, as fallback: {because}" if because else explained["model"]
    console.print(f"{explained['symbol']}  {explained['time'] or ''}  {model}", highlight=False)
    for side in ("bid", "ask"):
        console.print(_side_table(side, explained[side]))
    if explained.get("balancing") is not None:
        console.print(_balancing_text(explained["balancing"]), highlight=False)
    for cause in explained["causes"]:
        mark = "->" if cause["direct"] else "  "
        console.print(
            f"{mark} {cause['topic']:20} {cause['event_id']:28} {cause['time']}  "
            f"{cause['age_ms']:.1f} ms earlier",
            highlight=False,
        )


def _balancing_text(balancing: dict[str, Any]) -> str:
    what = f"{balancing['side']} {balancing['size']}, urgency {balancing['urgency']:.4g}"
    flattens = ", a person wants nothing held" if balancing["flattens"] else ""
    because = f"; {balancing['held_back']}" if balancing["held_back"] else ""
    cost = f"taking costs {balancing['cost_bps']:.4g} bps"
    return f"balancing: {balancing['stage']}, {what}{flattens}, {cost}{because}"


def _side_table(name: str, side: dict[str, Any]) -> "Table":
    reason = side["not_quoting_because"]
    title = f"{name} not quoted: {reason}" if reason else f"{name} {side['price']} x {side['size']}"
    if side["gate"]:
        title = f"{title}, {side['gate']}"
    from rich.table import Table

    table = Table(title=title, title_justify="left")
    for column, justify in (
        ("step", "left"),
        ("input", "right"),
        ("effect bps", "right"),
        ("price after", "right"),
        ("config key", "left"),
    ):
        table.add_column(column, justify=justify)  # type: ignore[arg-type]
    for step in side["steps"]:
        table.add_row(
            step["name"],
            _exact(step["input"]) if step["name"] in PRICE_INPUTS else f"{step['input']:.6g}",
            f"{step['effect_bps']:+.4f}",
            _exact(step["price_after"]),
            step["config_key"] or "",
        )
    return table


def _exact(price: float) -> str:
    """A price with the 15 digits that a float has for certain, and without an exponent."""
    return f"{Decimal(f'{price:.15g}'):f}"


@exit_with_errors
def price(config: ConfigFiles = None, as_json: Json = False) -> None:
    """Price a state given on stdin as JSON: the quote and every step to it.

    A state with a "model" gets that model's output for its own inputs, before rounding; always JSON.
    """
    try:
        state = json.loads(sys.stdin.buffer.read())  # of bytes it knows the encoding, and a byte-order mark
    except ValueError as error:  # no JSON, or bytes that are no text
        raise ConfigError(f"stdin is not JSON: {error}") from None
    if not isinstance(state, dict):
        raise ConfigError(f"stdin is not a JSON object: it is {short(state)}")
    loaded = load_config(config or ())
    try:
        explained = explain_state(state, loaded.config)
    except ValueError as error:
        raise ConfigError(f"the state cannot be priced: {error}") from None
    if as_json or "model" in state:
        _print_json(explained)
    else:
        _print_explanation(explained)
