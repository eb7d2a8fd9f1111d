"""`maker users` and `maker token`: access to the gateway."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from maker.cli.errors import exit_with_errors
from maker.cli.options import ConfigFiles, Json
from maker.composition import make_session_key, make_token, manage_users, set_second_factor
from runtime.config.control_keys import make_key
from runtime.config.secret_files import check_private
from runtime.config.settings import load_config
from runtime.errors import ConfigError

users_app = typer.Typer(
    help="Manage the users and programs with access to the gateway.", no_args_is_help=True
)

UsersFile = Annotated[Path, typer.Option("--file", help="The users file, as in access.users_file.")]
Name = Annotated[str, typer.Argument(help="User name: letters, digits and . _ @ -")]


@users_app.command("add")
@exit_with_errors
def add(
    name: Name,
    file: UsersFile,
    role: Annotated[list[str], typer.Option(help="viewer, trader, risk, admin or service; repeatable.")],
    scope: Annotated[
        list[str] | None, typer.Option(help="VENUE:SYMBOL the user may act on; repeatable. Default: all.")
    ] = None,
    password_file: Annotated[
        Path | None, typer.Option(help="File with the password; default: prompt.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Add a user, or replace roles and password of one; existing sessions and tokens become invalid."""
    password = None if "service" in role else _password(password_file)
    arguments = {"name": name, "roles": role, "scope": scope or [], "password": password}
    _print(manage_users("add", file, **arguments), as_json=as_json)


@users_app.command("remove")
@exit_with_errors
def remove(name: Name, file: UsersFile, as_json: Json = False) -> None:
    """Remove a user; access ends within seconds."""
    _print(manage_users("remove", file, name=name), as_json=as_json)


@users_app.command("list")
@exit_with_errors
def list_users(file: UsersFile, as_json: Json = False) -> None:
    """List users and programs with their roles."""
    _print(manage_users("list", file), as_json=as_json)


@users_app.command("totp")
@exit_with_errors
def totp(name: Name, file: UsersFile, as_json: Json = False) -> None:
    """Set up a user's second factor again; existing sessions and tokens become invalid."""
    made = set_second_factor(file, name)
    if as_json:
        print(json.dumps(made))
        return
    print(made["otpauth"])
    print(made["secret"])
    print("Enter the address into an app such as FreeOTP as a QR code, or type the secret.", file=sys.stderr)


@users_app.command("key")
@exit_with_errors
def key(file: Annotated[Path, typer.Argument(help="The key file, as in access.signing_key_file.")]) -> None:
    """Create the key that signs sessions and tokens."""
    make_session_key(file)


@exit_with_errors
def control_key(
    file: Annotated[
        Path, typer.Argument(help="The key file, as in control.signing_key_file of the gateways.")
    ],
) -> None:
    """Create the key that signs control commands; prints its public half for control.public_keys_file."""
    print(make_key(file))


@exit_with_errors
def token(
    name: Name,
    config: ConfigFiles = None,
    refresh: Annotated[
        bool,
        typer.Option(
            "--refresh", help="A refresh token, which POST /session/refresh exchanges once for a token."
        ),
    ] = False,
) -> None:
    """Create a signed token for a program, valid 15 minutes, to be sent as Authorization: Bearer."""
    access = load_config(config or ()).config.access
    print(make_token(access, name, refresh=refresh))


def _password(file: Path | None) -> str:
    if file is not None:
        check_private(file, "--password-file")
        return file.read_text(encoding="utf-8").rstrip("\n")
    if not sys.stdin.isatty():
        raise ConfigError("there is no terminal to type the password in; give --password-file FILE")
    entered: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    return entered


def _print(users: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(users))
        return
    for user in users:
        sign_in = "signs in" if user["signs_in"] else "tokens alone"
        print(f"{user['name']:20} {','.join(user['roles']):12} {','.join(user['scope']):24} {sign_in}")
