"""Digest of a core's state, so that a replay can compare state, not only outputs."""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from decimal import Decimal
from enum import Enum
from hashlib import blake2b

from pydantic import BaseModel

from runtime.compiled import COMPILED_ATTRIBUTES
from runtime.config.settings import config_hash
from schemas.config import Config

_DIGEST_BYTES = 16
_UNSET = object()
_PLAIN = (int, float, str, bytes, bool, type(None), Decimal, Enum)


def state_digest(core: object) -> str:
    """Hex digest of everything reachable from the core's attributes, the same for compiled and pure code.

    Class names may change, attribute names are part of the state. Functions and bound methods are wiring and
    left out. A class with a large window may provide `digest_state()` instead. Raises TypeError for a set:
    its order is not deterministic.
    """
    digest = blake2b(digest_size=_DIGEST_BYTES)
    for part in _parts(core, set()):
        digest.update(part.encode())
        digest.update(b"\0")
    return digest.hexdigest()


def _parts(value: object, above: set[int]) -> Iterator[str]:
    if isinstance(value, float) and value.is_integer():
        yield repr(int(value))  # an integer in a field of type float stays one in pure code alone
    elif isinstance(value, _PLAIN):
        yield repr(value)
    elif isinstance(value, Config):
        yield config_hash(value)  # where the process runs is not part of its state
    elif isinstance(value, BaseModel):
        yield value.model_dump_json()
    elif isinstance(value, set):
        raise TypeError(
            f"state contains a set ({sorted(map(repr, value))[:3]} ...): use a dict, which has an order"
        )
    elif id(value) not in above:
        yield from _composite_parts(value, above | {id(value)})


def _composite_parts(value: object, above: set[int]) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            if not _is_wiring(item):
                yield repr(key)
                yield from _parts(item, above)
    elif isinstance(value, list | tuple | deque):
        yield str(len(value))
        for item in value:
            yield from _parts(item, above)
    elif isinstance(value, frozenset):
        yield repr(sorted(map(repr, value)))
    else:
        yield from _object_parts(value, above)


def _object_parts(value: object, above: set[int]) -> Iterator[str]:
    summary: Callable[[], object] | None = getattr(value, "digest_state", None)
    if summary is not None:
        yield from _parts(summary(), above)
        return
    for name in _attributes(value):
        item = getattr(value, name, _UNSET)
        if item is not _UNSET and not _is_wiring(item):
            yield name
            yield from _parts(item, above)


def _attributes(value: object) -> list[str]:
    """Those of a dataclass as declared; else sorted: compiled classes do not keep the order of assignment."""
    if is_dataclass(value):
        return [field.name for field in fields(value)]
    kind = type(value)
    slots = (name for base in kind.__mro__ for name in getattr(base, "__slots__", ()))
    return sorted(
        {*slots, *getattr(kind, COMPILED_ATTRIBUTES, ()), *getattr(value, "__dict__", {})} - {"__dict__"}
    )


def _is_wiring(item: object) -> bool:
    return callable(item) and not isinstance(item, BaseModel)
