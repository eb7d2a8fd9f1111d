"""`maker venues`, `sandbox`, `venue-check`, `watchdog`: what exchanges can do, and what they may do to us."""

import json
import sys
from dataclasses import asdict
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Any

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
    for column in _COLUMNS:
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


@exit_with_errors
def venue_check(
    fault: Annotated[list[str] | None, typer.Option(help="Only this one; may be given again.")] = None,
    sessions: Annotated[int, typer.Option(min=0, help="Sessions with random faults besides.")] = 0,
    seed: Annotated[int, typer.Option(help="Of everything that is random.")] = 1,
    jobs: Annotated[int, typer.Option(min=1, help="Processes.")] = 2,
    adapter: Annotated[
        str | None, typer.Option(help="module:function that makes the adapter to check; none: ours.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout, for programs.")] = False,
) -> None:
    """Try every fault of an exchange on a venue adapter: is an order lost, doubled, or left alive?"""
    report = tool("market_making.tools", "venue-check")(
        faults=fault or (),
        sessions=sessions,
        seed=seed,
        jobs=jobs,
        adapter=adapter,
        say=lambda text: print(text, file=sys.stderr, flush=True),
    )
    if as_json:
        print(json.dumps(report.as_json()))
    else:
        _print_check(report)
    raise typer.Exit(0 if report.holds else 1)


def _print_check(report: Any) -> None:
    table = Table(title="faults of an exchange", title_justify="left", show_lines=False)
    for column in ("fault", "what is expected", "what happened", ""):
        table.add_column(column)
    for row in report.rows:
        table.add_row(row.fault, row.expected, row.happened, "ok" if row.holds else "WRONG")
    Console(width=190).print(table)
    print("\n".join(report.summary()))


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
