"""The engine's clock against a wall clock that the test turns by hand."""

from typing import Literal

import pytest

from runtime.clock import EngineClock, MachineClock
from runtime.errors import DependencyError

MS = 1_000_000
S = 1_000 * MS
T0 = 1_700_000_000 * S


class Wall:
    """The monotonic clock."""

    def __init__(self) -> None:
        self.now_ns = 77 * S

    def monotonic_ns(self) -> int:
        return self.now_ns


@pytest.fixture
def wall(monkeypatch: pytest.MonkeyPatch) -> Wall:
    turned = Wall()
    monkeypatch.setattr("runtime.clock.time.monotonic_ns", turned.monotonic_ns)
    return turned


@pytest.mark.parametrize(("speed", "passed_ns"), [(1.0, 2 * S), (10.0, 20 * S), (0.5, S)])
def test_time_runs_at_its_speed(wall: Wall, speed: float, passed_ns: int) -> None:
    clock = EngineClock(T0, speed)
    wall.now_ns += 2 * S
    assert clock.now_ns == T0 + passed_ns
    assert not clock.is_simulated


def test_time_runs_from_the_start_of_the_loop(wall: Wall) -> None:
    clock = EngineClock(T0, 1.0)
    wall.now_ns += 5 * S
    clock.start()
    assert clock.now_ns == T0
    wall.now_ns += S
    assert clock.now_ns == T0 + S


def test_time_never_goes_back(wall: Wall) -> None:
    clock = EngineClock(T0, 1.0)
    wall.now_ns += 2 * S
    assert clock.now_ns == T0 + 2 * S
    clock.start()
    assert clock.now_ns == T0 + 2 * S


@pytest.mark.parametrize(("speed", "seconds"), [(1.0, 3.0), (10.0, 0.3), (0.5, 6.0)])
def test_waiting_takes_the_time_of_the_wall(wall: Wall, speed: float, seconds: float) -> None:
    clock = EngineClock(T0, speed)
    assert clock.wait_s(T0 + 3 * S) == pytest.approx(seconds)
    wall.now_ns += round(seconds * S)
    assert clock.now_ns == pytest.approx(T0 + 3 * S, abs=1_000)


def test_what_has_come_is_not_waited_for(wall: Wall) -> None:
    clock = EngineClock(T0, 1.0)
    wall.now_ns += S
    assert clock.wait_s(T0 + S) == 0.0
    assert clock.wait_s(T0) == 0.0


@pytest.mark.parametrize("passes_ns", [0, 3_600 * S])
def test_at_speed_max_time_jumps_and_nobody_waits(wall: Wall, passes_ns: int) -> None:
    speed: Literal["max"] = "max"
    clock = EngineClock(T0, speed)
    assert clock.is_simulated
    wall.now_ns += passes_ns
    assert clock.now_ns == T0
    assert clock.wait_s(T0 + S) == 0.0
    clock.jump_to(T0 + S)
    assert clock.now_ns == T0 + S


def test_a_jump_never_goes_back(wall: Wall) -> None:
    clock = EngineClock(T0, "max")
    clock.jump_to(T0 + S)
    clock.jump_to(T0)
    assert clock.now_ns == T0 + S


class Machine:
    """Its two clocks; people set the first."""

    def __init__(self) -> None:
        self.wall_ns, self.steady_ns = T0, 77 * S
        self.clock = MachineClock(lambda: self.wall_ns, lambda: self.steady_ns)

    def after(self, ns: int) -> int:
        """The time of a process some time later."""
        self.wall_ns += ns
        self.steady_ns += ns
        return self.clock.now_ns

    def failure(self) -> str | None:
        failure = self.clock.failure
        assert failure is None or type(failure) is DependencyError
        return None if failure is None else str(failure)


@pytest.mark.parametrize("step_ns", [3_600 * S, -3_600 * S, 2 * S])
def test_a_process_goes_on_by_its_old_time_and_is_to_end_when_the_clock_is_set(step_ns: int) -> None:
    machine = Machine()
    assert machine.after(10 * S) == T0 + 10 * S
    assert machine.failure() is None
    machine.wall_ns += step_ns
    assert machine.after(S) == T0 + 11 * S
    assert machine.after(S) == T0 + 12 * S
    how = "back" if step_ns < 0 else "ahead"
    assert f"clock was set {how} by {abs(step_ns) // S}.0 s" in (machine.failure() or "")


def test_what_a_clock_is_adjusted_by_is_followed_and_never_back() -> None:
    machine = Machine()
    for _ in range(10):
        machine.wall_ns += S // 2
        machine.after(0)
    assert machine.clock.now_ns == T0 + 5 * S
    machine.wall_ns -= S // 2
    assert machine.after(0) == T0 + 5 * S
    assert machine.after(S) == T0 + 5 * S + S // 2
    assert machine.failure() is None


def test_a_machine_that_stood_still_has_a_clock_that_was_set() -> None:
    machine = Machine()
    machine.wall_ns += 60 * S
    machine.after(0)
    assert machine.failure() is not None
