"""The contract of an event's ticks and lots."""

from dataclasses import dataclass, field

from schemas.market import Instrument

_VERSIONS_MAX = 16
"""Contracts kept: fills of orders from an older one arrive late."""


@dataclass(slots=True)
class Versions:
    """The newest contracts of one symbol, by version."""

    known: dict[int, Instrument | None] = field(default_factory=dict)
    """None: two contracts with different units share the version, so it is ambiguous."""

    def announce(self, contract: Instrument) -> None:
        """Record a contract."""
        before = self.known.pop(contract.version, contract)
        is_one = before is not None and contract.has_units_of(before)
        self.known[contract.version] = contract if is_one else None
        if len(self.known) > _VERSIONS_MAX:
            del self.known[next(iter(self.known))]

    def own_contract(self, version: int, otherwise: Instrument) -> Instrument:
        """The contract of a version; where that is ambiguous or unknown, the ledger's own."""
        return self.known.get(version) or otherwise
