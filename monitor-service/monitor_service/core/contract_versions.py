"""Contract versions: they only ever increase, so that the version a ledger is counted in is unambiguous."""

from dataclasses import dataclass
from decimal import Decimal

from schemas.market import InstrumentFacts

Units = tuple[Decimal, Decimal, Decimal, str]
"""Tick, lot, multiplier, quote currency."""


@dataclass(frozen=True, slots=True)
class KnownTerms:
    """The newest version of a contract, and its units."""

    version: int
    units: Units


def next_version(announced: InstrumentFacts, known: KnownTerms | None) -> int:
    """The version for an announced contract: the known one for the same units, a new one for others.

    Fees and filters do not affect the units of a ledger, so they change no version. A feed with its own
    version numbers is followed, upwards only.
    """
    if known is None:
        return announced.version
    least = known.version if announced.units == known.units else known.version + 1
    return max(announced.version, least)
