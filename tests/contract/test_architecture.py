"""What the documents name exists, and no public name is one that the glossary has replaced."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.conftest import ROOT

DOCS = ROOT / "docs"
SERVICES = (*sorted(path.name for path in ROOT.glob("*-service")), "gateway-api")
CODE = ("maker", "runtime", "schemas", "research", "sandbox", *SERVICES)
_LEFT_OUT = frozenset({"node_modules", "__pycache__", "runs"})
_FILE = re.compile(r"[\w.-]+(?:/[\w.-]+)*\.(?:py|md|toml|yaml|json|svg)")
_FOLDER = re.compile(r"[\w.-]+(?:/[\w.-]+)+/?|[\w.-]+/")
_STEP = re.compile(r"`([\w./-]+\.py): (\w+)`")
_LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")
NOT_OF_THE_REPOSITORY = frozenset(
    {
        "deploy/access",  # made by deploy/make_secrets.py
        "deploy/secrets",  # the same
        "micro.yaml",  # what `maker calibrate` writes where one asks it to
        "rest-api.md",  # Binance's documents of its interface, which sandbox/README.md follows
        "web-socket-api.md",
        "user-data-stream.md",
        "errors.md",
    }
)


@cache
def paths() -> frozenset[str]:
    """Every file and folder of the repository, by its path from the root."""
    found = set()
    waiting = [ROOT]
    while waiting:
        for path in waiting.pop().iterdir():
            if path.name.startswith(".") or path.name in _LEFT_OUT:
                continue
            found.add(str(path.relative_to(ROOT)))
            if path.is_dir():
                waiting.append(path)
    return frozenset(found)


@cache
def endings(service: str) -> frozenset[str]:
    """Every path from the root; of those below a service, or of all where it is "", each end of them too."""
    below = [path.split("/") for path in paths() if not service or path.startswith(f"{service}/")]
    return paths() | {"/".join(parts[index:]) for parts in below for index in range(len(parts))}


def documents() -> list[Path]:
    """Every README, and what is in docs."""
    named = (path for path in paths() if path.endswith("README.md") or re.fullmatch(r"docs/.*\.md", path))
    return [ROOT / path for path in sorted(named)]


def quoted(document: Path) -> Iterator[str]:
    """What stands in backticks, outside of blocks of code."""
    for line in document.read_text().splitlines():
        if not line.startswith("    "):
            yield from re.findall(r"`([^`]+)`", line)


def is_first_name_ours(name: str) -> bool:
    first = name.split("/", maxsplit=1)[0]
    return first in paths() or any(f"{service}/{first}" in paths() for service in SERVICES)


def places(document: Path) -> Iterator[str]:
    """The files and folders that a document names."""
    for name in quoted(document):
        place = name.split(": ")[0].removesuffix("/")
        if _FILE.fullmatch(place) or (_FOLDER.fullmatch(name) and is_first_name_ours(place)):
            yield place


@cache
def functions(path: Path) -> frozenset[str]:
    """The functions and methods of a file."""
    tree = ast.parse(path.read_text())
    return frozenset(
        node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )


@pytest.mark.parametrize("document", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_files_and_folders_that_a_document_names_exist(document: Path) -> None:
    """The README of a service may leave out the service's own folders."""
    first = document.relative_to(ROOT).parts[0]
    known = endings(first if first in SERVICES else "") | NOT_OF_THE_REPOSITORY
    assert [each for each in places(document) if each not in known] == []


@pytest.mark.parametrize("document", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_tests_that_a_document_names_exist(document: Path) -> None:
    files = {path.rsplit("/", maxsplit=1)[-1].removesuffix(".py") for path in paths()}
    named = [each for each in quoted(document) if re.fullmatch(r"test_\w+", each)]
    assert [each for each in named if each not in files] == []


@pytest.mark.parametrize("document", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_links_of_a_document_lead_somewhere(document: Path) -> None:
    links = _LINK.findall(document.read_text())
    assert [each for each in links if not (document.parent / each).exists()] == []


@pytest.mark.parametrize("name", ["ARCHITECTURE.md", "CONTROLS.md"])
def test_functions_that_a_document_names_exist(name: str) -> None:
    steps = _STEP.findall((DOCS / name).read_text())
    assert steps
    for file, function in steps:
        found = [ROOT / path for path in paths() if path == file or path.endswith(f"/{file}")]
        assert any(function in functions(path) for path in found), f"{file}: {function}"


def code_files() -> Iterator[Path]:
    for path in sorted(paths()):
        if path.endswith(".py") and path.split("/", maxsplit=1)[0] in (*CODE, "tests"):
            yield ROOT / path


def test_files_that_the_code_names_exist() -> None:
    named = re.compile(r"`([\w./-]+\.(?:py|md))`|\b(docs/[\w/.-]+\.md)\b")
    missing = [
        f"{path}: {name}"
        for path in code_files()
        for found in named.findall(path.read_text())
        for name in found
        if name and name not in endings("")
    ]
    assert missing == []


def test_sections_of_the_formulas_that_the_code_names_exist() -> None:
    """The title of a section follows the name of the file; its first nine characters tell it from others."""
    text = (DOCS / "FORMULAS.md").read_text()
    titles = tuple(re.findall(r"^## (.+)$", text, re.MULTILINE))
    named = re.compile(r"docs/FORMULAS\.md, (.{9})")
    missing = [
        f"{path}: {name}"
        for path in code_files()
        for name in named.findall(path.read_text().replace("\n", " "))
        if path != Path(__file__) and not any(name.startswith(title[:9]) for title in titles)
    ]
    assert missing == []


def words_not_used() -> list[str]:
    """The first column of the glossary's last table."""
    table = (DOCS / "GLOSSARY.md").read_text().split("## Words that are not used")[1]
    rows = re.findall(r"^\| ([a-z /-]+) \| [a-z]", table, re.MULTILINE)
    return [word for row in rows if row != "not used" for word in row.split(" / ")]


def public_names(path: Path) -> Iterator[str]:
    """Public classes and functions of a file, and the parameters of those functions."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield node.name
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith("_"):
            arguments = node.args
            yield node.name
            yield from (each.arg for each in (*arguments.args, *arguments.kwonlyargs))


def in_words(name: str) -> str:
    """`VenueOrder` and `venue_order` are both ` venue order `."""
    return f" {re.sub(r'(?<=[a-z0-9])(?=[A-Z])', ' ', name).replace('_', ' ').lower()} "


def test_words_are_told_apart_in_names_of_both_kinds() -> None:
    assert (in_words("VenueOrder"), in_words("venue_order")) == (" venue order ", " venue order ")


def test_no_public_name_has_a_word_that_the_glossary_has_replaced() -> None:
    words = words_not_used()
    assert "standing back" in words
    found = [
        f"{path}: {name}"
        for path in code_files()
        if not path.is_relative_to(ROOT / "tests")
        for name in public_names(path)
        if any(f" {word} " in in_words(name) for word in words)
    ]
    assert found == []


def test_no_adapter_reaches_into_its_core() -> None:
    """It gets messages, and the methods of its AdapterContext."""
    found = [
        f"{path}:{node.lineno}"
        for path in code_files()
        if path.relative_to(ROOT).parts[0] in SERVICES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr == "core" and "context" in ast.unparse(node.value)
    ]
    assert found == []
