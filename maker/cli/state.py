"""`maker state`: the state of a process on Kafka, and how it is rebuilt from its topics."""

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from maker.cli.errors import exit_with_errors
from maker.cli.options import ConfigFiles, Json, KafkaOption, load_sections
from runtime.errors import StateRefusedError
from schemas.topics import INVENTORY, ROUTER

if TYPE_CHECKING:
    from maker.state_past import PastProcess

state_app = typer.Typer(
    help="Show the state of a process on Kafka, or rebuild it from its topics.", no_args_is_help=True
)
Name = Annotated[
    str, typer.Argument(metavar="PROCESS", help="Name, such as order-router, or quote-service.0 for a shard.")
]
State = Annotated[Path | None, typer.Option(help="Folder with snapshots and journals.")]


@contextmanager
def _past(
    name: str, config: list[Path] | None, kafka: str | None, state: Path | None
) -> "Iterator[PastProcess]":
    from maker.state_past import PastProcess

    sections = {
        "kafka": {"bootstrap": kafka},
        "process": {"state_dir": None if state is None else str(state)},
    }
    past = PastProcess(name, load_sections(config, sections))
    try:
        yield past
    finally:
        past.close()


@state_app.command("show")
@exit_with_errors
def show(
    process: Name,
    config: ConfigFiles = None,
    kafka: KafkaOption = None,
    state: State = None,
    as_json: Json = False,
) -> None:
    """Show what its folder holds and what a rebuild from topics would give. The process must be down."""
    with _past(process, config, kafka, state) as past:
        _print(past.shown(), as_json)


@state_app.command("rebuild")
@exit_with_errors
def rebuild(
    process: Name,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be done.")] = False,
    anew: Annotated[
        bool,
        typer.Option(
            "--anew",
            help="Start empty, keeping only sequence numbers, where the topics do not reach back far enough.",
        ),
    ] = False,
    config: ConfigFiles = None,
    kafka: KafkaOption = None,
    state: State = None,
    as_json: Json = False,
) -> None:
    """Rebuild the state of a process from its topics; its next start begins a session with it.

    The process must be down, or waiting because its state was refused. Old files are moved aside.
    """
    with _past(process, config, kafka, state) as past:
        report = past.plan(anew=anew) if dry_run else past.rebuild(anew=anew)
    if "refused_because" in report:
        raise StateRefusedError(report["refused_because"])
    _print(report, as_json)
    if not as_json:
        print(next_step(process, dry_run=dry_run, anew=anew), file=sys.stderr)


def next_step(process: str, *, dry_run: bool, anew: bool) -> str:
    """What an operator does after a rebuild, or a dry run of it."""
    if dry_run:
        return "Nothing was changed: omit --dry-run to rebuild."
    if not anew:
        return f"`maker run {process}` begins a session with it; a waiting process does so by itself."
    return _with_router(process) + (
        f"`maker run {process}` begins a session with it, then compare with `maker positions show` and adopt "
        "what the account holds; a waiting process does so by itself."
    )


def _with_router(process: str) -> str:
    """The router knows by the ledger's count of fills which of its own are in the ledger."""
    if not process.startswith(INVENTORY):
        return ""
    return (
        f"Stop {ROUTER} and run `maker state rebuild {ROUTER} --anew` too: a new ledger counts fills from 0, "
        "and the router would take them for some that it knows. "
    )


def _print(report: Mapping[str, Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps(report))
        return
    for name, value in report.items():
        text = json.dumps(value) if isinstance(value, dict) else value
        print(f"{name.replace('_', ' '):16} {'-' if value is None else text}")
