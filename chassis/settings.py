"""Where the configuration comes from: command line > environment > later file > earlier file > defaults.

pydantic-settings is not used: it names neither the file nor the nearest key of a wrong entry, and keeps no
origin of values. What is needed beside PyYAML and pydantic is a merge of dictionaries.
"""

import hashlib
import json
import os
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError

from chassis.errors import ConfigError
from chassis.text import nearest
from schemas.config import Config

ENV_PREFIX = "MM__"
COMMAND_LINE = "command line"


@dataclass(frozen=True, slots=True)
class LoadedConfig:
    """A configuration, and where each of its values comes from."""

    config: Config
    origin: dict[str, str]
    """By dotted key: `default`, `env MM__X__Y`, a file's name, or `command line`."""


@dataclass(slots=True)
class _Layers:
    """Values merged so far, with their origins and what was wrong with them."""

    values: dict[str, Any] = field(default_factory=dict)
    origin: dict[str, str] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)

    def add(self, values: Mapping[str, Any], origin: str) -> None:
        """Lay `values` over what is there; unknown keys become errors."""
        self._merge(self.values, values, Config, "", origin)

    def _merge(
        self, into: dict[str, Any], values: Mapping[str, Any], model: type[BaseModel], path: str, origin: str
    ) -> None:
        for name, value in values.items():
            dotted = f"{path}{name}"
            if name not in model.model_fields:
                self.errors.append(f"{origin}: unknown key {dotted}{_nearest_key(str(name), model, path)}")
                continue
            section = _section(model, name)
            if section is not None and isinstance(value, Mapping):
                self._merge(into.setdefault(name, {}), value, section, f"{dotted}.", origin)
            else:
                into[name] = value
                self.origin[dotted] = origin


def _section(model: type[BaseModel], name: str) -> type[BaseModel] | None:
    """The model of a section; None for a value, and for a dictionary, which is replaced as a whole."""
    annotation = model.model_fields[name].annotation
    return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None


def _nearest_key(name: str, model: type[BaseModel], path: str) -> str:
    known = [f"{path}{field_name}" for field_name in model.model_fields]
    return nearest(f"{path}{name}", known)


def load_config(
    files: Sequence[Path] = (),
    overrides: Mapping[str, Any] | None = None,
    env: Mapping[str, str] | None = None,
) -> LoadedConfig:
    """The configuration in force; a dictionary of entries (`instruments`, ...) replaces the one below it.

    Raises ConfigError that lists everything wrong, each with its source, key, value and the remedy.
    """
    layers = _Layers()
    for path in files:
        layers.add(_read_yaml(path), str(path))
    for name, keys, value in _env_values(os.environ if env is None else env):
        nested: Any = value
        for key in reversed(keys):
            nested = {key: nested}
        layers.add(nested, f"env {name}")
    layers.add(overrides or {}, COMMAND_LINE)
    if layers.errors:
        raise ConfigError("\n".join(layers.errors))
    try:
        config = Config.model_validate(layers.values)
    except ValidationError as error:
        raise ConfigError("\n".join(_bad_values(error, layers))) from None
    return LoadedConfig(
        config, {key: _origin(key, layers) for key, _ in flat(config.model_dump(mode="json"))}
    )


def _origin(key: str, layers: _Layers) -> str:
    while key:
        if key in layers.origin:
            return layers.origin[key]
        key = key.rpartition(".")[0]
    return "default"


def _bad_values(error: ValidationError, layers: _Layers) -> Iterator[str]:
    for item in error.errors():
        place = ".".join(str(part) for part in item["loc"])
        shown = "" if item["type"] in ("missing", "extra_forbidden") else f" (it is {item['input']!r})"
        hint = ""
        if item["type"] == "extra_forbidden":
            hint = _nearest_of_entry(tuple(item["loc"]))
        yield f"{_origin(place, layers)}: {place or 'configuration'}: {item['msg']}{shown}{hint}"


def _nearest_of_entry(loc: tuple[int | str, ...]) -> str:
    """The nearest key inside an entry of a dictionary, such as instruments.BTC/USDT.tick_siz."""
    model: Any = Config
    for part in loc[:-1]:
        is_section = isinstance(model, type) and issubclass(model, BaseModel)
        model = model.model_fields[str(part)].annotation if is_section else get_args(model)[-1]
    known = model.model_fields if isinstance(model, type) and issubclass(model, BaseModel) else ()
    return nearest(str(loc[-1]), known)


class _UniqueKeyLoader(yaml.SafeLoader):
    """YAML's silent last-one-wins for a repeated key would lose a setting."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: dict[Any, None] = {}
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                line = key_node.start_mark.line + 1
                raise yaml.MarkedYAMLError(problem=f"key {key!r} stands twice, again in line {line}")
            seen[key] = None
        return super().construct_mapping(node, deep)


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        values = yaml.load(path.read_text(encoding="utf-8"), _UniqueKeyLoader)  # noqa: S506  a SafeLoader
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8 text: {error.reason}") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{path} is not valid YAML: {error}") from None
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise ConfigError(
            f"{path} holds a {type(values).__name__} at its top: it must hold sections (a mapping)"
        )
    return values


def _env_values(env: Mapping[str, str]) -> Iterator[tuple[str, list[str], Any]]:
    """Each override: the variable's name, its keys, its value. Entries of dictionaries cannot be set so."""
    for name, text in sorted(env.items()):
        if name.upper().startswith(ENV_PREFIX):
            keys = name[len(ENV_PREFIX) :].lower().split("__")
            try:
                yield name, keys, yaml.safe_load(text)
            except yaml.YAMLError:
                raise ConfigError(f"env {name} is not a YAML value: {text!r}") from None


def flat(values: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted keys and plain values of nested sections; an empty section is a value."""
    for name, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from flat(value, f"{path}{name}.")
        else:
            yield f"{path}{name}", value


def config_hash(config: Config) -> str:
    """SHA-256 of the configuration in one canonical form, as hex digits."""
    canonical = json.dumps(config.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def code_version() -> str:
    """The installed version, with the commit where the code is a git checkout."""
    commit = _commit(Path(__file__).resolve().parents[1] / ".git")
    return version("mm-chassis") + (f"+{commit[:12]}" if commit else "")


def _commit(git: Path) -> str | None:
    try:
        head = (git / "HEAD").read_text().strip()
        if not head.startswith("ref: "):
            return head
        return (git / head.removeprefix("ref: ")).read_text().strip()
    except OSError:
        return None
