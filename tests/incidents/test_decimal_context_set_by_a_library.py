"""A library set the rounding of decimals for the whole process, and the engine's cores computed with it.

What happened: ccxt's `decimal_to_precision` sets the rounding of the decimal context of its thread. From the
first order that it formatted on, ties were rounded up and no longer to even, so that the same inputs gave
another last digit in a process that had formatted an order than in one that had not, as in a replay.

What was wrong: a core's arithmetic depended on a context that every library in the process may change.

What holds it now: whatever feeds a core does so in a decimal context of the engine's own.
"""

from collections.abc import Iterator
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal, getcontext

import pytest
from ccxt.base.decimal_to_precision import decimal_to_precision

from runtime.process.containment import Containment
from schemas.message import Event
from schemas.process import Tick

TIE = Decimal("0.12345678901234567890123456785")
"""One digit more than a quotient has; between two of them."""


class Counting:
    """A core that multiplies."""

    def __init__(self) -> None:
        self.found: list[Decimal] = []

    def on_event(self, event: Event) -> tuple[Event, ...]:
        self.found.append(TIE * 1)
        return ()


@pytest.fixture(autouse=True)
def rounding() -> Iterator[None]:
    before = getcontext().copy()
    yield
    getcontext().rounding, getcontext().traps = before.rounding, before.traps


def test_a_library_that_sets_the_rounding_changes_no_decision() -> None:
    core = Counting()
    fed = Containment(core, "a process")
    getcontext().rounding = ROUND_HALF_EVEN
    fed.feed(Tick(event_time_ns=1), None)
    decimal_to_precision("1.25", precision=1)
    assert getcontext().rounding == ROUND_HALF_UP, "the library no longer does it"
    assert core.found[0] != TIE * 1
    fed.feed(Tick(event_time_ns=2), None)
    assert core.found[0] == core.found[1]
