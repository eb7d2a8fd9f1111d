"""Which processes share the symbols, and in how many parts."""

from schemas.config import Config
from schemas.topics import MONITOR, PATH, QUOTE, ROUTER


def shards_of(config: Config, process: str) -> int:
    """The number of processes that share the symbols of a process; 1: it serves them all.

    At an exchange one order-router reconciles the account, so there is one path.
    """
    if process in (MONITOR, QUOTE):
        return config.process.shards
    is_routed_by_shard = process in (ROUTER, PATH) and config.venue.kind == "simulated"
    return config.process.shards if is_routed_by_shard else 1
