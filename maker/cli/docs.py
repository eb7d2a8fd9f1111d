"""`maker docs`: the contracts as documents for other tools."""

import json
import time

import typer

from maker import asyncapi
from maker.cli.errors import exit_with_errors
from maker.gateway import gateway_document
from maker.parameters import parameter_tables
from schemas.config import Config

docs_app = typer.Typer(no_args_is_help=True, help="The contracts as documents for other tools.")


@docs_app.command("asyncapi")
@exit_with_errors
def asyncapi_document() -> None:
    """Print the topics and their messages as AsyncAPI 3."""
    print(json.dumps(asyncapi.document(Config()), indent=1))


@docs_app.command("parameters")
@exit_with_errors
def parameters() -> None:
    """Print every trading parameter as Markdown: unit, default, bounds, live or restart, meaning."""
    print(parameter_tables())


@docs_app.command("openapi")
@exit_with_errors
def openapi_document() -> None:
    """Print the gateway's HTTP API as OpenAPI 3.1."""
    print(json.dumps(gateway_document(Config(), time.time_ns), indent=1))
