"""The ends of a command line: one line on stderr and an exit code, whatever the terminal or pipe can take."""

import errno
import io
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import typer
from typer.exceptions import TyperException

from runtime.errors import ConfigError, EngineError
from runtime.observability.redaction import redacted
from runtime.observability.stderr import print_final

_OUTPUT_ERRORS = frozenset({errno.EPIPE, errno.ENOSPC, errno.EDQUOT, errno.EBADF, errno.EIO})


def run_to_end(command: Callable[..., Any]) -> int:
    """Run the command line; returns its exit code."""
    _prepare()
    try:
        code = int(command(standalone_mode=False) or 0)
    except TyperException as error:  # a wrong option or argument
        code = ConfigError.exit_code
        if message := " ".join(error.format_message().split()):
            print_final(f"maker: {redacted(message)}; see --help")
    except typer.Abort:
        code = EngineError.exit_code
        print_final("maker: aborted")
    except OSError as error:
        if error.filename is None and error.errno not in _OUTPUT_ERRORS:
            raise
        code = EngineError.exit_code
        print_final(f"maker: {error.filename or 'the output'}: {error.strerror}")
    return _flushed(code)


def _prepare() -> None:
    """A closed descriptor would be taken by the next file, a log's perhaps, and then be printed into."""
    for descriptor, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(descriptor)
        except OSError:
            null = os.open(os.devnull, os.O_RDWR)
            if null != descriptor:
                os.dup2(null, descriptor)
                os.close(null)
        if getattr(sys, name) is None:
            setattr(sys, name, open(descriptor, mode, closefd=False))  # noqa: SIM115  for the whole process
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # what a terminal cannot show


def _flushed(code: int) -> int:
    """The exit code, which is no success where the output was not taken."""
    try:
        sys.stdout.flush()
    except OSError as error:
        with suppress(OSError):
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, sys.stdout.fileno())  # so that the interpreter does not try once more
            os.close(null)
        if code == 0:
            print_final(f"maker: the output: {error.strerror}")
            return EngineError.exit_code
    return code
