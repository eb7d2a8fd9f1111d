"""`maker signals`: the market features computed from a recording."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from maker.cli.errors import exit_with_errors
from schemas.refusals import RefusalTally

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
    file: Annotated[Path, typer.Argument(help="A recording: JSON lines, plain or gzip; - for stdin.")],
    symbol: Annotated[str | None, typer.Option(help="Only this symbol: BTC/USDT or venue:BTC/USDT.")] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="Set a key of market_data: NAME=VALUE; repeatable.")
    ] = None,
    fail: Annotated[bool, typer.Option("--fail", help="Stop at the first bad line.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="JSON lines on stdout, for programs.")] = False,
) -> None:
    """Print the market features after each event of a recording, as quoting would have received them.

    Prices in quote currency, sizes in base units, volatility per square root of a second; null: not known.
    """
    from research.signals import run_signals

    refused = RefusalTally()
    rows = run_signals(str(file), symbol=symbol, settings=settings or (), fails=fail, refused=refused)
    if not as_json:
        print("  ".join(_COLUMNS))
    for row in rows:
        print(
            json.dumps(row, allow_nan=False)
            if as_json
            else "  ".join(_shown(row.get(each)) for each in _COLUMNS)
        )
    if not as_json:
        for line in refused.lines(symbol or str(file)):
            print(line)


def _shown(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.8g}" if isinstance(value, float) else str(value)
