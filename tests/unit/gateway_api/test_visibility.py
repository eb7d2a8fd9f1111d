"""What leaks: every route, lane, message type, field and part of a stream, for each role and scope.

All that is said is marked: what was earned, what people said, where they came from, what is of another
symbol. No answer to anybody may hold a mark that is not for them, by whatever route.
"""

import asyncio
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import httpx
import pytest
from gateway_api.access.identity import Identity
from gateway_api.access.roles import ROLES, Role
from gateway_api.access.users import User, hashed, write_users
from gateway_api.access.visibility import (
    ALL_OF_IT,
    IN_NO_LANE,
    LANE_NAMES,
    LANE_OF,
    LANES,
    SERIES,
    STREAM_PARTS,
    TYPES,
    Sight,
    sight_of,
)
from gateway_api.app.overview import Overview
from gateway_api.app.stream import Streams
from gateway_api.history.client import HistoryAnswer, HistoryClient
from gateway_api.history.series import SeriesKind
from gateway_api.history.worker import _answer

from runtime.log.logfile import LogFileBus
from runtime.process.definition import HistorySource
from schemas.control import AccessEvent, Proposal
from schemas.deployment import Access
from schemas.envelope import Envelope
from schemas.inventory import Position
from schemas.market import Instrument
from schemas.message import Event
from schemas.orders import Fill, KillReport, VenueBalances, VenueStatus
from schemas.process import ConfigApplied
from schemas.topics import MESSAGE_TYPES, TOPIC_OF, TOPICS
from tests.unit.gateway_api.conftest import Client, Engine, Messages
from tests.unit.gateway_api.marked_messages import (
    ADDRESS,
    BTC,
    ETH,
    HUMAN,
    OTHER,
    PROFIT,
    SCOPES,
    SHOWN,
    everything,
    example,
    identity,
)
from tests.unit.gateway_api.past import calls_of

API = "/api/v1"
WHO = [(role, scope) for role in ROLES for scope in SCOPES]
OF_PROFIT: tuple[Role, ...] = ("viewer", "trader", "risk")
OF_PEOPLE: tuple[Role, ...] = ("trader", "risk", "admin")
LANE_ROLES: dict[str, tuple[Role, ...]] = dict.fromkeys(
    ("market", "signal", "quote", "order", "fill", "risk", "system"), ROLES
) | {"human": OF_PEOPLE}
PART_ROLES: dict[str, tuple[Role, ...]] = dict.fromkeys(
    ("engine", "account", "view", "symbols", "fills", "alerts", "detail"), ROLES
) | dict.fromkeys(("proposals", "changes", "commands"), OF_PEOPLE)
"""Written down again: the table under test is not its own proof."""
FOR_NARROW_TOO = {
    "order.kill.v1",
    "venue.status.v1",
    "risk.state.v1",
    "risk.alert.v1",
    "control.command.v1",
    "control.setting.v1",
    "control.proposal.v1",
    "control.decision.v1",
    "control.acknowledgement.v1",
}
"""What concerns the account or a venue, and may be read with a scope of single symbols."""
QUERIES: dict[str, dict[str, str]] = {
    "kind": {"kind": "pnl"},
    "event_id": {"event_id": "p:9"},
    "at": {"at": "2023-11-14T22:13:30Z"},
    "symbol": {"symbol": ETH},
}
"""A value for each parameter that a GET route asks for."""


@pytest.fixture(scope="module")
def desk(
    tmp_path_factory: pytest.TempPathFactory, trading_engine: Callable[[], Engine], client_of: type[Client]
) -> "Desk":
    """An engine that said everything, its log, a user of each role and scope, and a client that asks."""
    folder = tmp_path_factory.mktemp("leaks")
    secret = hashed("correct horse battery staple")
    users = [
        User(name=f"{role}-{scope}", roles=(role,), scope=SCOPES[scope], password=secret)
        if role != "service"
        else User(name=f"{role}-{scope}", roles=(role,), scope=SCOPES[scope])
        for role, scope in WHO
    ]
    write_users(folder / "users.yaml", users)
    engine = trading_engine()
    engine.access = Access(users_file=str(folder / "users.yaml"))
    said = everything()
    write(folder / "log", said)
    engine.take(*(event for event in said if not isinstance(event, Instrument)))
    engine.now_s = 1_000
    return Desk(engine, client_of, folder / "log")


def write(folder: Path, said: list[Event]) -> None:
    bus = LogFileBus(folder)
    for number, event in enumerate(said, start=1):
        cause = f"p:{number - 1}" if number > 1 else None
        envelope = Envelope("p", number, cause, event.event_time_ns, event.type_name)
        bus.publish(TOPIC_OF[event.type_name], envelope, event)
    asyncio.run(bus.close())


class Desk:
    def __init__(self, engine: Engine, client_of: type[Client], log: Path) -> None:
        self.engine = engine
        self.log = log
        self.client = client_of(engine, signed_in=False)
        self.headers: dict[str, dict[str, str]] = {}

    def ask(self, who: str, path: str, **request: Any) -> httpx.Response:
        if who not in self.headers:
            holder = Identity(who, (), (), "token", "s", 2e9)
            made = asyncio.run(self.client.application.state.authentication.begin_program(holder, "here"))
            self.headers[who] = {"authorization": f"Bearer {made.token}"}
        return self.client.get(API + path, headers=self.headers[who], **request)


@pytest.fixture(autouse=True)
def past(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The history process's own answers, in this process."""
    calls = calls_of(HistorySource(log_dir=desk.log))

    async def ask(
        self: HistoryClient,
        call: str,
        arguments: dict[str, Any],
        sight: Sight | None,
        file: str | None = None,
    ) -> HistoryAnswer:
        out = io.BytesIO()
        seen = None if sight is None else sight.document()
        _answer(calls, {"call": call, "arguments": arguments, "sight": seen, "file": file}, out)
        head, _, body = out.getvalue().partition(b"\n")
        assert json.loads(head)["ok"], body
        return HistoryAnswer(body, json.loads(head)["next_cursor"])

    monkeypatch.setattr(HistoryClient, "ask", ask)


# --- the table ---


def test_every_topic_is_in_a_lane_or_said_to_be_in_none() -> None:
    assert set(LANE_OF) | IN_NO_LANE == {topic.name for topic in TOPICS}
    assert not set(LANE_OF) & IN_NO_LANE


def test_every_message_type_is_in_the_table() -> None:
    assert set(TYPES) == set(SHOWN)


@pytest.mark.parametrize("type_name", SHOWN)
def test_every_field_is_shown_to_somebody_once(type_name: str) -> None:
    shown, profit = TYPES[type_name].fields.split(), TYPES[type_name].profit.split()
    assert sorted(shown + profit) == sorted(MESSAGE_TYPES[type_name].model_fields), (
        "say in gateway_api/access/visibility.py who sees a new field"
    )


def test_every_curve_is_in_the_table() -> None:
    assert set(SERIES) == set(get_args(SeriesKind))


def test_a_lane_a_type_and_a_field_that_nobody_classified_are_shown_to_nobody() -> None:
    class Unknown(Event):
        type_name = "market.unknown.v1"
        secret: str = "s"

    assert not ALL_OF_IT.sees("market.unknown.v1", BTC)
    assert ALL_OF_IT.fields_of(Unknown(event_time_ns=1)) == {}

    class Wider(Fill):
        counterparty: str = "s"

    message = example("order.fill.v1").model_dump()
    assert "counterparty" not in ALL_OF_IT.fields_of(Wider.model_validate(message))


# --- lanes, types and fields ---


@pytest.mark.parametrize("lane", LANE_NAMES)
@pytest.mark.parametrize(("role", "scope"), WHO)
def test_every_lane_for_every_role_and_scope(desk: Desk, role: Role, scope: str, lane: str) -> None:
    answer = desk.ask(f"{role}-{scope}", f"/history/events?lanes={lane}&from=2023-11-14&limit=10000")
    if role not in LANE_ROLES[lane]:
        assert (answer.status_code, answer.json()["code"]) == (403, "not_permitted")
        return
    seen = {(row["type"], row["key"]) for row in answer.json()["rows"]}
    said = {
        (each.type_name, each.key) for each in everything() if LANE_OF.get(TOPIC_OF[each.type_name]) == lane
    }
    assert seen == {(name, key) for name, key in said if may_see(role, scope, name, key)}
    assert seen or (scope, lane) == ("narrow", "system"), "nothing was shown, so nothing was hidden"


def may_see(role: Role, scope: str, type_name: str, key: str) -> bool:
    if type_name in {"process.config.v1", "process.fault.v1"} and role not in OF_PEOPLE:
        return False
    if type_name == "risk.alert.v1" and key != "*:*":
        return role in OF_PROFIT and (scope == "wide" or key == ETH)  # those are about a loss
    return scope == "wide" or key == ETH or (type_name in FOR_NARROW_TOO and key not in (BTC, ETH))


@pytest.mark.parametrize(("role", "scope"), WHO)
def test_without_a_lane_named_there_are_those_that_one_may_see(desk: Desk, role: Role, scope: str) -> None:
    answer = desk.ask(f"{role}-{scope}", "/history/events?from=2023-11-14&limit=10000")
    lanes = {lane for lane, roles in LANE_ROLES.items() if role in roles}
    lanes -= {"system"} if scope == "narrow" else set()
    assert {row["lane"] for row in answer.json()["rows"]} == lanes


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("text", [PROFIT, HUMAN, ADDRESS])
def test_a_search_finds_only_what_it_may_show(desk: Desk, role: Role, text: str) -> None:
    answer = desk.ask(f"{role}-wide", "/history/events", params={"from": "2023-11-14", "text": text})
    allowed = OF_PROFIT if text == PROFIT else OF_PEOPLE
    assert bool(answer.json()["rows"]) == (role in allowed)


def test_whoever_is_not_shown_profit_gets_no_field_of_it(desk: Desk) -> None:
    rows = desk.ask("admin-wide", "/history/events?lanes=fill&from=2023-11-14").json()["rows"]
    positions = [row["message"] for row in rows if row["type"] == Position.type_name]
    assert positions
    assert all("position_lots" in each and "pnl" not in each for each in positions)


# --- streams ---


async def always_welcome(_: Identity) -> bool:
    return True


@pytest.mark.parametrize(("role", "scope"), WHO)
def test_every_part_of_the_stream_for_every_role_and_scope(desk: Desk, role: Role, scope: str) -> None:
    async def first() -> bytes:
        return await anext(Streams(desk.engine.context(), always_welcome).overview(identity(role, scope)))

    message = asyncio.run(first())
    shown = json.loads(message.partition(b"data: ")[2])
    envelope = {"sequence", "engine_time_ms"}
    assert set(shown) - envelope == {
        part for part, roles in PART_ROLES.items() if role in roles and part != "detail"
    }
    assert not leaks(message.decode(), role, scope)
    if role in OF_PEOPLE:
        keys = {each["key"] for each in shown["commands"]}
        assert keys == ({BTC, ETH, "*:*", "synthetic:*"} if scope == "wide" else {ETH, "*:*", "synthetic:*"})


def test_every_part_of_the_stream_is_in_the_table(desk: Desk) -> None:
    assert set(STREAM_PARTS) == set(PART_ROLES)
    nothing = Overview(desk.engine.store, desk.engine.context().config, Sight(frozenset()))
    asyncio.run(nothing.refresh())
    assert nothing.since(-1) == b""


@pytest.mark.parametrize(("role", "scope"), WHO)
def test_a_symbol_in_depth_for_every_role_and_scope(desk: Desk, role: Role, scope: str) -> None:
    async def first() -> bytes:
        streams = Streams(desk.engine.context(), always_welcome)
        return await anext(streams.detail(identity(role, scope), ETH))

    assert not leaks(asyncio.run(first()).decode(), role, scope)


def test_two_with_different_sights_do_not_share_a_stream(desk: Desk) -> None:
    async def both() -> list[bytes]:
        streams = Streams(desk.engine.context(), always_welcome)
        found = []
        for role in ("viewer", "admin"):
            events = streams.detail(identity(role, "wide"), BTC)
            found.append(await anext(events))
        return found

    viewer, admin = asyncio.run(both())
    assert PROFIT.encode() in viewer
    assert PROFIT.encode() not in admin


# --- every route ---


@pytest.mark.parametrize(("role", "scope"), WHO)
def test_no_route_shows_what_another_refuses(desk: Desk, role: Role, scope: str) -> None:
    for path, methods in desk.client.application.openapi()["paths"].items():
        if "get" not in methods or "/stream" in path:
            continue  # streams do not end: they have tests of their own
        for symbol in (BTC, ETH):
            answer = desk.ask(f"{role}-{scope}", *asked(path, methods["get"], symbol))
            assert answer.status_code < 500, (path, answer.text)
            if answer.status_code == 200:
                assert not leaks(answer.text, role, scope), path


def asked(path: str, operation: dict[str, Any], symbol: str) -> tuple[str]:
    path = path.removeprefix(API).replace("{symbol}", symbol).replace("{check_id}", "none")
    assert "{" not in path, f"name a value for the parameter of {path}"
    query = {"from": "2023-11-14"} if "/history" in path or "/audit" in path else {}
    for parameter in operation.get("parameters", ()):
        if parameter["in"] == "query" and parameter.get("required"):
            query |= QUERIES[parameter["name"]]
    return (f"{path}?" + "&".join(f"{name}={value}" for name, value in query.items()),)


def leaks(text: str, role: Role, scope: str) -> list[str]:
    """The marks in a text that are not for a role with a scope."""
    hidden = []
    hidden += [PROFIT] if role not in OF_PROFIT else []
    hidden += [HUMAN] if role not in OF_PEOPLE else []
    hidden += [ADDRESS] if role not in OF_PEOPLE or scope == "narrow" else []
    hidden += [OTHER] if scope == "narrow" else []
    return [text[max(0, text.index(mark) - 80) :][:100] for mark in hidden if mark in text]


@pytest.mark.parametrize(("role", "scope"), WHO)
def test_the_marks_are_there_for_those_whom_they_are_for(desk: Desk, role: Role, scope: str) -> None:
    """Or no mark would be found anywhere, and nothing above would prove anything."""
    who = f"{role}-{scope}"
    events = desk.ask(who, "/history/events?from=2023-11-14&limit=10000").text
    assert (PROFIT in events) == (role in OF_PROFIT)
    assert (HUMAN in events) == (role in OF_PEOPLE)
    assert (ADDRESS in events) == (role in OF_PEOPLE and scope == "wide")
    assert (OTHER in events) == (scope == "wide")


def test_a_record_that_cannot_be_read_is_not_shown_in_the_error(tmp_path: Path, btc: Messages) -> None:
    broken = btc.position(1).model_copy(update={"pnl": PROFIT, "position_lots": "none"})
    with pytest.warns(UserWarning, match="serialize"):
        write(tmp_path, [btc.instrument(), broken])
    out = io.BytesIO()
    arguments = {"keys": None, "lanes": ["fill"], "from_ns": 0, "to_ns": 1 << 62, "limit": 9}
    question = {"call": "events", "arguments": arguments | {"cursor": None, "text": ""}, "file": None}
    sight = sight_of(identity("admin", "wide")).document()
    _answer(calls_of(HistorySource(log_dir=tmp_path)), question | {"sight": sight}, out)
    assert b"position_lots: Input should be a valid integer" in out.getvalue()
    assert PROFIT.encode() not in out.getvalue()


def test_balances_and_addresses_are_not_for_a_scope_of_symbols() -> None:
    narrow = sight_of(identity("trader", "narrow"))
    hidden: tuple[type[Event], ...] = (VenueBalances, AccessEvent, ConfigApplied)
    for message in hidden:
        assert not narrow.sees(message.type_name, "binance:*")
        assert not narrow.sees(message.type_name, "*:*")
    shown: tuple[type[Event], ...] = (VenueStatus, KillReport, Proposal)
    for message in shown:
        assert narrow.sees(message.type_name, "*:*")
    assert LANES["human"].permission == "audit"
