"""Loads the configuration: command line > environment > later file > earlier file > defaults.

pydantic-settings is not used: it reports neither the file nor the nearest key of a wrong entry and does not
track the origin of values. All that is needed besides PyYAML and pydantic is a merge of dictionaries.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError

from runtime.config.field_types import FieldTypes, is_nothing
from runtime.errors import ConfigError
from runtime.observability.redaction import HIDDEN, is_secret_name, redacted
from runtime.text import nearest
from schemas.config import Config
from schemas.deployment import without_credentials
from schemas.numbers import shortened
from schemas.renamed_keys import RENAMED_KEYS, with_present_names

ENV_PREFIX = "MM__"
_DEPLOYMENT: Mapping[str, Any] = {
    "engine": True,
    "gateway": True,
    "access": True,
    "control": True,
    "kafka": True,
    "redis": True,
    "process": True,
    "exchange": {
        "url",
        "market_data",
        "account",
        "api_key_file",
        "api_secret_file",
        "api_passphrase_file",
        "heartbeat_file",
    },
}
COMMAND_LINE = "command line"
DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class LoadedConfig:
    """A configuration and the origin of each value."""

    config: Config
    origin: dict[str, str]
    """By dotted key: `default`, `env MM__X__Y`, a file's name, or `command line`."""


@dataclass(slots=True)
class _Layers:
    """Values merged so far, with origins and errors."""

    values: dict[str, Any] = field(default_factory=dict)
    origin: dict[str, str] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    """Places of values that are not of their field's type, and are left out."""

    def add(self, values: Mapping[str, Any], origin: str) -> None:
        """Merge `values` over the existing ones; invalid entries become errors."""
        try:
            self._merge(self.values, with_present_names(values), Config, "", origin)
        except ValueError as error:
            self.errors.append(f"{origin}: {error}")

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
                self._set(into, name, value, model.model_fields[name].annotation, dotted, origin)
            elif isinstance(value, Mapping):
                self._merge(into.setdefault(name, {}), value, section, f"{dotted}.", origin)
            elif is_nothing(value):  # a section without any key is empty
                into.setdefault(name, {})
            else:
                self.errors.append(
                    f"{origin}: {dotted} is a section: it contains keys, not {shown(dotted, value)}"
                )

    def _set(
        self, into: dict[str, Any], name: str, value: Any, annotation: Any, place: str, origin: str
    ) -> None:
        types = FieldTypes()
        converted = types.convert(value, annotation, place)
        self.wrong += types.wrong
        self.errors += [
            f"{origin}: {where}: {wanted} (it is {shown(where, given)})"
            for where, (wanted, given) in types.wrong.items()
        ]
        if converted:
            (into[name],) = converted
            self.origin[place] = origin

    def add_env(self, env: Mapping[str, str]) -> None:
        """Merge the variables `MM__SECTION__KEY` over the existing values."""
        ours = {name: text for name, text in sorted(env.items()) if name.upper().startswith(ENV_PREFIX)}
        for name, text in ours.items():
            self._add_variable(name, name[len(ENV_PREFIX) :].lower().split("__"), text)
        self.errors += _named_twice(ours)

    def _add_variable(self, name: str, keys: list[str], text: str) -> None:
        try:
            value = _parsed(text)
        except ValueError:
            self.errors.append(f"env {name} is not a YAML value: {shown(name, text)}")
            return
        above = _value_above(keys)
        if above is not None:
            self.errors.append(
                f"env {name}: {above} can only be set as a whole or in a file: {_variable(above)}=VALUE"
            )
            return
        for key in reversed(keys):
            value = {key: value}
        self.add(value, f"env {name}")

    def source(self, place: str) -> str:
        """The origin of the value at a dotted key; for a section, the origins of its values."""
        key = place
        while key:
            if key in self.origin:
                return self.origin[key]
            key = key.rpartition(".")[0]
        below = [origin for key, origin in self.origin.items() if not place or key.startswith(f"{place}.")]
        return ", ".join(dict.fromkeys(below)) or DEFAULT


def _variable(key: str) -> str:
    return ENV_PREFIX + key.upper().replace(".", "__")


def _named_twice(variables: Mapping[str, str]) -> Iterator[str]:
    """An error for each setting that has two values, one under its old and one under its present name."""
    values = {name.upper(): text for name, text in variables.items()}
    for old, present in RENAMED_KEYS.items():
        before, now = _variable(old), _variable(present)
        if before in values and values[before] != values.get(now, values[before]):
            yield f"env {before} and {now} are two names of one setting, with different values: keep {now}"


def _section(model: type[BaseModel], name: str) -> type[BaseModel] | None:
    """The model of a section; None for a value or a dictionary, which is replaced as a whole."""
    annotation = model.model_fields[name].annotation
    return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None


def _value_above(keys: Sequence[str]) -> str | None:
    """The dotted key of the value or dictionary that contains the last of `keys`."""
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
    """A similarly spelled key of the same section, else the same key in another section."""
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
    """The effective configuration; `env` None: the environment of this process.

    Sections are merged key by key; a dictionary of entries (`instruments`, `feed.symbols`,
    `reporting.rates`) replaces the lower one as a whole, so that a file can also remove entries. Raises a
    ConfigError that lists all errors, each with source, key, value and remedy.
    """
    layers = _Layers()
    for path in files:
        layers.add(_read_yaml(path), str(path))
    layers.add_env(os.environ if env is None else env)
    layers.add(overrides or {}, COMMAND_LINE)
    errors = [*layers.errors, *_secrets_in(layers)]
    try:
        config = Config.model_validate(layers.values)
    except ValidationError as error:
        errors += _bad_values(error, layers)
    if errors:
        raise ConfigError("\n".join(errors))
    return LoadedConfig(config, {key: layers.source(key) for key, _ in flat(config.model_dump(mode="json"))})


def shown(key: str, value: Any) -> str:
    """A value for an error message; secrets are never shown."""
    return HIDDEN if is_secret_name(key) else shortened(redacted(repr(value)))


def _secrets_in(layers: _Layers) -> list[str]:
    """An error for each URL with credentials: the configuration is written into every log."""
    return [
        f"{layers.source(key)}: {key} contains a user name or password, and the configuration is written to "
        f"every log: remove them from the address{_password_remedy(key)}"
        for key, value in flat(layers.values)
        if isinstance(value, str) and _is_address(key, value) and without_credentials(value) != value
    ]


def _is_address(key: str, value: str) -> bool:
    return "://" in value or key == "kafka.bootstrap"


def _password_remedy(key: str) -> str:
    section = key.partition(".")[0]
    named = {
        "redis": "redis.username, and the file of the password with redis.password_file",
        "kafka": "kafka.sasl_username, and the file of the password with kafka.sasl_password_file",
    }
    return f" and set {named[section]}" if section in named else ""


def _bad_values(error: ValidationError, layers: _Layers) -> list[str]:
    """One line per invalid value; for unions, with the errors of all alternatives."""
    allowed: dict[str, list[str]] = {}
    ends: dict[str, str] = {}
    for item in error.errors():
        keys, beside = _known_place(item["loc"])
        place = ".".join(keys)
        if place in layers.wrong:
            continue
        message = item["msg"].removeprefix("Value error, ")
        if item["type"] == "extra_forbidden":
            message = "unknown key" + nearest(keys[-1], beside)
        is_whole = item["type"] in ("missing", "extra_forbidden") or isinstance(item["input"], Mapping)
        allowed.setdefault(place, []).append(message)
        ends[place] = "" if is_whole else f" (it is {shown(place, item['input'])})"
    return [
        f"{layers.source(place)}: {place + ': ' if place else ''}{', or '.join(messages)}{ends[place]}"
        for place, messages in allowed.items()
    ]


def _known_place(loc: tuple[int | str, ...]) -> tuple[list[str], tuple[str, ...]]:
    """The path to an invalid value, and the valid siblings of its last key.

    Suffixes that pydantic adds for the alternatives of a union are dropped.
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


def _parsed(text: str) -> Any:
    from runtime.config.yaml_text import settings_of  # noqa: PLC0415  a start without any YAML does not load it

    return settings_of(text)


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        values = _parsed(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8 text: {error.reason}") from None
    except ValueError as error:
        raise ConfigError(f"{path} is not valid YAML: {error}") from None
    if is_nothing(values):
        return {}
    if not isinstance(values, dict):
        kind = "list" if isinstance(values, list) else "text"
        raise ConfigError(f"{path} has a {kind} at the top level: it must have sections (a mapping)")
    return values


def flat(values: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted keys and plain values of nested sections; an empty section counts as a value."""
    for name, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from flat(value, f"{path}{name}.")
        else:
            yield f"{path}{name}", value


def deciding(config: Config) -> dict[str, Any]:
    """The part of the configuration that decisions depend on: not where a process runs or connects to."""
    return config.model_dump(mode="json", exclude=dict(_DEPLOYMENT))


def config_hash(config: Config) -> str:
    """SHA-256, as hex digits, of the canonical form of what decisions depend on.

    A log can thus be resumed on another machine.
    """
    canonical = json.dumps(deciding(config), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
