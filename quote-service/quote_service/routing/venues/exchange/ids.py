"""Client order ids as they stand at the venue: short, of letters and digits alone: any venue takes them.

`<prefix><tag><side><level>X<count>R<revision>`: mm1a2b3cb0X5kR2 is the second amend of order
mm-btcusdt-1a2b3c-b0-200. The revision is left out where an amend keeps its order. An id is a function of what
is asked for, so what was sent is known after any crash, and the same thing sent twice collides at the venue.
"""

import re
from typing import NamedTuple

from quote_service.routing.core.client_ids import id_prefix

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_TAG_LENGTH = 6


class OrderKey(NamedTuple):
    """Which order of ours, and which of its revisions."""

    key: str
    """`venue:symbol`."""
    client_order_id: str
    revision: int


class WireIds:
    """Translates between the router's ids and the venue's for one deployment."""

    def __init__(self, order_prefix: str, *, with_revision: bool) -> None:
        self._order_prefix = order_prefix
        self._with_revision = with_revision
        self._form = re.compile(
            rf"{order_prefix}(?P<tag>[0-9a-f]{{6}})(?P<place>[ba]\d+)X(?P<count>[0-9a-z]+)(?:R(?P<rev>[0-9a-z]+))?"
        )
        self._prefixes: dict[str, tuple[str, str]] = {}
        """By tag: `venue:symbol`, and what the router's ids of it begin with."""

    def learn(self, key: str) -> None:
        """Ids of the venue that carry the tag of this `venue:symbol` are of it."""
        prefix = id_prefix(key)
        self._prefixes[prefix[-_TAG_LENGTH:]] = (key, prefix)

    def to_wire(self, client_order_id: str, revision: int) -> str:
        """The venue's id of a revision of an order."""
        prefix, place, count = client_order_id.rsplit("-", 2)
        wire = f"{self._order_prefix}{prefix[-_TAG_LENGTH:]}{place}X{_base36(int(count))}"
        return f"{wire}R{_base36(revision)}" if self._with_revision and revision else wire

    def is_own(self, wire: str | None) -> bool:
        """Is an order with this id one of this deployment?"""
        return wire is not None and self._form.fullmatch(wire) is not None

    def from_wire(self, wire: str) -> OrderKey | None:
        """Whose id it is; None for an id of somebody else, or of a symbol that was never learnt."""
        match = self._form.fullmatch(wire)
        known = None if match is None else self._prefixes.get(match["tag"])
        if match is None or known is None:
            return None
        key, prefix = known
        revision = int(match["rev"], 36) if match["rev"] else 0
        return OrderKey(key, f"{prefix}-{match['place']}-{int(match['count'], 36)}", revision)


def _base36(number: int) -> str:
    text = ""
    while True:
        number, digit = divmod(number, 36)
        text = _DIGITS[digit] + text
        if not number:
            return text
