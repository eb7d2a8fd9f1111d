"""Writes schemas/examples: one golden message for every type on a topic, as the bytes of the wire.

    python -m tests.contract.make_examples

Run it after a type gained a field. It refuses to write an example that would lose a field of the one in
place: such a change is a new type with the next version, and the old example stays.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from schemas.envelope import encode
from schemas.message import Event
from schemas.renamed_keys import DROPPED_KEYS, RENAMED_KEYS
from tests.contract.carried_examples import carried_examples
from tests.contract.decision_examples import decision_examples
from tests.contract.example_values import FOLDER
from tests.contract.market_examples import market_examples, statistics_examples
from tests.contract.order_examples import order_examples
from tests.contract.process_examples import process_examples

_CONFIG = "config."
"""Before the keys of the configuration in process.config."""


def examples() -> dict[str, Event]:
    """By type name, in the order of the map of topics."""
    messages = (
        *market_examples(),
        *order_examples(),
        *decision_examples(),
        *statistics_examples(),
        *process_examples(),
        *carried_examples(),
    )
    return {message.type_name: message for message in messages}


def field_paths(value: Any, path: str = "") -> Iterator[str]:
    """The dotted names of all fields below a decoded JSON value; entries of a list share one name."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield f"{path}{name}"
            yield from field_paths(item, f"{path}{name}.")
    elif isinstance(value, list):
        for item in value:
            yield from field_paths(item, path)


def lost_fields(old: bytes, new: bytes) -> list[str]:
    """Fields that the new message lacks; renamed and dropped keys of the configuration are not lost."""
    present = frozenset(field_paths(json.loads(new)))
    return [
        path
        for path in dict.fromkeys(field_paths(json.loads(old)))
        if _present_name(path) not in present and path.removeprefix(_CONFIG) not in DROPPED_KEYS
    ]


def _present_name(path: str) -> str:
    in_config = path.removeprefix(_CONFIG)
    return path if in_config == path else _CONFIG + RENAMED_KEYS.get(in_config, in_config)


def write_examples(folder: Path) -> list[str]:
    """Write each example that loses no field; what was refused, in words."""
    refused = []
    for type_name, message in examples().items():
        path = folder / f"{type_name}.json"
        payload = encode(message) + b"\n"
        lost = lost_fields(path.read_bytes(), payload) if path.exists() else []
        if lost:
            refused.append(
                f"{path.name} would lose {', '.join(lost)}: make a new version of the type instead"
            )
        else:
            path.write_bytes(payload)
    return refused


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    sys.exit("\n".join(write_examples(FOLDER)) or None)
