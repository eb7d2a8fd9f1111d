"""The state of a process on disk, with the offsets of its inputs inside.

A file is the BLAKE2b digest of its body, then the body. It is written to a temporary file, confirmed by the
disk and renamed, so a name that is there is whole; what is damaged afterwards fails its digest, and the one
before is used. The body is a pickle that is read by an unpickler which knows the engine's own classes and a
handful of containers, and refuses every other name (docs/adr/0006).
"""

import copyreg
import gc
import io
import os
import pickle  # read back by an unpickler with a list of what it may make
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from hashlib import blake2b
from pathlib import Path
from types import MethodType
from typing import Any

from chassis.bus.base import TopicPartition
from chassis.crash_points import pass_point
from chassis.errors import ConfigError, LogDamagedError

SUFFIX = ".snapshot"
FORMAT = 1
_DIGEST_BYTES = 32
_PLAIN = {
    (kind.__module__, kind.__qualname__): kind
    for kind in (
        Counter,
        OrderedDict,
        defaultdict,
        deque,
        Decimal,
        dict,
        list,
        tuple,
        set,
        frozenset,
        int,
        float,
    )
}


@dataclass(slots=True)
class Snapshot:
    """What a process needs to go on."""

    process: str
    code_version: str
    config_hash: str
    inputs: int
    sequence: int
    trace_sequence: int
    adapter_sequence: int
    positions: dict[TopicPartition, int]
    """The next offset of each input partition."""
    newest: dict[tuple[str, int, str], int]
    """How far each writer had come on each input partition, see bus.kafka.reader.Fence."""
    end_offsets: dict[TopicPartition, int]
    """For each output partition: the offset after the newest record that was confirmed then."""
    unconfirmed: dict[TopicPartition, list[Any]]
    """Records that the broker had not confirmed then."""
    core: Any
    adapter: Any
    """None where the process's adapter is not a simulation."""
    format: int = FORMAT
    details: dict[str, Any] = field(default_factory=dict)


def method(owner: Any, name: str) -> Any:
    """A bound method of one of the engine's own objects, by name."""
    _refuse_strange(type(owner).__module__, type(owner).__qualname__)
    return getattr(owner, name)


def _reduce_method(value: MethodType) -> tuple[Any, tuple[Any, str]]:
    return method, (value.__self__, value.__name__)


_REDUCERS = {**copyreg.dispatch_table, MethodType: _reduce_method}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        plain = _PLAIN.get((module, name))
        if plain is not None:
            return plain
        _refuse_strange(module, name)
        found = super().find_class(module, name)
        is_own_class = isinstance(found, type) and found.__module__ == module
        if not is_own_class and found is not method:
            raise LogDamagedError(f"a snapshot names {module}.{name}, which is no part of the engine's state")
        return found


def _refuse_strange(module: str, name: str) -> None:
    own = ("schemas", "chassis", "monitor_service", "quote_service", "inventory_service", "risk_service")
    if module.split(".", maxsplit=1)[0] not in (*own, "gateway_api") or "." in name:
        raise LogDamagedError(f"a snapshot names {module}.{name}, which is no part of the engine's state")


def to_bytes(snapshot: Snapshot) -> bytes:
    """The snapshot as it lies on disk."""
    buffer = io.BytesIO()
    gc.disable()  # a collection in the middle of a large walk is a pause for nothing
    try:
        pickler = pickle.Pickler(buffer, protocol=5)
        pickler.dispatch_table = _REDUCERS
        pickler.dump(snapshot)
    finally:
        gc.enable()
    body = buffer.getvalue()
    return blake2b(body, digest_size=_DIGEST_BYTES).digest() + body


def from_bytes(data: bytes) -> Snapshot:
    """The snapshot; raises LogDamagedError where it is not whole or holds what it must not."""
    digest, body = data[:_DIGEST_BYTES], data[_DIGEST_BYTES:]
    if blake2b(body, digest_size=_DIGEST_BYTES).digest() != digest:
        raise LogDamagedError("the digest of a snapshot does not fit its body")
    found = _Unpickler(io.BytesIO(body)).load()
    if not isinstance(found, Snapshot) or found.format != FORMAT:
        raise LogDamagedError("a snapshot has another format: it was written by another version")
    return found


def write_snapshot(path: Path, data: bytes) -> None:
    """Write a file whole or not at all."""
    temporary = path.with_suffix(".tmp")
    with temporary.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    pass_point("before_snapshot_rename")
    temporary.rename(path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def read_snapshots(directory: Path) -> Iterator[tuple[Path, Snapshot | LogDamagedError]]:
    """The snapshots of a folder, newest first; in place of a damaged one, what is wrong with it."""
    for path in sorted(directory.glob(f"*{SUFFIX}"), reverse=True):
        try:
            yield path, from_bytes(path.read_bytes())
        except LogDamagedError as error:
            yield path, error
        except Exception as error:  # a pickle can fail in any way
            yield path, LogDamagedError(f"{path} cannot be read: {error!r}")


def check_config(snapshot: Snapshot, config_hash: str, directory: Path) -> None:
    """Raises ConfigError where the state was made under another configuration."""
    if snapshot.config_hash != config_hash:
        raise ConfigError(
            f"{directory} was written with another configuration (hash {snapshot.config_hash[:12]}, now "
            f"{config_hash[:12]}): give that configuration, or another process.state_dir"
        )
