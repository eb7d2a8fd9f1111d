"""`maker pnl`: where the profit of a file of fills and mids came from."""

import json
from decimal import Decimal, InvalidOperation
from typing import Annotated

import typer

from chassis.cli_errors import exit_with_errors
from chassis.errors import ConfigError
from chassis.installed import tool


@exit_with_errors
def pnl(
    file: Annotated[
        str, typer.Argument(help="JSON lines, plain or gzip, - is stdin; or the folder of an engine's log.")
    ],
    symbol: Annotated[str | None, typer.Option(help="Of a log: this symbol alone.")] = None,
    horizon_ms: Annotated[
        list[int] | None, typer.Option(help="Of markouts; may be given again. None: 50 ms to 5 min.")
    ] = None,
    equity: Annotated[
        list[str] | None,
        typer.Option(help="CURRENCY=AMOUNT at the start, for drawdown as a share; may be given again."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout, for programs.")] = False,
) -> None:
    """Profit from fills and mids: capture, inventory, fees, funding; both costs; markouts and metrics."""
    report = tool("market_making.tools", "pnl")(
        file, horizons_ms=horizon_ms or (), start_equity=dict(map(_amount, equity or ())), symbol=symbol
    )
    print(json.dumps(report.as_json(), allow_nan=False) if as_json else report.as_text())


def _amount(text: str) -> tuple[str, Decimal]:
    currency, _, amount = text.partition("=")
    try:
        return currency, Decimal(amount)
    except InvalidOperation:
        raise ConfigError(f"--equity {text!r}: write CURRENCY=AMOUNT, such as USDT=100000") from None
