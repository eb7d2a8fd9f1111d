"""Logs: JSON lines where a program reads them, key=value where a person does. Always on stderr."""

import os
import sys

import structlog


def configure_logs(*, json_lines: bool | None = None) -> None:
    """Set structlog up; `json_lines` None: JSON unless stderr is a terminal. NO_COLOR is respected."""
    on_terminal = sys.stderr.isatty()
    as_json = not on_terminal if json_lines is None else json_lines
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if as_json
        else structlog.dev.ConsoleRenderer(colors=on_terminal and "NO_COLOR" not in os.environ)
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            renderer,
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
