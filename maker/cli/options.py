"""Options and arguments that several commands share."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from schemas.config import Config

ConfigFiles = Annotated[
    list[Path] | None,
    typer.Option("--config", help="YAML file; repeatable, later files override earlier ones."),
]
KafkaOption = Annotated[str | None, typer.Option("--kafka", help="Bootstrap broker, host:port.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object on stdout, for programs.")]


def load_sections(files: list[Path] | None, sections: dict[str, dict[str, Any]]) -> "Config":
    """The configuration with command line values on top, by section; None: not given."""
    from maker.people import with_people
    from runtime.config.settings import load_config

    given = {
        section: {key: value for key, value in keys.items() if value is not None}
        for section, keys in sections.items()
    }
    overrides = {section: keys for section, keys in given.items() if keys}
    return with_people(load_config(files or (), overrides)).config
