"""The history process: reads queries from stdin, answers on stdout, and ends when stdin closes.

A query is a line of JSON, {"call", "arguments", "sight": null | {"permissions", "scope"}, "file": null |
{"format", "columns"}}. An answer is a line of JSON with `bytes`, followed by that many bytes: JSON, or the
requested file. Lines with `progress` may precede it. Answers contain no more than the sight allows.
"""

import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from pydantic import ValidationError

from gateway_api.access.visibility import sight_from
from gateway_api.app.preview import QuoteFor
from gateway_api.history.calls import Calls
from gateway_api.history.exporting import file_of
from runtime.errors import EngineError
from runtime.observability.logs import configure_logs
from runtime.observability.redaction import redacted
from runtime.process.definition import HistorySource, ProcessDefinition
from schemas.deployment import Kafka

_NICENESS = 10
"""The engine's own processes take precedence."""


def serve_history(definitions: Callable[[], Sequence[ProcessDefinition]], quote_for: QuoteFor) -> None:
    """Serve the source named by the first line until stdin ends.

    `definitions`: all processes, loaded when a replay needs them; `quote_for`: recomputes a quote.
    """
    os.nice(_NICENESS)
    configure_logs()
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # keeps library output out of the answers
    questions = sys.stdin.buffer

    def send_progress(progress: dict[str, Any]) -> None:
        answers.write(json.dumps({"progress": progress}).encode() + b"\n")
        answers.flush()

    calls = Calls(_source(json.loads(questions.readline())), definitions, quote_for, send_progress)
    for line in questions:
        _answer(calls, json.loads(line), answers)


def _source(document: dict[str, Any]) -> HistorySource:
    log_dir, kafka = document["log_dir"], document["kafka"]
    return HistorySource(
        log_dir=None if log_dir is None else Path(log_dir),
        kafka=None if kafka is None else Kafka.model_validate(kafka),
    )


def _answer(calls: Calls, question: dict[str, Any], answers: BinaryIO) -> None:
    try:
        arguments, sight = question["arguments"], question["sight"]
        if sight is not None:
            arguments = arguments | {"sight": sight_from(sight)}
        found = calls.by_name[question["call"]](**arguments)
        file = question["file"]
        body = json.dumps(found).encode() if file is None else _file(found, file)
        head = {"ok": True, "bytes": len(body), "next_cursor": found.get("next_cursor")}
    except (EngineError, ValidationError, OSError) as error:
        body = json.dumps({"error": redacted(_words_of(error))}).encode()
        head = {"ok": False, "bytes": len(body), "next_cursor": None}
    answers.write(json.dumps(head).encode() + b"\n" + body)
    answers.flush()


def _words_of(error: Exception) -> str:
    """The error of an unreadable record without its values, which the user might not be allowed to see."""
    if not isinstance(error, ValidationError):
        return str(error)
    wrong = (
        f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors(include_input=False)
    )
    return f"a record cannot be read as {error.title}: {'; '.join(wrong)}"


def _file(found: dict[str, Any], file: dict[str, Any]) -> bytes:
    columns = found.get("columns") or file["columns"]
    rows = [[row.get(name) for name in columns] if isinstance(row, dict) else row for row in found["rows"]]
    return file_of(columns, rows, file["format"])
