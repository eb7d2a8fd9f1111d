"""`maker venues`, `maker watchdog`: what exchanges can do, and who withdraws orders of a silent router."""

import json
from dataclasses import asdict
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
