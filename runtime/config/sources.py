"""Identifies the running code: a hash of the source files that a process's decisions depend on."""

from collections.abc import Iterable
from functools import lru_cache
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path

_SHARED = ("runtime", "schemas")


def sources_hash(packages: Iterable[str]) -> str:
    """SHA-256, as hex digits, of the Python files of the named packages, the contract and the runtime.

    The version identifies a release; the hash identifies the actual files, in an image or an edited checkout.
    """
    return _hash_of(tuple(sorted({*packages, *_SHARED})))


@lru_cache
def _hash_of(packages: tuple[str, ...]) -> str:
    digest = sha256()
    for package in packages:
        for root in _folders(package):
            for path in sorted(root.rglob("*.py")):
                digest.update(f"{package}/{path.relative_to(root).as_posix()}".encode() + b"\0")
                digest.update(sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _folders(package: str) -> list[Path]:
    found = find_spec(package)
    return [] if found is None else [Path(place) for place in found.submodule_search_locations or ()]
