"""Who may do what: every role at every route, as the table says it. Denied is what is not there."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from gateway_api.access.identity import Identity
from gateway_api.access.roles import MAY, PERMISSIONS, ROLES, Role, conflict
from gateway_api.access.users import User, hashed, write_users
from gateway_api.app.service import OPEN, make_app

from schemas.control import Override, Proposal, SettingChange
from schemas.deployment import Access
from tests.unit.gateway_api.conftest import Client, Engine, Messages

API = "/api/v1"
PASSWORD = "correct horse battery staple"
HASH = hashed(PASSWORD)
ANOTHER = "synthetic:ETH/USDT"
HERE = {"symbol": "BTC/USDT", "reason": "for a test"}
PREVIEW = {"key": "market_making.base_spread", "value": "0.003", "symbol": "BTC/USDT"}
ADJUSTMENT = {"symbol": "BTC/USDT", "kind": "adjust", "size_change": "-0.5", "reason": "r"}
OVERRIDE = HERE | {"side": "buy", "price": "99.9", "size": "1", "codes": ["MAX_VALUE"]}
ALL = {"symbol": "*", "reason": "for a test"}

FOR_WHOEVER_IS_IN = {
    ("GET", "/session"),
    ("DELETE", "/session"),
    ("POST", "/session/token"),
    ("GET", "/sessions"),  # one's own
    ("DELETE", "/sessions/{session}"),
    ("GET", "/stream"),  # every role may view; scope and profit are cut from what it says
    ("GET", "/stream/{symbol}"),
}
TABLE: tuple[tuple[str, str, dict[str, Any] | None, tuple[str, ...]], ...] = tuple(
    (method, path, body, tuple(roles.split()))
    for method, path, body, roles in (
        ("GET", "/maker/status/BTC/USDT", None, "viewer trader risk admin service"),
        ("GET", "/maker/active", None, "viewer trader risk admin service"),
        ("GET", "/maker/why/BTC/USDT", None, "viewer trader risk admin service"),
        ("GET", "/maker/performance/BTC/USDT", None, "viewer trader risk"),
        ("GET", "/maker/risk/alerts", None, "viewer trader risk admin service"),
        ("GET", "/maker/settings", None, "viewer trader risk admin service"),
        ("POST", "/maker/settings/preview", PREVIEW, "viewer trader risk admin service"),
        ("GET", "/system", None, "viewer trader risk admin service"),
        ("GET", "/engine", None, "viewer trader risk admin service"),
        ("POST", "/maker/start", HERE, "trader"),
        ("POST", "/maker/stop", HERE, "trader risk service"),
        ("POST", "/maker/remove", HERE, "trader risk service"),
        ("POST", "/maker/flatten", HERE, "trader"),
        ("POST", "/maker/flatten", HERE | {"halt": True}, "trader"),
        ("POST", "/maker/flatten/approve", HERE, "risk"),
        ("POST", "/maker/risk/halt", HERE, "trader risk admin service"),
        ("POST", "/maker/risk/halt", ALL, "trader risk admin service"),
        ("POST", "/maker/risk/resume-request", HERE, "trader risk"),
        ("POST", "/maker/risk/resume", HERE, "risk"),
        ("PUT", "/maker/settings/market_making.base_spread", {"value": "0.003", "reason": "r"}, "trader"),
        ("PUT", "/maker/settings/risk_limits.max_loss", {"value": "-400", "reason": "r"}, "trader risk"),
        ("PUT", "/maker/settings/risk_limits.max_loss", {"value": "-900", "reason": "r"}, "trader risk"),
        ("POST", "/maker/settings/revert", {"change_id": "none", "reason": "r"}, "trader risk"),
        ("POST", "/maker/proposals/p-loosen/approve", {}, "risk"),
        ("POST", "/maker/proposals/p-loosen/reject", {}, "risk"),
        ("POST", "/maker/proposals/p-override/approve", {}, "risk"),
        ("POST", "/maker/risk/alerts/risk-84/ack", {}, "trader risk"),
        ("GET", "/audit", None, "trader risk admin"),
        ("POST", "/replay/check", {}, "trader risk admin"),
        ("GET", "/history/span", None, "viewer trader risk admin service"),
        ("GET", "/history/series?kind=pnl", None, "viewer trader risk"),
        ("GET", "/history/fills?format=csv", None, "trader risk"),
        ("GET", "/history/events", None, "viewer trader risk admin service"),
        ("GET", "/history/events?lanes=order,human", None, "trader risk admin"),
        ("GET", "/history/series?kind=inventory&symbol=BTC/USDT", None, "viewer trader risk admin service"),
        ("GET", "/history/state?symbol=BTC/USDT&at=-1s", None, "viewer trader risk admin service"),
        ("GET", "/history/chain?event_id=x&symbol=BTC/USDT&at=-1s", None, "viewer trader risk admin service"),
        ("GET", "/replay/check/none", None, "trader risk admin"),
        ("POST", "/maker/overrides", OVERRIDE, "trader"),
        ("POST", "/maker/positions/adjust", ADJUSTMENT, "trader risk"),
    )
)
"""Method, path, body, and the roles that may. What is let in may still find nothing there."""


@pytest.fixture(scope="module")
def desk_of(
    trading_engine: Callable[[], Engine],
    messages_of: Callable[..., Messages],
    tmp_path_factory: pytest.TempPathFactory,
    client_of: type[Client],
) -> Callable[[], "Desk"]:
    """Makes desks: one user for each role, and proposals of somebody else that wait."""
    path = tmp_path_factory.mktemp("access") / "users.yaml"
    everybody = [
        User(name=role, roles=(role,), password=None if role == "service" else HASH) for role in ROLES
    ]
    narrow = User(name="narrow", roles=("trader",), scope=(ANOTHER,), password=HASH)
    ann = User(name="ann", roles=("trader",), password=HASH)
    write_users(path, [*everybody, narrow, ann])

    def desk() -> Desk:
        engine, btc = trading_engine(), messages_of()
        engine.access = Access(users_file=str(path))
        engine.take(btc.alert(9, "warning", 84), *proposals(btc, messages_of("*", "*")))
        return Desk(engine, client_of(engine, signed_in=False))

    return desk


@pytest.fixture(scope="module")
def office(desk_of: Callable[[], "Desk"]) -> "Desk":
    """One desk for the whole table."""
    return desk_of()


@pytest.fixture
def desk(desk_of: Callable[[], "Desk"]) -> "Desk":
    """A fresh desk."""
    return desk_of()


def proposals(btc: Messages, account: Messages) -> tuple[Proposal, Proposal]:
    until = {"valid_until_ns": int(2e18), "requester": "ann", "reason": "r"}
    setting = {"kind": "setting", "setting_key": "risk_limits.max_loss", "value": "-900"}
    order = {
        "kind": "override",
        "instrument_version": 1,
        "side": "buy",
        "price_ticks": 9_990,
        "size_lots": 1_000,
        "codes": ("MAX_VALUE",),
        "valid_s": 60,
    }
    return (
        Proposal(**account.at(9), **until, proposal_id="p-loosen", subject=setting),
        Proposal(**btc.at(9), **until, proposal_id="p-override", subject=order),
    )


class Desk:
    """Asks as somebody."""

    def __init__(self, engine: Engine, client: Client) -> None:
        self.engine = engine
        self.client = client
        self._headers: dict[str, dict[str, str]] = {}

    def headers(self, name: str) -> dict[str, str]:
        if name not in self._headers:
            made = asyncio.run(
                self.client.application.state.authentication.begin_program(identity(name), "here")
            )
            self._headers[name] = {"authorization": f"Bearer {made.token}"}
        return self._headers[name]

    def ask(self, name: str, method: str, path: str, body: Any = None) -> httpx.Response:
        return self.client.request(method, API + path, headers=self.headers(name), json=body)


def identity(name: str) -> Identity:
    return Identity(name, (), (), "token", "s", 2e9)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(("method", "path", "body", "allowed"), TABLE, ids=lambda value: str(value)[:48])
def test_the_whole_table(
    office: Desk, role: Role, method: str, path: str, body: Any, allowed: tuple[str, ...]
) -> None:
    before = len(office.engine.commands)
    answer = office.ask(role, method, path, body)
    if role in allowed:
        assert answer.status_code not in (401, 403), answer.text
    else:
        assert (answer.status_code, answer.json()["code"]) == (403, "not_permitted")
        assert role in answer.json()["detail"]
        assert len(office.engine.commands) == before
        assert office.engine.visits[-1].kind == "denied"


@pytest.mark.parametrize(("method", "path", "body", "allowed"), TABLE, ids=lambda value: str(value)[:48])
def test_nobody_gets_in_without_a_name(
    office: Desk, method: str, path: str, body: Any, allowed: tuple[str, ...]
) -> None:
    before = len(office.engine.commands)
    answer = office.client.request(method, API + path, json=body)
    assert (answer.status_code, answer.json()["code"]) == (401, "not_signed_in")
    assert answer.json()["sign_in"] == "users"
    assert len(office.engine.commands) == before


def test_a_route_that_asks_nobody_is_not_served(trading: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway_api.app.service.OPEN", frozenset())
    with pytest.raises(RuntimeError, match="has no authorisation"):
        make_app(trading.context())


def test_every_route_of_the_document_is_in_the_table(desk: Desk) -> None:
    document = desk.client.application.openapi()
    paths = {
        (method.upper(), path.removeprefix(API))
        for path, methods in document["paths"].items()
        for method in methods
    }
    asked = {(method, template_of(path.partition("?")[0])) for method, path, _, _ in TABLE}
    assert paths - asked - OPEN == FOR_WHOEVER_IS_IN


def template_of(path: str) -> str:
    for name, value in (
        ("{symbol}", "BTC/USDT"),
        ("{proposal_id}", "p-loosen"),
        ("{proposal_id}", "p-override"),
        ("{alert_id}", "risk-84"),
        ("{key}", "market_making.base_spread"),
        ("{key}", "risk_limits.max_loss"),
        ("{check_id}", "none"),
    ):
        path = path.replace(value, name)
    return path


def test_every_permission_is_granted_to_somebody() -> None:
    assert frozenset().union(*MAY.values()) == set(PERMISSIONS)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/maker/status/BTC/USDT", None),
        ("GET", "/maker/performance/BTC/USDT", None),
        ("GET", "/stream/BTC/USDT", None),
        ("GET", "/history/fills?symbol=BTC/USDT", None),
        ("GET", "/history/state?symbol=BTC/USDT&at=-1s", None),
        ("GET", "/history/series?kind=pnl", None),
        ("POST", "/maker/stop", HERE),
        ("POST", "/maker/risk/halt", HERE),
        ("POST", "/maker/risk/halt", ALL),
        ("POST", "/maker/risk/alerts/risk-84/ack", {}),
        ("PUT", "/maker/settings/market_making.base_spread", {"value": "0.003", "reason": "r"}),
    ],
)
def test_another_scope_is_another_desk(desk: Desk, method: str, path: str, body: Any) -> None:
    answer = desk.ask("narrow", method, path, body)
    assert (answer.status_code, answer.json()["code"]) == (403, "out_of_scope")
    assert desk.engine.commands == []


def test_a_narrow_scope_sees_its_own_symbols(desk: Desk, messages_of: Callable[..., Messages]) -> None:
    desk.engine.take(messages_of("ETH/USDT").instrument())
    assert desk.ask("narrow", "GET", "/maker/status/ETH/USDT").status_code == 200
    assert [each["symbol"] for each in desk.ask("narrow", "GET", "/maker/active").json()["makers"]] == [
        "ETH/USDT"
    ]


@pytest.mark.parametrize("name", ["BTC/USDC", "btc", "BTC"])
def test_names_out_of_scope_are_not_even_guessed(desk: Desk, name: str) -> None:
    assert "BTC/USDT" in desk.ask("trader", "GET", f"/maker/status/{name}").text
    assert "BTC/USDT" not in desk.ask("narrow", "GET", f"/maker/status/{name}").text


@pytest.mark.parametrize("name", ["LTC/USDT", "SOLL/USDT", "NO/USDT"])
def test_a_symbol_that_nobody_trades_yet_is_started_within_the_scope_alone(desk: Desk, name: str) -> None:
    assert desk.ask("trader", "POST", "/maker/start", HERE | {"symbol": "LTC/USDT"}).status_code == 202
    answer = desk.ask("narrow", "POST", "/maker/start", HERE | {"symbol": name})
    assert (answer.status_code, answer.json()["code"]) == (403, "out_of_scope")
    assert "SOL/USDT" not in answer.text
    assert len(desk.engine.commands) == 1


def test_a_looser_limit_waits_for_another_person_of_the_right_role(desk: Desk) -> None:
    asked = desk.ask(
        "trader", "PUT", "/maker/settings/risk_limits.max_loss", {"value": "-900", "reason": "r"}
    )
    assert asked.json()["status"] == "proposed"
    (proposal,) = desk.engine.commands
    assert isinstance(proposal, Proposal)
    assert proposal.requester == "trader"


def agree(desk: Desk, name: str, proposal_id: str) -> httpx.Response:
    """Approve what the list shows."""
    shown = {each.proposal_id: each.shown_digest() for each in desk.engine.account().proposals}
    body = {"shown": shown.get(proposal_id, "0" * 64)}
    return desk.ask(name, "POST", f"/maker/proposals/{proposal_id}/approve", body)


def test_whoever_asked_does_not_agree(desk: Desk, account: Messages) -> None:
    asked = desk.ask("risk", "PUT", "/maker/settings/risk_limits.max_loss", {"value": "-900", "reason": "r"})
    desk.engine.take(*desk.engine.commands)
    answer = agree(desk, "risk", asked.json()["command_id"])
    assert (answer.status_code, answer.json()["code"]) == (403, "same_person")
    assert len(desk.engine.commands) == 1


def test_an_agreed_proposal_carries_both_names_once(desk: Desk) -> None:
    for _ in range(2):
        assert agree(desk, "risk", "p-loosen").status_code == 202
    changes = [each for each in desk.engine.commands if isinstance(each, SettingChange)]
    assert {(each.requester, each.approver, each.change_id) for each in changes} == {
        ("ann", "risk", "p-loosen")
    }
    desk.engine.take(*desk.engine.commands)
    assert agree(desk, "risk", "p-loosen").status_code == 409


def test_an_agreed_override_is_the_order_that_was_asked_for(desk: Desk) -> None:
    assert agree(desk, "risk", "p-override").status_code == 202
    override = desk.engine.commands[-1]
    assert isinstance(override, Override)
    assert (override.requester, override.approver, override.price_ticks) == ("ann", "risk", 9_990)


def test_a_proposal_is_void_after_15_minutes(desk: Desk, btc: Messages) -> None:
    old = Proposal(
        **btc.at(0),
        proposal_id="old",
        requester="trader",
        reason="r",
        valid_until_ns=desk.engine.context().now_ns() - 1,
        subject={"kind": "setting", "setting_key": "risk_limits.max_loss", "value": "-900"},
    )
    desk.engine.take(old)
    assert agree(desk, "risk", "old").status_code == 409


def test_an_administrator_sees_no_profit(desk: Desk) -> None:
    assert desk.ask("admin", "GET", "/maker/status/BTC/USDT").json()["profit"] is None
    assert desk.ask("viewer", "GET", "/maker/status/BTC/USDT").json()["profit"]["total"] == "1.68002"


@pytest.mark.parametrize("pair", [("trader", "risk"), ("trader", "admin"), ("risk", "admin")])
def test_duties_are_separate(pair: tuple[Role, Role]) -> None:
    assert "segregation of duties" in str(conflict(pair))
    with pytest.raises(ValueError, match="segregation of duties"):
        User(name="x", roles=pair)
