"""Coming in: codes that count once, passwords, cookies, and where from."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from gateway_api.access.authentication import CODE_S
from gateway_api.app.middleware import SecurityMiddleware
from gateway_api.app.service import make_app
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from runtime.store.documents import StoreStatus
from schemas.config import Config
from schemas.control import Command
from schemas.deployment import Access, GatewaySettings
from tests.unit.gateway_api.conftest import API, PASSWORD, Client, Engine
from tests.unit.gateway_api.signing_in import entered, local_door, page, sign_in


def test_a_code_counts_once_and_the_next_is_announced(trading: Engine, visitor: Client) -> None:
    (code,) = trading.codes
    first = sign_in(visitor, code=code)
    assert first.status_code == 200
    assert first.json()["name"] == "local"
    assert len(trading.codes) == 2
    again = sign_in(visitor, code=code)
    assert (again.status_code, again.json()["code"]) == (401, "wrong_credentials")
    assert sign_in(visitor, code=trading.codes[1]).status_code == 200
    assert [visit.kind for visit in trading.visits] == ["signed_in", "sign_in_failed", "signed_in"]


def test_the_cookie_is_for_the_page_alone(trading: Engine, visitor: Client) -> None:
    cookie = sign_in(visitor, code=trading.codes[0]).headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert "max-age=900" in cookie
    assert "secure" not in cookie


def test_behind_tls_the_cookie_never_travels_in_the_clear(trading: Engine, client_of: type[Client]) -> None:
    trading.access = Access(secure_cookies=True)
    client = client_of(trading, signed_in=False)
    assert "secure" in sign_in(client, code=trading.codes[0]).headers["set-cookie"].lower()


def test_a_command_with_the_cookie_has_to_come_from_the_page(trading: Engine, visitor: Client) -> None:
    headers = page(sign_in(visitor, code=trading.codes[0]))
    halt: dict[str, Any] = {"url": f"{API}/maker/risk/halt", "json": {"symbol": "*", "reason": "r"}}
    for wrong in (
        {"cookie": headers["cookie"]},
        headers | {"sec-fetch-site": "same-site"},
        headers | {"origin": "http://127.0.0.1:81"},
    ):
        answer = visitor.post(**halt, headers=wrong)
        assert (answer.status_code, answer.json()["code"]) == (403, "foreign_origin")
    assert trading.commands == []
    assert visitor.post(**halt, headers=headers).status_code == 202
    assert trading.sent(Command)[0].principal == "local"


def test_name_and_password(guest: Client, trading: Engine) -> None:
    answer = sign_in(guest, name="ann", password=PASSWORD)
    assert (answer.status_code, answer.json()["roles"], answer.json()["method"]) == (
        200,
        ["trader"],
        "password",
    )
    assert sign_in(guest, name="ann", password=PASSWORD + "!").status_code == 401
    assert sign_in(guest, name="eve", password=PASSWORD).status_code == 401
    assert sign_in(guest, code="anything").status_code == 401
    assert trading.codes == []


@pytest.mark.parametrize(
    "body",
    [{}, {"name": "ann"}, {"password": "x"}, {"code": "x", "name": "ann", "password": "y"}, {"codes": "x"}],
)
def test_half_a_sign_in_is_none(guest: Client, body: dict[str, str]) -> None:
    assert sign_in(guest, **body).status_code == 422


def test_a_code_counts_for_ten_minutes_and_another_is_announced_on_request() -> None:
    now_s = [1_000.0]
    authentication, codes = local_door(now_s)
    now_s[0] += CODE_S
    assert asyncio.run(authentication.sign_in_once(codes[0], "x")) is None
    authentication.announce_new_code()
    assert asyncio.run(authentication.sign_in_once(codes[0], "x")) is None
    assert entered(authentication, codes[1]).name == "local"


def test_a_request_for_a_code_reaches_the_door(trading: Engine, client_of: type[Client]) -> None:
    asked: list[Callable[[], None]] = []
    context = trading.context()
    object.__setattr__(context, "on_code_request", asked.append)
    make_app(context)
    (announce_another,) = asked
    announce_another()
    assert len(trading.codes) == 2


def test_behind_tls_the_cookie_is_of_this_host_alone_and_browsers_come_by_tls(
    trading: Engine, client_of: type[Client]
) -> None:
    trading.access = Access(secure_cookies=True)
    client = client_of(trading, signed_in=False)
    answer = sign_in(client, code=trading.codes[0])
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-maker_session_")
    assert "Path=/;" in cookie + ";"
    assert "domain" not in cookie.lower()
    assert answer.headers["strict-transport-security"].startswith("max-age=31536000")
    assert client.get(f"{API}/session", headers=page(answer)).status_code == 200
    assert client.get("/", headers=page(answer)).headers["strict-transport-security"]


def test_two_engines_on_one_host_have_two_cookies(trading: Engine, visitor: Client) -> None:
    def at(port: int) -> httpx.Response:
        base = f"http://127.0.0.1:{port}"
        headers = {"origin": base}
        return visitor.post(f"{base}{API}/session", json={"code": trading.codes[-1]}, headers=headers)

    names = {at(port).headers["set-cookie"].partition("=")[0] for port in (8080, 8081)}
    assert names == {"maker_session_8080", "maker_session_8081"}


def test_this_machine_answers_to_its_own_name_alone(visitor: Client) -> None:
    for host in ("evil.example", "127.0.0.1.evil.example", "evil.example:80"):
        answer = visitor.get(f"{API}/health/live", headers={"host": host})
        assert (answer.status_code, answer.json()["code"]) == (421, "foreign_host")
    assert visitor.get(f"{API}/health/live", headers={"host": "localhost:8080"}).status_code == 200


def test_an_engine_of_several_people_answers_to_no_other_name_either() -> None:
    config = Config(access=Access(users_file="users.yaml"))
    assert answered(config, "localhost:8080", "127.0.0.1", "[::1]:8080") == [True, True, True]
    assert answered(config, "evil.example", "evil.example:80", "10.0.0.1", "") == [False] * 4


def test_the_name_of_a_proxy_is_answered_where_it_is_configured() -> None:
    config = Config(gateway=GatewaySettings(host_names=("maker.example",)))
    assert answered(config, "maker.example", "Maker.Example:443", "evil.example") == [True, True, False]


def test_a_gateway_open_to_others_answers_to_addresses_and_its_names() -> None:
    access = Access(users_file="users.yaml")
    named = Config(gateway=GatewaySettings(host="0.0.0.0", host_names=("maker.example",)), access=access)
    assert answered(named, "maker.example", "10.0.0.1:8080", "[fd00::1]", "evil.example") == [
        True,
        True,
        True,
        False,
    ]
    assert answered(Config(gateway=GatewaySettings(host="0.0.0.0"), access=access), "any.example") == [True]


def answered(config: Config, *hosts: str) -> list[bool]:
    """Which Host headers reach the application."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        await PlainTextResponse("here")(scope, receive, send)

    guarded = SecurityMiddleware(
        application, lambda: StoreStatus("live", None), gateway=config.gateway, is_https=False
    )

    async def ask() -> list[bool]:
        transport = httpx.ASGITransport(guarded)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            return [(await client.get("/", headers={"host": host})).status_code == 200 for host in hosts]

    return asyncio.run(ask())
