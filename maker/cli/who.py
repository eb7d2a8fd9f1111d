"""Authentication at a terminal: name and password, where the engine has users."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from maker.composition import authenticate
from maker.reaching import Rule
from runtime.config.secret_files import check_private
from runtime.errors import ConfigError
from schemas.deployment import Access

if TYPE_CHECKING:
    from maker.composition import Permission

TWO = 2
As = Annotated[str | None, typer.Option("--as", help="User making the request, from access.users_file.")]
Approver = Annotated[str | None, typer.Option(help="User approving it, where two people are needed.")]
Passwords = Annotated[
    list[Path] | None,
    typer.Option("--password-file", help="Password file of --as, then of --approver; default: prompt."),
]


def check_reason(reason: str) -> None:
    """Raises ConfigError where none is given."""
    if not reason.strip():
        raise ConfigError("give a --reason: it is recorded in the audit")


def check_alone(rule: Rule, what: str) -> None:
    """Raises ConfigError where two people are needed but no users are configured."""
    if rule.people == TWO:
        raise ConfigError(
            f"risk_limits.resume_people is 2: two people {what}; list them in access.users_file and give "
            "--as and --approver"
        )


def enter(access: Access, name: str, file: Path | None, permission: "Permission") -> Sequence[str]:
    """The user's scope; raises ConfigError where authentication fails or the permission is missing."""
    if file is not None:
        check_private(file, "--password-file")
        password = file.read_text(encoding="utf-8").rstrip("\n")
    elif sys.stdin.isatty():
        password = typer.prompt(f"Password of {name}", hide_input=True, err=True)
    else:
        raise ConfigError(
            f"there is no terminal for {name} to type the password in; give --password-file FILE"
        )
    return authenticate(access, name, password, permission, _code_of)


def _code_of(name: str) -> str:
    """The current code of the second factor."""
    if not sys.stdin.isatty():
        raise ConfigError(f"no terminal to prompt for the code of {name}")
    return str(typer.prompt(f"Code of {name}", err=True))
