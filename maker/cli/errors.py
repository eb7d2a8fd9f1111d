"""How every command reports failure."""

import functools
import json
from collections.abc import Callable
from typing import ParamSpec

import typer

from runtime.errors import EngineError
from runtime.observability.redaction import redacted
from runtime.observability.stderr import print_final

P = ParamSpec("P")


def exit_with_errors(command: Callable[P, None]) -> Callable[P, None]:
    """An EngineError becomes its message on stderr (one JSON object with --json) and its exit code."""

    @functools.wraps(command)
    def guarded(*arguments: P.args, **options: P.kwargs) -> None:
        try:
            command(*arguments, **options)
        except EngineError as error:
            message = redacted(str(error))
            text = f"maker: {message}"
            if options.get("as_json"):
                text = json.dumps(
                    {"error": type(error).__name__, "message": message, "exit_code": error.exit_code}
                )
            print_final(text)
            raise typer.Exit(error.exit_code) from None

    return guarded
