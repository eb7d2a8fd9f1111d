"""`maker simulate`: a model in the world that its paper assumes."""

import json
from typing import Annotated

import typer

from chassis.cli_errors import exit_with_errors
from chassis.errors import ConfigError
from chassis.installed import tool


@exit_with_errors
def simulate(
    model: Annotated[str, typer.Option(help="avellaneda_stoikov, glft or symmetric.")] = "avellaneda_stoikov",
    paths: Annotated[int, typer.Option(help="How many sessions.")] = 1000,
    seed: Annotated[int, typer.Option(help="The same one gives every model the same noise.")] = 0,
    fill: Annotated[
        str, typer.Option(help="Within a step: linear, lambda dt as in the paper; or exponential.")
    ] = "linear",
    mid: Annotated[float | None, typer.Option("--mid", "--s0", help="Price at the beginning: 100.")] = None,
    sigma: Annotated[float | None, typer.Option(help="Price per square root of a second: 2.")] = None,
    rate: Annotated[float | None, typer.Option("--A", help="Orders a second and side: 140.")] = None,
    k: Annotated[float | None, typer.Option(help="Their decay, 1/price: 1.5.")] = None,
    gamma: Annotated[float | None, typer.Option(help="Aversion to risk, 1/money: 0.1.")] = None,
    horizon_s: Annotated[float | None, typer.Option("--horizon-s", "--T", help="Session: 1 s.")] = None,
    dt_s: Annotated[float | None, typer.Option("--dt-s", "--dt", help="Step: 0.005 s.")] = None,
    order_size: Annotated[float | None, typer.Option(help="Base units of a fill: 1.")] = None,
    fee: Annotated[float | None, typer.Option(help="Price, of a base unit; a rebate is below 0.")] = None,
    impact: Annotated[float | None, typer.Option(help="Price: the mid's move against us at a fill.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout, for programs.")] = False,
) -> None:
    """Profit and final inventory in the Poisson world of Avellaneda and Stoikov (2008).

    What is not given is as in their paper. `symmetric` quotes the mean spread of avellaneda_stoikov.
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
    try:
        found = tool("market_making.tools", "simulate")(model, paths=paths, seed=seed, fill=fill, world=world)
    except ValueError as error:
        raise ConfigError(str(error)) from None
    print(json.dumps(found.as_json(), allow_nan=False) if as_json else found.as_text())
