"""The contracts that a log knows: without tick and lot no number in it means anything."""

from chassis.history import Stretch, read_history
from chassis.process import HistorySource
from schemas.envelope import decode
from schemas.market import Instrument


class Contracts:
    """Every version of every contract, read once and again where one is missing."""

    def __init__(self, source: HistorySource) -> None:
        self._source = source
        self._known: dict[tuple[str, int], Instrument] = {}
        self._newest: dict[str, Instrument] = {}

    def find(self, key: str, version: int) -> Instrument | None:
        """The contract of `venue:symbol` in a version."""
        if (key, version) not in self._known:
            self._read()
        return self._known.get((key, version))

    def newest(self, key: str) -> Instrument | None:
        """The newest version of a contract."""
        if key not in self._newest:
            self._read()
        return self._newest.get(key)

    def _read(self) -> None:
        stretch = Stretch(frozenset({"market.instrument"}), 0, 1 << 62)
        for placed in read_history(self._source, stretch):
            instrument = decode(Instrument, placed.record.payload)
            self._known[instrument.key, instrument.version] = instrument
            self._newest[instrument.key] = instrument
