"""`maker config`: values in force and their origin, what a start would change, and validation of files."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from maker.cli.errors import exit_with_errors
from maker.cli.options import ConfigFiles, Json
from maker.composition import process_definitions
from maker.newest_session import NewestSession, newest_session
from maker.people import with_people
from maker.run_folder import standing_folder
from maker.starting import Changes, changes_of
from runtime.config.known_symbols import configured_keys, unknown_instruments, unknown_settings
from runtime.config.settings import LoadedConfig, flat, load_config
from runtime.errors import ConfigError
from runtime.log.segments import segment_files
from runtime.observability.stderr import print_note
from runtime.process.session import sources_of
from schemas.config import Config
from schemas.live_values import fallen, overlaid

config_app = typer.Typer(no_args_is_help=True, help="Show and check the configuration.")

Log = Annotated[
    Path | None, typer.Option(help="Log folder; default: the one that `maker up` would resume, if any.")
]


@config_app.command("show")
@exit_with_errors
def show(
    config: ConfigFiles = None,
    origin: Annotated[bool, typer.Option("--origin", help="Show the origin of each value.")] = False,
    log: Log = None,
    as_json: Json = False,
) -> None:
    """Show every key with its effective value at a start and, with --origin, where it comes from."""
    loaded = _in_force(with_people(load_config(config or ())), log)
    values = dict(flat(loaded.config.model_dump(mode="json")))
    if as_json:
        shown = {
            key: {"value": value, "origin": _origin_of(key, loaded)} if origin else value
            for key, value in values.items()
        }
        print(json.dumps(shown))
        return
    width = max(map(len, values)) + 2
    for key, value in values.items():
        text = f"{key + ':':{width}} {json.dumps(value)}"
        print(f"{text:{width + 24}} # {_origin_of(key, loaded)}" if origin else text)


def _origin_of(key: str, loaded: LoadedConfig) -> str:
    """Where a value comes from; a symbol with live values alone is in no file."""
    return loaded.origin.get(key, "default")


def _in_force(loaded: LoadedConfig, log: Path | None) -> LoadedConfig:
    """The files overlaid with the live changes in the log that still apply."""
    folder = log or _standing_log(loaded.config)
    session = None if folder is None else newest_session(folder)
    if session is None:
        return loaded
    config, standing = overlaid(loaded.config, session.live)
    for value, because in fallen(loaded.config, session.live):
        print_note(
            f"{value.setting_key} was changed live to {value.value}, which no longer applies: {because}"
        )
    origin = {value.setting_key: session.words_of(value) for value in standing}
    return LoadedConfig(config, loaded.origin | origin)


def _standing_log(config: Config) -> Path | None:
    """The log that `maker up` would resume; None where there is none, or it cannot be determined here."""
    try:
        folder = standing_folder(config)
    except ConfigError:
        return None  # the account's key is elsewhere
    return folder if folder is not None and segment_files(folder) else None


@config_app.command("diff")
@exit_with_errors
def diff(config: ConfigFiles = None, log: Log = None, as_json: Json = False) -> None:
    """Compare this configuration and code with the newest session of a log: what a start would change.

    Exit codes as for diff(1). 0: no change; 1: changes.
    """
    loaded = with_people(load_config(config or ()))
    folder = log or _standing_log(loaded.config)
    if folder is None:
        raise ConfigError("there is no log here that a start would resume: give its folder with --log")
    session = newest_session(folder)
    if session is None:
        raise ConfigError(f"the log in {folder} has no session yet: a start would begin its first one")
    changes = changes_of(session, loaded.config, sources_of(process_definitions()))
    if as_json:
        print(json.dumps({"log": str(folder), **changes.as_json()}))
    else:
        _print_changes(folder, session, changes)
    raise typer.Exit(int(changes.is_any))


def _print_changes(folder: Path, session: NewestSession, changes: Changes) -> None:
    for key in changes.keys:
        print(f"{key.key:44} {_value(key.old)} -> {_value(key.new)}  ({key.kind})")
    for value in changes.stays:
        print(f"{value.setting_key:44} stays {value.value}  ({session.words_of(value)})")
    for value, because in changes.falls:
        print(f"{value.setting_key:44} {value.value} ends  ({because})")
    for word, symbols in (("comes", changes.symbols_come), ("goes", changes.symbols_go)):
        _print_all(word, symbols)
    if changes.code is not None:
        print(f"{'code':44} {changes.code[0]} -> {changes.code[1]}")
    print(changes.in_words(folder))


def _print_all(word: str, symbols: Sequence[str]) -> None:
    for symbol in symbols:
        print(f"{symbol:44} {word}")


def _value(value: Any) -> str:
    return "absent" if value is None else json.dumps(value)


@config_app.command("validate")
@exit_with_errors
def validate(file: Path, as_json: Json = False) -> None:
    """Validate FILE on its own, without the environment. Exit code 0: valid; 2: invalid, with all errors.

    Symbols that this configuration does not know are warnings: a start refuses them once its feed knows all.
    """
    config = load_config((file,), env={}).config
    keys = configured_keys(config)
    warnings = [*unknown_settings(config, keys), *unknown_instruments(config, keys)] if keys else []
    if as_json:
        print(json.dumps({"valid": True, "file": str(file), "warnings": warnings}))
        return
    for warning in warnings:
        print_note(f"{file}: warning: {warning}")
    print(f"{file}: valid")


@config_app.command("schema")
def schema() -> None:
    """Print the JSON Schema of the configuration, for editors."""
    print(json.dumps(Config.model_json_schema(), indent=2))
