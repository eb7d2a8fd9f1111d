"""An engine that started an hour behind the end of its log had a clock that stood still, and halted its
symbols.

What happened: on a machine whose clock had been set back by an hour, engine time continues from the
log's end. Where it took seconds to open the log, the clock did not count them. The exchange's statements
were then later than now, positions seemed to have changed from outside, and symbols halted with
POSITION_BREAK.

What was wrong: whoever asked for the time before the clock was started fixed the moment from which it
ran.

What holds it now: a clock runs from its start, whatever was asked of it before.
"""

import time

import pytest

from runtime.clock import EngineClock

S = 1_000_000_000


def test_a_machine_behind_the_end_of_its_log_has_a_clock_that_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    running_ns = 0
    monkeypatch.setattr(time, "monotonic_ns", lambda: running_ns)
    clock = EngineClock(1_000 * S, 1.0)
    running_ns = 8 * S
    assert clock.now_ns == 1_008 * S, "it took 8 s to open the log, and somebody looked"
    clock.start(400 * S)
    running_ns = 9 * S
    assert clock.now_ns == 1_009 * S
