"""YAML from people: configuration files, variables, the file of users.

What a scalar means is decided by the field that it is for (runtime/config/field_types.py), not by its look:
YAML 1.1, which PyYAML reads, takes `no` for false, `0100` for 64, `16:30` for 990 and a key `ON` for true.
"""

import re
from collections.abc import Hashable
from typing import Any

import yaml

from runtime.config.field_types import Plain

_VALUES_MAX = 1_000_000
_TEXT_TAG = "tag:yaml.org,2002:str"
_MERGE_TAG = "tag:yaml.org,2002:merge"


class TextLoader(yaml.SafeLoader):
    """Scalars stay text unless a tag says otherwise; keys are always text."""

    def construct_text(self, node: yaml.ScalarNode) -> str:
        """The text, and whether it stood without quotes."""
        return Plain(node.value) if node.style is None else str(node.value)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """A mapping; raises yaml.MarkedYAMLError for a key that is no name."""
        for key_node, _ in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                line = key_node.start_mark.line + 1
                raise yaml.MarkedYAMLError(problem=f"line {line}: a key is a name, not a list or a mapping")
            if key_node.tag != _MERGE_TAG:
                key_node.tag = _TEXT_TAG
        found = super().construct_mapping(node, deep)
        return {str(key): value for key, value in found.items()}


TextLoader.yaml_implicit_resolvers = {"<": [(_MERGE_TAG, re.compile("<<$"))]}
TextLoader.add_constructor(_TEXT_TAG, TextLoader.construct_text)


def settings_of(text: str) -> Any:
    """As `yaml_of`, without repeated keys; raises ValueError, with the place, where it is not valid."""
    try:
        return yaml_of(text, _UniqueKeyLoader)
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from None


def yaml_of(text: str, loader: type[TextLoader] = TextLoader) -> Any:
    """The values in a YAML text, scalars as text; raises yaml.YAMLError, or ValueError for a wrong tag.

    Aliases may neither refer to themselves nor multiply what is written to more than fits a file.
    """
    values = yaml.load(text, loader)  # noqa: S506  a SafeLoader
    waiting, count = [values], 0
    while waiting:
        count += 1
        if count > _VALUES_MAX:
            raise yaml.YAMLError(f"its aliases stand for over {_VALUES_MAX:,} values, or for themselves")
        value = waiting.pop()
        if isinstance(value, dict):
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
    return values


class _UniqueKeyLoader(TextLoader):
    """Rejects repeated keys, where YAML would silently keep the last one."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: dict[str, None] = {}
        for key_node, _ in node.value:
            if isinstance(key_node, yaml.ScalarNode):
                if key_node.value in seen:
                    line = key_node.start_mark.line + 1
                    raise yaml.MarkedYAMLError(problem=f"key {key_node.value!r} is repeated in line {line}")
                seen[key_node.value] = None
        return super().construct_mapping(node, deep)
