"""What the application does with POST: one command a key, from our own page or from no page."""

import pytest

API = "/api/v1/maker"


@pytest.fixture
def client(trading, client_of):
    return client_of(trading)


def refused(response, status, code):
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
def test_each_command_is_accepted_and_sent_once(client, trading, path, symbol, scope):
    action = path.removeprefix("risk/").replace("-", "_")
    answer = client.post(f"{API}/{path}", json={"symbol": symbol, "reason": "for a test"})

    assert answer.status_code == 202
    (command,) = trading.commands
    assert (command.action, (command.venue, command.symbol)) == (action, scope)
    assert (command.principal, command.reason) == ("local", "for a test")
    assert command.event_time_ns == trading.context().now_ns()
    assert answer.json() == {
        "command_id": command.command_id,
        "action": action,
        "symbol": scope[1],
        "venue": scope[0],
        "status": "sent",
        "event_time": "2023-11-14T22:13:30.000000000Z",
    }


def test_the_idempotency_key_is_the_command_id_and_sends_once(client, trading):
    send = {"url": f"{API}/stop", "json": {"symbol": "BTC/USDT"}, "headers": {"Idempotency-Key": "key-1"}}
    first = client.post(**send)
    trading.now_s += 5
    second = client.post(**send)

    assert first.json() == second.json()
    assert first.json()["command_id"] == "key-1"
    assert [command.command_id for command in trading.commands] == ["key-1"]


def test_without_a_key_each_request_is_its_own_command(client, trading):
    for _ in range(2):
        client.post(f"{API}/stop", json={"symbol": "BTC/USDT"})
    assert len({command.command_id for command in trading.commands}) == 2


def test_a_key_cannot_mean_two_things(client, trading):
    headers = {"Idempotency-Key": "key-1"}
    client.post(f"{API}/stop", json={"symbol": "BTC/USDT"}, headers=headers)
    document = refused(
        client.post(f"{API}/start", json={"symbol": "BTC/USDT"}, headers=headers),
        422,
        "idempotency_key_reused",
    )
    assert "stop synthetic:BTC/USDT" in document["detail"]
    assert len(trading.commands) == 1


def test_remembered_keys_are_bounded(client, trading):
    for number in range(1_030):
        client.post(f"{API}/stop", json={"symbol": "*"}, headers={"Idempotency-Key": f"k{number}"})
    client.post(f"{API}/stop", json={"symbol": "*"}, headers={"Idempotency-Key": "k0"})
    assert len(trading.commands) == 1_031  # forgotten here, but the engine knows the command id


def test_a_resume_names_the_halt_that_it_ends(client, trading):
    body = {"symbol": "*", "reason": "checked", "halt_sequence": 7}
    assert client.post(f"{API}/risk/resume", json=body).status_code == 202
    assert trading.commands[0].halt_sequence == 7


@pytest.mark.parametrize(
    ("path", "body", "named"),
    [
        ("start", {}, "symbol"),
        ("start", {"symbol": ""}, "symbol"),
        ("start", {"symbol": 7}, "symbol"),
        ("start", {"symbol": "BTC/USDT", "max_position": 9}, "max_position"),
        ("stop", {"symbol": "BTC/USDT", "reason": "x" * 1_001}, "reason"),
        ("risk/halt", {"symbol": "*"}, "reason"),
        ("risk/halt", {"symbol": "*", "reason": "   "}, "reason"),
        ("risk/halt", {"symbol": "*", "reason": "r", "halt_sequence": 1}, "halt_sequence"),
        ("risk/resume", {"symbol": "*", "reason": "r", "halt_sequence": -1}, "halt_sequence"),
        ("stop", {"symbol": "*", "venue": "synthetic"}, "venue"),
        ("stop", [], "body"),
    ],
)  # fmt: skip
def test_a_body_that_is_wrong_names_field_and_value(client, trading, path, body, named):
    document = refused(client.post(f"{API}/{path}", json=body), 422, "invalid_request")
    assert named in document["detail"]
    assert trading.commands == []


def test_a_body_that_is_no_json_is_refused(client, trading):
    answer = client.post(f"{API}/stop", content=b"{", headers={"content-type": "application/json"})
    refused(answer, 422, "invalid_request")
    form = client.post(f"{API}/stop", content=b'{"symbol":"*"}', headers={"content-type": "text/plain"})
    refused(form, 422, "invalid_request")
    assert trading.commands == []


@pytest.mark.parametrize("key", ["k" * 129, "two words", ""])
def test_a_bad_key_is_refused(client, trading, key):
    refused(
        client.post(f"{API}/stop", json={"symbol": "*"}, headers={"Idempotency-Key": key}),
        422,
        "invalid_request",
    )
    assert trading.commands == []


def test_unknown_and_ambiguous_symbols_send_nothing(client, trading, messages_of):
    assert (
        "BTC/USDT"
        in refused(client.post(f"{API}/stop", json={"symbol": "BTC/USD"}), 404, "unknown_symbol")["hint"]
    )
    trading.take(messages_of("BTC/USDT", "other").instrument())
    refused(client.post(f"{API}/stop", json={"symbol": "BTC/USDT"}), 409, "ambiguous_symbol")
    assert trading.commands == []
    client.post(f"{API}/stop", json={"symbol": "BTC/USDT", "venue": "other"})
    assert trading.commands[0].venue == "other"


def test_a_halt_of_all_works_without_any_view(engine, client_of):
    client = client_of(engine)
    assert client.post(f"{API}/risk/halt", json={"symbol": "*", "reason": "now"}).status_code == 202
    assert len(engine.commands) == 1


@pytest.mark.parametrize(
    "origin",
    ["http://evil.example", "null", "http://127.0.0.1.evil.example", "http://127.0.0.1:81", "127.0.0.1"],
)
def test_a_page_of_another_origin_commands_nothing(client, trading, origin):
    answer = client.post(f"{API}/risk/halt", json={"symbol": "*", "reason": "r"}, headers={"Origin": origin})
    refused(answer, 403, "foreign_origin")
    assert trading.commands == []


def test_our_own_page_commands(client, trading):
    headers = {"Origin": "http://127.0.0.1"}
    assert client.post(f"{API}/stop", json={"symbol": "*"}, headers=headers).status_code == 202


def test_a_page_of_another_origin_may_not_even_ask_whether_it_may(client):
    answer = client.request(
        "OPTIONS",
        f"{API}/stop",
        headers={"Origin": "http://evil.example", "Access-Control-Request-Method": "POST"},
    )
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("announced", [True, False])
def test_a_body_over_64_kib_is_refused(client, trading, announced):
    body = b'{"symbol":"*","reason":"' + b"x" * 65_536 + b'"}'

    async def in_parts():
        yield body[:40_000]
        yield body[40_000:]

    content = body if announced else in_parts()
    answer = client.post(f"{API}/stop", content=content, headers={"content-type": "application/json"})
    refused(answer, 413, "body_too_large")
    assert trading.commands == []
