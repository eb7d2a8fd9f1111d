"""The children of `maker run --all`: one per process, or one per shard where symbols are sharded."""

from collections.abc import Iterator, Sequence

from maker.composition import process_definition
from maker.supervisor import Child
from runtime.errors import ConfigError
from schemas.deployment import Process
from schemas.topics import GATEWAY, OFF_PATH, PATH, PATH_PROCESSES, PROCESSES, ROUTER

RUNNABLE = (*PROCESSES, GATEWAY, *OFF_PATH)
"""What can run on its own."""
_PORT_MAX = 65_535


def everything(config: Process) -> list[str]:
    """What `maker run --all` runs."""
    if not config.path_in_one_process:
        return list(RUNNABLE)
    check_one_shard(config)
    return [PATH, *(name for name in RUNNABLE if name not in PATH_PROCESSES)]


def check_one_shard(config: Process) -> None:
    """Raises ConfigError where the path would be one of several: one router sends all orders."""
    if config.shards != 1:
        raise ConfigError(
            f"process.shards is {config.shards}, but {PATH} has one shard, as {ROUTER} does: omit it, or run "
            f"{', '.join(PATH_PROCESSES)} each on its own"
        )


def children_of(names: Sequence[str], config: Process) -> tuple[Child, ...]:
    """The children for the named processes, each with its own arguments.

    `process.health_port`, where set, goes to the first child; each further child gets the next port.
    """
    if config.shard is not None:
        raise ConfigError(
            f"process.shard is {config.shard}, which selects one of several processes, but all are started "
            "here: omit it"
        )
    children = [child for name in names for child in _shards(name, config)]
    if not config.health_port:
        return tuple(children)
    return tuple(_with_ports(children, config.health_port))


def _shards(name: str, config: Process) -> list[Child]:
    if config.shards == 1 or name not in PROCESSES or not process_definition(name).is_sharded:
        return [Child(name, name)]
    return [Child(f"{name}.{shard}", name, ("--shard", str(shard))) for shard in range(config.shards)]


def _with_ports(children: list[Child], first: int) -> Iterator[Child]:
    last = first + len(children) - 1
    if last > _PORT_MAX:
        raise ConfigError(f"process.health_port {first} leaves too few ports for {len(children)} processes")
    for port, child in enumerate(children, first):
        yield child._replace(arguments=(*child.arguments, "--health-port", str(port)))
