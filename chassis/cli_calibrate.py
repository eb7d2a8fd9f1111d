"""`maker calibrate`: how often orders come, and how far they reach."""

import json
from pathlib import Path
from typing import Annotated

import typer

from chassis.cli_errors import exit_with_errors
from chassis.errors import ConfigError
from chassis.installed import tool


@exit_with_errors
def calibrate(
    source: Annotated[str, typer.Argument(help="A recording, or the folder that `maker up --log` wrote.")],
    symbol: Annotated[str, typer.Argument(help="BTC/USDT, or venue:BTC/USDT.")],
    distance_bps: Annotated[
        list[float] | None,
        typer.Option(help="Distance to fit at; may be given again. None: from the market."),
    ] = None,
    plot: Annotated[Path | None, typer.Option(help="Where to write the picture, SVG.")] = None,
    microprice: Annotated[
        bool, typer.Option("--microprice", help="Fit the micro-price's table in place of A and k.")
    ] = False,
    alpha: Annotated[
        bool, typer.Option("--alpha", help="Fit what order flow says of the mid's next move instead.")
    ] = False,
    horizon_ms: Annotated[int, typer.Option(help="With --alpha: of the move.")] = 1_000,
    config_out: Annotated[
        Path | None,
        typer.Option(help="With --microprice or --alpha: where to write it as settings, YAML."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the resampling that gives the errors.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout, for programs.")] = False,
) -> None:
    """A and k: A exp(-k distance) market orders a second and side trade through a distance from the mid."""
    if microprice and alpha:
        raise ConfigError("--microprice and --alpha are fitted one at a time: leave one out")
    if alpha and plot is not None:
        raise ConfigError(f"--plot {plot}: there is no picture of an alpha; leave it out")
    if alpha:
        report = tool("market_making.tools", "alpha")(
            source, symbol, horizon_ms=horizon_ms, config_out=config_out
        )
    elif microprice:
        report = tool("market_making.tools", "micro-price")(source, symbol, config_out=config_out, plot=plot)
    else:
        report = tool("market_making.tools", "calibrate")(
            source, symbol, distances_bps=distance_bps or (), plot=plot, seed=seed
        )
    print(json.dumps(report.as_json(), allow_nan=False) if as_json else report.as_text())
