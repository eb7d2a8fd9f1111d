"""Coming in: codes that count once, passwords, cookies, tokens, and those who guess."""

import os
from pathlib import Path

import pytest
from gateway_api.access.commands import make_key, make_token, manage_users
from gateway_api.access.door import Door
from gateway_api.access.throttle import Throttle
from gateway_api.access.users import User, hashed, read_users, write_users

from chassis.errors import ConfigError
from schemas.config import Config
from schemas.deployment import Access, Process

API = "/api/v1"
BASE = "http://127.0.0.1"
PASSWORD = "correct horse battery staple"


@pytest.fixture
def users(tmp_path: Path) -> Path:
    path = tmp_path / "users.yaml"
    hash_of = hashed(PASSWORD)
    write_users(
        path,
        [
            User(name="ann", roles=("trader",), password=hash_of),
            User(name="bob", roles=("risk",), password=hash_of),
        ],
    )
    return path


@pytest.fixture
def visitor(trading, client_of):
    return client_of(trading, signed_in=False)


@pytest.fixture
def guest(trading, client_of, users):
    trading.access = Access(users_file=str(users))
    return client_of(trading, signed_in=False)


def sign_in(client, **body):
    return client.post(f"{API}/session", json=body)


def page(answer) -> dict[str, str]:
    """What the browser of somebody who signed in sends."""
    return {"cookie": answer.headers["set-cookie"].partition(";")[0], "origin": BASE}


def test_a_code_counts_once_and_the_next_is_announced(trading, visitor):
    (code,) = trading.codes
    first = sign_in(visitor, code=code)
    assert first.status_code == 200
    assert first.json()["name"] == "local"
    assert len(trading.codes) == 2
    again = sign_in(visitor, code=code)
    assert (again.status_code, again.json()["code"]) == (401, "wrong_credentials")
    assert sign_in(visitor, code=trading.codes[1]).status_code == 200
    assert [visit.kind for visit in trading.visits] == ["signed_in", "sign_in_failed", "signed_in"]


def test_the_cookie_is_for_the_page_alone(trading, visitor):
    cookie = sign_in(visitor, code=trading.codes[0]).headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert "max-age=900" in cookie
    assert "secure" not in cookie


def test_behind_tls_the_cookie_never_travels_in_the_clear(trading, client_of):
    trading.access = Access(secure_cookies=True)
    client = client_of(trading, signed_in=False)
    assert "secure" in sign_in(client, code=trading.codes[0]).headers["set-cookie"].lower()


def test_a_command_with_the_cookie_has_to_come_from_the_page(trading, visitor):
    headers = page(sign_in(visitor, code=trading.codes[0]))
    halt = {"url": f"{API}/maker/risk/halt", "json": {"symbol": "*", "reason": "r"}}
    for wrong in (
        {"cookie": headers["cookie"]},
        headers | {"sec-fetch-site": "same-site"},
        headers | {"origin": "http://127.0.0.1:81"},
    ):
        answer = visitor.post(**halt, headers=wrong)
        assert (answer.status_code, answer.json()["code"]) == (403, "foreign_origin")
    assert trading.commands == []
    assert visitor.post(**halt, headers=headers).status_code == 202
    assert trading.commands[0].principal == "local"


def test_signing_out_ends_the_session_everywhere(trading, visitor):
    headers = page(sign_in(visitor, code=trading.codes[0]))
    assert visitor.get(f"{API}/session", headers=headers).status_code == 200
    assert visitor.request("DELETE", f"{API}/session", headers=headers).status_code == 204
    assert visitor.get(f"{API}/session", headers=headers).status_code == 401


def test_name_and_password(guest, trading):
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


def test_those_who_guess_wait(guest):
    for _ in range(5):
        assert sign_in(guest, name="ann", password="wrong").status_code == 401
    answer = sign_in(guest, name="ann", password=PASSWORD)
    assert (answer.status_code, answer.json()["code"]) == (429, "too_many_attempts")
    assert int(answer.headers["retry-after"]) >= 1


def test_each_failure_doubles_the_wait_and_the_right_one_ends_it():
    throttle = Throttle()
    waits = []
    for _ in range(16):
        throttle.note_failure(("name ann",), 100.0)
        waits.append(throttle.wait_s(("name ann", "address x"), 100.0))
    assert waits[:8] == [0, 0, 0, 0, 1, 2, 4, 8]
    assert waits[-1] == 300
    assert throttle.wait_s(("name bob",), 100.0) == 0
    assert throttle.wait_s(("name ann",), 100.0 + 901) == 0
    throttle.note_success(("name ann",))
    assert throttle.wait_s(("name ann",), 100.0) == 0


def test_the_memory_of_those_who_guess_is_bounded():
    throttle = Throttle()
    for number in range(10_100):
        throttle.note_failure((f"name {number}",), 1.0)
    assert len(throttle._failures) == 10_000


@pytest.mark.parametrize(
    "body",
    [{}, {"name": "ann"}, {"password": "x"}, {"code": "x", "name": "ann", "password": "y"}, {"codes": "x"}],
)
def test_half_a_sign_in_is_none(guest, body):
    assert sign_in(guest, **body).status_code == 422


def test_whoever_loses_a_role_is_out_within_seconds(users):
    now_s = [1_000.0]
    door = Door(Access(users_file=str(users)), lambda code: None, clock=lambda: now_s[0])
    token = door.signed(door._identity(door._user("bob"), "password", "s", 1e10))
    identity = door.identify(token)
    assert identity.roles == ("risk",)
    manage_users("add", users, name="carl", roles=["risk"], scope=[], password=PASSWORD)
    manage_users("add", users, name="bob", roles=["viewer"], scope=[], password=PASSWORD)
    now_s[0] += 3
    assert door.identify(token) is None
    assert not door.still_holds(identity)


def test_a_file_that_became_unreadable_admits_nobody(users):
    now_s = [1_000.0]
    door = Door(Access(users_file=str(users)), lambda code: None, clock=lambda: now_s[0])
    token = door.signed(door._identity(door._user("bob"), "password", "s", 1e10))
    users.write_text("users: [{name: bob, roles: [king]}]", encoding="utf-8")
    os.utime(users, (5, 5))
    now_s[0] += 3
    assert door.identify(token) is None


def test_a_session_in_use_is_renewed_and_one_at_rest_ends():
    now_s = [1_000.0]
    codes = []
    door = Door(Access(session_s=100), codes.append, clock=lambda: now_s[0])
    identity = door.sign_in_once(codes[0], "x")
    assert door.renewed(identity) is None
    now_s[0] += 50
    renewed = door.renewed(identity)
    assert renewed.expires_s == 1_150
    now_s[0] += 60
    assert door.still_holds(identity)  # a stream that began with the first cookie goes on
    now_s[0] += 100
    assert not door.still_holds(identity)


def test_a_token_of_another_key_is_nobodys(tmp_path, users):
    keys = [tmp_path / name for name in ("one", "two")]
    for key in keys:
        make_key(key)
        assert key.stat().st_mode & 0o077 == 0
    doors = [
        Door(Access(users_file=str(users), signing_key_file=str(key)), lambda code: None) for key in keys
    ]
    token = make_token(Access(users_file=str(users), signing_key_file=str(keys[0])), "ann", 60)
    assert doors[0].identify(token).name == "ann"
    assert doors[1].identify(token) is None
    assert doors[0].identify(token + "x") is None


def test_a_token_makes_no_token(trading, client_of):
    client = client_of(trading)
    answer = client.post(f"{API}/session/token", json={"minutes": 60})
    assert (answer.status_code, answer.json()["code"]) == (403, "not_permitted")


def test_this_machine_answers_to_its_own_name_alone(visitor):
    for host in ("evil.example", "127.0.0.1.evil.example", "evil.example:80"):
        answer = visitor.get(f"{API}/health/live", headers={"host": host})
        assert (answer.status_code, answer.json()["code"]) == (421, "foreign_host")
    assert visitor.get(f"{API}/health/live", headers={"host": "localhost:8080"}).status_code == 200


def test_beyond_this_machine_there_are_users():
    with pytest.raises(ValueError, match=r"access\.users_file has to say who comes in"):
        Config(process=Process(gateway_host="0.0.0.0"))
    Config(process=Process(gateway_host="0.0.0.0"), access=Access(users_file="users.yaml"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"name": "x", "roles": ["king"]}, "no role is called 'king'"),
        ({"name": "x", "roles": ["risky"]}, "did you mean 'risk'"),
        ({"name": "x", "roles": ["trader", "risk"]}, "duties are separate"),
        ({"name": "x", "roles": ["viewer"], "password": "short"}, "12 characters at least"),
        ({"name": "a b", "roles": ["viewer"]}, "a b"),
    ],
)
def test_a_user_who_cannot_be_is_refused_in_words(users, arguments, words):
    before = users.read_text(encoding="utf-8")
    with pytest.raises(ConfigError, match=words):
        manage_users("add", users, **({"scope": [], "password": PASSWORD} | arguments))
    assert users.read_text(encoding="utf-8") == before


def test_the_last_who_can_end_a_halt_stays(users):
    with pytest.raises(ConfigError, match="nobody with the role risk would be left"):
        manage_users("remove", users, name="bob")
    with pytest.raises(ConfigError, match="there is no user 'eve'"):
        manage_users("remove", users, name="eve")
    assert [user["name"] for user in manage_users("remove", users, name="ann")] == ["bob"]


def test_the_file_holds_hashes_and_is_its_owners(users):
    text = users.read_text(encoding="utf-8")
    assert PASSWORD not in text
    assert "$argon2id$" in text
    assert users.stat().st_mode & 0o077 == 0
    assert read_users(users)[0].generation == 1


@pytest.mark.parametrize(
    "content", ["users: [{name: x}]", "users: 3", "{", "users: [{name: x, roles: [risk], king: 1}]"]
)
def test_a_bad_file_stops_the_start(tmp_path, content):
    path = tmp_path / "users.yaml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ConfigError, match="is not a file of users"):
        Door(Access(users_file=str(path)), lambda code: None)
    with pytest.raises(ConfigError, match="maker users add"):
        Door(Access(users_file=str(tmp_path / "none")), lambda code: None)


def test_a_short_key_stops_the_start(tmp_path):
    key = tmp_path / "key"
    key.write_text("short", encoding="utf-8")
    with pytest.raises(ConfigError, match="fewer than 32"):
        Door(Access(signing_key_file=str(key)), lambda code: None)
