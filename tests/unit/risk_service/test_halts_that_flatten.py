"""A halt under which orders that reduce go out: who may ask for it, and what ends it."""

from typing import Any

import pytest
from risk_service.core.risk import RiskCore

from schemas.message import ALL_SYMBOLS
from schemas.orders import TradingStop
from schemas.risk import RiskState
from tests.kit.messages import BTC, T0, S, command, named, position, tick
from tests.unit.risk_service import carried_risk
from tests.unit.risk_service.risk_cores import alerts, core, in_force, state


def flattening(symbol: str = BTC, **limits: Any) -> RiskCore:
    made = core(resume_people=1, **limits)
    made.on_event(command("halt_flatten", "f1", symbol=symbol))
    return made


def test_it_is_the_usual_halt_and_says_that_orders_that_reduce_go_out() -> None:
    made = core(resume_people=1)
    said = made.on_event(command("halt_flatten", "f1", reason="leaving"))
    now = state(said)
    assert (now.state, now.latched, now.flattens) == ("HALT", True, True)
    assert now.reasons == ("COMMAND: leaving by ann",)
    assert alerts(said)[0] == "FLATTEN"
    ended = state(made.on_event(command("resume", "c2")))
    assert (ended.state, ended.flattens) == ("RUN", False)


def test_of_the_account_it_is_in_the_heartbeat() -> None:
    made = flattening(ALL_SYMBOLS)
    beats = [each for each in made.on_event(tick(1)) if each.key == "*:*"]
    assert [each.flattens for each in beats if isinstance(each, RiskState)] == [True]


def test_a_plain_halt_ends_it_also_with_the_same_words() -> None:
    for reason in ("odd prices", "another reason"):
        made = flattening()
        now = state(made.on_event(command("halt", "c2", reason=reason)))
        assert (now.state, now.flattens) == ("HALT", False)


def test_a_halt_by_the_router_ends_it() -> None:
    made = flattening()
    stop = TradingStop(**named(BTC), code="POSITION_BREAK", text="the account differs", needs_person=True)
    now = state(made.on_event(stop))
    assert (now.state, now.flattens) == ("HALT", False)


def test_a_halt_of_the_account_ends_it_for_good() -> None:
    made = flattening()
    said = made.on_event(command("halt", "c2", symbol=ALL_SYMBOLS))
    assert [(each.symbol, each.flattens) for each in said if isinstance(each, RiskState)] == [
        (ALL_SYMBOLS, False), (BTC, False),
    ]  # fmt: skip
    made.on_event(command("resume", "c3", symbol=ALL_SYMBOLS))
    assert not in_force(made).flattens


def test_a_flatten_of_the_account_leaves_that_of_a_symbol() -> None:
    made = flattening()
    made.on_event(command("halt_flatten", "f2", symbol=ALL_SYMBOLS))
    assert in_force(made).flattens


class TestTwoPeople:
    """Letting orders out under a halt takes as many people as ending it."""

    def asked(self) -> RiskCore:
        made = core(resume_people=2, resume_within_s=900)
        said = made.on_event(command("halt_flatten", "f1"))
        assert alerts(said)[0] == "FLATTEN_REQUESTED"
        now = state(said)
        assert (now.state, now.flattens, now.flatten_asked_by) == ("HALT", False, "ann")
        return made

    def test_the_halt_is_in_force_at_once_and_the_second_person_lets_orders_out(self) -> None:
        made = self.asked()
        said = made.on_event(command("approve_flatten", "f2", principal="bob", agrees_with="ann"))
        assert (state(said).flattens, state(said).flatten_asked_by) == (True, None)
        assert alerts(said) == ["FLATTEN"]

    @pytest.mark.parametrize(
        "fields",
        [
            {"principal": "ann"},
            {"principal": "bob", "agrees_with": ""},
            {"principal": "bob", "agrees_with": "cat"},
            {"principal": "bob", "halt_sequence": 2},
        ],
    )
    def test_who_does_not_agree_with_somebody_else_about_this_halt_lets_nothing_out(
        self, fields: dict[str, Any]
    ) -> None:
        made = self.asked()
        said = made.on_event(command("approve_flatten", "f2", **fields))
        assert alerts(said) == ["FLATTEN_REFUSED"]
        assert not in_force(made).flattens

    def test_a_request_expires_and_can_be_made_again(self) -> None:
        made = self.asked()
        made.on_event(tick(901))
        late = made.on_event(command("approve_flatten", "f2", principal="bob"))
        assert alerts(late) == ["FLATTEN_REFUSED"]
        made.on_event(command("halt_flatten", "f3"))
        made.on_event(command("approve_flatten", "f4", principal="bob"))
        assert in_force(made).flattens

    def test_a_newer_halt_voids_the_request(self) -> None:
        made = self.asked()
        made.on_event(command("halt", "c2", reason="worse"))
        assert in_force(made).flatten_asked_by is None
        said = made.on_event(command("approve_flatten", "f2", principal="bob"))
        assert alerts(said) == ["FLATTEN_REFUSED"]

    def test_a_request_to_resume_is_no_request_to_flatten(self) -> None:
        made = core(resume_people=2, resume_within_s=900)
        made.on_event(command("halt", "c1"))
        made.on_event(command("resume_request", "c2"))
        said = made.on_event(command("approve_flatten", "f2", principal="bob"))
        assert alerts(said) == ["FLATTEN_REFUSED"]


def test_without_a_halt_there_is_nothing_to_agree_to() -> None:
    said = core(resume_people=1).on_event(command("approve_flatten", "f2", principal="bob"))
    assert alerts(said) == ["FLATTEN_REFUSED"]


@pytest.mark.parametrize("people", [1, 2])
def test_it_goes_on_in_the_next_session_and_so_does_the_request(people: int) -> None:
    limits = carried_risk.config(resume_people=people)
    old = carried_risk.core(limits, tick())
    old.on_event(command("halt_flatten", "f1", symbol=ALL_SYMBOLS))
    new, said = carried_risk.over_the_border(old, limits)
    [now] = [each for each in said if isinstance(each, RiskState)]
    assert (now.state, now.flattens, now.flatten_asked_by) == (
        ("HALT", True, None) if people == 1 else ("HALT", False, "ann")
    )
    new.on_event(command("halt", "c9", symbol=ALL_SYMBOLS, time_ns=T0 + S))
    assert not new._account.scope.flattens


def test_a_ledger_in_doubt_ends_it() -> None:
    """Nobody knows then what reduces."""
    made = flattening()
    made.on_event(position(1, halted_because="UNITS_DIFFER: settle it"))
    assert not in_force(made).flattens
    made.on_event(position(1))
    assert (in_force(made).state, in_force(made).flattens) == ("HALT", False)


def test_a_loss_halt_ends_it() -> None:
    """Of the flatten itself, too: a person has to look before more is spent."""
    made = flattening(max_loss="-100")
    made.on_event(position(1, "-500"))
    now = in_force(made)
    assert (now.state, now.flattens) == ("HALT", False)
    assert any("MAX_LOSS" in reason for reason in now.reasons)
