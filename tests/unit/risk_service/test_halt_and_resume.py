"""Halts by command, and what a resume ends, what it does not, and what counts anew after it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.control import Command, CommandAction
from schemas.inventory import Position
from schemas.message import ALL_SYMBOLS, Event
from schemas.risk import RiskAlert, RiskState
from tests.kit.messages import BTC, ETH, command, fill, position, signal, tick
from tests.unit.risk_service.risk_cores import alerts, core, in_force, state, states


def test_a_halt_command_latches_with_who_and_why() -> None:
    said = core().on_event(command("halt"))
    assert (state(said).state, state(said).latched, state(said).halt_sequence) == ("HALT", True, 1)
    assert state(said).reasons == ("COMMAND: odd prices by ann",)
    assert alerts(said) == ["HALT"]


def test_a_halt_command_for_all_halts_the_account_alone() -> None:
    made = core(BTC, ETH)
    said = made.on_event(command("halt", symbol=ALL_SYMBOLS))
    assert state(said, ALL_SYMBOLS).state == "HALT"
    assert {each.symbol for each in said if isinstance(each, RiskState)} == {ALL_SYMBOLS}
    assert state(made.on_event(tick(1)), ALL_SYMBOLS).state == "HALT"
    said = made.on_event(command("resume", "c2", symbol=ALL_SYMBOLS, halt_sequence=1))
    assert state(said, ALL_SYMBOLS).state == "RUN"


def test_a_second_halt_is_a_new_one_that_a_resume_of_the_first_does_not_end() -> None:
    made = core()
    made.on_event(command("halt", "c1", reason="first"))
    said = state(made.on_event(command("halt", "c2", reason="second")))
    assert (said.reasons, said.halt_sequence) == (("COMMAND: second by ann",), 2)
    assert alerts(made.on_event(command("resume", "c3", halt_sequence=1))) == ["RESUME_REFUSED"]
    assert in_force(made).state == "HALT"
    assert state(made.on_event(command("resume", "c4", halt_sequence=2))).state == "RUN"


def test_a_limit_that_breaks_while_a_person_halts_is_seen_and_not_ended_by_their_resume() -> None:
    made = core(max_loss="-500")
    made.on_event(command("halt", "c1"))
    said = state(made.on_event(position(5, "-700")))
    assert (said.reasons, said.halt_sequence) == (("COMMAND: odd prices by ann", "MAX_LOSS"), 2)
    assert alerts(made.on_event(command("resume", "c2", halt_sequence=1))) == ["RESUME_REFUSED"]
    assert in_force(made).state == "HALT"


def test_a_halt_and_resume_by_a_person_does_not_renew_the_allowance_of_losses() -> None:
    made = core(max_loss="-500")
    made.on_event(position(5, "-450"))
    made.on_event(command("halt", "c1"))
    made.on_event(command("resume", "c2"))
    assert state(made.on_event(position(5, "-500"))).state == "REDUCE_ONLY"
    assert state(made.on_event(position(5, "-600"))).state == "HALT"


def test_a_halt_and_resume_by_a_person_does_not_move_the_maximum_of_equity() -> None:
    made = core(max_drawdown=-0.1, max_loss="-500000", reporting={"capital": "1000"})
    made.on_event(position(1, "-90"))
    made.on_event(command("halt", "c1", symbol=ALL_SYMBOLS))
    made.on_event(command("resume", "c2", symbol=ALL_SYMBOLS))
    assert state(made.on_event(position(1, "-100")), ALL_SYMBOLS).reasons == ("MAX_DRAWDOWN",)


def test_a_halt_and_resume_by_a_person_does_not_renew_the_accounts_allowance() -> None:
    made = core(account_max_loss="-500", max_loss="-500000")
    made.on_event(position(5, "-450"))
    made.on_event(command("halt", "c1", symbol=ALL_SYMBOLS))
    made.on_event(command("resume", "c2", symbol=ALL_SYMBOLS))
    assert state(made.on_event(position(5, "-500")), ALL_SYMBOLS).state == "REDUCE_ONLY"


def test_profit_since_the_halt_does_not_tighten_what_the_account_may_lose() -> None:
    made = core(account_max_loss="-500", max_loss="-500000")
    made.on_event(position(5, "-600"))
    made.on_event(position(5, "100"))
    assert state(made.on_event(command("resume", symbol=ALL_SYMBOLS)), ALL_SYMBOLS).state == "RUN"
    assert states(made.on_event(position(5, "-499")), ALL_SYMBOLS) == []
    assert state(made.on_event(position(5, "-500")), ALL_SYMBOLS).state == "REDUCE_ONLY"


def test_a_symbol_that_may_only_reduce_for_its_loss_is_freed_by_a_halt_and_its_resume() -> None:
    made = core(max_loss="-500")
    made.on_event(position(0, "-550"))
    made.on_event(command("halt", "c1"))
    assert state(made.on_event(command("resume", "c2"))).state == "RUN"
    assert state(made.on_event(position(0, "-1050"))).state == "REDUCE_ONLY"


def test_profit_since_the_halt_does_not_tighten_what_may_be_lost() -> None:
    made = core(max_loss="-500")
    made.on_event(position(5, "-600"))
    made.on_event(position(5, "100"))
    made.on_event(command("resume"))
    assert states(made.on_event(position(5, "-499"))) == []
    assert state(made.on_event(position(5, "-500"))).state == "REDUCE_ONLY"


@pytest.mark.parametrize("halt_sequence", [None, 1])
def test_a_resume_ends_the_halt_it_names_or_the_current_one(halt_sequence: int | None) -> None:
    made = core()
    made.on_event(command("halt"))
    said = made.on_event(command("resume", "c2", halt_sequence=halt_sequence))
    assert (state(said).state, state(said).latched, state(said).halt_sequence) == ("RUN", False, 1)


@pytest.mark.parametrize("halt_sequence", [0, 1, 3])
def test_a_resume_of_another_halt_is_refused(halt_sequence: int) -> None:
    made = core()
    for action, command_id in (("halt", "c1"), ("resume", "c2"), ("halt", "c3")):
        made.on_event(command("halt" if action == "halt" else "resume", command_id))
    said = made.on_event(command("resume", "c4", halt_sequence=halt_sequence))
    assert alerts(said) == ["RESUME_REFUSED"]
    assert states(said) == []
    assert (in_force(made).state, in_force(made).halt_sequence) == ("HALT", 2)


def test_a_resume_where_nothing_is_halted_is_refused() -> None:
    made = core()
    (alert,) = made.on_event(command("resume"))
    assert isinstance(alert, RiskAlert)
    assert (alert.name, alert.severity) == ("RESUME_REFUSED", "warning")
    assert "nothing is halted" in alert.message


def test_a_resume_does_not_end_what_only_reduces() -> None:
    made = core(max_loss="-500")
    made.on_event(position(5, "-550"))
    assert alerts(made.on_event(command("resume"))) == ["RESUME_REFUSED"]
    assert in_force(made).state == "REDUCE_ONLY"


def test_after_a_resume_losses_count_from_there() -> None:
    made = core(max_loss="-500")
    made.on_event(position(5, "-600"))
    assert state(made.on_event(command("resume"))).state == "RUN"
    assert states(made.on_event(position(5, "-1099"))) == []
    assert state(made.on_event(position(5, "-1100"))).state == "REDUCE_ONLY"
    assert state(made.on_event(position(5, "-1200"))).halt_sequence == 2


def test_after_a_resume_of_the_account_its_drawdown_counts_from_there() -> None:
    made = core(max_drawdown=-0.1, max_loss="-500000", reporting={"capital": "1000"})
    made.on_event(position(1, "-100"))
    assert in_force(made, ALL_SYMBOLS).state == "HALT"
    said = made.on_event(command("resume", symbol=ALL_SYMBOLS, halt_sequence=1))
    assert state(said, ALL_SYMBOLS).state == "RUN"
    assert states(made.on_event(position(1, "-189")), ALL_SYMBOLS) == []
    assert state(made.on_event(position(1, "-190")), ALL_SYMBOLS).halt_sequence == 2


def test_a_resume_while_another_limit_is_broken_ends_the_latch_alone() -> None:
    made = core(max_position="10")
    made.on_event(position(10))
    made.on_event(command("halt"))
    said = state(made.on_event(command("resume", "c2")))
    assert (said.state, said.reasons, said.latched) == ("REDUCE_ONLY", ("MAX_POSITION",), False)


def test_a_command_counts_once_by_its_id() -> None:
    made = core()
    made.on_event(command("halt", "c1"))
    assert made.on_event(command("halt", "c1")) == ()
    made.on_event(command("resume", "c2"))
    assert made.on_event(command("resume", "c2")) == ()
    assert in_force(made).state == "RUN"


def test_a_halt_that_comes_again_after_a_resume_is_obeyed() -> None:
    """A halt too many costs quotes, one too few costs money."""
    made = core()
    made.on_event(command("halt", "c1"))
    made.on_event(command("resume", "c2"))
    made.on_event(command("halt", "c1"))
    assert in_force(made).state == "HALT"


def test_a_refused_command_uses_up_its_id_too() -> None:
    made = core()
    assert alerts(made.on_event(command("resume", "c1"))) == ["RESUME_REFUSED"]
    made.on_event(command("halt", "c2"))
    assert made.on_event(command("resume", "c1")) == ()
    assert in_force(made).state == "HALT"


@pytest.mark.parametrize("action", ["halt", "resume"])
def test_a_command_for_an_unknown_symbol_is_refused(action: CommandAction) -> None:
    made = core()
    said = made.on_event(command(action, symbol="XRP/USDT"))
    assert alerts(said) == ["COMMAND_REFUSED"]
    assert len(said) == 1
    assert state(made.on_event(tick(1)), ALL_SYMBOLS).state == "RUN", "least of all does it stand for all"


@pytest.mark.parametrize("action", ["start", "stop"])
def test_start_and_stop_are_not_for_risk(action: CommandAction) -> None:
    assert core().on_event(command(action)) == ()


SYMBOLS = st.sampled_from([BTC, ETH])
STEPS = st.lists(
    st.one_of(
        st.builds(
            lambda lots, pnl, symbol: position(lots, str(pnl), symbol=symbol),
            st.integers(-20, 20),
            st.integers(-1_500, 1_500),
            SYMBOLS,
        ),
        st.builds(signal, st.none() | st.integers(100, 300), SYMBOLS),
        st.builds(fill, st.sampled_from("abcdef"), st.sampled_from(["buy", "sell"]), symbol=SYMBOLS),
        st.builds(
            command,
            st.sampled_from(["halt", "resume", "start", "stop"]),
            st.sampled_from([f"c{number}" for number in range(9)]),
            symbol=st.sampled_from([BTC, ETH, ALL_SYMBOLS, "XRP/USDT"]),
            halt_sequence=st.none() | st.integers(0, 3),
        ),
        st.builds(tick, st.integers(0, 9)),
    ),
    max_size=40,
)


@given(steps=STEPS)
def test_only_a_resume_ends_a_latched_halt(steps: list[Event]) -> None:
    made = core(BTC, ETH, max_loss="-500", account_max_loss="-900", repeat_fills_same_side=3)
    told: dict[str, RiskState] = {}
    for step in steps:
        for said in made.on_event(step):
            if not isinstance(said, RiskState):
                continue
            before = told.get(said.symbol)
            if before is not None and before.latched and not said.latched:
                assert isinstance(step, Command)
                assert (step.action, step.symbol) == ("resume", said.symbol)
            if before is not None:
                assert said.halt_sequence >= before.halt_sequence
            assert not said.latched or said.state == "HALT"
            assert (said.state == "RUN") == (not said.reasons)
            told[said.symbol] = said


@given(steps=STEPS)
def test_repeated_positions_and_commands_change_nothing(steps: list[Event]) -> None:
    once, twice = core(BTC, ETH, max_loss="-500"), core(BTC, ETH, max_loss="-500")
    for step in steps:
        assert twice.on_event(step) == once.on_event(step)
        if isinstance(step, Position | Command):
            assert twice.on_event(step) == ()
