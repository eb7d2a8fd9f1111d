"""The contracts in a log: without tick and lot size its numbers are meaningless."""

from time import monotonic

from runtime.process.definition import HistorySource
from runtime.replay.history import HistoryQuery, read_history
from schemas.envelope import decode
from schemas.market import Instrument

_READ_AGAIN_S = 5.0
"""A missing contract may have been announced since, but reading a log takes time."""


class Contracts:
    """Every version of every contract, read once and reread occasionally where one is missing."""

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
        query = HistoryQuery(frozenset({"market.instrument"}), 0, 1 << 62)
        for placed in read_history(self._source, query):
            instrument = decode(Instrument, placed.record.payload)
            self._known[instrument.key, instrument.version] = instrument
        self._read_at_s = monotonic()
