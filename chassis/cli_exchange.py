"""`maker venues`, `sandbox`, `watchdog`: what exchanges can do, one to try, who cancels for the router."""

import json
from dataclasses import asdict
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from chassis.cli_errors import exit_with_errors
from chassis.errors import ConfigError
from chassis.installed import tool
from chassis.logs import configure_logs
from chassis.settings import load_config
from schemas.venues import VENUES, Venue

_COLUMNS = ("id", "name", "amend", "less size", "dead-man's switch", "self-trade", "order rates", "weight")


@exit_with_errors
def venues(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout, for programs.")] = False,
) -> None:
    """What each exchange can do, as the router and its adapter know it."""
    if as_json:
        print(json.dumps({venue.id: asdict(venue) for venue in VENUES.values()}))
        return
    table = Table(title="exchanges", title_justify="left")
    for column in (
        "id",
        "name",
        "amend",
        "less size",
        "dead-man's switch",
        "self-trade",
        "order rates",
        "weight",
    ):
        table.add_column(column)
    for venue in VENUES.values():
        table.add_row(venue.id, venue.title, *_cells(venue))
    Console(width=160).print(table)


def _cells(venue: Venue) -> tuple[str, ...]:
    switch = venue.dead_mans_switch
    rates = (f"{rate.limit} in {rate.interval_ms / 1e3:g} s by {rate.scope}" for rate in venue.order_rates)
    weight = venue.request_weight_limit
    return (
        venue.amend,
        venue.shrink,
        "watchdog process" if switch is None else f"{switch.scope}, {switch.timeout_ms_advised / 1e3:g} s",
        venue.stp_modes[0] if venue.stp_modes else "account setting",
        "; ".join(rates),
        "-" if weight is None else f"{weight} in {venue.request_weight_interval_ms / 1e3:g} s",
    )


@exit_with_errors
def sandbox(
    config: Annotated[
        list[Path] | None, typer.Option("--config", help="YAML file, whose feed is the market.")
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Of the exchange; 0 takes a free one.")] = 8090,
    seed: Annotated[int, typer.Option(help="Of the faults' chances.")] = 1,
    fault: Annotated[
        list[str] | None, typer.Option(help="NAME or NAME=PROBABILITY; may be given again.")
    ] = None,
    balance: Annotated[
        list[str] | None, typer.Option(help="CURRENCY=AMOUNT; none: a million of each.")
    ] = None,
    keys: Annotated[Path, typer.Option(help="Folder for the account's key files.")] = Path("runs/sandbox"),
) -> None:
    """A local exchange that speaks Binance spot's protocol: try a configuration without keys."""
    configure_logs()
    loaded = load_config(config or ())
    tool("market_making.tools", "sandbox")(
        loaded.config,
        port=port,
        seed=seed,
        faults={name: float(chance or 1) for name, chance in _pairs("--fault", fault)},
        balances={name: Decimal(amount) for name, amount in _pairs("--balance", balance)},
        keys=keys,
        say=lambda lines: print("\n".join(lines), flush=True),
    )


def _pairs(option: str, given: list[str] | None) -> list[tuple[str, str]]:
    pairs = []
    for text in given or ():
        name, _, value = text.partition("=")
        try:
            Decimal(value or 1)
        except InvalidOperation:
            raise ConfigError(f"{option} {text!r}: {value!r} is not a number") from None
        pairs.append((name, value))
    return pairs


@exit_with_errors
def watchdog(
    config: Annotated[list[Path], typer.Option("--config", help="YAML file; a later one wins.")],
    heartbeat: Annotated[
        Path | None, typer.Option(help="The router's file; none: exchange.heartbeat_file.")
    ] = None,
) -> None:
    """Withdraw our orders when the router gives no sign of life. Give it a key of its own."""
    configure_logs()
    loaded = load_config(config)
    path = heartbeat or loaded.config.exchange.heartbeat_file
    if path is None:
        raise ConfigError("exchange.heartbeat_file is not set: name the file that the router writes")
    tool("market_making.tools", "watchdog")(loaded.config, Path(path))
