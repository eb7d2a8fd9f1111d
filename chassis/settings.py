"""Where the configuration comes from: command line > environment > later file > earlier file > defaults.

pydantic-settings is not used: it names neither the file nor the nearest key of a wrong entry, and keeps no
origin of values. What is needed beside PyYAML and pydantic is a merge of dictionaries.
"""

import hashlib
import json
import os
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from importlib.metadata import version
from pathlib import Path
from typing import Any, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError

from chassis.errors import ConfigError
from chassis.text import nearest
from schemas.config import Config

ENV_PREFIX = "MM__"
_DEPLOYMENT: Mapping[str, Any] = {
    "engine": True,
    "access": True,
    "kafka": True,
    "redis": True,
    "process": True,
    "exchange": {
        "url",
        "market_data",
        "api_key_file",
        "api_secret_file",
        "api_passphrase_file",
        "heartbeat_file",
    },
}
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
        """Lay `values` over what is there; what cannot be laid becomes an error."""
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
            if section is None:
                into[name] = value
                self.origin[dotted] = origin
            elif value is None or isinstance(value, Mapping):  # a section without any key is empty
                self._merge(into.setdefault(name, {}), value or {}, section, f"{dotted}.", origin)
            else:
                self.errors.append(f"{origin}: {dotted} is a section: it holds keys, not {value!r}")

    def add_env(self, env: Mapping[str, str]) -> None:
        """Lay the variables `MM__SECTION__KEY` over what is there."""
        for name, text in sorted(env.items()):
            if name.upper().startswith(ENV_PREFIX):
                self._add_variable(name, name[len(ENV_PREFIX) :].lower().split("__"), text)

    def _add_variable(self, name: str, keys: list[str], text: str) -> None:
        try:
            value = yaml.load(text, _UniqueKeyLoader)  # noqa: S506  a SafeLoader
        except (yaml.YAMLError, ValueError):
            self.errors.append(f"env {name} is not a YAML value: {text!r}")
            return
        above = _value_above(keys)
        if above is not None:
            whole = ENV_PREFIX + above.upper().replace(".", "__")
            self.errors.append(
                f"env {name}: {above} is set as a whole or in a file, never entry by entry: {whole}=VALUE"
            )
            return
        for key in reversed(keys):
            value = {key: value}
        self.add(value, f"env {name}")

    def source(self, place: str) -> str:
        """Where the value at a dotted key comes from; for a section, where its values come from."""
        key = place
        while key:
            if key in self.origin:
                return self.origin[key]
            key = key.rpartition(".")[0]
        below = [origin for key, origin in self.origin.items() if not place or key.startswith(f"{place}.")]
        return ", ".join(dict.fromkeys(below)) or "default"


def _section(model: type[BaseModel], name: str) -> type[BaseModel] | None:
    """The model of a section; None for a value, and for a dictionary, which is replaced as a whole."""
    annotation = model.model_fields[name].annotation
    return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None


def _value_above(keys: Sequence[str]) -> str | None:
    """The dotted key of a value, or of a dictionary, that the last of `keys` would reach into."""
    model: type[BaseModel] = Config
    for index, key in enumerate(keys[:-1], start=1):
        if key not in model.model_fields:
            return None
        section = _section(model, key)
        if section is None:
            return ".".join(keys[:index])
        model = section
    return None


def _sections(model: type[BaseModel], path: str = "") -> Iterator[tuple[str, type[BaseModel]]]:
    """Every section with its dotted prefix, the root first."""
    yield path, model
    for name in model.model_fields:
        section = _section(model, name)
        if section is not None:
            yield from _sections(section, f"{path}{name}.")


def _nearest_key(name: str, model: type[BaseModel], path: str) -> str:
    """A key of the same section that is spelled alike, else the same key in another section."""
    close = get_close_matches(name, model.model_fields, n=1, cutoff=0.6)
    if close:
        return f"; did you mean {path + close[0]!r}?"
    elsewhere = [prefix + name for prefix, section in _sections(Config) if name in section.model_fields]
    if elsewhere:
        return f"; did you mean {elsewhere[0]!r}?"
    return f"; known are {', '.join(path + known for known in model.model_fields)}"


def load_config(
    files: Sequence[Path] = (),
    overrides: Mapping[str, Any] | None = None,
    env: Mapping[str, str] | None = None,
) -> LoadedConfig:
    """The configuration in force; `env` None is the environment of this process.

    Sections are merged key by key; a dictionary of entries (`instruments`, `feed.symbols`,
    `reporting.rates`) replaces the one below it as a whole, so that a file can also leave entries out.
    Raises ConfigError that lists everything wrong, each with its source, key, value and the remedy.
    """
    layers = _Layers()
    for path in files:
        layers.add(_read_yaml(path), str(path))
    layers.add_env(os.environ if env is None else env)
    layers.add(overrides or {}, COMMAND_LINE)
    errors = list(layers.errors)
    try:
        config = Config.model_validate(layers.values)
    except ValidationError as error:
        errors += _bad_values(error, layers)
    if errors:
        raise ConfigError("\n".join(errors))
    return LoadedConfig(config, {key: layers.source(key) for key, _ in flat(config.model_dump(mode="json"))})


def _bad_values(error: ValidationError, layers: _Layers) -> list[str]:
    """A line for each wrong place; where a place allows several kinds of value, all of them are named."""
    allowed: dict[str, list[str]] = {}
    ends: dict[str, str] = {}
    for item in error.errors():
        keys, beside = _known_place(item["loc"])
        place = ".".join(keys)
        message = item["msg"].removeprefix("Value error, ")
        if item["type"] == "extra_forbidden":
            message = "unknown key" + nearest(keys[-1], beside)
        is_whole = item["type"] in ("missing", "extra_forbidden") or isinstance(item["input"], Mapping)
        allowed.setdefault(place, []).append(message)
        ends[place] = "" if is_whole else f" (it is {item['input']!r})"
    return [
        f"{layers.source(place)}: {place + ': ' if place else ''}{', or '.join(messages)}{ends[place]}"
        for place, messages in allowed.items()
    ]


def _known_place(loc: tuple[int | str, ...]) -> tuple[list[str], tuple[str, ...]]:
    """The keys that lead to a wrong value, and the keys known beside the last of them.

    What pydantic puts behind a value's key (the kinds that a union allows) is left out.
    """
    keys: list[str] = []
    beside: tuple[str, ...] = ()
    model: Any = Config
    for part in loc:
        if isinstance(model, type) and issubclass(model, BaseModel):
            beside = tuple(model.model_fields)
            known = model.model_fields.get(str(part))
            model = known.annotation if known else None
        elif get_origin(model) is dict:
            beside = ()
            model = get_args(model)[-1]
        elif not isinstance(part, int):
            break
        keys.append(str(part))
    return keys, beside


class _UniqueKeyLoader(yaml.SafeLoader):
    """YAML's silent last-one-wins for a repeated key would lose a setting."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: dict[str, None] = {}
        for key_node, _ in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                raise yaml.MarkedYAMLError(problem=f"line {line}: a key is a name, not a list or a mapping")
            if key_node.value in seen:
                raise yaml.MarkedYAMLError(
                    problem=f"key {key_node.value!r} stands twice, again in line {line}"
                )
            seen[key_node.value] = None
        return super().construct_mapping(node, deep)


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        values = yaml.load(path.read_text(encoding="utf-8"), _UniqueKeyLoader)  # noqa: S506  a SafeLoader
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8 text: {error.reason}") from None
    except (yaml.YAMLError, ValueError) as error:  # ValueError: such as the date 2024-13-45
        raise ConfigError(f"{path} is not valid YAML: {error}") from None
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise ConfigError(
            f"{path} holds a {type(values).__name__} at its top: it must hold sections (a mapping)"
        )
    return values


def flat(values: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted keys and plain values of nested sections; an empty section is a value."""
    for name, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from flat(value, f"{path}{name}.")
        else:
            yield f"{path}{name}", value


def config_hash(config: Config) -> str:
    """SHA-256, as hex digits, of what decisions depend on, in one canonical form.

    Where a process runs and what it is connected to is no part of it: a log can be gone on with elsewhere.
    """
    deciding = config.model_dump(mode="json", exclude=dict(_DEPLOYMENT))
    canonical = json.dumps(deciding, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def code_version() -> str:
    """The installed version, with the commit where the code is a git checkout."""
    commit = _commit(Path(__file__).resolve().parents[1] / ".git")
    return version("mm-chassis") + (f"+{commit[:12]}" if commit else "")


def _commit(git: Path) -> str | None:
    """The commit that HEAD names, loose or packed; None where `git` is no repository."""
    try:
        head = (git / "HEAD").read_text().strip()
        if not head.startswith("ref: "):
            return head
        ref = head.removeprefix("ref: ")
        if (git / ref).exists():
            return (git / ref).read_text().strip()
        packed = (line.split() for line in (git / "packed-refs").read_text().splitlines())
        return next((words[0] for words in packed if words[1:] == [ref]), None)
    except OSError:
        return None
