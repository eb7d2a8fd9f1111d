"""Compiled forms of modules, used where `make fast` made them of exactly these sources.

The package `mm_compiled` holds one extension for each compiled module, and the digests of the sources that
they were made of. Compiled and pure code decide the same, message for message; only the speed differs.
"""

import json
import os
import sys
from collections.abc import Iterable, Sequence
from functools import cache
from hashlib import sha256
from importlib.machinery import EXTENSION_SUFFIXES, ModuleSpec
from importlib.util import find_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Literal, NamedTuple

KindOfCode = Literal["compiled", "pure"]
PACKAGE = "mm_compiled"
MANIFEST = "sources.json"
SWITCH = "MM_COMPILED"
"""Environment: 0 uses the pure modules although there are compiled ones."""
COMPILED_ATTRIBUTES = "__mypyc_attrs__"
"""On a compiled class: the names of its attributes, which are in no dictionary."""
_SUFFIX = EXTENSION_SUFFIXES[0]


class Manifest(NamedTuple):
    """What the package of compiled modules holds."""

    modules: tuple[str, ...]
    sources: dict[str, str]
    """SHA-256 by file, from its package on: of what was compiled, and of what that relies on."""


class _CompiledFinder:
    """Finds the compiled forms of modules before the import system finds their sources."""

    def __init__(self, folder: Path, modules: Iterable[str]) -> None:
        self._paths = {name: folder.joinpath(*name.split(".")).with_suffix(_SUFFIX) for name in modules}

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The module's compiled form; None: it has none."""
        found = self._paths.get(name)
        return None if found is None else spec_from_file_location(name, found)


def file_of(source: str) -> Path | None:
    """Where a source file, as in a manifest, is installed; None: nowhere."""
    package, _, rest = source.partition("/")
    folder = _folder_of(package)
    return None if folder is None else folder / rest


def digest_of(path: Path) -> str:
    """The SHA-256 of a file, as in a manifest."""
    return sha256(path.read_bytes()).hexdigest()


def kind_of_code() -> KindOfCode:
    """Which kind of code runs."""
    return "compiled" if any(isinstance(each, _CompiledFinder) for each in sys.meta_path) else "pure"


def use_compiled() -> None:
    """Use the compiled modules from now on, where they are of these sources."""
    folder = None if os.environ.get(SWITCH) == "0" else _folder_of(PACKAGE)
    if folder is None or kind_of_code() == "compiled":
        return
    manifest = Manifest(**json.loads((folder / MANIFEST).read_bytes()))
    if all(is_as_compiled(*each) for each in manifest.sources.items()):
        sys.meta_path.insert(0, _CompiledFinder(folder, manifest.modules))


def is_as_compiled(source: str, digest: str) -> bool:
    """Is a source file the one that was compiled?"""
    path = file_of(source)
    return path is not None and path.is_file() and digest_of(path) == digest


def kind_in_words() -> str:
    """Which kind of code runs, for operators."""
    if kind_of_code() == "compiled":
        return "compiled"
    if os.environ.get(SWITCH) != "0" and _folder_of(PACKAGE) is not None:
        return "pure Python: the sources have changed since `make fast`"
    return "pure Python"


@cache
def _folder_of(package: str) -> Path | None:
    found = find_spec(package)
    places = () if found is None else tuple(found.submodule_search_locations or ())
    return Path(places[0]) if places else None
