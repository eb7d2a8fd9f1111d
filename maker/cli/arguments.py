"""Checks of every option and argument of every command, before the command runs."""

import stat
from collections.abc import Callable, Iterable
from functools import partial
from math import isfinite
from pathlib import Path
from typing import Any

import typer

_PIPES_OF_THE_SHELL = ("/dev/fd/", "/proc/self/fd/")
"""`<(command)` of a shell: what writes into it is there."""


def check_all(command: Any) -> None:
    """Check the parameters of a command, and of the commands below it in a group."""
    for parameter in command.params:
        parameter.process_value = partial(_checked, parameter, parameter.process_value)
    for below in getattr(command, "commands", {}).values():
        check_all(below)


def _checked(parameter: Any, process: Callable[[Any, Any], Any], ctx: Any, raw: Any) -> Any:
    """The value; raises typer.BadParameter for one that no command can mean."""
    read = process(ctx, raw)
    for text, value in zip(_each(raw), _each(read), strict=False):
        because = "it is empty: give a path" if text == "" and isinstance(value, Path) else _problem(value)
        if because is not None:
            raise typer.BadParameter(because, ctx=ctx, param=parameter)
    return read


def _each(value: Any) -> Iterable[Any]:
    return value if isinstance(value, list | tuple) else (value,)


def _problem(value: Any) -> str | None:
    if isinstance(value, float) and not isfinite(value):
        return f"{value} is not a finite number"
    if isinstance(value, str | Path) and not _is_text(str(value)):
        return f"{str(value)!a} is not UTF-8 text"
    return _kind_problem(str(value)) if isinstance(value, Path) else None


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _kind_problem(path: str) -> str | None:
    """What waits for a writer, or never ends, is no file: reading it would never return."""
    if path.startswith(_PIPES_OF_THE_SHELL) or path == "/dev/null":
        return None
    try:
        mode = Path(path).stat().st_mode
    except (OSError, ValueError):
        return None  # the command says what it needs there
    if stat.S_ISREG(mode) or stat.S_ISDIR(mode):
        return None
    kind = "a pipe" if stat.S_ISFIFO(mode) else "a device or a socket"
    return f"{path} is {kind}, not a file or a folder: write what it gives to a file"
