"""The children of `maker run --all`: one per process, or one per shard where symbols are sharded."""

from collections.abc import Iterator, Sequence

from maker.supervisor import Child
from runtime.errors import ConfigError
from schemas.config import Config
from schemas.sharding import shards_of
from schemas.topics import GATEWAY, OFF_PATH, PATH, PATH_PROCESSES, PROCESSES, ROUTER

RUNNABLE = (*PROCESSES, GATEWAY, *OFF_PATH)
"""What can run on its own."""
_PORT_MAX = 65_535


def everything(config: Config) -> list[str]:
    """What `maker run --all` runs."""
    if not config.process.path_in_one_process:
        return list(RUNNABLE)
    check_shards(PATH, config)
    return [PATH, *(name for name in RUNNABLE if name not in PATH_PROCESSES)]


def check_shards(name: str, config: Config) -> None:
    """Raises ConfigError where the path would be one of several at an exchange."""
    if name == PATH and shards_of(config, PATH) != config.process.shards:
        raise ConfigError(
            f"process.shards is {config.process.shards}, but at an exchange {PATH} has one shard, as one "
            f"{ROUTER} reconciles the account: omit it, or run {', '.join(PATH_PROCESSES)} each on its own"
        )


def children_of(names: Sequence[str], config: Config) -> tuple[Child, ...]:
    """The children for the named processes, each with its own arguments.

    `process.health_port`, where set, goes to the first child; each further child gets the next port.
    """
    process = config.process
    if process.shard is not None:
        raise ConfigError(
            f"process.shard is {process.shard}, which selects one of several processes, but all are started "
            "here: omit it"
        )
    children = [child for name in names for child in _shards(name, config)]
    if not process.health_port:
        return tuple(children)
    return tuple(_with_ports(children, process.health_port))


def _shards(name: str, config: Config) -> list[Child]:
    shards = shards_of(config, name)
    if shards == 1:
        return [Child(name, name)]
    return [Child(f"{name}.{shard}", name, ("--shard", str(shard))) for shard in range(shards)]


def _with_ports(children: list[Child], first: int) -> Iterator[Child]:
    last = first + len(children) - 1
    if last > _PORT_MAX:
        raise ConfigError(f"process.health_port {first} leaves too few ports for {len(children)} processes")
    for port, child in enumerate(children, first):
        yield child._replace(arguments=(*child.arguments, "--health-port", str(port)))
