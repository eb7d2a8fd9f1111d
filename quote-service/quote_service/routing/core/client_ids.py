"""Client order ids: ours, unique, deterministic, and readable by a person at the venue's screen.

`mm-<symbol>-<six hex digits of venue and symbol>-<b or a><level>-<count>`, at most 36 of [A-Za-z0-9-].
"""

from schemas.message import Side

_PREFIX = "mm"
_NAME_LENGTH = 12
_PARTS = 5
_TAG_BITS = 24
_FNV_OFFSET = 0xCBF29CE484222325
_FNV_PRIME = 0x100000001B3
_SIDE_LETTER: dict[Side, str] = {"buy": "b", "sell": "a"}
_SIDE_OF_LETTER: dict[str, Side] = {"b": "buy", "a": "sell"}


def id_prefix(key: str) -> str:
    """What all ids of one `venue:symbol` begin with; the tag tells apart what looks alike when shortened."""
    name = "".join(
        letter for letter in key.partition(":")[2].lower() if letter.isascii() and letter.isalnum()
    )
    return f"{_PREFIX}-{name[:_NAME_LENGTH]}-{_fnv1a(key) % (1 << _TAG_BITS):06x}"


def client_order_id(prefix: str, side: Side, level: int, count: int) -> str:
    """The id of the `count`th order of a symbol."""
    return f"{prefix}-{_SIDE_LETTER[side]}{level}-{count}"


def side_of(order_id: str) -> Side | None:
    """The side that an id of ours names; None where it is not one of ours."""
    parts = order_id.split("-")
    if len(parts) != _PARTS or parts[0] != _PREFIX:
        return None
    return _SIDE_OF_LETTER.get(parts[3][:1])


def _fnv1a(text: str) -> int:
    """Fowler-Noll-Vo 1a, 64 bits: the same in every process, unlike `hash`."""
    value = _FNV_OFFSET
    for byte in text.encode():
        value = (value ^ byte) * _FNV_PRIME % (1 << 64)
    return value
