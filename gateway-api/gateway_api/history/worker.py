"""The history process: reads questions from stdin, answers on stdout, ends when nobody is there to ask.

A question is a line of JSON, {"call", "arguments", "file": null | {"format", "columns"}}. An answer is a line
of JSON with `bytes`, and then so many bytes: JSON, or the file that was asked for.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any, BinaryIO

from pydantic import ValidationError

from chassis.errors import EngineError
from chassis.process import HistorySource
from gateway_api.history.calls import Calls
from gateway_api.history.exporting import file_of
from schemas.deployment import Kafka

_NICENESS = 10
"""The engine's own processes come first."""


def main() -> None:
    """Serve the source that the first line names until stdin ends."""
    os.nice(_NICENESS)
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a library prints is no answer
    questions = sys.stdin.buffer
    calls = Calls(_source(json.loads(questions.readline())))
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
        found = calls.by_name[question["call"]](**question["arguments"])
        wanted = question["file"]
        body = json.dumps(found).encode() if wanted is None else _file(found, wanted)
        head = {"ok": True, "bytes": len(body), "next_cursor": found.get("next_cursor")}
    except (EngineError, ValidationError, OSError) as error:
        body = json.dumps({"error": str(error)}).encode()
        head = {"ok": False, "bytes": len(body), "next_cursor": None}
    answers.write(json.dumps(head).encode() + b"\n" + body)
    answers.flush()


def _file(found: dict[str, Any], wanted: dict[str, Any]) -> bytes:
    columns = found.get("columns") or wanted["columns"]
    rows = [[row.get(name) for name in columns] if isinstance(row, dict) else row for row in found["rows"]]
    return file_of(columns, rows, wanted["format"])


if __name__ == "__main__":
    main()
