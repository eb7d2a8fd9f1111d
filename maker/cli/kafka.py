"""The commands that need Kafka: `maker run` and `maker topics`."""

import asyncio
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from maker.cli.errors import exit_with_errors
from maker.cli.options import ConfigFiles, Json, KafkaOption, load_sections
from runtime.errors import ConfigError, EngineError
from runtime.state.folder_lock import FolderLock
from runtime.state.private_files import make_folder
from runtime.text import nearest
from schemas.topics import PATH, TOPICS, Topic

if TYPE_CHECKING:
    from runtime.kafka.admin import TopicChange, TopicPlan

topics_app = typer.Typer(
    help="The engine's topics, and their state on the broker.", invoke_without_command=True
)
Reset = Annotated[
    bool,
    typer.Option("--reset", help="Also reset settings that an operator changed on a topic."),
]
RedisOption = Annotated[str | None, typer.Option("--redis", help="redis://host:port/0")]


@exit_with_errors
def run(
    processes: Annotated[list[str] | None, typer.Argument(help="Names of the processes to run.")] = None,
    all_processes: Annotated[
        bool, typer.Option("--all", help="Run every process, each on its own, and restart those that die.")
    ] = False,
    config: ConfigFiles = None,
    kafka: KafkaOption = None,
    redis: RedisOption = None,
    state: Annotated[Path | None, typer.Option(help="Folder for snapshots and journals.")] = None,
    shard: Annotated[
        int | None, typer.Option(min=0, help="Index of this shard, from 0; see process.shards.")
    ] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port of the page (gateway-api).")
    ] = None,
    health_port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port of /health and /metrics.")
    ] = None,
) -> None:
    """Run processes over Kafka: the same cores as in `maker up`. `path` is three of them in one.

    Waits for a broker that is down.
    """
    names = processes or []
    from maker.children import RUNNABLE, children_of, everything

    known = (*RUNNABLE, PATH)
    for name in names:
        if name not in known:
            raise ConfigError(f"no process is called {name!r}{nearest(name, known)}")
    if not names and not all_processes:
        raise ConfigError(f"name a process or give --all; processes: {', '.join(known)}")
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
            "gateway": {"port": port},
        },
    )
    if all_processes:
        names = everything(loaded)
    elif len(names) == 1:
        from maker.run import run_process  # loaded only by a process that needs it

        run_process(names[0], loaded)
        return
    from maker.supervisor import supervise

    lock = _alone_with(Path(loaded.process.state_dir)) if all_processes else None
    try:
        supervise(children_of(names, loaded), _arguments(config, kafka, redis, state, port))
    finally:
        if lock is not None:
            lock.release()


def _alone_with(state_dir: Path) -> FolderLock:
    """Each process also locks its own folder, but two engines could then each hold some of them."""
    make_folder(state_dir)
    return FolderLock(state_dir, "the state of every process")


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
    """List every topic: kind, key, writer, readers and retention."""
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
        table.add_row(topic.name, kind, topic.key, topic.writer, ", ".join(topic.readers), topic.kept)
    Console(width=None if sys.stdout.isatty() else 160).print(table)


def _topic_json(topic: Topic) -> dict[str, Any]:
    fields = asdict(topic)
    return fields | {"messages": [message.type_name for message in topic.messages]}


@topics_app.command("plan")
@exit_with_errors
def plan(
    config: ConfigFiles = None, kafka: KafkaOption = None, reset: Reset = False, as_json: Json = False
) -> None:
    """Show what `apply` would change on the broker and what it would keep. Exit code 1: changes are due."""
    from runtime.kafka.admin import plan_topics

    settings = load_sections(config, {"kafka": {"bootstrap": kafka}}).kafka
    found = asyncio.run(plan_topics(settings, reset=reset))
    _print_plan(found, as_json)
    if found.changes:
        raise EngineError(
            f"{len(found.changes)} differences; `maker topics apply` makes those that are possible"
        )


@topics_app.command("apply")
@exit_with_errors
def apply(
    config: ConfigFiles = None,
    kafka: KafkaOption = None,
    access: Annotated[bool, typer.Option("--access", help="Also set who may read and write them.")] = False,
    reset: Reset = False,
    as_json: Json = False,
) -> None:
    """Create missing topics and fix drifted settings; what an operator set on a topic is kept."""
    from runtime.kafka.access import apply_grants
    from runtime.kafka.admin import apply_topics

    settings = load_sections(config, {"kafka": {"bootstrap": kafka}}).kafka
    made = asyncio.run(apply_topics(settings, reset=reset))
    if access:
        asyncio.run(apply_grants(settings))
    _print_plan(made, as_json)


@topics_app.command("access")
@exit_with_errors
def access(as_json: Json = False) -> None:
    """Show who may read and write which topic, as `apply --access` sets it on a broker with an authorizer."""
    from runtime.kafka.access import grants

    if as_json:
        print(json.dumps([asdict(grant) for grant in grants()]))
        return
    for grant in grants():
        print(f"{grant.principal:20} {grant.operation:8} {grant.resource:6} {grant.name}")


_ORIGINS = {
    "broker": "broker default",
    "earlier release": "from an earlier release",
    "topic": "set on the topic",
}


def _change_json(change: "TopicChange") -> dict[str, Any]:
    fields = asdict(change)
    return {"wanted" if name == "required" else name: value for name, value in fields.items()}


def _print_plan(plan: "TopicPlan", as_json: bool) -> None:
    if as_json:
        print(json.dumps([_change_json(change) for change in (*plan.changes, *plan.kept)]))
        return
    for change in (*plan.changes, *plan.kept):
        origin = f"  ({_ORIGINS[change.origin]})" if "." in change.setting and change.on_broker else ""
        was = "" if change.on_broker is None else f"{change.on_broker} -> "
        what = (
            f"{change.on_broker} is kept, {change.required} is configured"
            if change.is_kept
            else was + change.required
        )
        print(f"{change.topic:20} {change.setting:24} {what}{origin}")
    print(f"{len(plan.changes)} differences")
    if plan.kept:
        print(
            f"{len(plan.kept)} set on their topics are kept; `maker topics apply --reset` resets them too",
            file=sys.stderr,
        )
