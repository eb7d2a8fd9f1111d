"""Configuration keys that have another name now, or none. What has the old one still loads."""

from collections.abc import Iterator, Mapping
from typing import Any

RENAMED_KEYS: Mapping[str, str] = {
    "engine.port": "gateway.port",
    "process.gateway_host": "gateway.host",
    "inventory.markout_horizon_ms": "inventory.markout_horizons_ms",
}
"""The present name by the old one, both as `section.name`."""
DROPPED_KEYS = frozenset({"market_making.refused_rest_s"})
"""Settings that there are no more: what has them still loads, and they change nothing."""


def with_present_names(values: Mapping[str, Any]) -> dict[str, Any]:
    """Nested values of a configuration, with the present names in place of old ones.

    Raises ValueError where one setting has two values, one under each name.
    """
    renamed = dict(values)
    for key in DROPPED_KEYS:
        if _has(renamed, key):
            _remove(renamed, key)
    for old, present, value in _old_keys(values):
        _remove(renamed, old)
        section, _, name = present.partition(".")
        known = renamed.get(section) or {}
        if not isinstance(known, Mapping):
            continue  # no section: refused where it is read
        if name in known and known[name] != value:
            raise ValueError(
                f"{old} ({value!r}) and {present} ({known[name]!r}) are two names of one setting, "
                f"with different values: keep {present}"
            )
        renamed[section] = {**known, name: value}
    return renamed


def _old_keys(values: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    for old, present in RENAMED_KEYS.items():
        section, _, name = old.partition(".")
        if _has(values, old):
            yield old, present, values[section][name]


def _has(values: Mapping[str, Any], key: str) -> bool:
    section, _, name = key.partition(".")
    keys = values.get(section)
    return isinstance(keys, Mapping) and name in keys


def _remove(values: dict[str, Any], key: str) -> None:
    section, _, name = key.partition(".")
    values[section] = {each: value for each, value in values[section].items() if each != name}
