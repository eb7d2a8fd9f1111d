"""Compiles the modules that every market event passes: a wheel of extensions, made of these sources.

    .venv/bin/python deploy/make_compiled.py FOLDER

writes `mm_compiled-*.whl` to FOLDER. It needs a C compiler, the headers of this Python and mypyc, which comes
with mypy. `make fast` installs the wheel; the engine uses it while the sources are unchanged
(runtime/compiled.py), and pure Python otherwise.
"""

import argparse
import ast
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from mypyc.build import mypycify
from setuptools import setup

from runtime.compiled import MANIFEST, PACKAGE, digest_of, file_of

ROOT = Path(__file__).resolve().parents[1]
COMPILED = (
    "schemas/core.py",
    "schemas/envelope.py",
    "schemas/marking.py",
    "schemas/names.py",
    "schemas/recent_keys.py",
    "schemas/refusals.py",
    "runtime/bus.py",
    "runtime/clock.py",
    "runtime/log/lines.py",
    "runtime/log/logfile.py",
    "runtime/process/containment.py",
    "runtime/process/embedded.py",
    "runtime/process/life.py",
    "runtime/process/runner.py",
    "runtime/process/turn.py",
    "monitor_service/core/*.py",
    "monitor_service/feeds/conversion.py",
    "monitor_service/feeds/levels.py",
    "monitor_service/feeds/recorded.py",
    "monitor_service/feeds/recorded_lines.py",
    "monitor_service/feeds/synthetic.py",
    "monitor_service/feeds/synthetic_symbol.py",
    "quote_service/quoting/*.py",
    "quote_service/quoting/fair_value/*.py",
    "quote_service/quoting/ladder/*.py",
    "quote_service/quoting/models/*.py",
    "quote_service/routing/*.py",
    "quote_service/routing/desired/*.py",
    "quote_service/routing/gate/*.py",
    "quote_service/routing/mass_cancel/*.py",
    "quote_service/routing/orders/*.py",
    "quote_service/routing/protection/*.py",
    "quote_service/routing/rates/*.py",
    "quote_service/routing/venues/*.py",
    "quote_service/routing/venues/simulated/*.py",
    "inventory_service/core/*.py",
    "risk_service/core/*.py",
)
"""Cores, models, the simulated venue, the loop, the log and the feeds of recorded and synthetic markets."""
PURE = frozenset({"quote_service/quoting/service.py", "quote_service/routing/service.py"})
"""They choose adapters while the engine starts."""


_RESTORABLE = "@mypyc_attr(allow_interpreted_subclasses=True)"


def sources(pattern: str) -> Iterator[str]:
    """The files of a pattern that hold code, as `package/module.py`."""
    package, _, rest = pattern.partition("/")
    folder = file_of(f"{package}/")
    if folder is None:
        raise SystemExit(f"{package} is not installed: `make setup`")
    for path in sorted(folder.glob(rest)):
        source = f"{package}/{path.relative_to(folder).as_posix()}"
        if path.name != "__init__.py" and source not in PURE:
            yield source


def restorable(text: str) -> str:
    """A module whose compiled classes can be restored from a snapshot, with its lines where they were.

    mypyc makes instances without `__init__` of classes with this decorator alone. It and its import replace
    blank lines: after the docstring, and above each class.
    """
    lines = text.split("\n")
    tree = ast.parse(text)
    classes = [each for each in tree.body if isinstance(each, ast.ClassDef)]
    for each in classes:
        first = min([each.lineno, *(decorator.lineno for decorator in each.decorator_list)])
        lines[_blank_before(lines, first - 1)] = _RESTORABLE
    docstring_end = tree.body[0].end_lineno or 1
    if classes and lines[docstring_end]:
        raise SystemExit(f"no blank line after the docstring {lines[0]}")
    if classes:
        lines[docstring_end] = "from mypy_extensions import mypyc_attr"
    return "\n".join(lines)


def _blank_before(lines: list[str], index: int) -> int:
    return next(number for number in range(index, 0, -1) if not lines[number])


def copy_sources(compiled: Iterable[str]) -> None:
    """All packages that a compiled module may name, in the current directory."""
    for package in sorted({each.partition("/")[0] for each in compiled}):
        shutil.copytree(path_of(f"{package}/"), package, ignore=shutil.ignore_patterns("__pycache__"))
    for each in compiled:
        Path(each).write_text(restorable(Path(each).read_text(encoding="utf-8")), encoding="utf-8")


def module_of(source: str) -> str:
    """The name by which a source file is imported."""
    return source.removesuffix(".py").replace("/", ".")


def path_of(source: str) -> str:
    """Where a source file is."""
    return str(file_of(source))


def manifest(compiled: list[str]) -> str:
    """What the engine compares before it uses the wheel: compiled files, and the messages they rely on."""
    known = [*compiled, *(each for each in sources("schemas/**/*.py") if each not in compiled)]
    digests = {each: digest_of(Path(path_of(each))) for each in known}
    return json.dumps({"modules": [module_of(each) for each in compiled], "sources": digests}, indent=1)


def build(folder: Path, optimisation: str) -> None:
    """Write the wheel; the current directory is a scratch folder."""
    compiled = [source for pattern in COMPILED for source in sources(pattern)]
    copy_sources(compiled)
    config = ("--config-file", str(ROOT / "pyproject.toml"))
    extensions = mypycify(
        [*config, *compiled], opt_level=optimisation, debug_level="0", multi_file=True, group_name=PACKAGE
    )
    for extension in extensions:
        if not extension.name.startswith(PACKAGE):
            extension.name = f"{PACKAGE}.{extension.name}"
    package = Path(PACKAGE)
    package.mkdir()
    (package / "__init__.py").write_text('"""Compiled modules of the engine."""\n')
    (package / MANIFEST).write_text(manifest(compiled))
    setup(
        name=PACKAGE.replace("_", "-"),
        version="1",
        packages=[PACKAGE],
        package_data={PACKAGE: [MANIFEST]},
        ext_modules=extensions,
        options={"build_ext": {"parallel": os.cpu_count()}, "bdist_wheel": {"dist_dir": str(folder)}},
        script_args=["--quiet", "bdist_wheel"],
    )


def main() -> None:
    """The program."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument(
        "--optimise", default="2", help="the C compiler's level: 0 compiles in a third of the time"
    )
    arguments = parser.parse_args()
    folder = arguments.folder.resolve()
    with tempfile.TemporaryDirectory() as scratch:
        os.chdir(scratch)
        build(folder, arguments.optimise)


if __name__ == "__main__":
    main()
