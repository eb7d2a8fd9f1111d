"""Settings of one symbol over HTTP: who may, what they touch, and the way back."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest
from gateway_api.access.identity import Identity
from gateway_api.access.roles import Permission
from gateway_api.access.users import User, write_users
from gateway_api.access.visibility import Sight

from schemas.config import Config
from schemas.control import Proposal, SettingChange
from schemas.deployment import Access
from schemas.message import Event
from tests.kit.messages import setting_change
from tests.unit.gateway_api.conftest import Client, Engine, Messages
from tests.unit.gateway_api.setting_changes import taken

API = "/api/v1/maker/settings"
BTC, ETH = "BTC/USDT", "ETH/USDT"
SPREAD, POSITION = "market_making.base_spread", "risk_limits.max_position"


def own(key: str, symbol: str = BTC) -> str:
    return f"per_symbol.{symbol}.{key}"


@pytest.fixture
def client(trading: Engine, client_of: type[Client], messages_of: Any) -> Client:
    trading.take(messages_of(ETH).instrument())
    return client_of(trading)


def put(client: Client, key: str, value: str, **request: Any) -> httpx.Response:
    return client.request("PUT", f"{API}/{key}", json={"value": value, "reason": "r"}, **request)


def settle(engine: Engine) -> SettingChange:
    """Every process has applied the change that was sent."""
    (change,) = [each for each in engine.commands if isinstance(each, SettingChange)]
    events: list[Event] = [change, *taken(change)]
    engine.take(*events)
    engine.commands.clear()
    return change


def setting(client: Client, key: str, symbol: str | None = None) -> dict[str, Any]:
    query = "" if symbol is None else f"?symbol={symbol}"
    found = client.get(f"{API}{query}").json()["settings"]
    return next(each for each in found if each["key"] == key)


def test_a_symbols_own_value_is_its_own(client: Client, trading: Engine) -> None:
    answer = put(client, own(SPREAD), "0.003")
    assert answer.status_code == 202, answer.text
    assert answer.json()["was"] == "account"
    assert (answer.json()["touches"], answer.json()["keeps"]) == ([BTC], [])
    change = settle(trading)
    assert (change.key, change.was) == ("*:*", "account"), "every process reads it, in one order"
    assert setting(client, own(SPREAD), BTC)["value"] == "0.003"
    assert setting(client, own(SPREAD, ETH), ETH)["value"] == "0.002"
    assert setting(client, own(SPREAD, ETH), ETH)["is_own"] is False


def test_a_change_of_all_says_whom_it_touches(client: Client, trading: Engine) -> None:
    put(client, own(SPREAD), "0.003")
    settle(trading)
    answer = put(client, SPREAD, "0.004").json()
    assert (answer["touches"], answer["keeps"]) == ([ETH], [BTC])
    settle(trading)
    assert setting(client, SPREAD)["own"] == {BTC: "0.003"}
    assert setting(client, own(SPREAD), BTC)["value"] == "0.003"
    assert setting(client, own(SPREAD, ETH), ETH)["value"] == "0.004"
    assert put(client, "risk_limits.max_exposure", "0.1").json()["touches"] == [BTC, ETH]


def test_every_setting_that_a_symbol_may_have_is_listed(client: Client) -> None:
    listed = {each["key"] for each in client.get(f"{API}?symbol={BTC}").json()["settings"]}
    assert own("pricing.min_edge_bps") in listed
    assert own("model.name") in listed
    assert own("inventory.target_notional") in listed
    assert own("inventory.opening") not in listed
    limits = {own(f"risk_limits.{name}") for name in ("max_position", "max_position_notional", "max_loss")}
    assert {key for key in listed if ".risk_limits." in key} == limits


@pytest.mark.parametrize(("value", "undone"), [("0.003", "account"), ("0.005", "0.003")])
def test_one_call_restores_the_value_from_before(
    client: Client, trading: Engine, value: str, undone: str
) -> None:
    if undone != "account":
        put(client, own(SPREAD), undone)
        settle(trading)
    put(client, own(SPREAD), value)
    change = settle(trading)
    answer = client.post(f"{API}/revert", json={"change_id": change.change_id, "reason": "back"})
    assert answer.status_code == 202, answer.text
    back = settle(trading)
    assert (back.setting_key, back.value, back.was) == (own(SPREAD), undone, value)
    again = client.post(f"{API}/revert", json={"change_id": change.change_id, "reason": "back"})
    assert (again.status_code, again.json()["code"]) == (409, "not_in_force")


def test_the_way_back_to_a_looser_limit_takes_a_second_person(client: Client, trading: Engine) -> None:
    put(client, POSITION, "50")
    change = settle(trading)
    answer = client.post(f"{API}/revert", json={"change_id": change.change_id, "reason": "back"}).json()
    assert answer["status"] == "proposed"
    (proposal,) = trading.sent(Proposal)
    assert proposal.subject.model_dump() == {
        "kind": "setting",
        "setting_key": POSITION,
        "value": "100",
        "was": "50",
    }


def test_a_change_without_its_old_value_cannot_be_taken_back(
    client: Client, trading: Engine, account: Messages
) -> None:
    """As an older release sent it."""
    put(client, own(SPREAD), "0.003")
    (change,) = trading.sent(SettingChange)
    older = change.model_copy(update={"was": None})
    trading.take(older, *taken(older))
    answer = client.post(f"{API}/revert", json={"change_id": change.change_id, "reason": "back"})
    assert (answer.status_code, answer.json()["code"]) == (409, "no_value_before")


@pytest.mark.parametrize(
    ("key", "value", "status", "words"),
    [
        ("per_symbol.BTC/USD.pricing.min_edge_bps", "1", 404, "BTC/USDT"),
        (own("pricing.min_edge"), "1", 404, "pricing.min_edge_bps"),
        (own("inventory.opening"), "venue", 404, "cannot be changed"),
        (own("risk_limits.max_drawdown"), "-0.1", 404, "cannot be changed"),
        (own("pricing.min_edge_bps"), "wide", 422, "valid number"),
        (own("pricing.fair_value"), "guess", 422, "micro_price"),
        (own("pricing.fair_value"), "micro_price", 422, "adjustments_ticks"),
        (own("shape.bid_level_offsets_bps"), "[0, 5", 422, "not a list"),
        (own("inventory.target_share"), "0.5", 422, "needs an account"),
        ("per_symbol", "1", 404, "cannot be changed"),
        ("per_symbol.*.pricing.min_edge_bps", "1", 404, "cannot be changed"),
    ],
)
def test_what_cannot_be_is_refused_with_the_remedy(
    client: Client, trading: Engine, key: str, value: str, status: int, words: str
) -> None:
    answer = put(client, key, value)
    assert answer.status_code == status, answer.text
    assert words in answer.json()["detail"] + answer.json()["hint"]
    assert trading.commands == []


class Desk:
    """People with roles and scopes."""

    def __init__(self, engine: Engine, client_of: type[Client], path: Path) -> None:
        write_users(
            path,
            [
                User(name="btc", roles=("trader",), scope=(f"synthetic:{BTC}",), password="x"),
                User(name="eth", roles=("trader",), scope=(f"synthetic:{ETH}",), password="x"),
                User(name="judge", roles=("risk",), scope=(f"synthetic:{BTC}",), password="x"),
            ],
        )
        limits = Config().risk_limits.model_copy(update={"resume_people": 2})
        engine.config = Config().model_copy(update={"risk_limits": limits})
        engine.access = Access(users_file=str(path))
        self.client = client_of(engine, signed_in=False)

    def ask(self, name: str, method: str, url: str, body: Any = None) -> httpx.Response:
        somebody = Identity(name, (), (), "token", "s", 2e9)
        made = asyncio.run(self.client.application.state.authentication.begin_program(somebody, "here"))
        headers = {"authorization": f"Bearer {made.token}"}
        return self.client.request(method, url, headers=headers, json=body)


def test_who_trades_one_symbol_changes_that_symbol(
    trading: Engine, client_of: type[Client], messages_of: Any, tmp_path: Path
) -> None:
    trading.take(messages_of(ETH).instrument())
    desk = Desk(trading, client_of, tmp_path / "users.yaml")
    body = {"value": "0.003", "reason": "r"}
    assert desk.ask("eth", "PUT", f"{API}/{own(SPREAD)}", body).status_code == 403
    assert desk.ask("eth", "GET", f"{API}?symbol={BTC}").status_code == 403
    assert desk.ask("btc", "PUT", f"{API}/{SPREAD}", body).status_code == 403
    assert desk.ask("btc", "PUT", f"{API}/{own(SPREAD)}", body).status_code == 202
    (change,) = trading.sent(SettingChange)
    assert change.scope == (f"synthetic:{BTC}",)
    assert change.is_in_scope()
    assert not change.model_copy(update={"setting_key": own(SPREAD, ETH)}).is_in_scope()
    assert not change.model_copy(update={"setting_key": SPREAD}).is_in_scope()


def test_a_symbols_limit_is_loosened_by_two_who_have_it_in_scope(
    trading: Engine, client_of: type[Client], tmp_path: Path
) -> None:
    desk = Desk(trading, client_of, tmp_path / "users.yaml")
    asked = desk.ask("btc", "PUT", f"{API}/{own(POSITION)}", {"value": "150", "reason": "r"}).json()
    assert asked["status"] == "proposed"
    (proposal,) = trading.sent(Proposal)
    assert proposal.key == f"synthetic:{BTC}"
    trading.take(proposal)
    trading.commands.clear()
    url = f"/api/v1/maker/proposals/{proposal.proposal_id}/approve"
    answer = desk.ask("judge", "POST", url, {"shown": proposal.shown_digest()})
    assert answer.status_code == 202, answer.text
    (change,) = [each for each in trading.commands if isinstance(each, SettingChange)]
    assert (change.key, change.approver, change.was) == ("*:*", "judge", "account")
    assert change.is_in_scope()
    assert change.approved_digest == change.held_digest("account")


def test_changes_of_a_symbol_are_shown_to_whom_it_concerns() -> None:
    change = setting_change(own(SPREAD), "0.003")
    permissions: frozenset[Permission] = frozenset({"view", "audit"})
    seen = {symbol: Sight(permissions, (f"v:{symbol}",)).sees_event(change) for symbol in (BTC, ETH)}
    assert seen == {BTC: True, ETH: False}
    assert Sight(permissions, (f"v:{ETH}",)).sees_event(change.model_copy(update={"setting_key": SPREAD}))
