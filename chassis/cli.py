"""`maker`: the engine's command line. Data on stdout, talk on stderr, exit codes from chassis.errors."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from chassis.cli_calibrate import calibrate
from chassis.cli_config import config_app
from chassis.cli_docs import docs_app
from chassis.cli_errors import exit_with_errors
from chassis.cli_exchange import sandbox, venue_check, venues, watchdog
from chassis.cli_kafka import run, topics_app
from chassis.cli_log import log_app, newest_time_ns, replay_command
from chassis.cli_pnl import pnl
from chassis.cli_signals import signals
from chassis.cli_simulate import simulate
from chassis.cli_users import token, users_app
from chassis.errors import ConfigError, EngineError
from chassis.installed import tool
from chassis.logs import configure_logs
from chassis.settings import code_version, load_config
from chassis.summary import as_text
from chassis.text import parse_time_ns
from chassis.why import why

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(config_app, name="config")
app.add_typer(topics_app, name="topics")
app.add_typer(log_app, name="log")
app.add_typer(docs_app, name="docs")
app.add_typer(users_app, name="users")
app.command("token")(token)
app.command("run")(run)
app.command("venues")(venues)
app.command("sandbox")(sandbox)
app.command("venue-check")(venue_check)
app.command("watchdog")(watchdog)
app.command("replay")(replay_command)
app.command("pnl")(pnl)
app.command("calibrate")(calibrate)
app.command("signals")(signals)
app.command("simulate")(simulate)

Json = Annotated[bool, typer.Option("--json", help="One JSON object on stdout, for programs.")]
ConfigFiles = Annotated[
    list[Path] | None, typer.Option("--config", help="YAML file; may be given again, a later one wins.")
]


def _say(text: str) -> None:
    """Talk goes to stderr, so that stdout carries data alone."""
    print(text, file=sys.stderr, flush=True)


def _print_json(value: Any) -> None:
    print(json.dumps(value, allow_nan=False))


@app.callback(invoke_without_command=True)
def root(
    version: Annotated[bool, typer.Option("--version", help="Print the version and end.")] = False,
) -> None:
    """A market making engine: quotes many markets at once, and can say why and replay it exactly."""
    if version:
        print(f"maker {code_version()}")
        raise typer.Exit


@app.command()
@exit_with_errors
def up(
    config: ConfigFiles = None,
    feed: Annotated[str | None, typer.Option(help="synthetic or recorded.")] = None,
    path: Annotated[
        list[Path] | None, typer.Option(help="Recorded market data: a file or folder; may be given again.")
    ] = None,
    speed: Annotated[
        str | None, typer.Option(help="Market seconds per second, or max: as fast as it goes.")
    ] = None,
    log: Annotated[
        Path | None, typer.Option(help="Folder of the topic log; one that exists is gone on with.")
    ] = None,
    for_s: Annotated[float | None, typer.Option("--for", min=0, help="Market seconds to run.")] = None,
    host: Annotated[
        str | None, typer.Option(help="Where the page is served; not 127.0.0.1: to users.")
    ] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Of the page; 0 takes a free one.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Of the synthetic market.")] = None,
    on_malformed: Annotated[
        str | None, typer.Option(help="skip or fail: what an unreadable line of a recording does.")
    ] = None,
    no_gateway: Annotated[bool, typer.Option("--no-gateway", help="No HTTP, no page.")] = False,
    as_json: Json = False,
) -> None:
    """Run everything in one process: market, quotes, orders, inventory, risk and the page."""
    from chassis.engine import RunOptions, run_engine  # noqa: PLC0415  loaded by nothing else

    configure_logs()
    overrides = _overrides(
        {
            "feed.kind": feed or ("recorded" if path else None),
            "feed.paths": [str(item) for item in path or ()] or None,
            "feed.speed": speed if speed in (None, "max") else _number("--speed", speed),
            "feed.seed": seed,
            "feed.on_malformed": on_malformed,
            "engine.log_dir": None if log is None else str(log),
            "engine.port": port,
            "process.gateway_host": host,
        }
    )
    loaded = load_config(config or (), overrides)
    for key, origin in loaded.origin.items():
        if origin.startswith("env "):
            _say(f"{key} comes from the environment: {origin}")
    options = RunOptions(
        for_s=for_s,
        gateway=not no_gateway,
        port_is_chosen=port is not None,
        announce=lambda url: _say(
            f"The page is at {url}  (signs you in, once; Ctrl+C cancels all quotes and ends)"
        ),
    )
    summary = run_engine(loaded.config, options)
    _say(f"cancelled {summary['cancelled_at_end']} quotes")
    if as_json:
        _print_json(summary)
    else:
        print(as_text(summary))
    if not summary["drained"]:
        raise EngineError("orders of ours may be left at the venue: look there, and cancel them by hand")


def _number(option: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ConfigError(f"{option} {text!r} is neither a number nor max") from None


def _overrides(values: dict[str, Any]) -> dict[str, Any]:
    """Dotted keys to the nested form that load_config takes; what is None was not given."""
    nested: dict[str, Any] = {}
    for dotted, value in values.items():
        if value is not None:
            section, key = dotted.split(".")
            nested.setdefault(section, {})[key] = value
    return nested


@app.command("why")
@exit_with_errors
def why_command(
    symbol: Annotated[str, typer.Argument(help="BTC/USDT, or venue:BTC/USDT.")],
    log: Annotated[Path, typer.Option(help="The folder that `maker up --log` wrote.")],
    at: Annotated[
        str | None, typer.Option(help="2024-08-08T23:54:14Z, 23:54:14 or -15m; none: the end.")
    ] = None,
    as_json: Json = False,
) -> None:
    """The newest quote at a time: every step from fair value to the final tick, and what caused it."""
    until_ns = None if at is None else parse_time_ns(at, newest_time_ns(log))
    explained = why(log, symbol, until_ns)
    if as_json:
        _print_json(explained)
    else:
        _print_explanation(explained)


def _print_explanation(explained: dict[str, Any]) -> None:
    console = Console(width=None if sys.stdout.isatty() else 120, soft_wrap=True)
    because = explained["model_because"]
    model = f"{explained['model']}, which stands in: {because}" if because else explained["model"]
    console.print(f"{explained['symbol']}  {explained['time'] or ''}  {model}", highlight=False)
    for side in ("bid", "ask"):
        console.print(_side_table(side, explained[side]))
    for cause in explained["causes"]:
        mark = "->" if cause["direct"] else "  "
        console.print(
            f"{mark} {cause['topic']:20} {cause['event_id']:28} {cause['time']}  "
            f"{cause['age_ms']:.1f} ms before",
            highlight=False,
        )


def _side_table(name: str, side: dict[str, Any]) -> Table:
    reason = side["not_quoting_because"]
    title = f"{name} not quoted: {reason}" if reason else f"{name} {side['price']} x {side['size']}"
    table = Table(title=title, title_justify="left")
    for column, justify in (
        ("step", "left"),
        ("input", "right"),
        ("effect bps", "right"),
        ("price after", "right"),
        ("config key", "left"),
    ):
        table.add_column(column, justify=justify)  # type: ignore[arg-type]
    for step in side["steps"]:
        table.add_row(
            step["name"],
            f"{step['input']:.6g}",
            f"{step['effect_bps']:+.4f}",
            f"{step['price_after']:.10g}",
            step["config_key"] or "",
        )
    return table


@app.command()
@exit_with_errors
def price(config: ConfigFiles = None, as_json: Json = False) -> None:
    """What would be quoted for a state given on stdin as JSON, with all steps.

    With a "model" in it, what that model answers to its own inputs, before rounding: always JSON.
    """
    try:
        state = json.loads(sys.stdin.read())
    except json.JSONDecodeError as error:
        raise ConfigError(f"stdin is not JSON: {error}") from None
    loaded = load_config(config or ())
    try:
        explained = tool("market_making.tools", "price")(state, loaded.config)
    except ValueError as error:
        raise ConfigError(f"the state cannot be priced: {error}") from None
    if as_json or "model" in state:
        _print_json(explained)
    else:
        _print_explanation(explained)


def main() -> None:
    """The entry point of the command."""
    app()
