"""Client order ids as sent to the venue: short and alphanumeric, so that any venue accepts them.

`<prefix><tag><side><level>X<count>R<revision>`: mm1a2b3cb0X5kR2 is the second amend of order
mm-btcusdt-1a2b3c-b0-200. The revision is omitted where the venue amends in place. Ids are a function of the
request, so they are known after a crash, and the venue rejects a duplicate request.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

from quote_service.routing.orders.client_ids import id_prefix

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_TAG_LENGTH = 6


class OrderKey(NamedTuple):
    """An order of ours and its revision."""

    key: str
    """`venue:symbol`."""
    client_order_id: str
    revision: int


class VenueClientIds:
    """Translates between the router's and the venue's client order ids for one deployment."""

    def __init__(self, order_prefix: str, *, with_revision: bool) -> None:
        self._order_prefix = order_prefix
        self._with_revision = with_revision
        self._form = _form_of([order_prefix])
        self._prefixes: dict[str, tuple[str, str]] = {}
        """By tag: `venue:symbol`, and the prefix of the router's ids."""

    def add_prefixes(self, earlier: Iterable[str]) -> None:
        """Recognise prefixes of earlier sessions as ours too."""
        self._form = _form_of([self._order_prefix, *earlier])

    def add_symbol(self, key: str) -> None:
        """Register a `venue:symbol`, so that the tag in its ids is recognised."""
        prefix = id_prefix(key)
        self._prefixes[prefix[-_TAG_LENGTH:]] = (key, prefix)

    def to_venue(self, client_order_id: str, revision: int, order_prefix: str = "") -> str:
        """The venue's id for an order's revision; `order_prefix`: if it is from an earlier session."""
        prefix, place, count = client_order_id.rsplit("-", 2)
        venue_order = (
            f"{order_prefix or self._order_prefix}{prefix[-_TAG_LENGTH:]}{place}X{_base36(int(count))}"
        )
        return f"{venue_order}R{_base36(revision)}" if self._with_revision and revision else venue_order

    def is_own(self, venue_order: str | None) -> bool:
        """Whether an id belongs to this deployment."""
        return venue_order is not None and self._form.fullmatch(venue_order) is not None

    def from_venue(self, venue_order: str) -> OrderKey | None:
        """The order behind an id; None for a foreign id, or for an unknown symbol."""
        match = self._form.fullmatch(venue_order)
        known = None if match is None else self._prefixes.get(match["tag"])
        if match is None or known is None:
            return None
        key, prefix = known
        revision = int(match["rev"], 36) if match["rev"] else 0
        return OrderKey(key, f"{prefix}-{match['place']}-{int(match['count'], 36)}", revision)


def _form_of(prefixes: Iterable[str]) -> re.Pattern[str]:
    """Matches our ids, unambiguously: tags have a fixed length, and a slot starts with a letter."""
    return re.compile(
        rf"(?:{'|'.join(map(re.escape, prefixes))})"
        r"(?P<tag>[0-9a-f]{6})(?P<place>[ba](?:\d+|t))X(?P<count>[0-9a-z]+)(?:R(?P<rev>[0-9a-z]+))?"
    )


def _base36(number: int) -> str:
    text = ""
    while True:
        number, digit = divmod(number, 36)
        text = _DIGITS[digit] + text
        if not number:
            return text
