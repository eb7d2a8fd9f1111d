"""`maker pnl`: PnL attribution of a log or of a file of fills and mids."""

import json
import sys
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated

import typer

from maker.cli.errors import exit_with_errors
from runtime.errors import ConfigError
from runtime.replay.start_points import start_text


@exit_with_errors
def pnl(
    file: Annotated[
        Path, typer.Argument(help="JSON lines, plain or gzip, - for stdin; or an engine's log folder.")
    ],
    symbol: Annotated[str | None, typer.Option(help="Only this symbol of a log.")] = None,
    horizon_ms: Annotated[
        list[int] | None, typer.Option(help="Markout horizon, ms; repeatable. Default: 50 ms to 5 min.")
    ] = None,
    equity: Annotated[
        list[str] | None,
        typer.Option(help="Starting equity, CURRENCY=AMOUNT, for relative drawdown; repeatable."),
    ] = None,
    rate: Annotated[
        list[str] | None,
        typer.Option(
            help="CURRENCY=RATE in the reporting currency, for fees without a rate at the end of a log; "
            "repeatable."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout, for programs.")] = False,
) -> None:
    """Attribute PnL to spread capture, inventory, fees and funding; with FIFO cost, markouts and metrics."""
    from research.pnl.command import run_pnl

    report = run_pnl(
        str(file),
        horizons_ms=horizon_ms or (),
        start_equity=dict(_amount("--equity", text) for text in equity or ()),
        symbol=symbol,
        rates=dict(_amount("--rate", text) for text in rate or ()),
    )
    began = start_text(file) if file.is_dir() else ""
    since = f"{began}; fills, orders, markouts and times cover the rest, and profits include the deleted part"
    for note in (*report.notes, *([since] if began else [])):
        print(note, file=sys.stderr, flush=True)
    print(json.dumps(report.as_json(), allow_nan=False) if as_json else report.as_text())


def _amount(option: str, text: str) -> tuple[str, Decimal]:
    currency, _, amount = text.partition("=")
    try:
        return currency, Decimal(amount)
    except InvalidOperation:
        raise ConfigError(f"{option} {text!r}: give CURRENCY=AMOUNT, such as USDT=100000") from None
