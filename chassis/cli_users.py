"""`maker users` and `maker token`: who comes in at the gateway."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from chassis.cli_errors import exit_with_errors
from chassis.cli_kafka import ConfigFiles, Json
from chassis.errors import ConfigError
from chassis.installed import tool
from chassis.settings import load_config

users_app = typer.Typer(help="The people and programs that the gateway lets in.", no_args_is_help=True)

UsersFile = Annotated[Path, typer.Option("--file", help="What access.users_file names.")]
Name = Annotated[str, typer.Argument(help="Letters, digits, and . _ @ -")]


@users_app.command("add")
@exit_with_errors
def add(
    name: Name,
    file: UsersFile,
    role: Annotated[
        list[str], typer.Option(help="viewer, trader, risk, admin or service; may be given again.")
    ],
    scope: Annotated[
        list[str] | None, typer.Option(help="venue:symbol, may be given again; none: everything.")
    ] = None,
    password_file: Annotated[
        Path | None, typer.Option(help="Holds the password alone; none: asked for at a terminal.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Add somebody, or give them other roles and another password: whatever they had signed is void then."""
    password = None if "service" in role else _password(password_file)
    arguments = {"name": name, "roles": role, "scope": scope or [], "password": password}
    _print(tool("market_making.tools", "users")("add", file, **arguments), as_json=as_json)


@users_app.command("remove")
@exit_with_errors
def remove(name: Name, file: UsersFile, as_json: Json = False) -> None:
    """Take somebody out; they are turned away within seconds."""
    _print(tool("market_making.tools", "users")("remove", file, name=name), as_json=as_json)


@users_app.command("list")
@exit_with_errors
def list_users(file: UsersFile, as_json: Json = False) -> None:
    """Who there is."""
    _print(tool("market_making.tools", "users")("list", file), as_json=as_json)


@users_app.command("key")
@exit_with_errors
def key(file: Annotated[Path, typer.Argument(help="What access.signing_key_file names.")]) -> None:
    """Make the key that signs sessions and tokens."""
    tool("market_making.tools", "signing-key")(file)


@exit_with_errors
def token(
    name: Name,
    config: ConfigFiles = None,
    minutes: Annotated[int, typer.Option(min=1, max=525_600)] = 60,
) -> None:
    """A signed token for a program: it is sent as Authorization: Bearer."""
    access = load_config(config or ()).config.access
    print(tool("market_making.tools", "token")(access, name, minutes * 60))


def _password(file: Path | None) -> str:
    if file is not None:
        return file.read_text(encoding="utf-8").rstrip("\n")
    if not sys.stdin.isatty():
        raise ConfigError("there is no terminal to ask for the password: give --password-file")
    entered: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    return entered


def _print(users: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(users))
        return
    for user in users:
        sign_in = "signs in" if user["signs_in"] else "tokens alone"
        print(f"{user['name']:20} {','.join(user['roles']):12} {','.join(user['scope']):24} {sign_in}")
