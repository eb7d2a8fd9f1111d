"""`maker venues`, `sandbox`, `venue-check`, `watchdog`, `cancel-all`: exchanges and their capabilities."""

import json
import sys
from dataclasses import asdict
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from maker.cli.errors import exit_with_errors
from maker.composition import monitor_definition, run_cancel_all, run_watchdog
from runtime.config.settings import load_config
from runtime.errors import ConfigError
from schemas.numbers import decimal_of
from schemas.venues import VENUES, VenueCapabilities

_COLUMNS = ("id", "name", "amend", "less size", "dead-man's switch", "self-trade", "order rates", "weight")


@exit_with_errors
def venues(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout, for programs.")] = False,
) -> None:
    """List the capabilities of each exchange, as the router and its adapter know them."""
    if as_json:
        print(json.dumps({venue.id: asdict(venue) for venue in VENUES.values()}))
        return
    table = Table(title="exchanges", title_justify="left")
    for column in _COLUMNS:
        table.add_column(column)
    for venue in VENUES.values():
        table.add_row(venue.id, venue.title, *_cells(venue))
    Console(width=160).print(table)


def _cells(venue: VenueCapabilities) -> tuple[str, ...]:
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
        list[Path] | None, typer.Option("--config", help="YAML file; its feed is the market.")
    ] = None,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port of the exchange; 0 picks a free one.")
    ] = 8090,
    seed: Annotated[int, typer.Option(help="Seed for random faults.")] = 1,
    fault: Annotated[
        list[str] | None, typer.Option(help="Fault to inject: NAME or NAME=PROBABILITY; repeatable.")
    ] = None,
    balance: Annotated[
        list[str] | None, typer.Option(help="Opening balance: CURRENCY=AMOUNT; default: a million of each.")
    ] = None,
    keys: Annotated[Path, typer.Option(help="Folder for the account's API key files.")] = Path(
        "runs/sandbox"
    ),
    commission: Annotated[
        str | None, typer.Option(help="CURRENCY=PRICE: charge commissions in this third currency.")
    ] = None,
) -> None:
    """Run a local exchange that speaks the Binance spot protocol: try a configuration without an account."""
    from sandbox.command import run_sandbox

    loaded = load_config(config or ())
    run_sandbox(
        loaded.config,
        port=port,
        seed=seed,
        faults={name: float(chance) for name, chance in _pairs("--fault", fault, otherwise="1")},
        balances=dict(_pairs("--balance", balance)),
        keys=keys,
        monitor=monitor_definition(),
        commission=dict(_pairs("--commission", [commission] if commission else None, otherwise="1")),
        say=lambda lines: print("\n".join(lines), flush=True),
    )


@exit_with_errors
def venue_check(
    fault: Annotated[list[str] | None, typer.Option(help="Only this fault; repeatable.")] = None,
    sessions: Annotated[
        int, typer.Option(min=0, max=100_000, help="Number of additional sessions with random faults.")
    ] = 0,
    seed: Annotated[int, typer.Option(help="Random seed.")] = 1,
    jobs: Annotated[int, typer.Option(min=1, max=1_024, help="Processes.")] = 2,
    adapter: Annotated[
        str | None,
        typer.Option(help="module:function that makes the adapter under test; default: the built-in one."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout, for programs.")] = False,
) -> None:
    """Test a venue adapter against every exchange fault: is an order lost, duplicated or left open?"""
    from sandbox.venue_check.command import run_venue_check

    report = run_venue_check(
        faults=fault or (),
        sessions=sessions,
        seed=seed,
        jobs=jobs,
        adapter=adapter,
        monitor=monitor_definition,
        say=lambda text: print(text, file=sys.stderr, flush=True),
    )
    if as_json:
        print(json.dumps(report.as_json()))
    else:
        _print_check(report)
    raise typer.Exit(0 if report.holds else 1)


def _print_check(report: Any) -> None:
    table = Table(title="exchange faults", title_justify="left", show_lines=False)
    for column in ("fault", "expected", "observed", ""):
        table.add_column(column)
    for row in report.rows:
        table.add_row(row.fault, row.expected, row.happened, "ok" if row.holds else "WRONG")
    Console(width=190).print(table)
    print("\n".join(report.summary()))


def _pairs(option: str, given: list[str] | None, otherwise: str = "") -> list[tuple[str, Decimal]]:
    """NAME=NUMBER, with a number for a name alone; raises ConfigError."""
    pairs = []
    for text in given or ():
        name, _, value = text.partition("=")
        try:
            pairs.append((name, decimal_of(value or otherwise)))
        except ValueError as error:
            raise ConfigError(f"{option} {text!r}: {error}; give NAME=NUMBER") from None
    return pairs


@exit_with_errors
def watchdog(
    config: Annotated[list[Path], typer.Option("--config", help="YAML file; later files override.")],
    heartbeat: Annotated[
        Path | None, typer.Option(help="The router's heartbeat file; default: exchange.heartbeat_file.")
    ] = None,
) -> None:
    """Cancel all our orders when the router's heartbeat stops. Give it its own API key."""
    loaded = load_config(config)
    path = heartbeat or loaded.config.exchange.heartbeat_file
    if path is None:
        raise ConfigError("exchange.heartbeat_file is not set: set it to the file that the router writes")
    run_watchdog(loaded.config, Path(path))


@exit_with_errors
def cancel_all(
    config: Annotated[list[Path], typer.Option("--config", help="YAML file; a later one wins.")],
    within_s: Annotated[
        float, typer.Option("--within", min=1, max=3_600, help="Seconds to keep trying.")
    ] = 60.0,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout, for programs.")] = False,
) -> None:
    """Cancel all our orders at the exchange until it shows none open. Needs no engine, log or broker.

    A running engine will quote again: halt or stop it first.
    """
    loaded = load_config(config)
    if loaded.config.venue.kind == "simulated":
        raise ConfigError("venue.kind is simulated: there is no exchange with orders to cancel")
    result = run_cancel_all(loaded.config.exchange, within_s)
    print(json.dumps(asdict(result)) if as_json else result.as_text())
    raise typer.Exit(0 if result.is_proven else 1)
