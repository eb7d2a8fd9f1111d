"""Replays for the page: the results per process, the time range proved, and the progress."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

from gateway_api.app.numbers import milliseconds
from runtime.log.logfile import LoggedRecord
from runtime.log.slices import first_time_ns, last_time_ns
from runtime.process.definition import HistorySource, ProcessDefinition
from runtime.process.session import sources_of
from runtime.replay.reach import Reach
from runtime.replay.verify import ProcessReplay, replay_log

OnProgress = Callable[[dict[str, Any]], None]
"""Receives the progress of a replay, as plain data."""
_TOLD_EVERY_S = 0.5


def replayed(
    source: HistorySource,
    processes: Sequence[ProcessDefinition],
    from_ns: int | None,
    to_ns: int | None,
    on_progress: OnProgress,
) -> dict[str, Any]:
    """Replay every process from its inputs, with the divergences.

    Raises DependencyError, LogDamagedError.
    """
    definitions = {each.name: each for each in processes}
    ours = sources_of(definitions.values())
    results: list[tuple[ProcessReplay, Reach | None]] = []
    if source.log_dir is not None:
        progress = _Progress(on_progress, last_time_ns(source.log_dir), 1, first_time_ns(source.log_dir))
        found = replay_log(
            source.log_dir,
            definitions,
            ours,
            from_ns,
            to_ns,
            watched=lambda records: _reporting(records, progress),
        )
        results = [(result, None) for result in found]
    elif source.kafka is not None:
        from runtime.kafka.proof import prove  # noqa: PLC0415  only needed for Kafka

        reporter = _Progress(on_progress, time.time_ns())
        proofs = prove(
            source.kafka,
            definitions,
            from_ns,
            to_ns,
            lambda progress: reporter.report(
                progress.process, progress.number, progress.of, progress.time_ns
            ),
        )
        results = [(proof.replay, proof.reach) for proof in proofs]
    return {"processes": [_replayed(result, reach, ours) for result, reach in results]}


class _Progress:
    """Reports the progress of a replay from time to time."""

    def __init__(self, on_progress: OnProgress, until_ns: int, number: int = 0, began_ns: int = 0) -> None:
        self._on_progress = on_progress
        self._until_ns = until_ns
        self._number = number
        self._began_ns = began_ns
        self._next_s = 0.0

    def report(self, process: str | None, number: int, of: int, time_ns: int) -> None:
        """The replay of a process has reached a time."""
        if number != self._number:
            self._number, self._began_ns = number, time_ns
        if time.monotonic() < self._next_s:
            return
        self._next_s = time.monotonic() + _TOLD_EVERY_S
        share = (time_ns - self._began_ns) / max(1, self._until_ns - self._began_ns)
        self._on_progress(
            {
                "process": process,
                "time_ms": milliseconds(time_ns),
                "share": (number - 1 + min(1.0, max(0.0, share))) / of,
            }
        )


def _reporting(records: Iterator[LoggedRecord], progress: _Progress) -> Iterator[LoggedRecord]:
    for record in records:
        yield record
        if record.topic == "process.trace":
            progress.report(None, 1, 1, record.envelope.event_time_ns)


def _replayed(result: ProcessReplay, reach: Reach | None, sources_hash: str) -> dict[str, Any]:
    judged = result.judged((sources_hash, sources_of((result.definition,))))
    first = next((session.first for session in judged if session.first is not None), None)
    divergences = sum(session.divergences for session in judged)
    return {
        "process": result.name,
        "inputs": result.inputs,
        "outputs": result.outputs,
        "divergences": divergences,
        "divergences_of_other_code": result.divergences - divergences,
        "reach": None if reach is None else _reached(reach),
        "first": None
        if first is None
        else asdict(first)
        | {"time_ms": None if first.event_time_ns is None else milliseconds(first.event_time_ns)},
    }


def _reached(reach: Reach) -> dict[str, Any]:
    return {
        "from_ms": None if reach.from_ns is None else milliseconds(reach.from_ns),
        "until_ms": None if reach.until_ns is None else milliseconds(reach.until_ns),
        "not_traced": reach.not_traced,
        "words": reach.text,
    }
