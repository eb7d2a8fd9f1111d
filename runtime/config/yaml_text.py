"""YAML from people: configuration files, variables, the file of users."""

from collections.abc import Hashable
from typing import Any

import yaml

_VALUES_MAX = 1_000_000


def settings_of(text: str) -> Any:
    """As `yaml_of`, without repeated keys; raises ValueError, with the place, where it is not valid."""
    try:
        return yaml_of(text, _UniqueKeyLoader)
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from None


def yaml_of(text: str, loader: type[yaml.SafeLoader] = yaml.SafeLoader) -> Any:
    """The values in a YAML text; raises yaml.YAMLError, or ValueError for a date that does not exist.

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


class _UniqueKeyLoader(yaml.SafeLoader):
    """Rejects repeated keys, where YAML would silently keep the last one."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: dict[str, None] = {}
        for key_node, _ in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                raise yaml.MarkedYAMLError(problem=f"line {line}: a key is a name, not a list or a mapping")
            if key_node.value in seen:
                raise yaml.MarkedYAMLError(problem=f"key {key_node.value!r} is repeated in line {line}")
            seen[key_node.value] = None
        return super().construct_mapping(node, deep)
