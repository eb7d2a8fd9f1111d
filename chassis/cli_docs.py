"""`maker docs`: the contracts as documents that other tools read."""

import json
import time

import typer

from chassis import asyncapi
from chassis.cli_errors import exit_with_errors
from chassis.gateway import gateway_document
from chassis.parameters import parameter_tables
from schemas.config import Config

docs_app = typer.Typer(no_args_is_help=True, help="The contracts as documents for other tools.")


@docs_app.command("asyncapi")
@exit_with_errors
def asyncapi_document() -> None:
    """The topics and their messages: AsyncAPI 3."""
    print(json.dumps(asyncapi.document(Config()), indent=1))


@docs_app.command("parameters")
@exit_with_errors
def parameters() -> None:
    """Every parameter of trading: unit, default, bounds, live or restart, meaning; Markdown."""
    print(parameter_tables())


@docs_app.command("openapi")
@exit_with_errors
def openapi_document() -> None:
    """The gateway's HTTP interface: OpenAPI 3.1."""
    print(json.dumps(gateway_document(Config(), time.time_ns), indent=1))
