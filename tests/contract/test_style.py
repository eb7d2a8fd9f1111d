"""The rules of docs/STYLE.md that no linter knows: sizes, names, and one meaning for each class name."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.conftest import ROOT

SERVICES = (*sorted(path.name for path in ROOT.glob("*-service")), "gateway-api")
CODE = ("maker", "runtime", "schemas", "research", "sandbox", "deploy", *SERVICES)
MODULE_LINES_MAX = 400
FUNCTION_LINES_MAX = 60
PROTOCOLS = frozenset({"tell"})
"""Of a file that is read: its place."""
VERBS = {
    "see": "observe",
    "take": "apply, acquire or receive",
    "note": "record",
    "tell": "report, publish or notify",
    "say": "publish or print",
    "hear": "receive",
}
"""House verbs of before, and the usual ones in their place."""


@cache
def sources(*folders: str) -> dict[Path, ast.Module]:
    found = {}
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if "node_modules" not in path.parts:
                found[path.relative_to(ROOT)] = ast.parse(path.read_text(encoding="utf-8"))
    return found


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_no_module_is_longer_than_can_be_read() -> None:
    lengths = {
        str(path): len((ROOT / path).read_text(encoding="utf-8").splitlines())
        for path in sources(*CODE, "tests")
    }
    assert {path: length for path, length in lengths.items() if length > MODULE_LINES_MAX} == {}


def test_no_function_is_longer_than_a_screen() -> None:
    long = [
        f"{path}:{node.lineno} {node.name}: {lines} lines"
        for path, tree in sources(*CODE, "tests").items()
        for node in functions(tree)
        if (lines := (node.end_lineno or node.lineno) - node.lineno + 1) > FUNCTION_LINES_MAX
    ]
    assert long == []


def test_a_class_name_means_one_thing() -> None:
    places = defaultdict(list)
    for path, tree in sources(*CODE).items():
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(str(path))
    assert {name: files for name, files in places.items() if len(files) > 1} == {}


def test_functions_have_the_usual_verbs() -> None:
    house = re.compile(rf"_?({'|'.join(VERBS)})(_|$)")
    found = [
        f"{path}:{node.lineno} {node.name}: say {VERBS[verb[1]]}"
        for path, tree in sources(*CODE).items()
        for node in functions(tree)
        if (verb := house.match(node.name)) and node.name not in PROTOCOLS
    ]
    assert found == []


def test_names_of_test_files_are_unique() -> None:
    places = defaultdict(list)
    for path in (ROOT / "tests").rglob("test_*.py"):
        places[path.name].append(str(path.relative_to(ROOT)))
    assert {name: files for name, files in places.items() if len(files) > 1} == {}


def test_what_tests_share_is_no_test_module() -> None:
    """It has a module of its own beside them, or in tests/kit, whose name says what it is."""
    found = [
        f"{path} {name}"
        for path, tree in sources("tests").items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in imported(node)
        if any(part.startswith("test_") for part in name.split("."))
    ]
    assert found == []


def imported(node: ast.Import | ast.ImportFrom) -> Iterator[str]:
    """The modules of an import, those that `from` names one by one included."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif node.module is not None:
        yield node.module
        if node.module.startswith("tests."):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_programs_in_strings_replace_nothing_by_assignment() -> None:
    """Where the name is gone it replaces nothing and says nothing; `MonkeyPatch().setattr` fails."""
    found = [
        f"{path}:{node.lineno} {ast.unparse(statement)}"
        for path, tree in sources("tests").items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant | ast.JoinedStr)
        for statement in assignments(program_in(node))
    ]
    assert found == []


def program_in(node: ast.Constant | ast.JoinedStr) -> ast.Module | None:
    """The program that a string holds; what is filled in stands as the attribute that it may be."""
    parts = node.values if isinstance(node, ast.JoinedStr) else [node]
    text = "".join(str(part.value) if isinstance(part, ast.Constant) else "filled.in_" for part in parts)
    if "import " not in text or "\n" not in text:
        return None
    try:
        return ast.parse(text)
    except SyntaxError:
        return None


def assignments(program: ast.Module | None) -> Iterator[ast.Assign]:
    for node in ast.walk(program) if program is not None else ():
        if isinstance(node, ast.Assign) and any(isinstance(each, ast.Attribute) for each in node.targets):
            yield node
