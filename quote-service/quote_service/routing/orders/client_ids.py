"""Client order ids: ours, unique, deterministic, and readable on the venue's screen.

`mm-<symbol>-<six hex digits of venue and symbol>-<b or a><level>-<count>`, at most 36 of [A-Za-z0-9-].

An exchange remembers ids, and so do the other processes: neither a new log nor a state rebuilt anew may reuse
them. The count starts at the process's start time in hundredths of a second, ahead of every earlier count.
"""

from schemas.config import Config
from schemas.message import Side
from schemas.units import NS_PER_MS, NS_PER_S

TAKER_LEVEL = 1_000
"""The slot of an order that takes liquidity: no quote has such a level. Its ids say `t`."""
_PREFIX = "mm"
_NAME_LENGTH = 12
_PARTS = 5
_TAG_BITS = 24
_FNV_OFFSET = 0xCBF29CE484222325
_FNV_PRIME = 0x100000001B3
_COUNT_EPOCH_NS = 1_767_225_600 * NS_PER_S
"""2026-01-01."""
_COUNT_UNIT_NS = 10 * NS_PER_MS
"""A symbol that sends fewer than 100 new orders a second never overtakes the clock."""
_SIDE_LETTER: dict[Side, str] = {"buy": "b", "sell": "a"}
_SIDE_OF_LETTER: dict[str, Side] = {"b": "buy", "a": "sell"}


def id_prefix(key: str) -> str:
    """The prefix of all ids of one `venue:symbol`; its tag separates names that look alike when shortened."""
    name = "".join(
        letter for letter in key.partition(":")[2].lower() if letter.isascii() and letter.isalnum()
    )
    return f"{_PREFIX}-{name[:_NAME_LENGTH]}-{_fnv1a(key) % (1 << _TAG_BITS):06x}"


def order_prefix_of(config: Config) -> str:
    """The prefix of new orders' ids at the exchange; empty at a simulated venue."""
    return "" if config.venue.kind == "simulated" else config.exchange.order_prefix


def client_order_id(prefix: str, side: Side, level: int, count: int) -> str:
    """The id of the `count`th order of a symbol."""
    place = "t" if level == TAKER_LEVEL else level
    return f"{prefix}-{_SIDE_LETTER[side]}{place}-{count}"


def count_from(began_ns: int) -> int:
    """The first count of a process started at that time, higher than any given before."""
    return max(0, (began_ns - _COUNT_EPOCH_NS) // _COUNT_UNIT_NS)


def count_of(order_id: str) -> int:
    """The count in an id of ours."""
    return int(order_id.rpartition("-")[2])


def side_of(order_id: str) -> Side | None:
    """The side in an id of ours; None for a foreign id."""
    parts = order_id.split("-")
    if len(parts) != _PARTS or parts[0] != _PREFIX:
        return None
    return _SIDE_OF_LETTER.get(parts[3][:1])


def is_taker_id(order_id: str) -> bool:
    """Is it the id of an order of ours that takes liquidity?"""
    return side_of(order_id) is not None and order_id.split("-")[3][1:] == "t"


def _fnv1a(text: str) -> int:
    """Fowler-Noll-Vo 1a, 64 bits: the same in every process, unlike `hash`."""
    value = _FNV_OFFSET
    for byte in text.encode():
        value = (value ^ byte) * _FNV_PRIME % (1 << 64)
    return value
