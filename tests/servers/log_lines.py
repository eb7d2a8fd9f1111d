"""A topic log read as text, whichever release wrote it, and what the engine amounts to at its end."""

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from runtime.log.segments import open_segment
from schemas.orders import TERMINAL_STATUSES

_CHECKSUM_LENGTH = 9
_LEDGER = ("position_lots", "realised", "fees", "traded_notional", "fills", "average_price_ticks")


def committed(log: Path) -> list[dict[str, Any]]:
    """All records that a commit closes, in order."""
    records: list[dict[str, Any]] = []
    pending: list[dict[str, Any]] = []
    for text in texts(log):
        for line in text.splitlines(keepends=True):
            if not line.endswith("\n"):
                break
            record = json.loads(line[_CHECKSUM_LENGTH:])
            if "commit" in record:
                records += pending
                pending.clear()
            else:
                pending.append(record)
    return records


def texts(log: Path) -> Iterator[str]:
    """The text of each segment, oldest first; where it lies there twice, a crash came between."""
    found = {path.name.removesuffix(".zst") for path in (*log.glob("*.log"), *log.glob("*.log.zst"))}
    for name in sorted(found):
        yield _text(log / name).decode()


def _text(path: Path) -> bytes:
    """Of a plain segment, or of the closed one that it has become, perhaps just now."""
    with open_segment(path) as file:
        return file.read()


def messages(records: Iterable[dict[str, Any]], type_name: str) -> Iterator[dict[str, Any]]:
    """The messages of a type, each with its record's `key`."""
    for record in records:
        if record["type"] == type_name:
            yield {"key": record["key"], **record["message"]}


def ledger(position: dict[str, Any]) -> dict[str, Any]:
    """Of a position what no price changes."""
    return {name: position[name] for name in _LEDGER}


def standing(records: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Ledgers, orders that are open, latched halts and changed settings where the records end."""
    orders: dict[str, dict[str, Any]] = {}
    for event in messages(records, "order.event.v1"):
        if event["kind"] != "denied":
            orders[event["client_order_id"]] = event
    states = {state["key"]: state for state in messages(records, "risk.state.v1")}
    positions = {each["key"]: each for each in messages(records, "inventory.position.v1")}
    settings = {each["setting_key"]: each["value"] for each in messages(records, "process.setting.v1")}
    return {
        "ledgers": {key: ledger(position) for key, position in sorted(positions.items())},
        "open_orders": {
            name: {
                field: event[field] for field in ("key", "side", "price_ticks", "size_lots", "filled_lots")
            }
            for name, event in sorted(orders.items())
            if event["status"] not in TERMINAL_STATUSES
        },
        "halts": {
            key: list(state["reasons"])
            for key, state in sorted(states.items())
            if state["state"] == "HALT" and state["latched"]
        },
        "settings": dict(sorted(settings.items())),
    }
