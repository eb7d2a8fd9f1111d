"""Logging to stderr: JSON lines for programs, key=value on a terminal.

Library logs and crash tracebacks take the same route: secrets are redacted, and repeated library lines are
suppressed. A closed terminal or pipe does not end the process, and one that is not read delays nothing
(stderr.py).
"""

import logging
import os
import sys
from typing import Any, TextIO, cast

import structlog

from runtime.observability.folding import Folding
from runtime.observability.redaction import redacted_value
from runtime.observability.stderr import STDERR, print_crashes_without_secrets


def configure_logs(*, json_lines: bool | None = None) -> None:
    """Configure logging; `json_lines` None: JSON unless stderr is a terminal. NO_COLOR is honoured."""
    on_terminal = sys.stderr.isatty()
    as_json = not on_terminal if json_lines is None else json_lines
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if as_json
        else structlog.dev.ConsoleRenderer(
            colors=on_terminal and "NO_COLOR" not in os.environ,
            exception_formatter=structlog.dev.plain_traceback,  # the default shows local variables
        )
    )
    first: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last: list[structlog.typing.Processor] = [structlog.processors.format_exc_info, _redact, renderer]
    structlog.configure(
        processors=[*first, *last],
        logger_factory=structlog.WriteLoggerFactory(cast(TextIO, STDERR)),
    )
    _route_standard_logging(first, last)
    print_crashes_without_secrets()


def _redact(_: Any, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    return {name: redacted_value(name, value) for name, value in event.items()}


class _LibraryHandler(logging.StreamHandler[TextIO]):
    """The handler of library logs, of a type of its own so that it can be found and replaced."""


def _route_standard_logging(
    first: list[structlog.typing.Processor], last: list[structlog.typing.Processor]
) -> None:
    root = logging.getLogger()
    for handler in [each for each in root.handlers if isinstance(each, _LibraryHandler)]:
        root.removeHandler(handler)
    handler = _LibraryHandler(cast(TextIO, STDERR))
    handler.addFilter(Folding())
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=first,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    handler.setLevel(logging.WARNING)
    root.addHandler(handler)
