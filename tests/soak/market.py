"""The market of simulated days: recordings that a seed makes, one for each life of the engine.

Prices go on from one recording to the next, over restarts. The market is thin on purpose, so that a week fits
into an hour: bursts at a realistic rate, a stretch of slow market at noon, and silence between, in which the
engine finds its books stale, withdraws, and jumps to the next burst.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

NS = 1_000_000_000
BEGIN_NS = 1_704_067_200 * NS
"""2024-01-01, a Monday."""
DAY_S = 86_400
VENUE = "soak"
TICK, LOT = "0.01", "0.001"
_LEVELS = 5


@dataclass(frozen=True)
class Rates:
    """How often something happens, a symbol."""

    burst_every_s: int = 900
    burst_s: int = 30
    updates_per_s: float = 1.0
    trades_per_s: float = 0.5
    slow_from_s: int = 12 * 3_600
    """Of the day."""
    slow_s: int = 1_200
    slow_updates_per_s: float = 1 / 8

    def describe(self) -> str:
        """For people."""
        return (
            f"a burst of {self.burst_s} s every {self.burst_every_s} s with {self.updates_per_s:g} books and "
            f"{self.trades_per_s:g} trades a second and symbol; {self.slow_s} s a day with a book every "
            f"{1 / self.slow_updates_per_s:g} s; silence between"
        )

    def stretches(self, begin_s: float, end_s: float) -> Iterator[tuple[float, float, float, float]]:
        """(from, to, books, trades a second) within a time since the beginning."""
        first = int(begin_s // self.burst_every_s) * self.burst_every_s
        for at_s in range(first, int(end_s) + 1, self.burst_every_s):
            yield (
                max(begin_s, at_s),
                min(end_s, at_s + self.burst_s),
                self.updates_per_s,
                self.trades_per_s,
            )
        for day in range(int(begin_s // DAY_S), int(end_s // DAY_S) + 1):
            at_s = day * DAY_S + self.slow_from_s
            slow = self.slow_updates_per_s
            yield max(begin_s, at_s), min(end_s, at_s + self.slow_s), slow, slow / 2


class Market:
    """All symbols; each recording goes on where the last one ended."""

    def __init__(self, seed: int, symbols: Sequence[str], rates: Rates) -> None:
        self._random = Random(f"{seed} market")
        self._rates = rates
        self._mids = {symbol: 40.0 + 15 * number for number, symbol in enumerate(symbols)}
        self._moved_s = dict.fromkeys(symbols, 0.0)
        self._numbers = dict.fromkeys(symbols, 0)
        self._trades = 0

    def record(self, path: Path, symbols: Sequence[str], begin_s: float, end_s: float) -> int:
        """Write what happens between two times since the beginning; how many events that is."""
        times = sorted(
            event
            for stretch in self._rates.stretches(begin_s, end_s)
            for symbol in symbols
            for event in self._times(symbol, *stretch)
        )
        opening = [(begin_s, symbol, "book") for symbol in symbols]
        with path.open("w", encoding="utf-8") as file:
            for at_s, symbol, kind in (*opening, *times):
                file.write(json.dumps(self._event(at_s, symbol, kind)) + "\n")
        return len(opening) + len(times)

    def _times(
        self, symbol: str, from_s: float, to_s: float, books_per_s: float, trades_per_s: float
    ) -> Iterator[tuple[float, str, str]]:
        for kind, rate in (("book", books_per_s), ("trade", trades_per_s)):
            at_s = from_s + self._random.expovariate(rate)
            while at_s < to_s:
                yield at_s, symbol, kind
                at_s += self._random.expovariate(rate)

    def _event(self, at_s: float, symbol: str, kind: str) -> dict[str, Any]:
        self._move(at_s, symbol)
        half = self._mids[symbol] * 0.001
        bid, ask = round(self._mids[symbol] - half, 2), round(self._mids[symbol] + half, 2)
        event = {"ts": BEGIN_NS + int(at_s * NS), "ets": None, "venue": VENUE, "symbol": symbol, "type": kind}
        if kind == "trade":
            return event | self._trade(bid, ask, half)
        self._numbers[symbol] += 1
        steps = [round(step * 0.02, 2) for step in range(_LEVELS)]
        sides = {
            "bids": [[round(bid - step, 2), self._size()] for step in steps],
            "asks": [[round(ask + step, 2), self._size()] for step in steps],
        }
        return event | {"snapshot": True, **sides, "seq": self._numbers[symbol]}

    def _size(self) -> float:
        return max(0.001, round(self._random.lognormvariate(2.0, 0.8), 3))

    def _move(self, at_s: float, symbol: str) -> None:
        """A walk of 1 bp per square root of a second that comes back; a silence moves it like a minute."""
        passed_s = min(60.0, max(0.0, at_s - self._moved_s[symbol]))
        self._moved_s[symbol] = at_s
        self._mids[symbol] *= 1 + self._random.gauss(0.0, 1e-4) * passed_s**0.5

    def _trade(self, bid: float, ask: float, half: float) -> dict[str, Any]:
        """A taker; one in three goes through several prices, and so through ours."""
        side = self._random.choice(("buy", "sell"))
        beyond = half * self._random.choice((0.0, 0.0, 1.5))
        self._trades += 1
        return {
            "price": round(ask + beyond if side == "buy" else bid - beyond, 2),
            "size": max(0.001, round(self._random.lognormvariate(1.5, 1.0), 3)),
            "side": side,
            "id": str(self._trades),
        }
