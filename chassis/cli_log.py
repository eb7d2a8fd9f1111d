"""`maker replay` and `maker log`: what was recorded, on disk or on Kafka."""

import json
import sys
import time
from dataclasses import asdict
from itertools import chain
from pathlib import Path
from typing import Annotated, Any

import typer

from chassis.bus.logfile import read_log, write_log
from chassis.cli_errors import exit_with_errors
from chassis.cli_kafka import ConfigFiles, Json, KafkaOption, load_sections
from chassis.errors import ConfigError, ReplayDivergedError
from chassis.installed import process_definition, process_definitions
from chassis.process import ProcessDefinition
from chassis.replay import ProcessReplay, replay
from chassis.text import iso_time, parse_time_ns
from chassis.tracewalk import kind_of
from schemas.deployment import Kafka
from schemas.topics import PROCESSES

log_app = typer.Typer(
    help="Topic logs: from Kafka to a folder, from a folder to Kafka.", no_args_is_help=True
)


@exit_with_errors
def replay_command(
    logdir: Annotated[Path | None, typer.Argument(help="The folder of a log; or give --kafka.")] = None,
    kafka: KafkaOption = None,
    config: ConfigFiles = None,
    process: Annotated[str | None, typer.Option(help="One process; none: all.")] = None,
    since: Annotated[
        str | None,
        typer.Option("--from", help="Compare from here on: 2024-08-08T23:54:14Z, 23:54:14 or -15m."),
    ] = None,
    until: Annotated[str | None, typer.Option("--to", help="Replay up to here.")] = None,
    as_json: Json = False,
) -> None:
    """Feed a recorded log to the cores again and compare every output, byte for byte."""
    if (logdir is None) == (kafka is None and not config):
        raise ConfigError("name either the folder of a log, or a broker with --kafka")
    definitions = process_definitions() if process is None else (process_definition(process),)
    if logdir is None:
        period = tuple(
            None if text is None else parse_time_ns(text, time.time_ns()) for text in (since, until)
        )
        settings = load_sections(config, {"kafka": {"bootstrap": kafka}}).kafka
        results = _replay_kafka(settings, definitions, *period)
    else:
        newest_ns = newest_time_ns(logdir) if since or until else 0
        period = tuple(None if text is None else parse_time_ns(text, newest_ns) for text in (since, until))
        results = replay(read_log(logdir), {each.name: each for each in definitions}, *period)
    _report(results, as_json=as_json)


def newest_time_ns(log: Path) -> int:
    """The newest event time in a log."""
    return max((record.envelope.event_time_ns for record in read_log(log)), default=0)


def _replay_kafka(
    config: Kafka, definitions: tuple[ProcessDefinition, ...], from_ns: int | None, to_ns: int | None
) -> list[ProcessReplay]:
    from chassis.bus.kafka.history import KafkaLog  # noqa: PLC0415  # what only Kafka needs is loaded for it alone

    kinds = {definition.name: definition for definition in definitions}
    with KafkaLog(config, kinds) as log:
        named = {name: kinds[kind_of(name)] for name in log.processes}
        return replay(chain.from_iterable(log.batches()), named, from_ns, to_ns)


def _report(results: list[ProcessReplay], *, as_json: bool) -> None:
    first = min(
        (result.first for result in results if result.first is not None),
        key=lambda divergence: divergence.event_time_ns or 0,
        default=None,
    )
    if as_json:
        fields = _replay_json(results) | {"first_divergence": None if first is None else asdict(first)}
        print(json.dumps(fields, allow_nan=False))
    else:
        _print_replay(results)
    if first is not None:
        if not as_json:
            print(_divergence_text(first), file=sys.stderr, flush=True)
        raise ReplayDivergedError(f"{sum(result.divergences for result in results)} divergences")


def _replay_json(results: list[ProcessReplay]) -> dict[str, Any]:
    return {
        result.name: {
            "inputs": result.inputs,
            "outputs": result.outputs,
            "divergences": result.divergences,
        }
        for result in results
    }


def _print_replay(results: list[ProcessReplay]) -> None:
    for result in results:
        print(
            f"{result.name:20} {result.inputs:10} inputs {result.outputs:10} outputs "
            f"{result.divergences:6} divergences"
        )
    print(f"{sum(result.divergences for result in results)} divergences")


def _divergence_text(first: Any) -> str:
    time = "" if first.event_time_ns is None else f" at {iso_time(first.event_time_ns)}"
    lines = [f"first divergence: {first.process}, message {first.sequence} ({first.topic} {first.key}){time}"]
    lines += [
        f"  {item.path}: recorded {item.recorded!r}, replayed {item.replayed!r}" for item in first.fields
    ]
    return "\n".join(lines)


@log_app.command("export")
@exit_with_errors
def export_log(
    logdir: Annotated[Path, typer.Argument(help="The folder to write; it must not hold a log.")],
    kafka: KafkaOption = None,
    config: ConfigFiles = None,
) -> None:
    """Write what the topics on Kafka hold to a folder, as `maker up` would have."""
    from chassis.bus.kafka.history import KafkaLog  # noqa: PLC0415

    if logdir.is_dir() and any(logdir.iterdir()):
        raise ConfigError(f"{logdir} is not empty: name a folder that is, or is not there yet")
    settings = load_sections(config, {"kafka": {"bootstrap": kafka}}).kafka
    with KafkaLog(settings, PROCESSES) as log:
        count = write_log(logdir, log.batches())
        print(f"{count} records of {len(log.processes)} processes")


@log_app.command("import")
@exit_with_errors
def import_log(
    logdir: Annotated[Path, typer.Argument(help="The folder of a log.")],
    kafka: KafkaOption = None,
    config: ConfigFiles = None,
) -> None:
    """Put a log into the topics on Kafka, which must be empty: each record gets the offset that it had."""
    from chassis.bus.kafka.importing import import_records  # noqa: PLC0415

    settings = load_sections(config, {"kafka": {"bootstrap": kafka}}).kafka
    print(f"{import_records(settings, read_log(logdir))} records")
