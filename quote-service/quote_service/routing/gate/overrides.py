"""An order that the gate would deny may go out when two people approve it: that order, once, for a time."""

from collections.abc import Collection
from dataclasses import dataclass, field

from quote_service.routing.gate import codes
from quote_service.routing.gate.request import Request
from schemas.control import Override

MAY_BE_OVERRIDDEN = frozenset(
    {codes.PRICE_COLLAR, codes.PRICE_COLLAR_PERIOD, codes.MAX_VALUE, codes.MAX_QTY, codes.FLICKER}
)
"""Limits of one order only. Halts, missing data and missing funds cannot be overridden."""


@dataclass(slots=True)
class Overrides:
    """Of one symbol, by id."""

    waiting: dict[str, Override] = field(default_factory=dict)
    used: dict[str, None] = field(default_factory=dict)
    """Ids that were used or have expired: they never count again."""

    def add(self, override: Override) -> None:
        """Two people have approved."""
        if override.override_id not in self.used:
            self.waiting[override.override_id] = override

    def find(self, request: Request, failing: Collection[str], now_ns: int) -> Override | None:
        """The override for exactly this order and all failing codes, or None."""
        if not MAY_BE_OVERRIDDEN.issuperset(failing):
            return None
        self._forget_old(now_ns)
        for override in self.waiting.values():
            if _is_of(override, request) and set(override.codes).issuperset(failing):
                return override
        return None

    def use(self, request: Request) -> None:
        """The request was sent: its override is used up, whether needed or not."""
        for override in [each for each in self.waiting.values() if _is_of(each, request)]:
            self._end(override)

    def _forget_old(self, now_ns: int) -> None:
        for override in [each for each in self.waiting.values() if now_ns > each.valid_until_ns]:
            self._end(override)

    def _end(self, override: Override) -> None:
        del self.waiting[override.override_id]
        self.used[override.override_id] = None


def _is_of(override: Override, request: Request) -> bool:
    return (
        override.side == request.side
        and override.price_ticks == request.price_ticks
        and override.size_lots == request.size_lots
        and override.instrument_version == request.instrument_version
    )
