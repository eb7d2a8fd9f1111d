"""Settings that change while the engine runs: what may, who has to agree, and that every reader obeys."""

from decimal import Decimal

import pytest

from maker.composition import process_definition
from schemas.config import Config
from schemas.control import SettingChange
from schemas.live_settings import LIVE_SETTINGS, LiveSettings, changed, is_looser, value_of
from schemas.live_values import live_values_of
from schemas.process import LiveValue, SettingApplied
from schemas.risk import RiskState
from schemas.topics import INVENTORY, QUOTE, RISK, TOPICS
from tests.kit import messages as kit

ABOUT = {"event_time_ns": 5, "venue": "*", "symbol": "*"}
EVERY_READER = [(key, process) for key, setting in LIVE_SETTINGS.items() for process in setting.processes]


def change(key: str, value: str, number: int = 1, approver: str | None = None) -> SettingChange:
    return SettingChange(
        **ABOUT,
        change_id=f"c-{number}",
        setting_key=key,
        value=value,
        requester="ann",
        approver=approver,
        reason="r",
    )


def tighter_or_other(key: str) -> str:
    """Another value that one person may set."""
    if key == "shape.levels":  # the one that is a count
        return "2"
    now = Decimal(value_of(Config(), key))
    return str(now * Decimal("0.9")) if now else "0.01"


@pytest.mark.parametrize(("key", "process"), EVERY_READER)
def test_every_reader_takes_a_change_over_and_says_so(key: str, process: str) -> None:
    core = process_definition(process).make_core(Config())
    value = tighter_or_other(key)
    said = [each for each in core.on_event(change(key, value)) if isinstance(each, SettingApplied)]
    (applied,) = said
    assert (applied.process, applied.change_id, applied.refused_because) == (process, "c-1", None)
    assert Decimal(applied.value) == Decimal(value)
    assert core.on_event(change(key, value)) == ()  # the same change again is no change


@pytest.mark.parametrize(
    ("key", "process"), [each for each in EVERY_READER if LIVE_SETTINGS[each[0]].tighter]
)
def test_no_reader_loosens_a_limit_for_one_person(key: str, process: str) -> None:
    core = process_definition(process).make_core(Config())
    now = value_of(Config(), key)
    looser = str(Decimal(now) * Decimal("1.05"))
    for number, approver in enumerate((None, "ann")):
        (applied,) = core.on_event(change(key, looser, number, approver))
        assert isinstance(applied, SettingApplied)
        assert "a second person has to agree" in (applied.refused_because or "")
        assert applied.value == now
    taken = core.on_event(change(key, looser, 9, "bob"))[0]
    assert isinstance(taken, SettingApplied)
    assert Decimal(taken.value) == Decimal(looser)


def test_those_who_do_not_read_a_setting_say_nothing() -> None:
    for name in (RISK, INVENTORY):
        core = process_definition(name).make_core(Config())
        assert core.on_event(change("routing.price_collar", "0.01")) == ()


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("market_making.base_spread", "-1", "greater than or equal to 0"),
        ("market_making.base_spread", "wide", "valid number"),
        ("risk_limits.max_loss", "5", "less than 0"),
        ("risk_limits.max_position", "NaN", "finite"),
        ("gateway.port", "1", "cannot be changed while the engine runs"),
        ("reporting.capital", "1", "cannot be changed while the engine runs"),
    ],
)
def test_what_cannot_be_is_refused_in_words(key: str, value: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        changed(Config(), key, value)


@pytest.mark.parametrize(
    ("key", "value", "looser"),
    [
        ("risk_limits.max_loss", "-900", True),
        ("risk_limits.max_loss", "-400", False),
        ("risk_limits.max_position", "101", True),
        ("risk_limits.max_position", "100", False),
        ("risk_limits.max_drawdown", "-0.2", True),
        ("market_making.base_spread", "0.5", False),
    ],
)
def test_which_way_is_looser(key: str, value: str, looser: bool) -> None:
    assert is_looser(Config(), key, value) is looser


def test_a_changed_value_leaves_all_others() -> None:
    before = Config()
    after = changed(before, "risk_limits.max_loss", "-400")
    assert after.risk_limits.max_loss == Decimal(-400)
    assert after.model_copy(update={"risk_limits": before.risk_limits}) == before


def test_a_bad_value_from_the_bus_is_refused_and_changes_nothing() -> None:
    settings = LiveSettings(QUOTE, Config())
    applied = settings.apply(change("market_making.base_spread", "wide"))
    assert applied is not None
    assert "cannot be 'wide'" in (applied.refused_because or "")
    assert applied.value == "0.002"
    assert settings.config == Config()


def test_every_live_setting_is_in_the_configuration_and_its_readers_read_it() -> None:
    readers = next(topic.readers for topic in TOPICS if topic.name == "control.command")
    for key, setting in LIVE_SETTINGS.items():
        assert value_of(Config(), key)
        assert set(setting.processes) <= set(readers)


def test_a_tighter_limit_is_judged_at_once() -> None:
    """The limits that a risk state tells are the new ones."""
    core = process_definition(RISK).make_core(Config())
    instrument = kit.instrument(venue="v", tick_size=Decimal("0.1"), lot_size=Decimal("0.001"), time_ns=1)
    core.on_event(instrument)
    applied, *states = core.on_event(change("risk_limits.max_loss", "-400"))
    assert isinstance(applied, SettingApplied)
    limits = [use for state in states if isinstance(state, RiskState) for use in state.limits]
    losses = [use.limit for use in limits if use.name == "loss"]
    assert -400.0 in losses


def test_a_setting_has_the_value_of_a_process_that_reads_it() -> None:
    spread, position = "market_making.base_spread", "risk_limits.max_position"

    def live(key: str, value: str) -> LiveValue:
        return LiveValue(setting_key=key, value=value, file_value="9")

    began = (live(spread, "1"), live(position, "1"))
    of_all = {
        "monitor-service": began,
        "quote-service": (live(spread, "2"), live(position, "1")),
        "order-router": (live(spread, "1"), live(position, "3")),
        "view-projector": began,
    }
    assert live_values_of(of_all) == (live(spread, "2"), live(position, "3"))
    ended = {**of_all, "quote-service": (), "view-projector": (live(spread, "1"),)}
    assert live_values_of(ended) == (live(position, "3"),)
    assert live_values_of({"view-projector": began}) == began, "none that reads them is known"
