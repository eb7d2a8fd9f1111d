"""The account's holdings of one asset: what our fills moved, and the statements which that explains."""

from bisect import insort
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from schemas.carried.router import CarriedHolding
from schemas.units import NS_PER_S

NOTHING = Decimal(0)
SETTLE_NS = 2 * NS_PER_S
"""A fill is received within this time of its execution: a slower connection does not count as ready."""

Amounts = tuple[Decimal, ...]


@dataclass(frozen=True, slots=True)
class Statement:
    """The account's holdings as the venue states them, at some moment between two times."""

    from_ns: int
    to_ns: int
    held: Mapping[str, Decimal]
    """By currency, or by `venue:symbol` for a derivative; whatever is missing is not held."""
    entries: Mapping[str, Decimal] = field(default_factory=dict)
    """Entry prices of positions, by `venue:symbol`."""


@dataclass(frozen=True, slots=True)
class Movement:
    """The effect of one fill, or of its fee, on an asset; executed at some time between two."""

    from_ns: int
    to_ns: int
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Doubt:
    """A difference on which the newest statements agree, and which our fills do not explain."""

    difference: Decimal
    since_ns: int
    """End of the first of these statements: only trades executed before it can explain all of them."""
    lasted_ns: int
    statements: int


@dataclass(slots=True)
class Holding:
    """The state of one asset."""

    asset: str
    moved: Decimal = NOTHING
    """Through all fills so far, as in the ledgers."""
    taken: Decimal = NOTHING
    """Through fees of other symbols, which its ledgers do not include."""
    recent: list[Movement] = field(default_factory=list)
    """The newest, in order of execution."""
    is_equal: bool = False
    """Account and ledger were found equal, and no check has failed since."""
    doubtful: deque[Statement] = field(default_factory=deque)
    """The newest statements, from the first that our fills do not explain."""
    asked_ns: int = 0
    """The `since_ns` of the doubt for which the account's trades were last asked for."""
    is_new: bool = True
    """Not found equal since the process started: an empty ledger may be opened."""
    is_opened: bool = False
    """Its ledgers were opened with the account's holdings from before."""

    def move(self, movement: Movement) -> None:
        """Apply a fill's movement."""
        insort(self.recent, movement, key=lambda each: each.to_ns)

    def drop_movements(self, before_ns: int) -> None:
        """Drop movements executed earlier."""
        self.recent = [each for each in self.recent if each.to_ns >= before_ns]

    def difference(self, statement: Statement, expected: Decimal, slack: Decimal) -> Decimal | None:
        """The statement minus the expected holdings without our fills; None where within the
        slack.
        """
        found = min((start - expected for start in self._starts_by(statement)), key=abs)
        return None if abs(found) <= slack else found

    def doubt(self, statement: Statement, expected: Decimal, lot: Decimal) -> Doubt | None:
        """Add a statement; returns the difference on which the newest agree, if fills do not explain them."""
        self.doubtful.append(statement)
        found = self._drop_explained(expected, lot)
        if not found:
            return None
        doubts = [each for each in self.doubtful if self.difference(each, expected, lot) is not None]
        return Doubt(
            difference=min((start - expected for start in found), key=abs),
            since_ns=doubts[0].to_ns,
            lasted_ns=doubts[-1].to_ns + SETTLE_NS - doubts[0].to_ns,
            statements=len(doubts),
        )

    def forget(self, before_ns: int) -> None:
        """Drop older entries."""
        self.drop_movements(before_ns)
        while self.doubtful and self.doubtful[0].from_ns < before_ns:
            self.doubtful.popleft()

    def carried(self) -> CarriedHolding:
        """For the next session, which checks agreement with the ledgers again."""
        return CarriedHolding(
            currency=self.asset,
            moved=self.moved,
            taken=self.taken,
            recent=tuple((each.from_ns, each.to_ns, each.amount) for each in self.recent),
        )

    @classmethod
    def restored(cls, carried: CarriedHolding) -> "Holding":
        """As in an earlier session."""
        recent = [Movement(*each) for each in carried.recent]
        return cls(carried.currency, carried.moved, carried.taken, recent)

    def _drop_explained(self, expected: Decimal, lot: Decimal) -> Amounts:
        """Drop statements that late fills explain; returns the differences on which the others agree."""
        while self.doubtful:
            first, *others = self.doubtful
            found = () if self.difference(first, expected, lot) is None else self._starts_by(first)
            for other in others:
                found = _agreeing(found, self._starts_by(other), lot)
            if found:
                return found
            self.doubtful.popleft()
        return ()

    def _starts_by(self, statement: Statement) -> Amounts:
        """Holdings without our fills implied by a statement, for any number of the fills around it."""
        start = statement.held.get(self.asset, NOTHING) - self.moved - self.taken
        starts = []
        for movement in reversed(self.recent):
            if movement.to_ns < statement.from_ns:
                break
            if movement.from_ns <= statement.to_ns:
                starts.append(start)
            start += movement.amount
        return tuple(dict.fromkeys((*starts, start)))


def _agreeing(starts: Amounts, others: Amounts, lot: Decimal) -> Amounts:
    """The starts that equal one of the others within a lot."""
    return tuple(start for start in starts if min(abs(start - other) for other in others) <= lot)
