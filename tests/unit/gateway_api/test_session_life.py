"""Sessions and the tokens of programs: how long they hold, what ends them, and that every gateway knows."""

import asyncio
import os
from pathlib import Path

import pytest
from gateway_api.access.authentication import Authentication, ProgramTokens
from gateway_api.access.commands import make_key, make_token, manage_users
from gateway_api.access.identity import Identity
from gateway_api.access.users import User

from runtime.store.redis_timed import RedisTimedStore
from schemas.deployment import Access, Redis
from tests.unit.gateway_api.conftest import API, PASSWORD, Client, Engine
from tests.unit.gateway_api.signing_in import door_of, entered, local_door, page, sign_in


def user_of(authentication: Authentication, name: str) -> User:
    user = authentication._user(name)
    assert user is not None
    return user


def holder_of(authentication: Authentication, token: str) -> Identity:
    """Whoever comes in with a token."""
    identity = asyncio.run(authentication.identify(token))
    assert identity is not None
    return identity


def refreshed(authentication: Authentication, refresh_token: str, address: str = "x") -> ProgramTokens:
    """What a program goes on with."""
    made = asyncio.run(authentication.refresh_program(refresh_token, address))
    assert made is not None
    return made


def signed_in(authentication: Authentication, name: str) -> tuple[Identity, str]:
    """Somebody's session and what their browser keeps."""
    identity = asyncio.run(authentication._begin(user_of(authentication, name), "password", "x"))
    return identity, authentication.signed(identity)


def test_signing_out_ends_the_session_everywhere(trading: Engine, visitor: Client) -> None:
    headers = page(sign_in(visitor, code=trading.codes[0]))
    assert visitor.get(f"{API}/session", headers=headers).status_code == 200
    assert visitor.request("DELETE", f"{API}/session", headers=headers).status_code == 204
    assert visitor.get(f"{API}/session", headers=headers).status_code == 401


def test_whoever_loses_a_role_is_out_within_seconds(users: Path) -> None:
    now_s = [1_000.0]
    authentication = door_of(users, now_s)
    identity, token = signed_in(authentication, "bob")
    assert holder_of(authentication, token).roles == ("risk",)
    assert asyncio.run(authentication.still_holds(identity))
    manage_users("add", users, name="carl", roles=["risk"], scope=[], password=PASSWORD)
    manage_users("add", users, name="bob", roles=["viewer"], scope=[], password=PASSWORD)
    now_s[0] += 3
    assert asyncio.run(authentication.identify(token)) is None
    assert not asyncio.run(authentication.still_holds(identity))


def test_another_password_ends_sessions_streams_and_programs(users: Path) -> None:
    now_s = [1_000.0]
    authentication = door_of(users, now_s)
    identity, token = signed_in(authentication, "ann")
    program = asyncio.run(authentication.begin_program(identity, "x"))
    manage_users("add", users, name="ann", roles=["trader"], scope=[], password=PASSWORD)
    now_s[0] += 3
    assert not asyncio.run(authentication.still_holds(identity))
    assert not asyncio.run(authentication.still_holds(program.identity))
    assert asyncio.run(authentication.identify(token)) is None
    assert asyncio.run(authentication.identify(program.token)) is None
    assert asyncio.run(authentication.refresh_program(program.refresh_token, "x")) is None


@pytest.mark.parametrize("name", ["ann", "robot"])
def test_a_name_that_is_removed_and_added_again_is_another_person(users: Path, name: str) -> None:
    role, password = ("service", None) if name == "robot" else ("trader", PASSWORD)
    entry = {"name": name, "roles": [role], "scope": [], "password": password}
    manage_users("add", users, **entry)
    now_s = [1_000.0]
    authentication = door_of(users, now_s)
    _, token = signed_in(authentication, name)
    seen = {user_of(authentication, name).generation}
    for _ in range(3):
        manage_users("remove", users, name=name)
        manage_users("add", users, **entry)
        now_s[0] += 3
        assert asyncio.run(authentication.identify(token)) is None
        seen.add(user_of(authentication, name).generation)
    assert len(seen) == 4


def test_an_entry_that_was_changed_by_hand_ends_what_was_signed_for_it(users: Path) -> None:
    now_s = [1_000.0]
    authentication = door_of(users, now_s)
    _, token = signed_in(authentication, "ann")
    text = users.read_text(encoding="utf-8").replace("- '*'", "- synthetic:BTC/USDT", 1)
    users.write_text(text, encoding="utf-8")
    now_s[0] += 3
    assert asyncio.run(authentication.identify(token)) is None


def test_a_file_that_became_unreadable_admits_nobody(users: Path) -> None:
    now_s = [1_000.0]
    authentication = door_of(users, now_s)
    _, token = signed_in(authentication, "bob")
    users.write_text("users: [{name: bob, roles: [king]}]", encoding="utf-8")
    os.utime(users, (5, 5))
    now_s[0] += 3
    assert asyncio.run(authentication.identify(token)) is None


def test_a_session_in_use_is_renewed_and_one_at_rest_ends() -> None:
    now_s = [1_000.0]
    authentication, codes = local_door(now_s, session_s=100)
    identity = entered(authentication, codes[0])
    assert authentication.renew(identity) is None
    now_s[0] += 50
    renewed = authentication.renew(identity)
    assert renewed is not None
    assert renewed.expires_s == 1_150
    now_s[0] += 60
    assert asyncio.run(
        authentication.still_holds(identity)
    )  # a stream that began with the first cookie goes on
    now_s[0] += 100
    assert not asyncio.run(authentication.still_holds(identity))


def test_a_session_ends_at_last_however_much_it_is_used() -> None:
    now_s = [1_000.0]
    authentication, codes = local_door(now_s, session_s=100, session_s_max=900)
    identity = entered(authentication, codes[0])
    while (later := authentication.renew(identity)) is not None or now_s[0] < 1_850:
        identity = later or identity
        now_s[0] += 50
    assert identity.expires_s == 1_900
    now_s[0] = 1_899
    assert asyncio.run(authentication.identify(authentication.signed(identity))) is not None
    now_s[0] = 1_900
    assert asyncio.run(authentication.identify(authentication.signed(identity))) is None
    assert not asyncio.run(authentication.still_holds(identity))


def test_what_was_ended_stays_ended_after_a_restart(users: Path, tmp_path: Path) -> None:
    key = tmp_path / "key"
    make_key(key)
    access = Access(users_file=str(users), signing_key_file=str(key))

    def anew() -> Authentication:
        return Authentication(access, lambda code: None)

    first = anew()
    identity, token = signed_in(first, "ann")
    _, other = signed_in(first, "ann")
    program = asyncio.run(first.begin_program(identity, "x"))
    asyncio.run(first.end("ann", identity.session))
    asyncio.run(first.end("ann", program.identity.session))
    for authentication in (first, anew()):
        assert asyncio.run(authentication.identify(token)) is None
        assert asyncio.run(authentication.identify(program.token)) is None
        assert asyncio.run(authentication.refresh_program(program.refresh_token, "x")) is None
        assert holder_of(authentication, other).name == "ann"
        asyncio.run(authentication.sessions.close())
    assert Path(f"{users}.sessions").stat().st_mode & 0o077 == 0


def test_a_session_that_nobody_knows_of_is_none(users: Path, tmp_path: Path) -> None:
    key = tmp_path / "key"
    make_key(key)
    places = [str(tmp_path / name) for name in ("one", "two")]
    doors = [
        Authentication(
            Access(users_file=str(users), signing_key_file=str(key), sessions_file=place), lambda code: None
        )
        for place in places
    ]
    _, token = signed_in(doors[0], "ann")
    assert holder_of(doors[0], token).name == "ann"
    assert asyncio.run(doors[1].identify(token)) is None
    for authentication in doors:
        asyncio.run(authentication.sessions.close())


def test_a_program_goes_on_by_its_refresh_token_and_a_stolen_one_ends_it(users: Path) -> None:
    now_s = [1_000.0]
    authentication = door_of(users, now_s, refresh_s_max=3_600)
    identity, _ = signed_in(authentication, "ann")
    first = asyncio.run(authentication.begin_program(identity, "x"))
    assert first.expires_s == 1_900
    now_s[0] = 1_901
    assert asyncio.run(authentication.identify(first.token)) is None
    second = refreshed(authentication, first.refresh_token)
    assert holder_of(authentication, second.token).method == "token"
    assert asyncio.run(authentication.identify(second.refresh_token)) is None  # it opens nothing
    assert asyncio.run(authentication.refresh_program(second.token, "x")) is None
    assert asyncio.run(authentication.refresh_program(first.refresh_token, "thief")) is None
    assert asyncio.run(authentication.identify(second.token)) is None
    assert asyncio.run(authentication.refresh_program(second.refresh_token, "x")) is None


@pytest.mark.redis
def test_what_one_gateway_ends_another_does_not_let_in(
    users: Path, tmp_path: Path, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runtime.store.redis_timed._FRESH_S", 0.0)
    key = tmp_path / "key"
    make_key(key)
    access = Access(users_file=str(users), signing_key_file=str(key))

    def gateway() -> Authentication:
        return Authentication(access, lambda code: None, store=RedisTimedStore(redis))

    async def run() -> None:
        one, two = gateway(), gateway()
        identity = await one._begin(user_of(one, "ann"), "password", "x")
        made = await one.begin_program(identity, "x")
        holder = await two.identify(one.signed(identity))
        assert holder is not None
        assert holder.name == "ann"
        again = await two.refresh_program(made.refresh_token, "x")
        assert again is not None
        assert await one.refresh_program(made.refresh_token, "x") is None  # it was used at the other
        assert await two.identify(again.token) is None
        await two.end("ann", identity.session)
        assert await one.identify(one.signed(identity)) is None
        assert not await one.still_holds(identity)
        await one.sessions.close()
        later = gateway()
        assert await later.identify(one.signed(identity)) is None
        for authentication in (two, later):
            await authentication.sessions.close()

    asyncio.run(run())


def test_a_program_ends_at_last(users: Path) -> None:
    now_s = [1_000.0]
    authentication = door_of(users, now_s, refresh_s_max=1_000)
    identity, _ = signed_in(authentication, "ann")
    made = asyncio.run(authentication.begin_program(identity, "x"))
    now_s[0] = 1_800
    made = refreshed(authentication, made.refresh_token)
    assert made.expires_s == 2_000
    now_s[0] = 2_000
    assert asyncio.run(authentication.refresh_program(made.refresh_token, "x")) is None


def test_a_token_of_another_key_is_nobodys(tmp_path: Path, users: Path) -> None:
    keys = [tmp_path / name for name in ("one", "two")]
    for key in keys:
        make_key(key)
        assert key.stat().st_mode & 0o077 == 0
    doors = [
        Authentication(Access(users_file=str(users), signing_key_file=str(key)), lambda code: None)
        for key in keys
    ]
    token = make_token(Access(users_file=str(users), signing_key_file=str(keys[0])), "ann", refresh=False)
    assert holder_of(doors[0], token).name == "ann"
    assert asyncio.run(doors[1].identify(token)) is None
    assert asyncio.run(doors[0].identify(token + "x")) is None
    for authentication in doors:
        asyncio.run(authentication.sessions.close())


def test_a_refresh_token_of_the_command_line_begins_a_session_that_can_be_ended(
    users: Path, tmp_path: Path
) -> None:
    key = tmp_path / "key"
    make_key(key)
    access = Access(users_file=str(users), signing_key_file=str(key))
    authentication = Authentication(access, lambda code: None)
    made = refreshed(authentication, make_token(access, "ann", refresh=True), "here")
    (listed,) = asyncio.run(authentication.sessions.of("ann"))
    assert (listed.session, listed.address) == (made.identity.session, "here")
    asyncio.run(authentication.end("ann", listed.session))
    assert asyncio.run(authentication.identify(made.token)) is None
    asyncio.run(authentication.sessions.close())


def test_one_sees_ones_sessions_and_ends_them(guest: Client) -> None:
    first, second = (page(sign_in(guest, name="ann", password=PASSWORD)) for _ in range(2))
    bob = page(sign_in(guest, name="bob", password=PASSWORD))
    token = guest.post(f"{API}/session/token", headers=second, json={}).json()
    listed = guest.get(f"{API}/sessions", headers=second).json()["sessions"]
    assert sorted(each["method"] for each in listed) == ["password", "password", "token"]
    (this,) = [each["session"] for each in listed if each["is_this"]]
    for each in listed:
        if each["session"] != this:
            ended = f"{API}/sessions/{each['session']}"
            assert guest.request("DELETE", ended, headers=bob).status_code == 404  # one's own alone
            assert guest.request("DELETE", ended, headers=second).status_code == 204
    program = {"authorization": f"Bearer {token['token']}"}
    assert guest.get(f"{API}/session", headers=first).status_code == 401
    assert guest.get(f"{API}/session", headers=program).status_code == 401
    assert (
        guest.post(f"{API}/session/refresh", json={"refresh_token": token["refresh_token"]}).status_code
        == 401
    )
    assert guest.get(f"{API}/session", headers=second).status_code == 200
    assert len(guest.get(f"{API}/sessions", headers=second).json()["sessions"]) == 1


def test_a_program_refreshes_over_http(guest: Client) -> None:
    headers = page(sign_in(guest, name="ann", password=PASSWORD))
    made = guest.post(f"{API}/session/token", headers=headers, json={}).json()
    body = {"refresh_token": made["refresh_token"]}
    again = guest.post(f"{API}/session/refresh", json=body)
    assert again.status_code == 200
    program = {"authorization": f"Bearer {again.json()['token']}"}
    assert guest.get(f"{API}/session", headers=program).json()["method"] == "token"
    answer = guest.post(f"{API}/session/refresh", json=body)
    assert (answer.status_code, answer.json()["code"]) == (401, "refresh_refused")


def test_a_token_makes_no_token(trading: Engine, client_of: type[Client]) -> None:
    client = client_of(trading)
    answer = client.post(f"{API}/session/token", json={})
    assert (answer.status_code, answer.json()["code"]) == (403, "not_permitted")
