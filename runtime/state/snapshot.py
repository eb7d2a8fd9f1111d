"""The state of a process on disk, including the offsets of its inputs.

A file is the BLAKE2b digest of its body, then the body. It is written to a temporary file, synced and
renamed, so an existing file is complete; later damage fails the digest, and the previous one is used. The
body is a pickle, read by an unpickler restricted to the engine's own classes and a few containers
(docs/adr/0006).
"""

import copyreg
import io
import os
import pickle  # read back by an unpickler with an allowlist
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, fields
from decimal import Decimal
from hashlib import blake2b
from pathlib import Path
from types import BuiltinMethodType, MethodType
from typing import Any, ClassVar

from runtime.compiled import COMPILED_ATTRIBUTES, kind_of_code
from runtime.errors import LogDamagedError
from runtime.garbage import uncollected
from runtime.process.crash_points import pass_point
from runtime.state.appending import sync_folder
from runtime.state.private_files import open_file
from runtime.state.standing import Standing

SUFFIX = ".snapshot"
TEMPORARY_SUFFIX = ".tmp"
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
    """The exact state of a process, for the code that wrote it."""

    sources_hash: str
    """Hash of that code: snapshots of different code are not even decoded."""
    standing: Standing
    life: Any
    """A runtime.process.life.LifeState."""
    adapter: Any
    """None where the adapter is not a simulation."""


def method(owner: Any, name: str) -> Any:
    """A bound method of one of the engine's own objects, by name."""
    _refuse_strange(type(owner).__module__, type(owner).__qualname__)
    return getattr(owner, name)


def _reduce_method(value: MethodType | BuiltinMethodType) -> tuple[Any, tuple[Any, str]]:
    return method, (value.__self__, value.__name__)


_REDUCERS = {**copyreg.dispatch_table, MethodType: _reduce_method, BuiltinMethodType: _reduce_method}
"""Methods of compiled classes are built-in ones."""


def give(owner: Any, values: dict[str, Any]) -> None:
    """Set the attributes of one of the engine's own objects, a frozen one too."""
    _refuse_strange(type(owner).__module__, type(owner).__qualname__)
    for name, value in values.items():
        object.__setattr__(owner, name, value)


class _CompiledPickler(pickle.Pickler):
    """A compiled frozen class refuses to be given its attributes back, and an interpreted class does not name
    those that it has from a compiled one.
    """

    def reducer_override(self, value: Any) -> Any:
        kind = type(value)
        if not hasattr(kind, COMPILED_ATTRIBUTES) or not (_is_frozen(kind) or _is_interpreted(kind)):
            return NotImplemented
        return copyreg.__newobj__, (kind,), _values(value), None, None, give  # type: ignore[attr-defined]


def _is_frozen(kind: type) -> bool:
    parameters: Any = getattr(kind, "__dataclass_params__", None)
    return parameters is not None and bool(parameters.frozen)


def _is_interpreted(kind: type) -> bool:
    return COMPILED_ATTRIBUTES not in vars(kind)


def _values(owner: object) -> dict[str, Any]:
    names = {*getattr(type(owner), COMPILED_ATTRIBUTES), *getattr(owner, "__dict__", {})} - {"__dict__"}
    return {name: getattr(owner, name) for name in sorted(names) if hasattr(owner, name)}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        return _found(module, name, super().find_class)


class _OfOtherKind(pickle._Unpickler):  # the C one does not let attributes be set in another way
    """Reads what compiled code wrote with pure code, and the reverse: they lay out attributes differently."""

    dispatch: ClassVar[dict[int, Any]] = dict(pickle._Unpickler.dispatch)
    stack: list[Any]

    def find_class(self, module: str, name: str) -> Any:
        return _found(module, name, super().find_class)

    def load_build(self) -> None:
        """Set the attributes of the object on the stack."""
        state = self.stack.pop()
        owner = self.stack[-1]
        give(owner, _values_of(owner, state))

    dispatch[pickle.BUILD[0]] = load_build


def _values_of(owner: object, state: Any) -> dict[str, Any]:
    """The attributes in a pickled state: a dictionary, one of slots, or values of a frozen class's slots."""
    if isinstance(state, list):
        names = (field.name for field in fields(owner))  # type: ignore[arg-type]
        return dict(zip(names, state, strict=True))
    if isinstance(state, tuple):
        own, slots = state
        return {**(own or {}), **slots}
    return dict(state)


def _found(module: str, name: str, find: Callable[[str, str], Any]) -> Any:
    plain = _PLAIN.get((module, name))
    if plain is not None:
        return plain
    _refuse_strange(module, name)
    found = find(module, name)
    is_own_class = isinstance(found, type) and found.__module__ == module
    if not is_own_class and found not in (method, give):
        raise LogDamagedError(f"a snapshot names {module}.{name}, which is no part of the engine's state")
    return found


def _refuse_strange(module: str, name: str) -> None:
    own = ("schemas", "runtime", "monitor_service", "quote_service", "inventory_service", "risk_service")
    if module.split(".", maxsplit=1)[0] not in (*own, "gateway_api") or "." in name:
        raise LogDamagedError(f"a snapshot names {module}.{name}, which is no part of the engine's state")


def to_bytes(snapshot: Snapshot) -> bytes:
    """The serialised snapshot."""
    buffer = io.BytesIO()
    with uncollected():
        kind = _CompiledPickler if kind_of_code() == "compiled" else pickle.Pickler
        pickler = kind(buffer, protocol=5)
        pickler.dispatch_table = _REDUCERS
        pickler.dump(snapshot)
    body = f"{snapshot.sources_hash} {kind_of_code()}".encode() + b"\n" + buffer.getvalue()
    return blake2b(body, digest_size=_DIGEST_BYTES).digest() + body


def from_bytes(data: bytes, sources_hash: str) -> Snapshot:
    """The snapshot; raises LogDamagedError where it is damaged, of different code, or contains no state."""
    digest, body = data[:_DIGEST_BYTES], data[_DIGEST_BYTES:]
    if blake2b(body, digest_size=_DIGEST_BYTES).digest() != digest:
        raise LogDamagedError("the digest of a snapshot does not fit its body")
    head, _, pickled = body.partition(b"\n")
    written_by, _, kind = head.rpartition(b" ")
    if written_by != sources_hash.encode():
        raise LogDamagedError("a snapshot was written by another code")
    is_own_kind = kind == kind_of_code().encode()
    with uncollected():
        found = (_Unpickler if is_own_kind else _OfOtherKind)(io.BytesIO(pickled)).load()
    if not isinstance(found, Snapshot):
        raise LogDamagedError("a snapshot holds no state of a process")
    return found


def write_whole(path: Path, data: bytes) -> None:
    """Write a file atomically."""
    write_aside(path, data)
    put_in_place(path)


def write_aside(path: Path, data: bytes) -> None:
    """Write a file under a temporary name, from which `put_in_place` renames it."""
    with os.fdopen(open_file(_aside(path), os.O_WRONLY | os.O_TRUNC), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def put_in_place(path: Path) -> None:
    """Give a file that was written aside its name."""
    pass_point("before_snapshot_rename")
    _aside(path).rename(path)
    sync_folder(path.parent)


def is_aside(path: Path) -> bool:
    """Whether a file was written aside."""
    return _aside(path).exists()


def _aside(path: Path) -> Path:
    return path.with_name(f"{path.name}{TEMPORARY_SUFFIX}")


def read_snapshot(path: Path, sources_hash: str) -> Snapshot | LogDamagedError:
    """The snapshot, or the error that makes it unusable."""
    try:
        return readable(path.read_bytes(), sources_hash)
    except (LogDamagedError, OSError) as error:
        return LogDamagedError(f"{path} cannot be read: {error}")


def readable(data: bytes, sources_hash: str) -> Snapshot:
    """As `from_bytes`, for any content; raises LogDamagedError."""
    try:
        return from_bytes(data, sources_hash)
    except LogDamagedError:
        raise
    except Exception as error:  # a pickle can fail in any way
        raise LogDamagedError(f"a snapshot cannot be decoded: {error!r}") from error
