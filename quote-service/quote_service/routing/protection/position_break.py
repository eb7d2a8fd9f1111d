"""Does the account hold what the ledger says? A lasting difference: a fill was lost, or others trade in it.

The account, less its reserved part, is compared with the sum of the ledgers that share an asset: a spot
contract's base currency, or a derivative's own position. A statement is true at some moment between request
and answer, and clocks differ a little. So it agrees if it equals the ledgers without our fills plus any
number, in order, of the fills executed around that time. It is judged once fills executed before it have had
time to arrive. Fees taken in a base currency reduce its holdings.

The first statement that nothing explains is a doubt: the asset is not quoted, and the account's trades are
asked for, since a stream may have lost some. It is a break if the difference stands after they were read, or
if they cannot be read in time.

After a start or an operator's resume, nothing is quoted before account and ledger are found equal.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from quote_service.routing.protection.account_holding import (
    NOTHING,
    SETTLE_NS,
    Doubt,
    Holding,
    Movement,
    Statement,
)
from quote_service.routing.protection.opening_positions import (
    Group,
    Opening,
    difference_text,
    groups_of,
    holding_seen,
    ledger_of,
    opening_of,
    slack_of,
    stated_of,
)
from quote_service.routing.symbol_state import RoutedSymbol
from schemas.carried.router import CarriedHolding
from schemas.holdings import HoldingSeen
from schemas.inventory_settings import InventoryLimits
from schemas.message import TimeNs
from schemas.orders import Fill, VenueBalances, VenuePositions
from schemas.units import NS_PER_MS, NS_PER_S, side_sign

CLOCK_ERROR_NS = 500 * NS_PER_MS
"""Margin for the venue's clock estimate, and for its answers lagging its matching engine."""
KEPT_NS = 60 * NS_PER_S
"""Fills and statements are kept this much longer than a difference has to last."""
_FORGET_EVERY = 256
"""Movements after which old ones are dropped, also where no statements come, as at a simulated venue."""
STATEMENTS_MIN = 2
"""A single statement may be of a moment in which the venue's own books disagreed."""
REFUSED_NS = 2 * NS_PER_S
"""A refused start ends the engine within this time; if it is still running, the symbol halts."""

Covered = Literal["balances", "positions"]


@dataclass(frozen=True, slots=True)
class Finding:
    """A group of symbols whose account and ledgers differ."""

    symbols: tuple[RoutedSymbol, ...]
    text: str
    is_last: bool
    """The engine was not ended because of it: an operator must resume trading."""
    asks_trades: bool = False
    """It is a doubt: a trade that was not reported yet may explain it."""


class PositionBreaks:
    """Watches the holdings of each asset. A currency that others are quoted in is not tracked."""

    def __init__(
        self, break_after_s: float, inventory: InventoryLimits | None = None, read_within_s: float = 0.0
    ) -> None:
        """`read_within_s`: how much longer a difference may last while the account's trades are not read."""
        self._lasting_ns = int(break_after_s * NS_PER_S)
        self._unread_ns = self._lasting_ns + int(read_within_s * NS_PER_S)
        self._inventory = inventory or InventoryLimits()
        self._holdings: dict[str, Holding] = {}
        self._waiting: deque[tuple[Covered, Statement]] = deque()
        """Not judged yet."""
        self._newest: dict[Covered, Statement] = {}
        self._read_ns: dict[str, TimeNs] = {}
        """By `venue:symbol`, until when the account's trades were read by request."""
        self._is_start = True
        """Holdings not fully compared yet: nothing of the asset is quoted."""
        self._refused_ns: TimeNs | None = None
        """When the start was reported as refused."""

    def begin(self) -> None:
        """On start: account and ledger are compared before anything is quoted."""
        self._newest.clear()
        self._waiting.clear()
        self._is_start, self._refused_ns = True, None
        for holding in self._holdings.values():
            _doubt(holding)
            holding.is_new, holding.is_opened = True, False

    def observe_fill(self, fill: Fill, symbol: RoutedSymbol, executed_ns: TimeNs | None) -> None:
        """Record what a fill and its fee moved, with its venue time where known."""
        terms = symbol.contract.terms_by_version.get(fill.instrument_version, symbol.contract.terms)
        if terms is None:
            return
        to_ns = fill.event_time_ns if executed_ns is None else executed_ns
        from_ns = to_ns - SETTLE_NS if executed_ns is None else to_ns
        bought = side_sign(fill.side) * fill.size_lots * terms.base_per_lot
        if not terms.is_spot:
            self._move(symbol.key, Movement(from_ns, to_ns, bought))
            return
        self._move(terms.base_currency, Movement(from_ns, to_ns, bought - fill.base_fee))
        if fill.fee_currency not in {terms.fee_currency, terms.base_currency}:
            holding = self._holding(fill.fee_currency)
            holding.taken -= fill.fee
            holding.move(Movement(from_ns, to_ns, -fill.fee))

    def observe_balances(self, stated: VenueBalances, *, is_ready: bool) -> None:
        """The venue's statement, judged a little later. Whatever is missing is not held.

        Until the connection is ready fills may be missing: then the one that comes with readiness counts.
        """
        self._read_ns |= {f"{stated.venue}:{symbol}": until_ns for symbol, until_ns in stated.trades_read}
        held = {balance.currency: balance.free + balance.locked for balance in stated.balances}
        self._observe("balances", _statement(stated, held), is_ready=is_ready)

    def observe_positions(self, stated: VenuePositions, *, is_ready: bool) -> None:
        """As `observe_balances`, for derivatives."""
        keys = {f"{stated.venue}:{each.symbol}": each for each in stated.positions}
        held = {key: each.size for key, each in keys.items()}
        entries = {key: each.entry_price for key, each in keys.items() if each.entry_price is not None}
        self._observe("positions", _statement(stated, held, entries), is_ready=is_ready)

    def interrupt(self) -> None:
        """The connection broke: statements around that time may include fills not yet reported."""
        self._waiting.clear()
        for holding in self._holdings.values():
            holding.doubtful.clear()

    def look(self, symbols: Iterable[RoutedSymbol]) -> list[Opening]:
        """Check assets not yet found equal against the newest statement.

        Holdings older than any ledger open it, where the configuration says so.
        """
        found: list[Opening] = []
        stated = [group for group in groups_of(symbols) if group.covered in self._newest]
        for group in stated:
            holding = self._holding(group.asset)
            if not holding.is_equal:
                found += self._compare(group, holding, self._newest[group.covered])
        self._mark(stated)
        return found

    def _mark(self, groups: list[Group]) -> None:
        """Mark whether each symbol may be quoted: after a start, all of them or none."""
        are_equal = [self._holding(group.asset).is_equal for group in groups]
        self._is_start = self._is_start and not (are_equal and all(are_equal))
        for group, is_equal in zip(groups, are_equal, strict=True):
            for symbol in group.symbols:
                symbol.protection.is_explained = is_equal and not self._is_start

    def judge(self, symbols: Iterable[RoutedSymbol], now_ns: TimeNs) -> list[Finding]:
        """Symbols in a position break or in doubt of one, each with the figures."""
        due = []
        while self._waiting and now_ns - self._waiting[0][1].to_ns >= SETTLE_NS - CLOCK_ERROR_NS:
            due.append(self._waiting.popleft())
        if not due:
            return []
        groups = groups_of(symbols)
        found: list[Finding] = []
        for group in groups:
            found += self._judge(group, [statement for covered, statement in due if covered == group.covered])
        doubts = [finding for finding in found if finding.asks_trades]
        breaks = [finding for finding in found if not finding.asks_trades]
        if self._is_start and breaks:
            stated = [group for group in groups if group.covered in self._newest]
            breaks = self._refuse(breaks, stated, now_ns)
        for holding in self._holdings.values():
            holding.forget(now_ns - self._lasting_ns - KEPT_NS)
        return doubts + breaks

    def forgive(self, symbol: RoutedSymbol, symbols: Iterable[RoutedSymbol]) -> None:
        """An operator has resumed: the symbol trades again once account and ledger are equal."""
        for group in groups_of(symbols):
            if symbol in group.symbols:
                _doubt(self._holding(group.asset))
                self._waiting.clear()

    def carried(self) -> tuple[CarriedHolding, ...]:
        """All movements of holdings, for the next session."""
        return tuple(holding.carried() for holding in self._holdings.values())

    def restore(self, carried: Iterable[CarriedHolding]) -> None:
        """Restore them, so that changes during the downtime are found."""
        for each in carried:
            self._holdings[each.currency] = Holding.restored(each)

    def seen(self, symbols: Iterable[RoutedSymbol]) -> list[HoldingSeen]:
        """Ledger and account of every symbol, as far as the venue has stated them."""
        return [
            holding_seen(group, symbol, self.reserved(group), self._difference(group))
            for group in groups_of(symbols)
            for symbol in group.symbols
        ]

    def _difference(self, group: Group) -> Decimal | None:
        """The newest statement minus a group's ledgers; None: no statement."""
        statement, holding = self._newest.get(group.covered), self._holding(group.asset)
        if statement is None:
            return None
        expected = ledger_of(group) + self.reserved(group) - holding.moved
        return holding.difference(statement, expected, NOTHING) or NOTHING

    def reserved(self, group: Group) -> Decimal:
        """The reserved part of the account, which is not ours to trade."""
        return self._inventory.reserved.get(group.asset, NOTHING) if group.is_spot else NOTHING

    def _observe(self, covered: Covered, statement: Statement, *, is_ready: bool) -> None:
        self._newest[covered] = statement
        if is_ready:
            self._waiting.append((covered, statement))

    def _move(self, asset: str, movement: Movement) -> None:
        holding = self._holding(asset)
        holding.moved += movement.amount
        holding.move(movement)
        if len(holding.recent) % _FORGET_EVERY == 0:
            holding.drop_movements(self._needed_from_ns(movement.to_ns))

    def _needed_from_ns(self, now_ns: int) -> int:
        """What was executed earlier explains no statement, neither the newest nor a later one."""
        statements = (each.from_ns for each in self._newest.values())
        return min((now_ns - self._lasting_ns - KEPT_NS, *statements))

    def _holding(self, asset: str) -> Holding:
        return self._holdings.setdefault(asset, Holding(asset))

    def _expected(self, group: Group, holding: Holding) -> Decimal:
        """The account's expected holdings without our fills, if ledgers or opening balances are right."""
        return ledger_of(group) + self._stated(group, holding) + self.reserved(group) - holding.moved

    def _stated(self, group: Group, holding: Holding) -> Decimal:
        """Configured opening balances not yet in its ledgers."""
        is_stated = self._inventory.opening == "stated" and _may_open(group, holding)
        return stated_of(group, self._inventory) if is_stated else NOTHING

    def _compare(self, group: Group, holding: Holding, statement: Statement) -> list[Opening]:
        """Re-check an asset not found equal so far."""
        difference = holding.difference(statement, self._expected(group, holding), slack_of(group))
        if _may_open(group, holding):
            made = opening_of(group, difference, self._inventory, statement.entries)
            holding.is_opened = bool(made)
            if made:
                return made
        if difference is None:
            holding.doubtful.clear()
            holding.is_equal, holding.is_new = True, False
        return []

    def _judge(self, group: Group, due: Iterable[Statement]) -> list[Finding]:
        """What is wrong with an asset's holdings, as far as it is new."""
        holding = self._holding(group.asset)
        expected = self._expected(group, holding)
        doubt = None
        for statement in due:
            doubt = holding.doubt(statement, expected, slack_of(group))
        if doubt is None:
            return []
        holding.is_equal = False
        for symbol in group.symbols:
            symbol.protection.is_explained = False
        beyond = doubt.difference + self._stated(group, holding)
        text = difference_text(group, beyond, self.reserved(group), self._inventory)
        if self._is_break(group, doubt):
            return [Finding(group.symbols, text, is_last=not self._is_start)]
        if holding.asked_ns == doubt.since_ns or self._was_read(group, doubt):
            return []
        holding.asked_ns = doubt.since_ns
        return [Finding(group.symbols, text, is_last=False, asks_trades=True)]

    def _is_break(self, group: Group, doubt: Doubt) -> bool:
        lasting_ns = self._lasting_ns if self._was_read(group, doubt) else self._unread_ns
        return doubt.statements >= STATEMENTS_MIN and doubt.lasted_ns >= lasting_ns

    def _was_read(self, group: Group, doubt: Doubt) -> bool:
        """Whether the account's trades were read that were executed before the first doubtful statement."""
        return all(self._read_ns.get(symbol.key, 0) >= doubt.since_ns for symbol in group.symbols)

    def _refuse(self, found: list[Finding], groups: list[Group], now_ns: TimeNs) -> list[Finding]:
        """Refuse a start once. If that does not end the engine, symbols found equal are quoted after all."""
        if self._refused_ns is None:
            self._refused_ns = now_ns
            return found
        if now_ns - self._refused_ns < REFUSED_NS:
            return []
        self._is_start = False
        self._mark(groups)
        return [Finding(each.symbols, each.text, is_last=True) for each in found]


def _statement(
    stated: VenueBalances | VenuePositions,
    held: Mapping[str, Decimal],
    entries: Mapping[str, Decimal] | None = None,
) -> Statement:
    asked_ns = stated.asked_ns or stated.event_time_ns - SETTLE_NS
    return Statement(asked_ns - CLOCK_ERROR_NS, stated.event_time_ns + CLOCK_ERROR_NS, held, entries or {})


def _may_open(group: Group, holding: Holding) -> bool:
    """Has it no ledger yet, and was none opened since the process started?"""
    return holding.is_new and not holding.is_opened and group.is_empty


def _doubt(holding: Holding) -> None:
    holding.is_equal = False
    holding.doubtful.clear()
