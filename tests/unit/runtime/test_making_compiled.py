"""Modules as they are compiled: restorable, and with their lines where they were."""

import ast
from pathlib import Path

import pytest

from deploy.make_compiled import COMPILED, restorable, sources

MODULE = '''"""A module."""

from dataclasses import dataclass


@dataclass
class First:
    """One."""


# of the other
class Second:
    """Two."""
'''


def test_each_class_gets_the_decorator_and_no_line_moves() -> None:
    made = restorable(MODULE).split("\n")
    before = MODULE.split("\n")
    assert len(made) == len(before)
    changed = {number for number, (one, other) in enumerate(zip(before, made, strict=True)) if one != other}
    assert {before[number] for number in changed} == {""}
    found = {each.name: each for each in ast.parse("\n".join(made)).body if isinstance(each, ast.ClassDef)}
    decorators = {name: [ast.unparse(each) for each in one.decorator_list] for name, one in found.items()}
    opened = "mypyc_attr(allow_interpreted_subclasses=True)"
    assert decorators == {"First": [opened, "dataclass"], "Second": [opened]}


@pytest.mark.parametrize("pattern", COMPILED)
def test_every_pattern_names_modules_that_are_there(pattern: str) -> None:
    found = list(sources(pattern))
    assert found
    assert all(not each.endswith("__init__.py") for each in found)
    for each in found:
        assert Path(each).suffix == ".py"
