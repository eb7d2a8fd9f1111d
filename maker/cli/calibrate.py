"""`maker calibrate`: order arrival rates and how far market orders reach into the book."""

import json
from pathlib import Path
from typing import Annotated, Any, Protocol

import typer

from maker.cli.errors import exit_with_errors
from runtime.errors import ConfigError


class FitReport(Protocol):
    """The result of a fit, as JSON and as text."""

    def as_json(self) -> dict[str, Any]:
        """One JSON object."""

    def as_text(self) -> str:
        """Lines of text for the terminal."""


@exit_with_errors
def calibrate(
    source: Annotated[Path, typer.Argument(help="A recording, or a log folder written by `maker up --log`.")],
    symbol: Annotated[str, typer.Argument(help="Symbol: BTC/USDT or venue:BTC/USDT.")],
    distance_bps: Annotated[
        list[float] | None,
        typer.Option(help="Distance to fit at, bps; repeatable. Default: derived from the market."),
    ] = None,
    plot: Annotated[Path | None, typer.Option(help="Write a plot to this SVG file.")] = None,
    microprice: Annotated[
        bool, typer.Option("--microprice", help="Fit the micro-price table instead of A and k.")
    ] = False,
    alpha: Annotated[
        bool,
        typer.Option("--alpha", help="Fit the order-flow alpha (prediction of the next mid move) instead."),
    ] = False,
    reaction: Annotated[
        bool,
        typer.Option("--reaction", help="Fit when a side is left: bursts of takers, and queues."),
    ] = False,
    realised: Annotated[
        bool, typer.Option("--realised", help="Show realised variance, with and without jumps, instead.")
    ] = False,
    toxicity: Annotated[
        bool, typer.Option("--toxicity", help="Show how one-sided takers are, and how the mid follows them.")
    ] = False,
    horizon_ms: Annotated[
        int | None,
        typer.Option(help="With --alpha (default 1000) or --reaction (5000): horizon, ms."),
    ] = None,
    config_out: Annotated[
        Path | None,
        typer.Option(help="With --microprice, --alpha, --reaction: write the fit to this YAML file."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the bootstrap for the standard errors.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout, for programs.")] = False,
) -> None:
    """Fit A and k: market orders reaching a distance from the mid arrive at A exp(-k distance) per second."""
    chosen = [
        name
        for name, given in (
            ("--microprice", microprice),
            ("--alpha", alpha),
            ("--reaction", reaction),
            ("--realised", realised),
            ("--toxicity", toxicity),
        )
        if given
    ]
    if len(chosen) > 1:
        raise ConfigError(f"{' and '.join(chosen)} are one at a time: omit the others")
    if plot is not None and chosen not in ([], ["--microprice"]):
        raise ConfigError(f"--plot {plot}: {chosen[0]} has no plot; omit it")
    report: FitReport
    if realised:
        from research.calibration.market_command import run_realised

        report = run_realised(str(source), symbol)
    elif toxicity:
        from research.calibration.market_command import run_toxicity

        report = run_toxicity(str(source), symbol)
    elif reaction:
        from research.calibration.reaction_command import run_reaction

        horizon_ms = 5_000 if horizon_ms is None else horizon_ms
        report = run_reaction(str(source), symbol, horizon_ms=horizon_ms, config_out=config_out)
    elif alpha:
        from research.calibration.alpha_command import run_alpha

        horizon_ms = 1_000 if horizon_ms is None else horizon_ms
        report = run_alpha(str(source), symbol, horizon_ms=horizon_ms, config_out=config_out)
    elif microprice:
        from research.calibration.command import run_micro_price

        report = run_micro_price(str(source), symbol, config_out=config_out, plot=plot)
    else:
        from research.calibration.command import run_calibration

        report = run_calibration(str(source), symbol, distances_bps=distance_bps or (), plot=plot, seed=seed)
    print(json.dumps(report.as_json(), allow_nan=False) if as_json else report.as_text())
