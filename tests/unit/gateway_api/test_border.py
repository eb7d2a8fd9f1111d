"""A session's border: what the projector carries is what the next one shows, cut anywhere, and it goes on."""

from decimal import Decimal
from typing import Any

import pytest
from gateway_api.projector.core.views import ProjectorCore
from hypothesis import given, settings

from runtime.state.digest import state_digest
from schemas.carried.view import ViewCarried
from schemas.config import Config
from schemas.control import Command
from schemas.envelope import encode
from schemas.message import Event, SymbolEvent
from schemas.tallies import Counters
from tests.unit.gateway_api.conftest import START_S
from tests.unit.gateway_api.event_steps import ACCOUNT, BTC, ETH, STEPS, at_ns, told
from tests.unit.gateway_api.projector_sessions import LEVELS, Documents, begins, documents, over_the_border
from tests.unit.gateway_api.setting_changes import OTHER, SPREAD, change, taken

KEYS = ("synthetic:BTC/USDT", "synthetic:ETH/USDT")
SHOWN = (
    "alerts", "acknowledgements", "last_commands", "proposals", "changes",
    "refusals_without_symbol", "refusals_by_reason", "first_refusals", "symbols",
)  # fmt: skip
INTEGRALS = ("spread_bps_ns", "inventory_notional_ns")
DAY_S = 86_400


def close(seconds: float) -> list[Event]:
    """Time passes for both symbols."""
    return [BTC.book(seconds), ETH.book(seconds)]


def exact(counters: Counters) -> dict[str, Any]:
    return counters.model_dump(exclude=set(INTEGRALS))


def same(old: Documents, new: Documents, base: dict[str, Decimal] | None = None) -> None:
    assert set(old.symbols) == set(new.symbols)
    for key, before in old.symbols.items():
        after = new.symbols[key]
        assert exact(after.counters) == exact(before.counters)
        for name in INTEGRALS:  # floats: a sum in two parts is another in its last digit
            assert getattr(after.counters, name) == pytest.approx(getattr(before.counters, name), rel=1e-12)
        assert after.refusals_by_reason == before.refusals_by_reason
        assert after.first_refusals == before.first_refusals
        assert (after.position, after.stopped) == (before.position, before.stopped)
        assert after.live_orders == before.live_orders
        assert after.event_time_ns == before.event_time_ns
        if before.profits is not None and after.profits is not None:
            assert (after.profits.total, after.profits.day) == (before.profits.total, before.profits.day)
            assert after.profits.event_time_ns == before.profits.event_time_ns
            if base is not None:
                assert after.profits.session == before.profits.total - base.get(key, Decimal(0))
    assert new.minutes == old.minutes
    by_key = [sorted(each.account.withdrawals, key=lambda report: report.key) for each in (old, new)]
    assert by_key[0] == by_key[1]
    for name in SHOWN:
        assert getattr(new.account, name) == getattr(old.account, name), name


@settings(max_examples=300)
@given(before=STEPS, after=STEPS)
def test_cut_anywhere_the_documents_are_the_same_and_go_on(
    before: list[tuple[str, bool, int]], after: list[tuple[str, bool, int]]
) -> None:
    """The core that was not cut is the judge; only what a session alone has done is another."""
    begin = [begins(0), BTC.instrument(0), ETH.instrument(0), ACCOUNT.risk(0, "RUN"), *close(0)]
    fed = [*begin, *told(before, 1, []), *close(40)]
    old = ProjectorCore(Config())
    for event in fed:
        old.on_event(event)
    began = begins(40, engine={"digest_interval_inputs": 77})
    new = over_the_border(old, fed, began)
    at_border = documents(old)
    same(at_border, documents(new))
    base = {key: each.profits.total for key, each in at_border.symbols.items() if each.profits}

    for event in (*told(after, 41, fed), *close(80)):
        old.on_event(event)
        new.on_event(event)
    same(documents(old), documents(new), base)
    assert documents(new).account.session_began_ns == began.session_began_ns


NOTHING = Decimal(0)


def trade(core: ProjectorCore, *events: Event) -> list[Event]:
    for event in events:
        core.on_event(event)
    return list(events)


def profits(core: ProjectorCore, key: str = KEYS[0]) -> tuple[Decimal, Decimal, Decimal]:
    """Total, session, day."""
    found = documents(core).symbols[key].profits
    assert found is not None
    return found.total, found.session, found.day


def test_totals_go_on_and_a_session_begins_at_nothing() -> None:
    """One lot is 0.001, a tick 0.01: 2000 lots gain 0.02 for two half ticks."""
    old = ProjectorCore(Config())
    fed = trade(old, begins(0), BTC.instrument(), BTC.book(1), BTC.position(2), BTC.signal(3))
    fed += trade(old, BTC.signal(4).model_copy(update={"mid_half_ticks": 20_010}))
    total = Decimal("1.68002") + 2_000 * 10 * Decimal("0.00001") / 2
    assert profits(old) == (total, total, total)

    new = over_the_border(old, fed, begins(10))
    assert profits(new) == (total, NOTHING, total)  # the position that was told is older than the newest mid
    new.on_event(BTC.signal(11).model_copy(update={"mid_half_ticks": 19_998}))
    change_of = -2_000 * 12 * Decimal("0.00001") / 2
    assert profits(new) == (total + change_of, change_of, total + change_of)


def test_a_day_begins_at_midnight_and_what_was_missed_is_of_the_next() -> None:
    midnight_s = DAY_S - START_S % DAY_S
    old = ProjectorCore(Config())
    fed = trade(old, begins(0), BTC.instrument(), BTC.book(1), BTC.position(2))
    total = Decimal("1.68002")
    new = over_the_border(old, fed, begins(midnight_s + 5))
    assert profits(new) == (total, NOTHING, NOTHING)
    trade(old, BTC.book(midnight_s - 1))
    assert profits(old) == (total, total, total)
    trade(old, ACCOUNT.risk(midnight_s, "RUN"))
    assert profits(old) == (total, total, NOTHING)


def test_a_ledger_that_is_older_than_the_session_earned_before_it() -> None:
    """Nothing was carried: the position that the topic kept is all that is known."""
    core = ProjectorCore(Config())
    trade(core, begins(10), BTC.instrument(), BTC.position(2))
    assert profits(core) == (Decimal("1.68002"), NOTHING, NOTHING)
    fresh = ProjectorCore(Config())
    trade(fresh, begins(1), BTC.instrument(1), BTC.position(2))
    assert profits(fresh) == (Decimal("1.68002"), Decimal("1.68002"), Decimal("1.68002"))


def test_a_symbol_that_is_quoted_no_more_keeps_its_mark() -> None:
    old = ProjectorCore(Config())
    fed = trade(old, begins(0), BTC.instrument(), BTC.book(1), BTC.position(2))
    fed += trade(old, BTC.signal(5).model_copy(update={"mid_half_ticks": 20_040}))
    new = over_the_border(old, fed, begins(1_000))
    again = over_the_border(new, fed, begins(2_000))
    seen = documents(again).symbols[KEYS[0]]
    assert seen.book is None
    assert seen.position is not None
    assert seen.profits is not None
    assert (seen.position.mark_half_ticks, seen.profits.event_time_ns) == (20_040, at_ns(5))
    assert seen.profits.session == 0


def test_the_ledgers_own_word_in_the_new_session_counts_at_its_own_mark() -> None:
    old = ProjectorCore(Config())
    fed = trade(old, begins(0), BTC.instrument(), BTC.book(1), BTC.position(2))
    new = over_the_border(old, fed, begins(10))
    trade(new, BTC.position(11, mark=20_002))
    (position,) = [each.position for each in documents(new).symbols.values()]
    assert position is not None
    assert position.mark_half_ticks == 20_002


def test_a_mid_in_other_ticks_marks_nothing() -> None:
    """The contract's tick changed and the ledger has not followed yet."""
    core = ProjectorCore(Config())
    trade(core, BTC.instrument(), BTC.position(2))
    finer = BTC.instrument(3).model_copy(update={"version": 2, "tick_size": Decimal("0.001")})
    trade(core, finer, BTC.signal(4).model_copy(update={"mid_half_ticks": 200_000}))
    seen = documents(core).symbols[KEYS[0]]
    assert seen.position == BTC.position(2)
    assert seen.position_contract == BTC.instrument()
    trade(core, BTC.position(5, lots=2_000, mark=200_000, instrument_version=2))
    assert documents(core).symbols[KEYS[0]].position_contract == finer


@pytest.mark.parametrize(("file_value", "stands"), [("0.002", True), ("0.004", False)])
def test_what_was_changed_live_falls_where_the_file_says_another_thing(file_value: str, stands: bool) -> None:
    section, _, name = SPREAD.partition(".")
    old = ProjectorCore(Config())
    spread, other = change(ACCOUNT, 1, SPREAD, "0.0031"), change(ACCOUNT, 2, OTHER, "1.5")
    asked = change(ACCOUNT, 3, SPREAD, "0.0041")
    fed = trade(
        old, begins(0, **{section: {name: "0.002"}}), spread, *taken(spread), other, *taken(other), asked
    )
    new = over_the_border(old, fed, begins(10, **{section: {name: file_value}}))
    shown = [view.change for view in documents(new).account.changes]
    assert shown == [*([spread] if stands else []), other, asked]


def test_parts_are_small_enough_for_a_broker() -> None:
    old = ProjectorCore(Config())
    trade(old, *(ACCOUNT.alert(9, "warning", n).model_copy(update={"name": f"N{n}"}) for n in range(1_200)))
    parts = old.carried(at_ns(10))
    assert [len(part.open_alerts) for part in parts if isinstance(part, ViewCarried)] == [500, 500, 200]
    assert max(len(encode(part)) for part in parts) < 1_000_000
    new = over_the_border(old, [], begins(10))
    assert documents(new).account.alerts == documents(old).account.alerts


def test_a_request_with_an_idempotency_key_is_known_after_the_border() -> None:
    old = ProjectorCore(Config())
    command = Command(
        **ACCOUNT.at(1), request="0" * 32 + "-" + "1" * 32, command_id="c-1", action="stop", principal="ann",
        reason="r",
    )  # fmt: skip
    fed = trade(old, command)
    new = over_the_border(old, fed, begins(10))
    old.mark_all_dirty()
    name = "requests/ann"
    assert new.pop_changed()[name] == old.pop_changed()[name]


def test_a_past_is_read_on_through_a_border() -> None:
    """The history folds two sessions with one core: counters go on once, and the session begins anew."""
    old = ProjectorCore(Config())
    fed = trade(old, begins(0), BTC.instrument(), BTC.book(1), BTC.fill(2), BTC.position(2))
    trade(old, BTC.signal(3).model_copy(update={"mid_half_ticks": 20_010}))
    carried = old.carried(at_ns(10))
    trade(old, *carried, *(each for each in fed if isinstance(each, SymbolEvent) and type(each) in LEVELS))
    assert documents(old).symbols[KEYS[0]].counters.fills == 1
    assert profits(old) == (Decimal("1.78002"), NOTHING, Decimal("1.78002"))


def test_the_same_session_ends_in_the_same_state() -> None:
    cores = [ProjectorCore(Config()), ProjectorCore(Config())]
    for core in cores:
        trade(core, begins(0), BTC.instrument(), BTC.position(2), BTC.signal(3))
    assert state_digest(cores[0]) == state_digest(cores[1])
    trade(cores[1], BTC.signal(4).model_copy(update={"mid_half_ticks": 20_004}), BTC.signal(5))
    trade(cores[0], BTC.signal(4), BTC.signal(5))
    cores[1].on_event(BTC.signal(5).model_copy(update={"mid_half_ticks": 20_004}))
    assert state_digest(cores[0]) != state_digest(cores[1])
