"""The part of the command line that needs Kafka: `maker run` and `maker topics`."""

import asyncio
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from chassis.cli_errors import exit_with_errors
from chassis.errors import ConfigError, EngineError
from chassis.logs import configure_logs
from chassis.settings import load_config
from chassis.text import nearest
from schemas.config import Config
from schemas.topics import GATEWAY, OFF_PATH, PROCESSES, TOPICS, Topic

RUNNABLE = (*PROCESSES, GATEWAY, *OFF_PATH)

topics_app = typer.Typer(
    help="The topics of the engine, and what the broker has of them.", invoke_without_command=True
)
ConfigFiles = Annotated[
    list[Path] | None, typer.Option("--config", help="YAML file; may be given again, a later one wins.")
]
KafkaOption = Annotated[str | None, typer.Option("--kafka", help="host:port of a broker.")]
RedisOption = Annotated[str | None, typer.Option("--redis", help="redis://host:port/0")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object on stdout, for programs.")]


def load_sections(files: list[Path] | None, sections: dict[str, dict[str, Any]]) -> Config:
    """The configuration with values of the command line, by section; what is None was not given."""
    given = {
        section: {key: value for key, value in keys.items() if value is not None}
        for section, keys in sections.items()
    }
    return load_config(files or (), {section: keys for section, keys in given.items() if keys}).config


@exit_with_errors
def run(
    processes: Annotated[list[str] | None, typer.Argument(help="Names of processes; see --all.")] = None,
    all_processes: Annotated[
        bool, typer.Option("--all", help="Every process, each on its own, started again when it dies.")
    ] = False,
    config: ConfigFiles = None,
    kafka: KafkaOption = None,
    redis: RedisOption = None,
    state: Annotated[Path | None, typer.Option(help="Folder of snapshots and journals.")] = None,
    shard: Annotated[int | None, typer.Option(min=0, help="Which of process.shards, from 0.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Of the page (gateway-api).")] = None,
    health_port: Annotated[int | None, typer.Option(min=0, max=65535, help="Of /health/live ...")] = None,
) -> None:
    """Run processes on Kafka, each alone: the same cores as `maker up`."""
    configure_logs()
    names = list(RUNNABLE) if all_processes else processes or []
    for name in names:
        if name not in RUNNABLE:
            raise ConfigError(f"no process is called {name!r}{nearest(name, RUNNABLE)}")
    if not names:
        raise ConfigError(f"name a process, or give --all; known are {', '.join(RUNNABLE)}")
    loaded = load_sections(
        config,
        {
            "kafka": {"bootstrap": kafka},
            "redis": {"url": redis},
            "process": {
                "state_dir": None if state is None else str(state),
                "shard": shard,
                "health_port": health_port,
            },
            "engine": {"port": port},
        },
    )
    if len(names) == 1:
        from chassis.run import run_process  # noqa: PLC0415  # what only a process needs is loaded by it alone

        run_process(names[0], loaded)
        return
    from chassis.supervisor import supervise  # noqa: PLC0415

    if not supervise(names, _arguments(config, kafka, redis, state, port)):
        raise EngineError("a process did not end well: its last words are above")


def _arguments(
    config: list[Path] | None, kafka: str | None, redis: str | None, state: Path | None, port: int | None
) -> list[str]:
    pairs = [("--config", str(path)) for path in config or ()]
    pairs += [
        (option, str(value))
        for option, value in (("--kafka", kafka), ("--redis", redis), ("--state", state), ("--port", port))
        if value is not None
    ]
    return [part for pair in pairs for part in pair]


@topics_app.callback()
@exit_with_errors
def topics(context: typer.Context, as_json: Json = False) -> None:
    """The map of the engine: each topic's kind, key, writer, readers and retention."""
    if context.invoked_subcommand is not None:
        return
    if as_json:
        print(json.dumps([_topic_json(topic) for topic in TOPICS]))
        return
    table = Table()
    for column in ("topic", "kind", "key", "writer", "readers", "kept"):
        table.add_column(column, overflow="fold")
    for topic in TOPICS:
        kind = f"{topic.kind}, compacted" if topic.compacted else topic.kind
        days = f"{topic.retention_ms // 86_400_000} d"
        table.add_row(topic.name, kind, topic.key, topic.writer, ", ".join(topic.readers), days)
    Console(width=None if sys.stdout.isatty() else 160).print(table)


def _topic_json(topic: Topic) -> dict[str, Any]:
    fields = asdict(topic)
    return fields | {"messages": [message.type_name for message in topic.messages]}


@topics_app.command("plan")
@exit_with_errors
def plan(config: ConfigFiles = None, kafka: KafkaOption = None, as_json: Json = False) -> None:
    """What differs between the broker's topics and what the engine needs; exit 1 where something does."""
    from chassis.bus.kafka.admin import plan_topics  # noqa: PLC0415

    changes = asyncio.run(plan_topics(load_sections(config, {"kafka": {"bootstrap": kafka}}).kafka))
    _print_changes([asdict(change) for change in changes], as_json)
    if changes:
        raise EngineError(f"{len(changes)} differences; `maker topics apply` makes those it can")


@topics_app.command("apply")
@exit_with_errors
def apply(config: ConfigFiles = None, kafka: KafkaOption = None, as_json: Json = False) -> None:
    """Create what is missing and mend what has drifted."""
    from chassis.bus.kafka.admin import apply_topics  # noqa: PLC0415

    changes = asyncio.run(apply_topics(load_sections(config, {"kafka": {"bootstrap": kafka}}).kafka))
    _print_changes([asdict(change) for change in changes], as_json)


def _print_changes(changes: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        print(json.dumps(changes))
        return
    for change in changes:
        was = "" if change["on_broker"] is None else f"{change['on_broker']} -> "
        print(f"{change['topic']:20} {change['setting']:24} {was}{change['wanted']}")
    print(f"{len(changes)} differences")
