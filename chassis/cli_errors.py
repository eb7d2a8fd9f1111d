"""How every command ends when it cannot do what it was asked."""

import functools
import json
import sys
from collections.abc import Callable
from typing import ParamSpec

import typer

from chassis.errors import EngineError

P = ParamSpec("P")


def exit_with_errors(command: Callable[P, None]) -> Callable[P, None]:
    """An EngineError becomes its message on stderr (one JSON object with --json) and its exit code."""

    @functools.wraps(command)
    def guarded(*arguments: P.args, **options: P.kwargs) -> None:
        try:
            command(*arguments, **options)
        except EngineError as error:
            text = f"maker: {error}"
            if options.get("as_json"):
                text = json.dumps(
                    {"error": type(error).__name__, "message": str(error), "exit_code": error.exit_code}
                )
            print(text, file=sys.stderr)
            raise typer.Exit(error.exit_code) from None

    return guarded
