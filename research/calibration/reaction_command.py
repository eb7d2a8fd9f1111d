"""`maker calibrate --reaction`: when a side had better been left, tried on the part that is not fitted."""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from research.calibration.reaction import HOLDS_MS, Avoided, MetOrder, ReactionFit, fit_reaction
from research.calibration.source import config_with_bursts, market_of
from runtime.errors import ConfigError
from schemas.market import Book, Trade
from schemas.message import Event, Side
from schemas.reaction_settings import Reaction
from schemas.refusals import RefusalTally
from schemas.signals import Signal
from schemas.units import BPS_PER_UNIT, NS_PER_MS, side_sign


class OrderWatch:
    """Turns a market's messages into orders whose later mid is known."""

    def __init__(self, horizon_ns: int) -> None:
        self.met: list[MetOrder] = []
        self._horizon_ns = horizon_ns
        self._book: Book | None = None
        self._bursts: dict[Side, deque[tuple[int, float]]] = {"buy": deque(), "sell": deque()}
        """By the taker's side: (time, depths) of signals within the longest hold."""
        self._waiting: deque[tuple[int, int, float, MetOrder]] = deque()
        """(due time, sign of the maker's side, price in half ticks, order)."""
        self._newest: tuple[int, Side] | None = None

    def apply(self, event: Event) -> None:
        """One message, in order."""
        if isinstance(event, Signal):
            self._bursts["buy"].append((event.event_time_ns, event.taker_buy_depths))
            self._bursts["sell"].append((event.event_time_ns, event.taker_sell_depths))
        elif isinstance(event, Trade):
            self._on_trade(event)
        elif isinstance(event, Book) and event.status == "live":
            self._on_book(event)

    def _on_book(self, book: Book) -> None:
        before = self._book
        while self._waiting and self._waiting[0][0] < book.event_time_ns and before is not None:
            _, sign, price, order = self._waiting.popleft()
            mid = before.bid_prices[0] + before.ask_prices[0]
            self.met.append(order._replace(earned_bps=sign * (mid - price) / price * BPS_PER_UNIT))
        self._book = book

    def _on_trade(self, trade: Trade) -> None:
        """An order's first trade: those of one side at one exchange time are one order."""
        book, side = self._book, trade.side
        if book is None or side is None:
            return
        found = (trade.exchange_time_ns or trade.event_time_ns, side)
        if found == self._newest:
            return
        self._newest = found
        bid, ask = book.bid_sizes[0], book.ask_sizes[0]
        own = bid if side == "sell" else ask
        spread_ticks = book.ask_prices[0] - book.bid_prices[0]
        order = MetOrder(
            0.0,
            tuple(self._largest(side, trade.event_time_ns - hold * NS_PER_MS) for hold in HOLDS_MS),
            own / (bid + ask) if bid + ask else 0.5,
            spread_ticks <= Reaction().queue_spread_ticks,
        )
        due_ns = trade.event_time_ns + self._horizon_ns
        self._waiting.append((due_ns, -side_sign(side), 2 * trade.price_ticks, order))

    def _largest(self, side: Side, since_ns: int) -> float:
        """Towards the side that these takers meet; a burst is known from its signal on."""
        bursts = self._bursts[side]
        oldest_ns = since_ns - max(HOLDS_MS) * NS_PER_MS
        while bursts and bursts[0][0] < oldest_ns:
            bursts.popleft()
        return max((depths for time_ns, depths in bursts if time_ns >= since_ns), default=0.0)


def met_orders(events: Iterable[Event], horizon_ns: int) -> list[MetOrder]:
    """The orders of a market, each with what a maker at its price had earned by the horizon."""
    watch = OrderWatch(horizon_ns)
    for event in events:
        watch.apply(event)
    return watch.met


@dataclass(frozen=True, slots=True)
class ReactionReport:
    """The rules, as JSON, as text, and as settings."""

    symbol: str
    horizon_ms: int
    fit: ReactionFit
    refused: RefusalTally

    def _rules(self) -> Iterator[tuple[str, str, Avoided]]:
        yield "burst", "depths of takers towards a side", self.fit.burst
        yield "imbalance", "of the two best sizes, or less", self.fit.imbalance
        yield "queue", "of the two best sizes, or less, where the spread is a tick", self.fit.queue

    def as_json(self) -> dict[str, Any]:
        """Figures of the unseen part; earned in bps, before fees."""
        return {
            "symbol": self.symbol,
            **self.refused.as_json(),
            "horizon_ms": self.horizon_ms,
            "orders": self.fit.orders,
            **{
                name: {
                    "threshold": rule.threshold,
                    "hold_ms": rule.hold_ms,
                    "met": rule.met,
                    "met_bps": rule.met_bps,
                    "avoided": rule.avoided,
                    "avoided_bps": rule.avoided_bps,
                    "avoided_error_bps": rule.avoided_error_bps,
                    "is_of_use": rule.is_of_use,
                }
                for name, _, rule in self._rules()
            },
            "settings": self._settings(),
        }

    def as_text(self) -> str:
        """A line a rule."""
        lines = [
            f"{self.symbol}: {self.fit.orders} market orders as fills at the best price, by the mid "
            f"{self.horizon_ms} ms later, on the part that was not fitted",
            *self.refused.lines(self.symbol),
        ]
        for name, words, rule in self._rules():
            said = "no such order" if rule.threshold is None else f"{rule.threshold:g} {words}"
            hold = "" if rule.hold_ms is None else f", for {rule.hold_ms} ms"
            lines.append(
                f"{name:10} {said}{hold}: met {rule.met} earned {_shown(rule.met_bps)} bps, avoided "
                f"{rule.avoided} earned {_shown(rule.avoided_bps)} +- {_shown(rule.avoided_error_bps)}: "
                + ("of use" if rule.is_of_use else "leave it off")
            )
        return "\n".join(lines)

    def _settings(self) -> dict[str, Any]:
        """Only of the rules that are of use."""
        found: dict[str, Any] = {}
        if self.fit.burst.is_of_use:
            found |= {"burst_depths": self.fit.burst.threshold, "burst_hold_ms": self.fit.burst.hold_ms}
        if self.fit.imbalance.is_of_use:
            found["imbalance_leave_share"] = self.fit.imbalance.threshold
        share = self.fit.queue.threshold
        if self.fit.queue.is_of_use and share is not None:
            least = min(share, Reaction().queue_leave_share)
            found |= {"queue_join_share": share, "queue_leave_share": least}
        return found

    def settings(self) -> str:
        """YAML that `maker up --config` takes."""
        own = {"per_symbol": {self.symbol.rpartition(":")[2]: {"reaction": self._settings()}}}
        return str(yaml.safe_dump(own, sort_keys=False))


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def run_reaction(
    source: str, symbol: str, *, horizon_ms: int = 5_000, config_out: Path | None = None
) -> ReactionReport:
    """The rules of a recording; in a log the bursts are those that its signals state.

    Raises ConfigError where it is too short, and where settings are requested and no rule is of use.
    """
    if horizon_ms < 1:
        raise ConfigError(f"--horizon-ms {horizon_ms} is not above 0: give milliseconds")
    refused = RefusalTally()
    events = market_of(source, symbol, config_with_bursts(), refused)
    try:
        fit = fit_reaction(met_orders(events, horizon_ms * NS_PER_MS))
    except ValueError as error:
        raise ConfigError(f"{source}: no reaction of {symbol}: {error}") from None
    report = ReactionReport(symbol, horizon_ms, fit, refused)
    if config_out is not None:
        if not (fit.burst.is_of_use or fit.imbalance.is_of_use or fit.queue.is_of_use):
            raise ConfigError(f"{config_out} is not written: no rule avoided losses on the unseen part")
        config_out.write_text(report.settings())
    return report
