"""`maker up`: the whole engine in one process."""

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from maker.cli.errors import exit_with_errors
from maker.cli.options import ConfigFiles, Json
from maker.people import with_people
from maker.summary import as_json as summary_as_json
from maker.summary import as_text
from maker.thin_edge import thin_edges
from runtime.config.settings import DEFAULT, load_config
from runtime.errors import ConfigError, OrdersLeftError, left_at_venue
from runtime.observability.stderr import print_note

_RUN_S_MAX = 10 * 366 * 86_400.0


@exit_with_errors
def up(
    config: ConfigFiles = None,
    feed: Annotated[str | None, typer.Option(help="Market data source: synthetic or recorded.")] = None,
    path: Annotated[
        list[Path] | None, typer.Option(help="Recorded market data: file or folder; repeatable.")
    ] = None,
    speed: Annotated[
        str | None,
        typer.Option(help="Replay speed in market seconds per second, or max: as fast as possible."),
    ] = None,
    log: Annotated[
        Path | None, typer.Option(help="Folder of the topic log; an existing log is resumed.")
    ] = None,
    for_s: Annotated[
        float | None, typer.Option("--for", min=0, max=_RUN_S_MAX, help="Seconds to run, in market time.")
    ] = None,
    host: Annotated[
        str | None, typer.Option(help="Address the page listens on; any other than 127.0.0.1 requires users.")
    ] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port of the page; 0 picks a free one.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the synthetic market.")] = None,
    on_malformed: Annotated[
        str | None, typer.Option(help="What to do with an unreadable line of a recording: skip or fail.")
    ] = None,
    no_gateway: Annotated[bool, typer.Option("--no-gateway", help="Run without HTTP and page.")] = False,
    as_json: Json = False,
) -> None:
    """Run the whole engine in one process: market data, quoting, orders, inventory, risk and the page."""
    from maker.engine import RunOptions, run_engine

    overrides = _overrides(
        {
            "feed.kind": feed or ("recorded" if path else None),
            "feed.paths": [str(item) for item in path or ()] or None,
            "feed.speed": speed if speed in (None, "max") else _number("--speed", speed),
            "feed.seed": seed,
            "feed.on_malformed": on_malformed,
            "engine.log_dir": None if log is None else str(log),
            "gateway.port": port,
            "gateway.host": host,
        }
    )
    loaded = with_people(load_config(config or (), overrides))
    for key, origin in loaded.origin.items():
        if origin.startswith("env "):
            print_note(f"{key} is set by the environment: {origin}")
    for line in thin_edges(loaded.config):
        print_note(line)
    options = RunOptions(
        for_s=for_s,
        gateway=not no_gateway,
        port_is_chosen=loaded.origin["gateway.port"] != DEFAULT,
        announce=_announce,
    )
    _report(run_engine(loaded.config, options), as_json)


def _report(summary: dict[str, Any], as_json: bool) -> None:
    print_note(f"cancelled {summary['cancelled_at_end']} quotes")
    try:
        print(summary_as_json(summary) if as_json else as_text(summary))
    finally:  # said and in the exit code, also where nobody takes the summary
        if not summary["drained"]:
            raise OrdersLeftError(left_at_venue(drained=False))


def _announce(url: str) -> None:
    print_note(f"The page is at {url}  ({_signs_in(url)}Ctrl+C cancels all quotes and exits)")


def _signs_in(url: str) -> str:
    """What the sign-in code in the page's address does, and how to get another."""
    if "#code=" not in url:
        return ""
    return f"signs you in, once, within 10 minutes; another: kill -USR1 {os.getpid()}; "


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
