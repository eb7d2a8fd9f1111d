"""What stands is shown however much was said since: it is state, and no window of the newest messages."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

from gateway_api.access.visibility import ALL_OF_IT
from gateway_api.app.current import CurrentConfig
from gateway_api.app.overview import Overview
from gateway_api.projector.core.views import ProjectorCore
from hypothesis import given
from hypothesis import strategies as st

from runtime.state.digest import state_digest
from schemas.config import Config
from schemas.control import Acknowledgement, Decision, Proposal, SettingChange
from schemas.live_settings import value_of
from schemas.process import SettingApplied
from tests.unit.gateway_api.conftest import Client, Engine, Messages
from tests.unit.gateway_api.setting_changes import LIMIT, OTHER, SPREAD, applied, change, taken

API = "/api/v1"
MANY = 150
"""More than any window of people's words holds."""


def others(account: Messages, count: int = MANY) -> list[SettingChange | SettingApplied]:
    """Changes of another setting, one after the other."""
    said: list[SettingChange | SettingApplied] = []
    for number in range(count):
        one = change(account, 100 + number, OTHER, str(1 + number / 1_000))
        said += [one, *taken(one)]
    return said


def settings_of(trading: Engine, client_of: type[Client]) -> dict[str, dict[str, Any]]:
    return {each["key"]: each for each in client_of(trading).get(f"{API}/maker/settings").json()["settings"]}


def overview(engine: Engine) -> Any:
    found = Overview(engine.store, Config(), ALL_OF_IT)
    asyncio.run(found.refresh())
    return json.loads(b"{" + found.since(-1) + b"}")


def test_the_value_in_force_is_shown_after_many_other_changes(
    trading: Engine, client_of: type[Client], account: Messages
) -> None:
    spread = change(account, 1, SPREAD, "0.0031")
    trading.take(spread, *taken(spread), *others(account))
    shown = settings_of(trading, client_of)[SPREAD]
    assert (shown["value"], shown["changed_by"], shown["pending"]) == ("0.0031", "ann", None)


def test_what_some_process_has_not_taken_over_is_pending_after_many_other_changes(
    trading: Engine, client_of: type[Client], account: Messages
) -> None:
    limit = change(account, 1, LIMIT, "1.5")
    first, second = taken(limit)
    trading.take(limit, first, *others(account))
    before = settings_of(trading, client_of)[LIMIT]
    assert (before["value"] == "1.5", before["pending"]) == (False, "1.5")
    trading.take(second)
    after = settings_of(trading, client_of)[LIMIT]
    assert (after["value"], after["pending"]) == ("1.5", None)


def test_changes_that_nobody_answers_push_out_no_value(
    trading: Engine, client_of: type[Client], account: Messages
) -> None:
    spread = change(account, 1, SPREAD, "0.0031")
    flood = [change(account, 10 + number, SPREAD, "0.004") for number in range(MANY)]
    refused = [applied(each, "quote-service", "no") for each in flood[:50]]
    trading.take(spread, *taken(spread), *flood, *refused)
    assert settings_of(trading, client_of)[SPREAD]["value"] == "0.0031"


@given(st.lists(st.tuples(st.sampled_from((SPREAD, LIMIT, OTHER)), st.integers(0, 3)), max_size=60))
def test_the_settings_are_those_of_all_that_was_ever_said(said: list[tuple[str, int]]) -> None:
    """Against a fold that forgets nothing: by key, the newest that every process took over."""
    account, core = Messages("*", "*"), ProjectorCore(Config())
    expected: dict[str, str] = {}
    for number, (key, answers) in enumerate(said):
        one = change(account, number, key, "1.5" if key == LIMIT else str(0.001 + number / 1e6))
        core.on_event(one)
        for answer in taken(one)[:answers] if answers < 3 else [applied(one, "quote-service", "no")]:
            core.on_event(answer)
        if answers < 3 and answers >= len(taken(one)):
            expected[key] = one.value
    for other in others(account):
        core.on_event(other)
        expected[OTHER] = other.value
    core.mark_all_dirty()
    core._account_dirty = True
    engine = Engine()
    engine.store.put(core.pop_changed())
    current = CurrentConfig(engine.context())
    shown = {key: value_of(current.read().config, key) for key in expected}
    assert {key: float(value) for key, value in shown.items()} == {
        key: float(value) for key, value in expected.items()
    }


def test_an_alert_that_nobody_has_seen_stays_open_after_many_others(
    trading: Engine, client_of: type[Client], account: Messages, btc: Messages
) -> None:
    halt = btc.alert(9, "critical", 1).model_copy(update={"name": "HALT"})
    noise = [account.alert(10, "warning", number) for number in range(2, 400)]
    trading.take(halt, *noise)
    assert "risk-1" in [each["alert_id"] for each in overview(trading)["alerts"]]
    client = client_of(trading)
    shown = client.get(f"{API}/maker/risk/alerts").json()["alerts"]
    assert shown[-1]["alert_id"] == "risk-1"
    assert client.post(f"{API}/maker/risk/alerts/risk-1/ack", json={}).status_code == 202
    trading.take(*trading.commands)
    assert "risk-1" not in [each["alert_id"] for each in overview(trading)["alerts"]]


def test_more_kinds_of_open_alerts_than_the_list_has_places_are_all_shown(
    trading: Engine, account: Messages
) -> None:
    alerts = [
        account.alert(9, "warning", number).model_copy(update={"name": f"N{number}"}) for number in range(120)
    ]
    trading.take(*alerts)
    assert len(overview(trading)["alerts"]) == 120


def test_an_alert_that_was_seen_does_not_open_again(trading: Engine, account: Messages) -> None:
    alerts = [
        account.alert(9, "warning", number).model_copy(update={"name": f"N{number}"})
        for number in range(1_500)
    ]
    seen = [
        Acknowledgement(**account.at(10), alert_id=each.alert_id, principal="ann") for each in alerts[::-1]
    ]
    trading.take(*alerts, *seen)
    assert {each["acknowledged_by"] for each in overview(trading)["alerts"]} == {"ann"}


def proposal(account: Messages, second: float, name: str, requester: str) -> Proposal:
    now = account.at(second)
    subject = {"kind": "setting", "setting_key": "risk_limits.max_loss", "value": "-900"}
    until_ns = now["event_time_ns"] + 900 * 1_000_000_000
    return Proposal(
        **now, proposal_id=name, requester=requester, reason="r", valid_until_ns=until_ns, subject=subject
    )


def test_a_proposal_that_waits_is_not_pushed_out(trading: Engine, account: Messages) -> None:
    flood = [proposal(account, 2, f"eve-{number}", "eve") for number in range(1_000)]
    crowd = [proposal(account, 3, f"p-{number}", f"person-{number}") for number in range(MANY)]
    trading.take(proposal(account, 1, "ann-1", "ann"), *flood, *crowd)
    waiting = [each["proposal_id"] for each in overview(trading)["proposals"]]
    assert "ann-1" in waiting
    assert {f"p-{number}" for number in range(MANY)} <= {*waiting}
    assert 0 < len([each for each in waiting if each.startswith("eve")]) <= 100
    trading.take(Decision(**account.at(4), proposal_id="ann-1", principal="bob", approved=True))
    assert "ann-1" not in [each["proposal_id"] for each in overview(trading)["proposals"]]


def test_proposals_that_are_void_make_room(trading: Engine, account: Messages) -> None:
    for second in range(20):
        at = second * 1_000
        trading.take(*(proposal(account, at, f"{at}-{number}", "eve") for number in range(50)))
    assert len(trading.core._account.people._proposals) <= 100 + 50


def test_who_halted_is_known_after_many_other_commands(
    trading: Engine, account: Messages, btc: Messages
) -> None:
    noise = [btc.command(10, "start", f"s-{number}") for number in range(MANY)]
    trading.take(account.command(9, "halt", "the-halt"), *noise)
    commands = overview(trading)["commands"]
    assert "the-halt" in [each["command_id"] for each in commands]
    assert len(commands) <= 60


def test_a_symbol_that_was_stopped_before_it_was_known_is_stopped(
    trading: Engine, messages_of: Callable[..., Messages]
) -> None:
    sol = messages_of("SOL/USDT")
    trading.take(sol.command(9, "stop", "stop-sol"), sol.instrument(10))
    assert overview(trading)["symbols"]["synthetic:SOL/USDT"]["stopped"] is True
    xrp = messages_of("XRP/USDT")
    trading.take(xrp.command(9, "stop", "a"), messages_of("*", "*").command(10, "start", "b"))
    trading.take(xrp.instrument(11))
    assert overview(trading)["symbols"]["synthetic:XRP/USDT"]["stopped"] is False


def test_what_stands_is_no_part_of_the_digest_so_that_older_logs_replay(
    trading: Engine, account: Messages, btc: Messages
) -> None:
    one, two = ProjectorCore(Config()), ProjectorCore(Config())
    for core in (one, two):
        core.on_event(account.alert(9, "warning", 1))
    two._account._open_alerts.apply_alert(btc.alert(9, "critical", 2))
    assert state_digest(one) == state_digest(two)
