"""POST /maker/flatten and its approval: what is sent, what is refused, and what the status then says."""

from typing import Any

import pytest

from schemas.balancing import BalanceOrder
from schemas.control import Command
from tests.kit.messages import order_event
from tests.unit.gateway_api.conftest import Client, Engine, Messages

FLATTEN = "/api/v1/maker/flatten"
APPROVE = f"{FLATTEN}/approve"
STATUS = "/api/v1/maker/status/BTC/USDT"


@pytest.fixture
def client(trading: Engine, client_of: type[Client]) -> Client:
    return client_of(trading)


def ask(client: Client, path: str = FLATTEN, **body: Any) -> Any:
    return client.post(path, json={"symbol": "BTC/USDT", "reason": "leaving", **body})


def decision(btc: Messages, seconds: float, **fields: Any) -> BalanceOrder:
    facts: dict[str, Any] = {
        "sequence": 4, "stage": "take", "side": "sell", "size_lots": 2_000, "urgency": 1.0, "cost_bps": 5.25,
    }  # fmt: skip
    at = btc.at(seconds)
    return BalanceOrder(**{**at, **facts, "valid_until_ns": at["event_time_ns"] + 3 * 10**9, **fields})


@pytest.mark.parametrize(
    ("body", "action", "key"),
    [
        ({}, "flatten", "synthetic:BTC/USDT"),
        ({"halt": True}, "halt_flatten", "synthetic:BTC/USDT"),
        ({"symbol": None, "halt": True}, "halt_flatten", "*:*"),
        ({"symbol": "*"}, "flatten", "*:*"),
    ],
)
def test_what_is_asked_is_sent_and_answered_in_words(
    client: Client, trading: Engine, body: dict[str, Any], action: str, key: str
) -> None:
    answer = ask(client, **body)
    assert answer.status_code == 202, answer.text
    [sent] = trading.sent(Command)
    assert (sent.action, sent.key, sent.reason) == (action, key, "leaving")
    assert answer.json()["action"] == action
    assert "traded away" in answer.json()["message"]


@pytest.mark.parametrize("body", [{"reason": ""}, {"halt": "yes"}, {"symbol": ""}, {"size": 1}])
def test_a_body_of_another_form_is_refused(client: Client, trading: Engine, body: dict[str, Any]) -> None:
    assert ask(client, **body).status_code == 422
    assert trading.commands == []


def test_under_a_halt_it_takes_the_halt_to_let_orders_out(
    client: Client, trading: Engine, btc: Messages
) -> None:
    trading.take(btc.risk(9, "HALT", "MAX_LOSS", latched=True, halt_sequence=1))
    answer = ask(client)
    assert (answer.status_code, answer.json()["code"]) == (409, "halted")
    assert "MAX_LOSS" in answer.json()["detail"]
    assert "halt: true" in answer.json()["hint"]
    assert ask(client, halt=True).status_code == 202


def test_under_a_plain_halt_of_all_a_single_symbol_is_not_flattened(
    client: Client, trading: Engine, account: Messages
) -> None:
    trading.take(account.risk(9, "HALT", "COMMAND", latched=True, halt_sequence=1))
    assert (ask(client, halt=True).json()["code"]) == "halted"
    assert ask(client, halt=True, symbol=None).status_code == 202


def test_an_approval_names_whom_it_agrees_with(client: Client, trading: Engine, btc: Messages) -> None:
    trading.take(btc.risk(9, "HALT", "COMMAND", latched=True, halt_sequence=3, flatten_asked_by="somebody"))
    answer = ask(client, APPROVE, halt_sequence=3)
    assert answer.status_code == 202, answer.text
    [sent] = trading.sent(Command)
    assert (sent.action, sent.halt_sequence) == ("approve_flatten", 3)
    assert sent.agrees_with == "", "nobody of that name may ask for it any more"


def test_nothing_to_approve_is_said(client: Client, trading: Engine, btc: Messages) -> None:
    assert ask(client, APPROVE).json()["code"] == "nothing_to_approve"
    who = client.get("/api/v1/session").json()["name"]
    trading.take(btc.risk(9, "HALT", "COMMAND", latched=True, flatten_asked_by=who))
    answer = ask(client, APPROVE)
    assert (answer.status_code, answer.json()["code"]) == (409, "nothing_to_approve")
    assert "yourself" in answer.json()["detail"]
    assert trading.commands == []


class TestStatus:
    """What the page draws."""

    def shown(self, client: Client) -> Any:
        return client.get(STATUS).json()

    def test_leaning_alone_is_nothing(self, client: Client) -> None:
        assert self.shown(client)["balancing"] is None

    def test_the_decision_in_force_until_it_expires(
        self, client: Client, trading: Engine, btc: Messages
    ) -> None:
        trading.take(btc.position(9), decision(btc, 9, held_back="too dear"))
        assert self.shown(client)["balancing"] == {
            "stage": "take", "side": "sell", "size": "2.000", "urgency": 1.0, "cost_bps": 5.25,
            "held_back": "too dear", "flatten": None,
        }  # fmt: skip
        trading.take(btc.book(13))
        assert self.shown(client)["balancing"] is None

    def test_what_the_gate_denied_is_about_the_balancer_and_not_about_a_quote(
        self, client: Client, trading: Engine, btc: Messages
    ) -> None:
        denied = order_event(
            "denied",
            "denied",
            side="sell",
            time_ns=btc.at(9)["event_time_ns"],
            venue="synthetic",
            reasons=("RISK_HALT",),
            time_in_force="ioc",
        )
        trading.take(btc.position(9), decision(btc, 9), denied)
        shown = self.shown(client)
        assert shown["balancing"]["held_back"] == "the gate denied it: RISK_HALT"
        assert "RISK_HALT" not in (shown["ask"]["reason"] or "")

    def test_a_flatten_awaits_its_second_person_is_under_way_and_done(
        self, client: Client, trading: Engine, btc: Messages
    ) -> None:
        halt = {"latched": True, "halt_sequence": 1}
        trading.take(btc.position(9), btc.risk(9, "HALT", "COMMAND", flatten_asked_by="ann", **halt))
        shown = self.shown(client)
        assert (shown["risk"]["flatten_asked_by"], shown["risk"]["flattens"]) == ("ann", False)
        assert shown["balancing"]["flatten"] == "awaits_second"
        trading.take(btc.risk(10, "HALT", "COMMAND", flattens=True, **halt), decision(btc, 10, flattens=True))
        shown = self.shown(client)
        assert (shown["risk"]["flatten_asked_by"], shown["risk"]["flattens"]) == (None, True)
        assert shown["balancing"]["flatten"] == "under_way"
        trading.take(btc.position(11, lots=0))
        assert self.shown(client)["balancing"]["flatten"] == "done"

    def test_what_balancing_earned_is_a_line_of_its_own(
        self, client: Client, trading: Engine, btc: Messages
    ) -> None:
        trading.take(btc.position(9, pnl_balance="-1.5"))
        assert self.shown(client)["profit"]["balance"] == "-1.5000"
        performance = client.get("/api/v1/maker/performance/BTC/USDT").json()
        assert performance["pnl"]["balance"] == "-1.5000"

    def test_why_says_it_too(self, client: Client, trading: Engine, btc: Messages) -> None:
        trading.take(btc.position(9), decision(btc, 9))
        assert client.get("/api/v1/maker/why/BTC/USDT").json()["balancing"]["stage"] == "take"
