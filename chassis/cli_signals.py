"""`maker signals`: what is computed from each event of a recording."""

import json
from typing import Annotated, Any

import typer

from chassis.cli_errors import exit_with_errors
from chassis.installed import tool

_COLUMNS = (
    "time",
    "symbol",
    "event",
    "mid",
    "spread_bps",
    "volatility",
    "imbalance",
    "flow_imbalance",
    "toxicity",
)


@exit_with_errors
def signals(
    file: Annotated[str, typer.Argument(help="A recording: JSON lines, plain or gzip; - is stdin.")],
    symbol: Annotated[str | None, typer.Option(help="Only this one: BTC/USDT, or venue:BTC/USDT.")] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="name=value of market_data; may be given again.")
    ] = None,
    fail: Annotated[bool, typer.Option("--fail", help="End at the first bad line.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line, for programs.")] = False,
) -> None:
    """The features of a market after each event of a recording: what quoting would have been told.

    Prices in quote currency, sizes in base units, volatility per square root of a second; null is not known.
    """
    rows = tool("market_making.tools", "signals")(file, symbol=symbol, settings=settings or (), fails=fail)
    if not as_json:
        print("  ".join(_COLUMNS))
    for row in rows:
        print(
            json.dumps(row, allow_nan=False)
            if as_json
            else "  ".join(_shown(row.get(each)) for each in _COLUMNS)
        )


def _shown(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.8g}" if isinstance(value, float) else str(value)
