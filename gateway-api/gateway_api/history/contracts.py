"""The contracts that a log knows: without tick and lot no number in it means anything."""

from time import monotonic

from chassis.history import Stretch, read_history
from chassis.process import HistorySource
from schemas.envelope import decode
from schemas.market import Instrument

_READ_AGAIN_S = 5.0
"""A contract that is missing may have been announced since, and a log takes a while to read."""


class Contracts:
    """Every version of every contract, read once, and again now and then where one is missing."""

    def __init__(self, source: HistorySource) -> None:
        self._source = source
        self._known: dict[tuple[str, int], Instrument] = {}
        self._read_at_s = float("-inf")

    def find(self, key: str, version: int) -> Instrument | None:
        """The contract of `venue:symbol` in a version."""
        if (key, version) not in self._known and monotonic() - self._read_at_s > _READ_AGAIN_S:
            self._read()
        return self._known.get((key, version))

    def _read(self) -> None:
        stretch = Stretch(frozenset({"market.instrument"}), 0, 1 << 62)
        for placed in read_history(self._source, stretch):
            instrument = decode(Instrument, placed.record.payload)
            self._known[instrument.key, instrument.version] = instrument
        self._read_at_s = monotonic()
