"""A halt that only a second person may end, and requests to resume."""

import pytest

from tests.kit.messages import command, tick
from tests.unit.risk_service.risk_cores import alerts, core, in_force, state


def test_where_two_people_resume_one_is_not_enough() -> None:
    made = core(resume_people=2, resume_within_s=900)
    made.on_event(command("halt", "c1"))
    assert alerts(made.on_event(command("resume", "c2"))) == ["RESUME_REQUESTED"]
    assert alerts(made.on_event(command("resume", "c3"))) == ["RESUME_REQUESTED"]
    assert in_force(made).state == "HALT"
    assert state(made.on_event(command("resume", "c4", principal="bob"))).state == "RUN"


@pytest.mark.parametrize(("agrees_with", "ends"), [(None, True), ("ann", True), ("", False), ("cat", False)])
def test_the_second_word_is_for_the_first_that_the_gateway_vouches_for(
    agrees_with: str | None, ends: bool
) -> None:
    """Whoever asked and was removed since asks for nothing: the next word is the first."""
    made = core(resume_people=2, resume_within_s=900)
    made.on_event(command("halt", "c1"))
    made.on_event(command("resume_request", "c2"))
    second = command("resume", "c3", principal="bob").model_copy(update={"agrees_with": agrees_with})
    made.on_event(second)
    assert (in_force(made).state == "RUN") is ends
    if not ends:
        assert in_force(made).resume_asked_by == "bob"


def test_the_second_persons_word_counts_for_the_same_halt_and_in_time() -> None:
    made = core(resume_people=2, resume_within_s=900)
    made.on_event(command("halt", "c1"))
    made.on_event(command("resume", "c2"))
    made.on_event(command("halt", "c3", reason="another"))
    assert alerts(made.on_event(command("resume", "c4", principal="bob"))) == ["RESUME_REQUESTED"]
    made.on_event(tick(901))
    assert alerts(made.on_event(command("resume", "c5", principal="cat"))) == ["RESUME_REQUESTED"]
    assert state(made.on_event(command("resume", "c6", principal="ann"))).state == "RUN"


def test_requests_alone_never_end_a_halt_and_the_state_names_who_asked() -> None:
    for people in (1, 2):
        made = core(resume_people=people, resume_within_s=900)
        made.on_event(command("halt", "c1"))
        said = made.on_event(command("resume_request", "c2"))
        assert alerts(said) == ["RESUME_REQUESTED"]
        assert (state(said).state, state(said).resume_asked_by) == ("HALT", "ann")
        said = made.on_event(command("resume_request", "c3", principal="bob"))
        assert (state(said).state, state(said).resume_asked_by) == ("HALT", "ann")
        ended = state(made.on_event(command("resume", "c4", principal="bob")))
        assert (ended.state, ended.resume_asked_by) == ("RUN", None)


def test_a_request_for_a_halt_that_is_not_in_force_is_refused() -> None:
    made = core(resume_people=2, resume_within_s=900)
    assert alerts(made.on_event(command("resume_request", "c1"))) == ["RESUME_REFUSED"]
