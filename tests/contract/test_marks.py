"""The code that a test is marked with is in its document, and every worked example is shown by a test."""

import re

from tests.conftest import ROOT

DOCUMENTS = {"case": "FORMULAS.md", "control": "CONTROLS.md", "invariant": "INVARIANTS.md"}
_MARK = re.compile(r'^ *@pytest\.mark\.(case|control|invariant)\("(\w+)"\)$', re.MULTILINE)


def text_of(mark: str) -> str:
    return (ROOT / "docs" / DOCUMENTS[mark]).read_text(encoding="utf-8")


def marks() -> frozenset[tuple[str, str]]:
    """Kind and code of every mark."""
    sources = (path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("*.py"))
    return frozenset((kind, code) for source in sources for kind, code in _MARK.findall(source))


def test_the_code_of_a_mark_is_explained() -> None:
    assert {kind for kind, _ in marks()} == DOCUMENTS.keys()
    assert [mark for mark in sorted(marks()) if not re.search(rf"\b{mark[1]}\b", text_of(mark[0]))] == []


def test_every_worked_example_is_shown_by_a_test() -> None:
    examples = frozenset(re.findall(r"\(([A-Z]{2,3}[0-9])\)", text_of("case")))
    assert examples
    assert examples - {code for kind, code in marks() if kind == "case"} == frozenset()
