"""The options that select an engine, common to every command that talks to one."""

from pathlib import Path
from typing import Annotated

import typer

from maker.cli.options import load_sections
from maker.reaching import Where

Log = Annotated[
    Path | None,
    typer.Option(help="Log folder of the engine; default: that of --config, or every engine of yours here."),
]
Url = Annotated[str | None, typer.Option(help="URL of its gateway: http://HOST:PORT.")]
TokenFile = Annotated[
    Path | None,
    typer.Option(
        "--token-file", help="File with the output of `maker token`, for --url; default: MAKER_TOKEN."
    ),
]


def where_from(
    log: Path | None, config: list[Path] | None, url: str | None, token_file: Path | None, kafka: str | None
) -> Where:
    """Where to look for the engine."""
    given = load_sections(config, {"kafka": {"bootstrap": kafka}}) if config or kafka else None
    return Where(log, given, url, token_file, kafka is not None)
