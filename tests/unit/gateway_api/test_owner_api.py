"""The API in the words of the owner's design: names, plain numbers, and a start with values of its own."""

from typing import Any

import pytest

from schemas.config import Config
from schemas.control import Command, Proposal, SettingChange
from schemas.message import Event
from schemas.process import SettingApplied
from tests.unit.gateway_api.conftest import Client, Engine, Messages
from tests.unit.gateway_api.setting_changes import taken

START = "/maker/start"
BTC = "BTC/USDT"
OWN = "per_symbol.BTC/USDT."


@pytest.fixture
def client(trading: Engine, client_of: type[Client]) -> Client:
    return client_of(trading)


def settle(engine: Engine) -> None:
    """Every process has applied what was sent, and the projector has seen it."""
    events: list[Event] = [*engine.commands]
    for sent in engine.commands:
        if isinstance(sent, SettingChange):
            events += taken(sent)
    engine.take(*events)
    engine.commands.clear()


def changes(engine: Engine) -> dict[str, str]:
    return {each.setting_key: each.value for each in engine.commands if isinstance(each, SettingChange)}


@pytest.mark.parametrize("prefix", ["", "/api/v1"])
def test_every_name_of_the_design_is_there(
    client: Client, prefix: str, btc: Messages, trading: Engine
) -> None:
    trading.take(btc.alert(9, "warning", 84))
    status = client.get(f"{prefix}/maker/status/{BTC}").json()
    assert (status["symbol"], status["status"]) == (BTC, "active")
    assert status["current_quotes"] == {
        "bid": {"price": 99.9, "size": 2.0},
        "ask": {"price": 100.1, "size": 2.0},
    }
    assert (status["inventory"], status["pnl"]) == (2.0, 1.68002)
    assert set(status["risk_status"]) == {
        *("position_ok", "loss_ok", "exposure_ok", "drawdown_ok", "overall_ok")
    }
    active = client.get(f"{prefix}/maker/active").json()
    assert (active["active_symbols"], active["total_count"]) == ([BTC], 1)
    performance = client.get(f"{prefix}/maker/performance/{BTC}").json()
    figures = ("totalPnL", "totalTrades", "avgSpread", "fillRate", "inventoryTurnover")
    assert all(isinstance(performance[name], int | float) for name in figures)
    alerts = client.get(f"{prefix}/maker/risk/alerts").json()
    assert alerts["alert_count"] == len(alerts["alerts"]) == 1
    alert = alerts["alerts"][0]
    assert (alert["symbol"], alert["timestamp"][:4]) == (BTC, "2023")
    assert len(alert["issues"]) == 1


def test_before_the_first_fill_there_are_numbers(
    engine: Engine, btc: Messages, client_of: type[Client]
) -> None:
    engine.take(btc.instrument(), btc.book(1))
    status = client_of(engine).get(f"/maker/status/{BTC}").json()
    assert (status["inventory"], status["pnl"], status["current_quotes"]) == (0.0, 0.0, None)
    assert status["status"] == "active"
    assert status["risk_status"]["overall_ok"] is False, "without risk-service nothing trades"


@pytest.mark.parametrize(
    ("state", "reason", "false"),
    [
        ("REDUCE_ONLY", "MAX_POSITION", {"position_ok", "overall_ok"}),
        ("HALT", "MAX_LOSS", {"loss_ok", "overall_ok"}),
        ("REDUCE_ONLY", "MAX_EXPOSURE", {"exposure_ok", "overall_ok"}),
        ("HALT", "MAX_DRAWDOWN", {"drawdown_ok", "overall_ok"}),
        ("HALT", "COMMAND: storm by ann", {"overall_ok"}),
        ("RUN", None, set()),
    ],
)
def test_what_is_not_kept_is_false(
    trading: Engine, client: Client, account: Messages, state: str, reason: str | None, false: set[str]
) -> None:
    trading.take(account.risk(9, state, *([reason] if reason else [])))
    status = client.get(f"/maker/status/{BTC}").json()
    assert {name for name, value in status["risk_status"].items() if not value} == false
    assert status["status"] == ("error" if state == "HALT" else "active")


def test_one_side_alone_is_a_quote(trading: Engine, client: Client, btc: Messages) -> None:
    trading.take(btc.order(9, "cancelled", "cancelled", "buy"))
    quotes = client.get(f"/maker/status/{BTC}").json()["current_quotes"]
    assert quotes == {"bid": None, "ask": {"price": 100.1, "size": 2.0}}


def test_camel_case_is_the_design_and_nothing_else(client: Client) -> None:
    status = client.get(f"/maker/status/{BTC}?case=camel").json()
    assert set(status) == {"symbol", "status", "currentQuotes", "inventory", "pnl", "riskStatus"}
    assert set(status["riskStatus"]) == {"positionOk", "lossOk", "exposureOk", "drawdownOk", "overallOk"}
    assert status["currentQuotes"]["bid"] == {"price": 99.9, "size": 2.0}
    assert client.get(f"/maker/status/{BTC}?case=kebab").status_code == 422


def test_an_unknown_symbol_is_not_found_and_the_nearest_is_named(client: Client) -> None:
    for path in ("status", "performance"):
        answer = client.get(f"/maker/{path}/BTC/USD")
        assert (answer.status_code, answer.json()["detail"]) == (404, "Symbol not found")
        assert "Nearest: BTC/USDT" in answer.json()["hint"]
    stopped = client.post("/maker/stop?symbol=BTC/USD")
    assert (stopped.status_code, stopped.json()["detail"]) == (404, "Symbol not found")


def test_start_with_values_of_the_symbols_own(client: Client, trading: Engine) -> None:
    body = {"symbol": BTC, "max_position": 50.0, "max_loss": -200.0, "base_spread": 0.004}
    answer = client.post(START, json=body)
    assert answer.status_code == 202, answer.text
    told = answer.json()
    assert (told["status"], told["symbol"]) == ("started", BTC)
    assert "max_position 50.0" in told["message"]
    assert [each["status"] for each in told["settings"]] == ["sent"] * 3
    assert changes(trading) == {
        f"{OWN}risk_limits.max_position": "50.0",
        f"{OWN}risk_limits.max_loss": "-200.0",
        f"{OWN}market_making.base_spread": "0.004",
    }
    assert isinstance(trading.commands[-1], Command), "the values come before the start"
    settle(trading)
    again = client.post(START, json=body).json()
    assert [each["status"] for each in again["settings"]] == ["kept"] * 3
    assert changes(trading) == {}


def test_a_start_alone_leaves_the_values_in_force(client: Client, trading: Engine) -> None:
    assert client.post(START, json={"symbol": BTC}).json()["settings"] == []
    assert len(trading.sent(Command)) == 1


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"max_position": 101}, "max_position 101 is looser than 100"),
        ({"max_loss": -500.5}, "max_loss -500.5 is looser than -500"),
        ({"max_position": -5}, "max_position cannot be '-5'"),
        ({"max_loss": 5}, "max_loss cannot be '5'"),
        ({"base_spread": 2}, "base_spread cannot be '2'"),
        ({"max_position": 1e30}, "max_position"),
        ({"max_position": "wide"}, "max_position"),
        ({"maximum": 1}, "maximum"),
    ],
)
def test_what_is_beyond_the_envelope_starts_nothing(
    client: Client, trading: Engine, values: dict[str, Any], words: str
) -> None:
    answer = client.post(START, json={"symbol": BTC, "base_spread": 0.003, **values})
    assert answer.status_code == 422, answer.text
    assert words in answer.json()["detail"]
    assert trading.commands == []


def test_values_are_of_one_symbol(client: Client, trading: Engine) -> None:
    answer = client.post(START, json={"symbol": "*", "max_position": 5})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert trading.commands == []


def test_a_looser_value_within_the_envelope_awaits_a_second_person(
    trading: Engine, client_of: type[Client]
) -> None:
    limits = Config().risk_limits.model_copy(update={"resume_people": 2})
    trading.config = Config().model_copy(update={"risk_limits": limits})
    client = client_of(trading)
    client.post(START, json={"symbol": BTC, "max_position": 10})
    settle(trading)
    told = client.post(START, json={"symbol": BTC, "max_position": 20}).json()
    assert told["settings"][0]["status"] == "proposed"
    assert "awaits a second person" in told["message"]
    assert [type(each) for each in trading.commands] == [Proposal, Command]


def test_alone_at_this_machine_one_person_widens_what_they_narrowed(client: Client, trading: Engine) -> None:
    for limit in (10, 20):
        told = client.post(START, json={"symbol": BTC, "max_position": limit}).json()
        assert told["settings"][0]["status"] == "sent"
        settle(trading)
    assert client.get("/api/v1/maker/settings?symbol=BTC/USDT").status_code == 200


def test_a_start_under_the_same_key_changes_nothing_twice(client: Client, trading: Engine) -> None:
    for _ in range(2):
        client.post(START, json={"symbol": BTC, "max_position": 10}, headers={"Idempotency-Key": "k"})
    assert [type(each) for each in trading.commands] == [SettingChange, Command]


@pytest.mark.parametrize(
    "how", [{"url": f"/maker/stop?symbol={BTC}"}, {"url": "/maker/stop", "json": {"symbol": BTC}}]
)
def test_stop_by_query_or_body(client: Client, trading: Engine, how: dict[str, Any]) -> None:
    told = client.post(**how).json()
    assert (told["status"], told["symbol"]) == ("stopped", BTC)
    (command,) = trading.sent(Command)
    assert (command.action, command.symbol) == ("stop", BTC)


@pytest.mark.parametrize(
    "how", [{"url": "/maker/stop"}, {"url": f"/maker/stop?symbol={BTC}", "json": {"symbol": "ETH/USDT"}}]
)
def test_a_stop_of_nothing_or_of_two_is_refused(client: Client, trading: Engine, how: dict[str, Any]) -> None:
    answer = client.post(**how)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert trading.commands == []


def test_the_description_is_served_from_files_of_ours(client: Client) -> None:
    page = client.get("/docs/")
    assert page.status_code == 200
    assert "//" not in page.text.replace("http://www.w3.org/2000/svg", "")
    for name in ("docs.js", "docs.css"):
        assert f'"{name}"' in page.text
        text = client.get(f"/docs/{name}").text
        assert "http" not in text
    assert client.get("/docs").status_code in {200, 307}


def test_a_refused_value_is_no_value_of_the_symbol(client: Client, trading: Engine) -> None:
    client.post(START, json={"symbol": BTC, "max_position": 10})
    (change,) = [each for each in trading.commands if isinstance(each, SettingChange)]
    refused = SettingApplied(
        event_time_ns=change.event_time_ns,
        process="risk-service",
        change_id=change.change_id,
        setting_key=change.setting_key,
        value="account",
        refused_because="no",
    )
    trading.take(change, refused)
    settings = client.get(f"/api/v1/maker/settings?symbol={BTC}").json()["settings"]
    found = next(each for each in settings if each["key"] == change.setting_key)
    assert (found["value"], found["is_own"], found["pending"]) == ("100", False, None)
