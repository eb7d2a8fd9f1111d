"""`maker`: the engine's command line. Data on stdout, notes on stderr, exit codes from runtime.errors.

The module of a command is imported when the command is looked up: a short one does not load all others.
"""

import sys
from collections.abc import Callable
from importlib import import_module
from typing import Annotated, Any, cast

import typer
from typer.core import TyperGroup
from typer.main import get_command, get_group

from maker.cli.arguments import check_all
from maker.cli.terminal import run_to_end

COMMANDS = {
    "up": "up:up",
    "run": "kafka:run",
    "why": "explain:why_command",
    "price": "explain:price",
    "config": "config:config_app",
    "topics": "kafka:topics_app",
    "log": "log:log_app",
    "replay": "log:replay_command",
    "pnl": "pnl:pnl",
    "positions": "positions:positions_app",
    "state": "state:state_app",
    "start": "switch:start",
    "stop": "switch:stop",
    "remove": "switch:remove",
    "halt": "halt:halt",
    "resume": "halt:resume",
    "flatten": "flatten:flatten",
    "status": "status:status",
    "venues": "exchange:venues",
    "sandbox": "exchange:sandbox",
    "venue-check": "exchange:venue_check",
    "watchdog": "exchange:watchdog",
    "cancel-all": "exchange:cancel_all",
    "users": "users:users_app",
    "token": "users:token",
    "control-key": "users:control_key",
    "calibrate": "calibrate:calibrate",
    "signals": "signals:signals",
    "simulate": "simulate:simulate",
    "docs": "docs:docs_app",
}
"""By name: the module in `maker.cli`, and in it the function, or the group of commands."""


_WITHOUT_LOG = frozenset({"price"})
"""Commands that only compute: loading the log would take a fifth of their time."""


class Commands(TyperGroup):
    """The commands, each imported on first use."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands = cast("Any", dict.fromkeys(COMMANDS))  # for the help's order and the nearest name

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """A command, or None where there is none of that name."""
        place = COMMANDS.get(cmd_name)
        return None if place is None else _command(cmd_name, place)


def _command(name: str, place: str) -> Any:
    module, _, attribute = place.partition(":")
    found: typer.Typer | Callable[..., None] = getattr(import_module(f"maker.cli.{module}"), attribute)
    if isinstance(found, typer.Typer):
        command: Any = get_group(found)
    else:
        single = typer.Typer(add_completion=False)
        single.command(name)(found)
        command = get_command(single)
    command.name = name
    check_all(command)
    return command


app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(invoke_without_command=True)
def root(
    ctx: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    """A market making engine: quotes many markets at once, explains every quote and replays it exactly."""
    if version:
        from runtime.compiled import kind_in_words
        from runtime.version import code_version

        print(f"maker {code_version()}, {kind_in_words()}")
        raise typer.Exit
    if ctx.invoked_subcommand in _WITHOUT_LOG:
        from runtime.observability.stderr import print_crashes_without_secrets

        print_crashes_without_secrets()
    else:
        from runtime.observability.logs import configure_logs

        configure_logs()


def main() -> None:
    """The entry point of the command."""
    sys.exit(run_to_end(app))
