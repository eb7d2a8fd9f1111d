"""A symbol's contract in every announced version, and conversion of sizes and mids between versions."""

from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil

from quote_service.routing.gate.contract_terms import ContractTerms
from schemas.market import Instrument


@dataclass(slots=True)
class ContractVersions:
    """The announced contracts, and the gate's terms for the one in force."""

    terms: ContractTerms | None = None
    """Of the contract in force; None: not tradable."""
    instruments: dict[int, Instrument] = field(default_factory=dict)
    """By version, as announced."""
    terms_by_version: dict[int, ContractTerms] = field(default_factory=dict)
    other_units: dict[int, None] = field(default_factory=dict)
    """Versions whose ticks, lots or money differ from those of the contract in force."""

    def announce(self, instrument: Instrument, terms: ContractTerms | None) -> None:
        """A contract comes into force; `terms` None: it is not tradable."""
        self.instruments[instrument.version] = instrument
        self.terms = terms
        if terms is None:
            return
        self.terms_by_version[terms.version] = terms
        self.other_units = {
            version: None
            for version, each in self.instruments.items()
            if version in self.terms_by_version and not each.has_units_of(instrument)
        }

    def lots_in(self, lots: int, version: int, other: int) -> int:
        """Lots of one version in lots of another; fractions of a lot are rounded away from zero."""
        if version == other:
            return lots
        exact = abs(lots) * self._lot_ratio(version, other)
        return ceil(exact) if lots >= 0 else -ceil(exact)

    def whole_lots_in(self, lots: int, version: int, other: int) -> int:
        """As `lots_in`, but rounded down, for a size that must not be overstated."""
        return lots if version == other else int(lots * self._lot_ratio(version, other))

    def half_ticks_in(self, half_ticks: int, version: int, other: int) -> int:
        """A mid of one version in half ticks of another; unchanged where one was never announced."""
        of, into = self.instruments.get(version), self.instruments.get(other)
        if version == other or of is None or into is None:
            return half_ticks
        return round(half_ticks * Fraction(of.tick_size) / Fraction(into.tick_size))

    def _lot_ratio(self, version: int, other: int) -> Fraction:
        """Lots of the other version per lot of this one; 1 where one was never announced."""
        of, into = self.terms_by_version.get(version), self.terms_by_version.get(other)
        if of is None or into is None:
            return Fraction(1)
        return Fraction(of.base_per_lot) / Fraction(into.base_per_lot)
