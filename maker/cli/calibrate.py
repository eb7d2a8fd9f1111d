"""`maker calibrate`: order arrival rates and how far market orders reach into the book."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class FitOptions:
    """What a fit may be told; each takes what concerns it."""

    distances_bps: Sequence[float]
    plot: Path | None
    horizon_ms: int | None
    config_out: Path | None
    seed: int


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
    given = {
        "--microprice": microprice,
        "--alpha": alpha,
        "--reaction": reaction,
        "--realised": realised,
        "--toxicity": toxicity,
    }
    chosen = [name for name, is_given in given.items() if is_given]
    if len(chosen) > 1:
        raise ConfigError(f"{' and '.join(chosen)} are one at a time: omit the others")
    subject = chosen[0] if chosen else None
    if plot is not None and subject not in (None, "--microprice"):
        raise ConfigError(f"--plot {plot}: {subject} has no plot; omit it")
    wishes = FitOptions(distance_bps or (), plot, horizon_ms, config_out, seed)
    report = _report(str(source), symbol, subject, wishes)
    print(json.dumps(report.as_json(), allow_nan=False) if as_json else report.as_text())


def _report(source: str, symbol: str, subject: str | None, options: FitOptions) -> FitReport:
    """The fit of a subject, by its option; None: A and k."""
    horizon_ms, config_out = options.horizon_ms, options.config_out
    if subject in ("--realised", "--toxicity"):
        from research.calibration.market_command import run_realised, run_toxicity

        return (run_realised if subject == "--realised" else run_toxicity)(source, symbol)
    if subject == "--reaction":
        from research.calibration.reaction_command import run_reaction

        horizon_ms = 5_000 if horizon_ms is None else horizon_ms
        return run_reaction(source, symbol, horizon_ms=horizon_ms, config_out=config_out)
    if subject == "--alpha":
        from research.calibration.alpha_command import run_alpha

        horizon_ms = 1_000 if horizon_ms is None else horizon_ms
        return run_alpha(source, symbol, horizon_ms=horizon_ms, config_out=config_out)
    if subject == "--microprice":
        from research.calibration.command import run_micro_price

        return run_micro_price(source, symbol, config_out=config_out, plot=options.plot)
    from research.calibration.command import run_calibration

    return run_calibration(
        source, symbol, distances_bps=options.distances_bps, plot=options.plot, seed=options.seed
    )
