"""Names of processes: a shard is named `<kind>.<shard>`."""


def kind_of(process: str) -> str:
    """The kind of a process."""
    return process.partition(".")[0]


def in_shard_of(process: str, kind: str) -> str:
    """The name of the process of a kind in the same shard as another."""
    _, dot, shard = process.partition(".")
    return f"{kind}{dot}{shard}"
