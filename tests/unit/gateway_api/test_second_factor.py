"""The second factor of risk and admin: set up once, each code counts once."""

import time
from pathlib import Path

import pyotp
import pytest
from gateway_api.access.commands import manage_users, set_second_factor
from gateway_api.access.users import read_users

from runtime.errors import ConfigError
from schemas.deployment import Access
from tests.unit.gateway_api.conftest import PASSWORD, Client, Engine
from tests.unit.gateway_api.signing_in import sign_in, stop_clock


def code_of(secret: str, now_s: float | None = None) -> str:
    return pyotp.TOTP(secret).at(now_s or time.time())


@pytest.mark.parametrize("role", ["risk", "admin"])
def test_the_second_factor_is_set_up_at_the_first_sign_in(strict: Client, users: Path, role: str) -> None:
    manage_users("add", users, name="carl", roles=[role], scope=[], password=PASSWORD)
    person = {"name": "carl", "password": PASSWORD}
    offered = sign_in(strict, **person)
    assert (offered.status_code, offered.json()["code"]) == (401, "second_factor_enrolment")
    assert "set-cookie" not in offered.headers
    uri = pyotp.parse_uri(offered.json()["otpauth"])
    assert uri.name == "carl"
    assert sign_in(strict, **person, second_factor="000000").status_code == 401
    code = code_of(uri.secret)
    done = sign_in(strict, **person, second_factor=code)
    assert (done.status_code, done.json()["roles"]) == (200, [role])
    assert {user.name: user.totp for user in read_users(users)}["carl"] == uri.secret
    needed = sign_in(strict, **person)
    assert (needed.status_code, needed.json()["code"]) == (401, "second_factor_needed")
    assert "otpauth" not in needed.json()
    assert sign_in(strict, **person, second_factor=code).status_code == 401  # it was used


def test_a_second_factor_of_the_command_line_counts_each_code_once(strict: Client, users: Path) -> None:
    made = set_second_factor(users, "bob")
    assert pyotp.parse_uri(made["otpauth"]).secret == made["secret"]
    person = {"name": "bob", "password": PASSWORD, "second_factor": code_of(made["secret"])}
    assert sign_in(strict, **person).status_code == 200
    assert sign_in(strict, **person).json()["code"] == "wrong_credentials"
    wrong = person | {"password": PASSWORD + "!"}
    assert sign_in(strict, **wrong).json()["code"] == "wrong_credentials"


def test_who_has_the_password_does_not_guess_the_digits(
    strict: Client, users: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop_clock(strict, monkeypatch)
    set_second_factor(users, "bob")
    person = {"name": "bob", "password": PASSWORD}
    codes = []
    for _ in range(4):
        codes.append(sign_in(strict, **person, second_factor="123456").status_code)
        codes.append(sign_in(strict, **person).status_code)  # asking again frees nothing
    codes.append(sign_in(strict, **person, second_factor="123456").status_code)
    codes.append(sign_in(strict, **person, second_factor="123456").status_code)
    assert codes[-2:] == [401, 429]


def test_a_second_factor_is_switched_off_by_name_alone(
    trading: Engine, users: Path, client_of: type[Client]
) -> None:
    trading.access = Access(users_file=str(users), second_factor_exempt=("ann",))
    assert sign_in(client_of(trading, signed_in=False), name="bob", password=PASSWORD).status_code == 401
    trading.access = Access(users_file=str(users), second_factor_exempt=("bob",))
    assert sign_in(client_of(trading, signed_in=False), name="bob", password=PASSWORD).status_code == 200


def test_traders_and_viewers_sign_in_by_their_password(strict: Client) -> None:
    assert sign_in(strict, name="ann", password=PASSWORD).status_code == 200


def test_a_second_factor_that_cannot_be_kept_is_said_so(
    strict: Client, users: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise ConfigError("users.yaml cannot be written: Read-only file system")

    uri = pyotp.parse_uri(sign_in(strict, name="bob", password=PASSWORD).json()["otpauth"])
    monkeypatch.setattr("gateway_api.access.authentication.edit_users", refuse)
    answer = sign_in(strict, name="bob", password=PASSWORD, second_factor=code_of(uri.secret))
    assert (answer.status_code, answer.json()["code"]) == (503, "cannot_enrol")
    assert "maker users totp bob" in answer.json()["hint"]


def test_another_password_keeps_the_second_factor(users: Path) -> None:
    secret = set_second_factor(users, "bob")["secret"]
    manage_users("add", users, name="bob", roles=["risk"], scope=[], password=PASSWORD)
    assert {user.name: user.totp for user in read_users(users)}["bob"] == secret
    with pytest.raises(ConfigError, match="there is no user 'eve'"):
        set_second_factor(users, "eve")
