"""`maker simulate`: a quoting model under the assumptions of its paper."""

import json
from typing import Annotated

import typer

from maker.cli.errors import exit_with_errors
from runtime.errors import ConfigError


@exit_with_errors
def simulate(
    model: Annotated[
        str, typer.Option(help="Model: avellaneda_stoikov, glft or symmetric.")
    ] = "avellaneda_stoikov",
    paths: Annotated[int, typer.Option(help="Number of simulated sessions.")] = 1000,
    seed: Annotated[
        int, typer.Option(help="Random seed; the same seed gives every model the same noise.")
    ] = 0,
    fill: Annotated[
        str,
        typer.Option(help="Fill probability in a step: linear (lambda dt, as in the paper) or exponential."),
    ] = "linear",
    mid: Annotated[
        float | None, typer.Option("--mid", "--s0", help="Initial mid price; default 100.")
    ] = None,
    sigma: Annotated[
        float | None, typer.Option(help="Volatility, price per square root of a second; default 2.")
    ] = None,
    rate: Annotated[
        float | None, typer.Option("--A", help="Order arrival rate per second and side; default 140.")
    ] = None,
    k: Annotated[
        float | None, typer.Option(help="Decay of the rate with distance, 1/price; default 1.5.")
    ] = None,
    gamma: Annotated[float | None, typer.Option(help="Risk aversion, 1/currency; default 0.1.")] = None,
    horizon_s: Annotated[
        float | None, typer.Option("--horizon-s", "--T", help="Session length, s; default 1.")
    ] = None,
    dt_s: Annotated[float | None, typer.Option("--dt-s", "--dt", help="Time step, s; default 0.005.")] = None,
    order_size: Annotated[float | None, typer.Option(help="Size of a fill in base units; default 1.")] = None,
    fee: Annotated[
        float | None, typer.Option(help="Fee per base unit, in price; negative for a rebate.")
    ] = None,
    impact: Annotated[float | None, typer.Option(help="Adverse move of the mid at a fill, in price.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout, for programs.")] = False,
) -> None:
    """Simulate profit and final inventory in the Poisson model of Avellaneda and Stoikov (2008).

    Defaults are those of the paper. `symmetric` quotes the mean spread of avellaneda_stoikov.
    """
    world = {
        "mid": mid,
        "sigma": sigma,
        "A": rate,
        "k": k,
        "gamma": gamma,
        "horizon_s": horizon_s,
        "dt_s": dt_s,
        "order_size": order_size,
        "fee": fee,
        "impact": impact,
    }
    from research.simulation.command import run_simulation

    try:
        found = run_simulation(model, paths=paths, seed=seed, fill=fill, world=world)
    except ValueError as error:
        raise ConfigError(str(error)) from None
    print(json.dumps(found.as_json(), allow_nan=False) if as_json else found.as_text())
