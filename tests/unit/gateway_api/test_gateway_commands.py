"""What the application does with POST: one command a key, from our own page or from no page."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest

from runtime.errors import DependencyError
from schemas.config import Config
from schemas.control import AccessEvent, Command, ControlEvent
from schemas.market import SymbolRemoved
from tests.unit.gateway_api.conftest import Client, Engine, Messages

API = "/api/v1/maker"


@pytest.fixture
def client(trading: Engine, client_of: type[Client]) -> Client:
    return client_of(trading)


def refused(response: httpx.Response, status: int, code: str) -> Any:
    assert response.headers["content-type"] == "application/problem+json"
    document = response.json()
    assert (response.status_code, document["code"]) == (status, code)
    return document


@pytest.mark.parametrize("path", ["start", "stop", "risk/halt", "risk/resume-request", "risk/resume"])
@pytest.mark.parametrize(
    ("symbol", "scope"),
    [
        ("BTC/USDT", ("synthetic", "BTC/USDT")),
        ("synthetic:BTC/USDT", ("synthetic", "BTC/USDT")),
        ("*", ("*", "*")),
    ],
)
def test_each_command_is_accepted_and_sent_once(
    client: Client, trading: Engine, path: str, symbol: str, scope: tuple[str, ...]
) -> None:
    action = path.removeprefix("risk/").replace("-", "_")
    answer = client.post(f"{API}/{path}", json={"symbol": symbol, "reason": "for a test"})

    assert answer.status_code == 202
    (command,) = trading.sent(Command)
    assert (command.action, (command.venue, command.symbol)) == (action, scope)
    assert (command.principal, command.reason) == ("local", "for a test")
    assert command.event_time_ns == trading.context().now_ns()
    told = answer.json()
    assert ("all symbols" if symbol == "*" else "BTC/USDT") in told.pop("message")
    assert told == {
        "command_id": command.command_id,
        "action": action,
        "symbol": scope[1],
        "venue": scope[0],
        "status": {"start": "started", "stop": "stopped"}.get(action, "sent"),
        "settings": [],
        "event_time": "2023-11-14T22:13:30.000000000Z",
        "follow": None,
    }


def test_the_same_key_and_body_are_one_command(client: Client, trading: Engine) -> None:
    send: dict[str, Any] = {
        "url": f"{API}/stop",
        "json": {"symbol": "BTC/USDT"},
        "headers": {"Idempotency-Key": "key-1"},
    }
    first = client.post(**send)
    trading.now_s += 5
    second = client.post(**send)

    assert first.json() == second.json()
    assert [command.command_id for command in trading.sent(Command)] == [first.json()["command_id"]]


def test_without_a_key_each_request_is_its_own_command(client: Client, trading: Engine) -> None:
    for _ in range(2):
        client.post(f"{API}/stop", json={"symbol": "BTC/USDT"})
    assert len({command.command_id for command in trading.sent(Command)}) == 2


def test_a_key_cannot_mean_two_things(client: Client, trading: Engine) -> None:
    headers = {"Idempotency-Key": "key-1"}
    client.post(f"{API}/stop", json={"symbol": "BTC/USDT"}, headers=headers)
    document = refused(
        client.post(f"{API}/start", json={"symbol": "BTC/USDT"}, headers=headers),
        422,
        "idempotency_key_reused",
    )
    assert trading.sent(Command)[0].command_id in document["detail"]
    assert len(trading.commands) == 1


def test_a_halt_is_sent_however_often_its_key_was_used(client: Client, trading: Engine) -> None:
    """For another command, for the same halt, and before thousands of others."""
    headers = {"Idempotency-Key": "mine"}
    client.post(f"{API}/start", json={"symbol": "BTC/USDT"}, headers=headers)
    halt: dict[str, Any] = {
        "url": f"{API}/risk/halt",
        "json": {"symbol": "*", "reason": "now"},
        "headers": headers,
    }
    assert [client.post(**halt).status_code for _ in range(3)] == [202] * 3
    assert [each.action for each in trading.sent(Command)] == ["start", "halt", "halt", "halt"]
    assert len({each.command_id for each in trading.sent(Command)}) == 2  # what was started is no halt


def test_a_gateway_that_starts_anew_and_another_one_know_the_keys(
    client: Client, trading: Engine, client_of: type[Client]
) -> None:
    send: dict[str, Any] = {
        "url": f"{API}/stop",
        "json": {"symbol": "BTC/USDT"},
        "headers": {"Idempotency-Key": "k"},
    }
    first = client.post(**send)
    trading.take(*trading.commands)
    trading.now_s += 5
    other = client_of(trading)
    assert other.post(**send).json() == first.json()
    assert len(trading.commands) == 1
    send["json"] = {"symbol": "BTC/USDT", "reason": "another"}
    refused(other.post(**send), 422, "idempotency_key_reused")
    assert len(trading.commands) == 1


def test_what_two_gateways_take_at_the_same_time_is_one_command(
    client: Client, trading: Engine, client_of: type[Client]
) -> None:
    """Neither knows of the other yet: the engine counts the id once."""
    send: dict[str, Any] = {
        "url": f"{API}/stop",
        "json": {"symbol": "BTC/USDT"},
        "headers": {"Idempotency-Key": "k"},
    }
    assert client.post(**send).json()["command_id"] == client_of(trading).post(**send).json()["command_id"]


def test_a_key_that_was_used_very_many_commands_ago_still_halts(client: Client, trading: Engine) -> None:
    for number in range(1_030):
        client.post(f"{API}/stop", json={"symbol": "*"}, headers={"Idempotency-Key": f"k{number}"})
    client.post(f"{API}/risk/halt", json={"symbol": "*", "reason": "r"}, headers={"Idempotency-Key": "k0"})
    assert trading.sent(Command)[-1].action == "halt"
    assert len({each.command_id for each in trading.sent(Command)}) == 1_031


def test_a_resume_names_the_halt_that_it_ends(client: Client, trading: Engine) -> None:
    body = {"symbol": "*", "reason": "checked", "halt_sequence": 7}
    assert client.post(f"{API}/risk/resume", json=body).status_code == 202
    assert trading.sent(Command)[0].halt_sequence == 7


@pytest.mark.parametrize(
    ("path", "body", "named"),
    [
        ("start", {}, "symbol"),
        ("start", {"symbol": ""}, "symbol"),
        ("start", {"symbol": 7}, "symbol"),
        ("start", {"symbol": "BTC/USDT", "max_position": "wide"}, "max_position"),
        ("stop", {"symbol": "BTC/USDT", "reason": "x" * 1_001}, "reason"),
        ("risk/halt", {"symbol": "*"}, "reason"),
        ("risk/halt", {"symbol": "*", "reason": "   "}, "reason"),
        ("risk/halt", {"symbol": "*", "reason": "r", "halt_sequence": 1}, "halt_sequence"),
        ("risk/resume", {"symbol": "*", "reason": "r", "halt_sequence": -1}, "halt_sequence"),
        ("risk/resume", {"symbol": "*", "reason": "r", "halt_sequence": 1.0}, "halt_sequence"),
        ("risk/resume", {"symbol": "*", "reason": "r", "halt_sequence": True}, "halt_sequence"),
        ("risk/resume", {"symbol": "*", "reason": "r", "halt_sequence": "1"}, "halt_sequence"),
        ("stop", {"symbol": "*", "venue": "synthetic"}, "venue"),
        ("stop", [], "body"),
    ],
)  # fmt: skip
def test_a_body_that_is_wrong_names_field_and_value(
    client: Client, trading: Engine, path: str, body: Any, named: str
) -> None:
    document = refused(client.post(f"{API}/{path}", json=body), 422, "invalid_request")
    assert named in document["detail"]
    assert trading.commands == []


def test_a_body_that_is_no_json_is_refused(client: Client, trading: Engine) -> None:
    answer = client.post(f"{API}/stop", content=b"{", headers={"content-type": "application/json"})
    refused(answer, 422, "invalid_request")
    form = client.post(f"{API}/stop", content=b'{"symbol":"*"}', headers={"content-type": "text/plain"})
    refused(form, 422, "invalid_request")
    assert trading.commands == []


@pytest.mark.parametrize("key", ["k" * 129, "two words", ""])
def test_a_bad_key_is_refused(client: Client, trading: Engine, key: str) -> None:
    refused(
        client.post(f"{API}/stop", json={"symbol": "*"}, headers={"Idempotency-Key": key}),
        422,
        "invalid_request",
    )
    assert trading.commands == []


def test_unknown_and_ambiguous_symbols_send_nothing(
    client: Client, trading: Engine, messages_of: Callable[..., Messages]
) -> None:
    assert (
        "BTC/USDT"
        in refused(client.post(f"{API}/stop", json={"symbol": "BTC/USD"}), 404, "unknown_symbol")["hint"]
    )
    trading.take(messages_of("BTC/USDT", "other").instrument())
    refused(client.post(f"{API}/stop", json={"symbol": "BTC/USDT"}), 409, "ambiguous_symbol")
    assert trading.commands == []
    client.post(f"{API}/stop", json={"symbol": "BTC/USDT", "venue": "other"})
    assert trading.commands[0].venue == "other"


def test_a_removal_needs_a_reason_one_symbol_and_no_position_unless_forced(
    client: Client, trading: Engine, messages_of: Callable[..., Messages]
) -> None:
    body: dict[str, Any] = {"symbol": "BTC/USDT", "reason": "no more"}
    trading.take(messages_of("BTC/USDT").position(9, lots=2_000))
    refused(client.post(f"{API}/remove", json=body | {"reason": " "}), 422, "invalid_request")
    refused(client.post(f"{API}/remove", json=body | {"symbol": "*"}), 422, "invalid_request")
    refused(client.post(f"{API}/remove", json=body | {"force": 1}), 422, "invalid_request")
    assert "BTC/USDT holds" in refused(client.post(f"{API}/remove", json=body), 409, "not_flat")["detail"]
    assert trading.commands == []
    answer = client.post(f"{API}/remove", json=body | {"force": True})
    assert answer.status_code == 202
    (command,) = trading.sent(Command)
    assert (command.action, command.force) == ("remove", True)
    assert "alert REMOVED" in answer.json()["follow"]


def test_a_removed_symbol_without_a_position_is_unknown_and_one_with_it_is_shown(
    client: Client, trading: Engine, messages_of: Callable[..., Messages]
) -> None:
    btc = messages_of("BTC/USDT")
    event = btc.position(10, lots=2_000)
    removed = SymbolRemoved(
        event_time_ns=event.event_time_ns, venue=event.venue, symbol=event.symbol, command_id="c1"
    )
    trading.take(event, removed)
    assert client.get(f"{API}/status/BTC/USDT").status_code == 200
    trading.take(btc.position(11, lots=0))
    refused(client.get(f"{API}/status/BTC/USDT"), 404, "unknown_symbol")


class TestSymbolsThatNobodyTradesYet:
    """A start may name one; everything else may not."""

    @staticmethod
    def live(**sections: Any) -> Config:
        return Config.model_validate(
            {"feed": {"kind": "live"}, "exchange": {"id": "kraken", "symbols": ["BTC/USDT"]}, **sections}
        )

    @pytest.mark.parametrize("named", ["DOGE/USDT", "kraken:DOGE/USDT"])
    def test_one_that_only_the_exchange_can_know_is_started_and_the_answer_says_where_to_look(
        self, trading: Engine, client_of: type[Client], named: str
    ) -> None:
        trading.config = self.live()
        answer = client_of(trading).post(f"{API}/start", json={"symbol": named})
        assert answer.status_code == 202
        (command,) = trading.sent(Command)
        assert (command.action, command.venue, command.symbol) == ("start", "kraken", "DOGE/USDT")
        assert "/maker/status/kraken:DOGE/USDT" in answer.json()["follow"]
        assert "START_REFUSED" in answer.json()["follow"]

    def test_a_linear_contract_has_a_colon_of_its_own(self, trading: Engine, client_of: type[Client]) -> None:
        trading.config = self.live()
        client_of(trading).post(f"{API}/start", json={"symbol": "DOGE/USDT:USDT", "venue": "kraken"})
        assert trading.commands[0].symbol == "DOGE/USDT:USDT"

    @pytest.mark.parametrize("path", ["stop", "risk/halt", "risk/resume"])
    def test_nothing_else_can_be_asked_of_it(
        self, trading: Engine, client_of: type[Client], path: str
    ) -> None:
        trading.config = self.live()
        body = {"symbol": "DOGE/USDT", "reason": "r"}
        refused(client_of(trading).post(f"{API}/{path}", json=body), 404, "unknown_symbol")
        assert trading.commands == []

    def test_the_synthetic_feed_says_the_nearest_name_at_once(
        self, trading: Engine, client_of: type[Client]
    ) -> None:
        client = client_of(trading)
        document = refused(client.post(f"{API}/start", json={"symbol": "LTCC/USDT"}), 404, "unknown_symbol")
        assert "LTC/USDT" in document["hint"]
        assert client.post(f"{API}/start", json={"symbol": "LTC/USDT"}).status_code == 202
        assert [each.symbol for each in trading.sent(Command)] == ["LTC/USDT"]

    def test_a_recording_holds_what_it_holds(self, trading: Engine, client_of: type[Client]) -> None:
        trading.config = Config.model_validate({"feed": {"kind": "recorded", "paths": ["a.jsonl"]}})
        refused(client_of(trading).post(f"{API}/start", json={"symbol": "LTC/USDT"}), 404, "unknown_symbol")

    @pytest.mark.parametrize(
        "body",
        [{"symbol": "DOGE/USDT", "venue": "binance"}, {"symbol": "a\nb"}, {"symbol": "*/USDT"}],
    )
    def test_what_the_feed_cannot_have_is_unknown(
        self, trading: Engine, client_of: type[Client], body: Any
    ) -> None:
        trading.config = self.live()
        refused(client_of(trading).post(f"{API}/start", json=body), 404, "unknown_symbol")
        assert trading.commands == []

    def test_a_symbol_that_the_router_may_not_trade_is_not_opened(
        self, trading: Engine, client_of: type[Client]
    ) -> None:
        trading.config = self.live(routing={"permitted": ["kraken:BTC/USDT"]})
        client = client_of(trading)
        document = refused(client.post(f"{API}/start", json={"symbol": "DOGE/USDT"}), 409, "not_permitted")
        assert "routing.permitted" in document["hint"]


def test_a_halt_of_all_works_without_any_view(engine: Engine, client_of: type[Client]) -> None:
    client = client_of(engine)
    assert client.post(f"{API}/risk/halt", json={"symbol": "*", "reason": "now"}).status_code == 202
    assert len(engine.commands) == 1


@pytest.mark.parametrize(
    "origin",
    ["http://evil.example", "null", "http://127.0.0.1.evil.example", "http://127.0.0.1:81", "127.0.0.1"],
)
def test_a_page_of_another_origin_commands_nothing(client: Client, trading: Engine, origin: str) -> None:
    answer = client.post(f"{API}/risk/halt", json={"symbol": "*", "reason": "r"}, headers={"Origin": origin})
    refused(answer, 403, "foreign_origin")
    assert trading.commands == []


def test_our_own_page_commands(client: Client, trading: Engine) -> None:
    headers = {"Origin": "http://127.0.0.1"}
    assert client.post(f"{API}/stop", json={"symbol": "*"}, headers=headers).status_code == 202


def test_a_page_of_another_origin_may_not_even_ask_whether_it_may(client: Client) -> None:
    answer = client.request(
        "OPTIONS",
        f"{API}/stop",
        headers={"Origin": "http://evil.example", "Access-Control-Request-Method": "POST"},
    )
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("announced", [True, False])
def test_a_body_over_64_kib_is_refused(client: Client, trading: Engine, announced: bool) -> None:
    body = b'{"symbol":"*","reason":"' + b"x" * 65_536 + b'"}'

    async def in_parts() -> AsyncIterator[bytes]:
        yield body[:40_000]
        yield body[40_000:]

    content = body if announced else in_parts()
    answer = client.post(f"{API}/stop", content=content, headers={"content-type": "application/json"})
    refused(answer, 413, "body_too_large")
    assert trading.commands == []


def test_without_a_bus_nothing_counts_as_sent_and_the_same_key_may_try_again(
    trading: Engine, client_of: type[Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What would be heard much later, or never, is refused at once."""
    bus_is_away = True
    hear = trading.hear

    def send(event: ControlEvent) -> None:
        if bus_is_away and not isinstance(event, AccessEvent):
            raise DependencyError("nobody would hear it: no broker at 127.0.0.1:1: connection refused")
        hear(event)

    monkeypatch.setattr(trading, "hear", send)
    client = client_of(trading)
    asked: dict[str, Any] = {
        "url": f"{API}/risk/halt",
        "json": {"symbol": "*", "reason": "now"},
        "headers": {"Idempotency-Key": "key-1"},
    }
    document = refused(client.post(**asked), 503, "bus_away")
    assert "connection refused" in document["detail"]
    assert trading.commands == []
    bus_is_away = False
    assert client.post(**asked).status_code == 202
    assert len(trading.commands) == 1
