"""Two people's word: who may give it, for what, and that it is for what was shown."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest
from gateway_api.access.identity import Identity
from gateway_api.access.users import User, read_users, write_users

from maker.composition import process_definition
from schemas.config import Config
from schemas.control import (
    OPEN_PROPOSALS_MAX,
    Acknowledgement,
    Adjustment,
    Command,
    Decision,
    Proposal,
    SettingChange,
)
from schemas.deployment import Access
from schemas.process import SettingApplied
from schemas.topics import RISK
from tests.unit.gateway_api.conftest import Client, Engine, Messages

API = "/api/v1/maker"
LOSS = f"{API}/settings/risk_limits.max_loss"
BTC = "synthetic:BTC/USDT"
HASH = "$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHQ$c29tZWhhc2g"


class Office:
    """People at one gateway."""

    def __init__(self, engine: Engine, client: Client, path: Path) -> None:
        self.engine, self.client, self.path = engine, client, path
        self._tokens: dict[tuple[int, str], str] = {}

    def ask(self, name: str, method: str, url: str, body: Any, key: str | None = None) -> httpx.Response:
        place = (id(self.client), name)
        if place not in self._tokens:
            somebody = Identity(name, (), (), "token", "s", 2e9)
            made = asyncio.run(self.client.application.state.authentication.begin_program(somebody, "here"))
            self._tokens[place] = made.token
        headers = {"authorization": f"Bearer {self._tokens[place]}"} | (
            {} if key is None else {"Idempotency-Key": key}
        )
        return self.client.request(method, url, headers=headers, json=body)

    def propose(self, name: str = "tom", value: str = "-900", key: str | None = None) -> str:
        answer = self.ask(name, "PUT", LOSS, {"value": value, "reason": "r"}, key)
        assert answer.json()["status"] == "proposed", answer.text
        self.settle()
        found: str = answer.json()["command_id"]
        return found

    def settle(self) -> None:
        """The projector has seen what was sent."""
        self.engine.take(*self.engine.commands)

    def shown(self, proposal_id: str) -> str:
        return next(
            each.shown_digest() for each in self.engine.account().proposals if each.proposal_id == proposal_id
        )

    def approve(self, name: str, proposal_id: str, shown: str | None) -> httpx.Response:
        body = {} if shown is None else {"shown": shown}
        return self.ask(name, "POST", f"{API}/proposals/{proposal_id}/approve", body)

    def reject(self, name: str, proposal_id: str) -> httpx.Response:
        return self.ask(name, "POST", f"{API}/proposals/{proposal_id}/reject", {})

    def sent(self, kind: type) -> list[Any]:
        return [each for each in self.engine.commands if isinstance(each, kind)]

    def remove(self, name: str) -> None:
        write_users(self.path, [user for user in read_users(self.path) if user.name != name])
        self.client.application.state.authentication._refresh_at_s = 0.0

    def change(self, user: User) -> None:
        others = [each for each in read_users(self.path) if each.name != user.name]
        write_users(self.path, [*others, user])
        self.client.application.state.authentication._refresh_at_s = 0.0


@pytest.fixture
def office(trading: Engine, client_of: type[Client], tmp_path: Path, btc: Messages) -> Office:
    path = tmp_path / "users.yaml"
    write_users(
        path,
        [
            User(name="tom", roles=("trader",), password=HASH),
            User(name="tina", roles=("trader",), password=HASH),
            User(name="rob", roles=("risk",), password=HASH),
            User(name="rita", roles=("risk",), password=HASH),
            User(name="narrow", roles=("risk",), scope=(BTC,), password=HASH),
        ],
    )
    trading.access = Access(users_file=str(path))
    trading.take(btc.alert(9, "warning", 84))
    return Office(trading, client_of(trading, signed_in=False), path)


def refused(answer: httpx.Response, status: int, code: str) -> None:
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


def test_a_proposals_id_is_the_servers_and_never_comes_again(office: Office) -> None:
    first = office.propose(key="mine")
    assert "mine" not in first
    office.reject("rob", first)
    office.settle()
    refused(
        office.ask("tom", "PUT", LOSS, {"value": "-950", "reason": "r"}, "mine"),
        422,
        "idempotency_key_reused",
    )
    second = office.propose(value="-900")
    assert second != first


def test_the_same_key_of_two_people_are_two_requests(office: Office) -> None:
    assert office.propose("tom", key="k") != office.propose("tina", value="-950", key="k")


def test_an_approval_is_for_what_was_shown(office: Office) -> None:
    proposal = office.propose()
    refused(office.approve("rob", proposal, None), 422, "shown_missing")
    refused(office.approve("rob", proposal, "0" * 64), 409, "shown_differs")
    assert office.sent(SettingChange) == []
    assert office.approve("rob", proposal, office.shown(proposal)).status_code == 202
    (change,) = office.sent(SettingChange)
    assert (change.requester, change.approver, change.change_id) == ("tom", "rob", proposal)
    assert change.approved_digest == office.sent(Decision)[0].approved_digest


@pytest.mark.parametrize(
    ("update", "is_obeyed"),
    [
        ({}, True),
        ({"value": "-901"}, False),
        ({"requester": "tina"}, False),
        ({"reason": "another"}, False),
        ({"setting_key": "risk_limits.account_max_loss", "value": "-500001"}, False),
    ],
)
def test_makers_compare_what_was_shown_with_what_they_are_told(
    office: Office, update: dict[str, Any], is_obeyed: bool
) -> None:
    proposal = office.propose()
    office.approve("rob", proposal, office.shown(proposal))
    change = office.sent(SettingChange)[0].model_copy(update=update)
    applied = process_definition(RISK).make_core(Config()).on_event(change)[0]
    assert isinstance(applied, SettingApplied)
    assert (applied.refused_because is None) is is_obeyed


def test_makers_refuse_where_another_value_is_in_force_than_was_shown(office: Office) -> None:
    proposal = office.propose()
    office.approve("rob", proposal, office.shown(proposal))
    core = process_definition(RISK).make_core(Config())
    tighter = SettingChange(
        event_time_ns=1,
        venue="*",
        symbol="*",
        change_id="other",
        setting_key="risk_limits.max_loss",
        value="-1",
        requester="ann",
    )
    core.on_event(tighter)
    applied = core.on_event(office.sent(SettingChange)[0])[0]
    assert isinstance(applied, SettingApplied)
    assert "is -1: rob was shown another change" in (applied.refused_because or "")


def test_nobody_has_more_than_so_many_open(office: Office) -> None:
    waiting = [office.propose(value=f"-{600 + number}") for number in range(OPEN_PROPOSALS_MAX)]
    answer = office.ask("tom", "PUT", LOSS, {"value": "-999", "reason": "r"})
    refused(answer, 429, "too_many_proposals")
    assert f"{OPEN_PROPOSALS_MAX} proposals of tom await" in answer.json()["detail"]
    office.propose("tina", value="-999")  # another person has room of their own
    office.reject("tom", waiting[0])
    office.settle()
    office.propose(value="-999")


def test_the_cap_holds_before_the_projector_has_seen_anything(office: Office) -> None:
    answers = [
        office.ask("tom", "PUT", LOSS, {"value": f"-{600 + number}", "reason": "r"}).status_code
        for number in range(OPEN_PROPOSALS_MAX + 3)
    ]
    assert answers == [202] * OPEN_PROPOSALS_MAX + [429] * 3


def test_what_is_open_is_never_forgotten(office: Office, account: Messages) -> None:
    """Not even where somebody fills the topic past the gateway."""
    proposal = office.propose()
    shown = office.shown(proposal)
    subject = {"kind": "setting", "setting_key": "risk_limits.max_loss", "value": "-999"}
    office.engine.take(
        *(
            Proposal(
                **account.at(9),
                proposal_id=f"p-{number}",
                requester="mallory",
                reason="r",
                valid_until_ns=int(2e18),
                subject=subject,
            )
            for number in range(500)
        )
    )
    found = office.engine.account().proposals
    assert len(found) == OPEN_PROPOSALS_MAX + 1
    assert found[0].proposal_id == proposal
    assert office.approve("rob", proposal, shown).status_code == 202


@pytest.mark.parametrize("how", ["removed", "another role", "another scope"])
def test_nobody_agrees_with_somebody_who_may_not_ask_any_more(office: Office, how: str) -> None:
    proposal = office.propose()
    shown = office.shown(proposal)
    if how == "removed":
        office.remove("tom")
    elif how == "another role":
        office.change(User(name="tom", roles=("viewer",), password=HASH))
    else:
        office.change(User(name="tom", roles=("trader",), scope=(BTC,), password=HASH))
    refused(office.approve("rob", proposal, shown), 409, "requester_gone")
    assert office.sent(SettingChange) == []
    assert office.reject("rob", proposal).status_code == 202  # it may be taken off the list


def test_whoever_has_a_scope_decides_within_it(office: Office) -> None:
    proposal = office.propose()
    refused(office.reject("narrow", proposal), 403, "out_of_scope")
    refused(office.approve("narrow", proposal, office.shown(proposal)), 403, "out_of_scope")
    assert office.sent(Decision) == []


def test_the_first_word_stays(office: Office) -> None:
    proposal = office.propose()
    shown = office.shown(proposal)
    assert office.reject("rob", proposal).status_code == 202
    refused(office.approve("rita", proposal, shown), 409, "already_decided")
    assert office.sent(SettingChange) == []


def test_two_people_acknowledge_one_alert(office: Office) -> None:
    for name in ("tom", "rob", "rob"):
        assert office.ask(name, "POST", f"{API}/risk/alerts/risk-84/ack", {"note": name}).status_code == 202
    assert [each.principal for each in office.sent(Acknowledgement)] == ["tom", "rob"]
    office.settle()
    seen = office.engine.account().acknowledgements
    assert [(each.principal, each.note) for each in seen] == [("tom", "tom"), ("rob", "rob")]


def test_what_no_gateway_of_ours_signed_cannot_be_approved(office: Office, client_of: type[Client]) -> None:
    """Whoever can write to the state store is no gateway."""
    proposal = office.propose()
    context = office.engine.context()
    assert context.is_ours(office.engine.account().proposals[0])
    office.engine.is_ours = lambda event: False
    office.client = client_of(office.engine, signed_in=False)
    refused(office.approve("rob", proposal, "0" * 64), 409, "no_such_proposal")


@pytest.mark.parametrize(("removed", "agrees_with"), [(False, "tom"), (True, "")])
def test_a_resume_agrees_with_somebody_who_may_still_ask(
    office: Office, account: Messages, removed: bool, agrees_with: str
) -> None:
    office.engine.take(account.risk(9, "HALT", "COMMAND", latched=True, resume_asked_by="tom"))
    if removed:
        office.remove("tom")
    answer = office.ask("rob", "POST", f"{API}/risk/resume", {"symbol": "*", "reason": "r"})
    assert answer.status_code == 202
    assert office.engine.sent(Command)[-1].agrees_with == agrees_with


@pytest.mark.parametrize("path", ["risk/halt", "risk/resume-request", "risk/resume", "stop"])
def test_every_message_says_the_scope_of_whoever_sent_it(office: Office, path: str) -> None:
    body = {"symbol": "BTC/USDT", "reason": "r"}
    assert office.ask("narrow", "POST", f"{API}/{path}", body).status_code == 202
    assert office.engine.commands[-1].scope == (BTC,)


ADJUST = f"{API}/positions/adjust"
MOVED = {"symbol": "BTC/USDT", "kind": "adopt", "size_change": "-0.5", "reason": "moved to the vault"}


def test_a_ledger_is_set_right_by_one_person_of_risk_where_one_is_enough(office: Office) -> None:
    answer = office.ask("rob", "POST", ADJUST, {**MOVED, "price": "60000.5"}, "k")
    assert answer.json()["status"] == "sent", answer.text
    [sent] = office.sent(Adjustment)
    assert (sent.principal, sent.approver, sent.kind, str(sent.size_change), str(sent.price)) == (
        "rob", None, "adopt", "-0.5", "60000.5",
    )  # fmt: skip
    again = office.ask("rob", "POST", ADJUST, {**MOVED, "price": "60000.5"}, "k")
    assert again.json() == answer.json()
    assert len(office.sent(Adjustment)) == 1


def test_a_trader_asks_and_somebody_of_risk_agrees_to_what_was_shown(office: Office) -> None:
    asked = office.ask("tom", "POST", ADJUST, MOVED)
    assert asked.json()["status"] == "proposed", asked.text
    assert office.sent(Adjustment) == []
    office.settle()
    found = asked.json()["command_id"]
    refused(office.approve("tina", found, office.shown(found)), 403, "not_permitted")
    refused(office.approve("rita", found, "0" * 64), 409, "shown_differs")
    assert office.approve("rita", found, office.shown(found)).status_code == 202
    [sent] = office.sent(Adjustment)
    assert (sent.principal, sent.approver, sent.reason) == ("tom", "rita", "moved to the vault")
    assert sent.approved_digest == sent.held_digest()


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"size_change": "0"}, 422),
        ({"size_change": "0.00000001"}, 422),
        ({"size_change": "much"}, 422),
        ({"price": "0"}, 422),
        ({"reason": " "}, 422),
        ({"symbol": "BTCUSDT"}, 404),
    ],
)
def test_an_adjustment_that_cannot_be_is_refused(office: Office, fields: dict[str, Any], status: int) -> None:
    assert office.ask("rob", "POST", ADJUST, MOVED | fields).status_code == status
    assert office.sent(Adjustment) == []
