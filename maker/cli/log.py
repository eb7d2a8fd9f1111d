"""`maker replay` and `maker log`: recorded topics, on disk or on Kafka."""

import json
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from maker.cli.errors import exit_with_errors
from maker.cli.options import ConfigFiles, Json, KafkaOption, load_sections
from maker.composition import process_definition, process_definitions
from runtime.errors import ConfigError, LogDamagedError, ReplayDivergedError
from runtime.log.closing import FRAME_BYTES
from runtime.log.figures import SegmentFigures, log_figures
from runtime.log.logfile import read_log, write_log
from runtime.log.packed import recoverable_texts
from runtime.log.segments import commits_of, is_closed, segments
from runtime.log.slices import last_time_ns
from runtime.log.verify import verify_log
from runtime.process.definition import ProcessDefinition
from runtime.process.session import sources_of
from runtime.replay.reach import Reach, check_proved
from runtime.replay.start_points import first_record
from runtime.replay.verify import ProcessReplay, ReplayedSession, replay_log
from runtime.text import iso_time, parse_time_ns
from schemas.config import Config
from schemas.process import ConfigApplied
from schemas.topics import PROCESSES

log_app = typer.Typer(
    help="Topic logs: show, verify, export from Kafka and import into it.",
    no_args_is_help=True,
)


@exit_with_errors
def replay_command(
    logdir: Annotated[Path | None, typer.Argument(help="Log folder; or give --kafka.")] = None,
    kafka: KafkaOption = None,
    config: ConfigFiles = None,
    state: Annotated[
        Path | None,
        typer.Option(help="State folder of the processes: a replay from Kafka may begin at their snapshots."),
    ] = None,
    process: Annotated[str | None, typer.Option(help="Only this process; default: all.")] = None,
    since: Annotated[
        str | None,
        typer.Option("--from", help="Compare from this time on: 2024-08-08T23:54:14Z, 23:54:14 or -15m."),
    ] = None,
    until: Annotated[str | None, typer.Option("--to", help="Replay up to this time.")] = None,
    as_json: Json = False,
) -> None:
    """Replay a recorded log through the cores and compare every output, byte for byte."""
    if (logdir is None) == (kafka is None and not config):
        raise ConfigError("give either a log folder or a broker with --kafka")
    definitions = process_definitions() if process is None else (process_definition(process),)
    if logdir is None:
        period = tuple(
            None if text is None else parse_time_ns(text, time.time_ns()) for text in (since, until)
        )
        given = {"state_dir": None if state is None else str(state)}
        settings = load_sections(config, {"kafka": {"bootstrap": kafka}, "process": given})
        results, reaches = _replay_kafka(settings, definitions, *period)
    else:
        reaches = []
        newest_ns = last_time_ns(logdir) if since or until else 0
        period = tuple(None if text is None else parse_time_ns(text, newest_ns) for text in (since, until))
        ours = sources_of(process_definitions())
        results = replay_log(logdir, {each.name: each for each in definitions}, ours, *period)
    _report(results, reaches, as_json=as_json)
    check_proved(reaches)


def _replay_kafka(
    config: Config, definitions: tuple[ProcessDefinition, ...], from_ns: int | None, to_ns: int | None
) -> tuple[list[ProcessReplay], list[Reach]]:
    from runtime.kafka.proof import prove  # loaded only when Kafka is used

    proofs = prove(
        config.kafka,
        {definition.name: definition for definition in definitions},
        from_ns,
        to_ns,
        state_dir=Path(config.process.state_dir),
    )
    return [proof.replay for proof in proofs], [proof.reach for proof in proofs]


def _report(results: list[ProcessReplay], reaches: list[Reach], *, as_json: bool) -> None:
    judged = [session for result in results for session in result.judged(_sources(result))]
    first = min(
        (session.first for session in judged if session.first is not None),
        key=lambda divergence: divergence.event_time_ns or 0,
        default=None,
    )
    if as_json:
        fields = _replay_json(results) | {"first_divergence": None if first is None else asdict(first)}
        for reach in reaches:
            fields[reach.process]["reach"] = asdict(reach)
        print(json.dumps(fields, allow_nan=False))
    else:
        _print_replay(results)
        _print_reaches(reaches)
    if first is not None and not as_json:
        print(_divergence_text(first), file=sys.stderr, flush=True)
    if diverged := sum(session.divergences for session in judged):
        raise ReplayDivergedError(f"{diverged} divergences")


def _replay_json(results: list[ProcessReplay]) -> dict[str, Any]:
    return {
        result.name: {
            "inputs": result.inputs,
            "outputs": result.outputs,
            "divergences": result.divergences,
            "begins_ns": result.begins_ns,
            "begins_as": result.begins_as,
            **result.refused.as_json(),
            "sessions": [
                {
                    "began_ns": session.began_ns,
                    "code_version": session.applied.code_version,
                    "sources_hash": session.applied.sources_hash,
                    "this_code": _is_this_code(result, session),
                    "config_hash": session.applied.config_hash,
                    "outputs": session.outputs,
                    "divergences": session.divergences,
                }
                for session in result.sessions
            ],
        }
        for result in results
    }


def _sources(result: ProcessReplay) -> tuple[str, ...]:
    """The hashes of this code: when all run in one process, a session's hash covers all sources."""
    return sources_of((result.definition,)), sources_of(process_definitions())


def _is_this_code(result: ProcessReplay, session: ReplayedSession) -> bool:
    """Whether this very code ran the session."""
    return session.applied.sources_hash in _sources(result)


def _print_replay(results: list[ProcessReplay]) -> None:
    for result in results:
        print(
            f"{result.name:20} {result.inputs:10} inputs {result.outputs:10} outputs "
            f"{result.divergences:6} divergences"
        )
        for line in result.refused.lines(result.name):
            print(line)
    begins_ns = min((result.begins_ns for result in results if result.begins_ns is not None), default=None)
    if begins_ns is not None:
        print(f"replayed from a checkpoint, {iso_time(begins_ns)}")
    if any(result.begins_as == "carried" for result in results):
        print(
            "the log was recorded by different code, so the replay began with the state that a restart "
            "carries over: positions and orders, but no averages. This is a what-if: divergences are no "
            "fault of the log"
        )
    if any(len(result.sessions) > 1 for result in results):
        _print_sessions(results)
    print(f"{sum(result.divergences for result in results)} divergences")


def _print_reaches(reaches: list[Reach]) -> None:
    for reach in reaches:
        waiting = f"; {reach.not_traced} records not traced yet" if reach.not_traced else ""
        print(f"{reach.process:20} {reach.text}{waiting}")


def _print_sessions(results: list[ProcessReplay]) -> None:
    for result in results:
        for number, session in enumerate(result.sessions, start=1):
            began = "" if session.began_ns == 0 else f", began {iso_time(session.began_ns)}"
            code = "this code" if _is_this_code(result, session) else "different code"
            print(
                f"{result.name:20} session {number}{began}: {code} ({_code(session.applied)}), "
                f"{session.outputs} outputs, {session.divergences} divergences"
            )


def _code(applied: ConfigApplied) -> str:
    sources = f", sources {applied.sources_hash[:12]}" if applied.sources_hash else ""
    return applied.code_version + sources


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
    logdir: Annotated[Path, typer.Argument(help="Folder to write; must be empty or absent.")],
    kafka: KafkaOption = None,
    config: ConfigFiles = None,
) -> None:
    """Export the topics on Kafka to a log folder like that of `maker up`, as far as it replays."""
    from runtime.kafka.history import KafkaLog
    from runtime.kafka.proof import whole_traces

    if logdir.is_dir() and any(logdir.iterdir()):
        raise ConfigError(f"{logdir} is not empty: give an empty folder or one that does not exist yet")
    settings = load_sections(config, {"kafka": {"bootstrap": kafka}}).kafka
    with KafkaLog(settings, PROCESSES, whole_traces(settings, PROCESSES)) as log:
        count = write_log(logdir, log.batches())
        print(f"{count} records of {len(log.processes)} processes")


@log_app.command("import")
@exit_with_errors
def import_log(
    logdir: Annotated[Path, typer.Argument(help="The folder of a log.")],
    kafka: KafkaOption = None,
    config: ConfigFiles = None,
) -> None:
    """Import a log into Kafka. The topics must be empty: each record keeps its offset.

    Retention on the broker counts from now, however old the log. A log with a deleted beginning is refused.
    """
    from runtime.kafka.importing import import_records

    settings = load_sections(config, {"kafka": {"bootstrap": kafka}}).kafka
    if gone := first_record(logdir):
        raise ConfigError(
            f"{logdir} lacks its first {gone} records, and offsets on Kafka count from a log's beginning: "
            f"it could not be replayed there. Replay it from disk: maker replay {logdir}"
        )
    print(
        f"kept there for {settings.replay_hours} hours from now, whatever its age; to keep it longer "
        "set kafka.replay_hours and run `maker topics apply`",
        file=sys.stderr,
    )
    print(f"{import_records(settings, read_log(logdir))} records")


@log_app.command("show")
@exit_with_errors
def show_log(
    logdir: Annotated[Path, typer.Argument(help="The folder of a log.")],
    as_json: Json = False,
) -> None:
    """Show the segments of a log, their size on disk and how many days of log the disk can still hold."""
    figures = log_figures(logdir)
    totals = {
        "raw_bytes": figures.raw_bytes,
        "disk_bytes": figures.disk_bytes,
        "bytes_a_day": figures.bytes_a_day,
        "free_bytes": figures.free_bytes,
        "days_left": figures.days_left,
    }
    if as_json:
        print(json.dumps({"segments": [asdict(each) for each in figures.segments], **totals}))
        return
    for each in figures.segments:
        print(_segment_text(each))
    rate = "" if figures.bytes_a_day is None else f", {figures.bytes_a_day / 1e6:.1f} MB per day"
    left = "" if figures.days_left is None else f": room for {figures.days_left:.0f} days at that rate"
    if left and figures.packed_share is None:
        left += "; more once a segment has been compressed"
    print(
        f"{figures.raw_bytes / 1e6:.1f} MB of text, {figures.disk_bytes / 1e6:.1f} MB on disk{rate}; "
        f"{figures.free_bytes / 1e9:.1f} GB free{left}"
    )


def _segment_text(segment: SegmentFigures) -> str:
    if segment.is_damaged:
        disk_mb = segment.disk_bytes / 1e6
        return f"{segment.name}  damaged, {disk_mb:.1f} MB on disk: see `maker log verify`"
    written = "" if segment.is_closed else ", open"
    sessions = "".join(f", session of {iso_time(began_ns)}" for began_ns in segment.sessions)
    return (
        f"{segment.name}  {iso_time(segment.first_time_ns)}  {iso_time(segment.last_time_ns)}  "
        f"{segment.raw_bytes / 1e6:8.1f} MB  {segment.disk_bytes / 1e6:8.1f} MB on disk  "
        f"{segment.records} records{written}{sessions}"
    )


@log_app.command("text")
@exit_with_errors
def text(
    path: Annotated[Path, typer.Argument(help="Log folder, or one of its files.")],
) -> None:
    """Print the lines of a log as recorded: `crc32 body`, the body in JSON.

    Of a damaged closed file it prints everything before the damage.
    """
    for file in [path] if path.is_file() else segments(path):
        for part in recoverable_texts(file) if is_closed(file) else commits_of(file, FRAME_BYTES):
            sys.stdout.buffer.write(part)
    sys.stdout.buffer.flush()


@log_app.command("verify")
@exit_with_errors
def verify(
    logdir: Annotated[Path, typer.Argument(help="The folder of a log.")],
    link: Annotated[
        str | None, typer.Option(help="A chain link noted elsewhere, which must occur in this log.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Prove that a log is unaltered and complete, except for what retention deleted."""
    proof = verify_log(logdir, link)
    if as_json:
        print(json.dumps(asdict(proof)))
    else:
        print(
            f"read: {proof.records} records, {proof.raw_bytes / 1e6:.1f} MB of text; "
            f"segments: {proof.segments}; "
            f"deleted by retention: {proof.deleted_records} records, segments: {proof.deleted_segments}"
        )
        print(f"newest chain link: {proof.chain or 'none yet'}")
        for problem in proof.problems:
            print(problem, file=sys.stderr)
    if proof.problems:
        raise LogDamagedError(f"{logdir} is damaged or incomplete: problems found: {len(proof.problems)}")
