"""`maker config`: what is in force, where it comes from, and is a file right."""

import json
from pathlib import Path
from typing import Annotated

import typer

from chassis.cli_errors import exit_with_errors
from chassis.settings import flat, load_config
from schemas.config import Config

config_app = typer.Typer(no_args_is_help=True, help="Show and check the configuration.")

Json = Annotated[bool, typer.Option("--json", help="One JSON object on stdout, for programs.")]


@config_app.command("show")
@exit_with_errors
def show(
    config: Annotated[
        list[Path] | None, typer.Option("--config", help="YAML file; may be given again, a later one wins.")
    ] = None,
    origin: Annotated[bool, typer.Option("--origin", help="Where each value comes from.")] = False,
    as_json: Json = False,
) -> None:
    """Every key, its value in force and, with --origin, where it comes from."""
    loaded = load_config(config or ())
    values = dict(flat(loaded.config.model_dump(mode="json")))
    if as_json:
        shown = {
            key: {"value": value, "origin": loaded.origin[key]} if origin else value
            for key, value in values.items()
        }
        print(json.dumps(shown))
        return
    width = max(map(len, values)) + 2
    for key, value in values.items():
        text = f"{key + ':':{width}} {json.dumps(value)}"
        print(f"{text:{width + 24}} # {loaded.origin[key]}" if origin else text)


@config_app.command("validate")
@exit_with_errors
def validate(file: Path, as_json: Json = False) -> None:
    """Exit 0 where FILE alone, without the environment, is a right configuration, else 2 with all errors."""
    load_config((file,), env={})
    print(json.dumps({"valid": True, "file": str(file)}) if as_json else f"{file}: valid")


@config_app.command("schema")
def schema() -> None:
    """The JSON Schema of the configuration, for editors."""
    print(json.dumps(Config.model_json_schema(), indent=2))
