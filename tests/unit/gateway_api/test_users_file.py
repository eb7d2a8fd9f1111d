"""The file of users: who may stand in it, and what it is refused for."""

from pathlib import Path
from typing import Any

import pytest
from gateway_api.access.authentication import Authentication
from gateway_api.access.commands import manage_users
from gateway_api.access.users import read_users

from maker.people import with_people
from runtime.config.settings import load_config
from runtime.errors import ConfigError
from schemas.config import Config
from schemas.deployment import Access, GatewaySettings
from tests.unit.gateway_api.conftest import PASSWORD


@pytest.mark.parametrize(("people", "resume_people"), [(1, 1), (2, 2)])
def test_two_people_end_a_halt_where_there_are_two(tmp_path: Path, people: int, resume_people: int) -> None:
    path = tmp_path / "users.yaml"
    for name, role in (("bob", "risk"), ("ann", "trader"))[:people]:
        manage_users("add", path, name=name, roles=[role], scope=[], password=PASSWORD)
    manage_users("add", path, name="vic", roles=["viewer"], scope=[], password=PASSWORD)
    access = {"access": {"users_file": str(path)}}
    loaded = with_people(load_config((), access, env={}))
    assert loaded.config.risk_limits.resume_people == resume_people
    said = access | {"risk_limits": {"resume_people": 1}}
    assert with_people(load_config((), said, env={})).config.risk_limits.resume_people == 1
    assert with_people(load_config((), {}, env={})).config.risk_limits.resume_people == 1
    unread = {"access": {"users_file": str(tmp_path / "none")}}
    assert with_people(load_config((), unread, env={})).config.risk_limits.resume_people == 2


def test_beyond_this_machine_there_are_users() -> None:
    with pytest.raises(ValueError, match=r"access\.users_file has to say who comes in"):
        Config(gateway=GatewaySettings(host="0.0.0.0"))
    Config(gateway=GatewaySettings(host="0.0.0.0"), access=Access(users_file="users.yaml"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"name": "x", "roles": ["king"]}, "no role is called 'king'"),
        ({"name": "x", "roles": ["risky"]}, "did you mean 'risk'"),
        ({"name": "x", "roles": ["trader", "risk"]}, "segregation of duties"),
        ({"name": "x", "roles": ["viewer"], "password": "short"}, "at least 12 characters"),
        ({"name": "a b", "roles": ["viewer"]}, "a b"),
    ],
)
def test_a_user_who_cannot_be_is_refused_in_words(users: Path, arguments: dict[str, Any], words: str) -> None:
    before = users.read_text(encoding="utf-8")
    with pytest.raises(ConfigError, match=words):
        manage_users("add", users, **({"scope": [], "password": PASSWORD} | arguments))
    assert users.read_text(encoding="utf-8") == before


def test_the_last_who_can_end_a_halt_stays(users: Path) -> None:
    with pytest.raises(ConfigError, match="no user with the role risk would be left"):
        manage_users("remove", users, name="bob")
    with pytest.raises(ConfigError, match="there is no user 'eve'"):
        manage_users("remove", users, name="eve")
    assert [user["name"] for user in manage_users("remove", users, name="ann")] == ["bob"]


def test_the_file_holds_hashes_and_is_its_owners(users: Path) -> None:
    text = users.read_text(encoding="utf-8")
    assert PASSWORD not in text
    assert "$argon2id$" in text
    assert users.stat().st_mode & 0o077 == 0
    assert read_users(users)[0].generation == 1


@pytest.mark.parametrize(
    "content", ["users: [{name: x}]", "users: 3", "{", "users: [{name: x, roles: [risk], king: 1}]"]
)
def test_a_bad_file_stops_the_start(tmp_path: Path, content: str) -> None:
    path = tmp_path / "users.yaml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ConfigError, match="is not a valid users file"):
        Authentication(Access(users_file=str(path)), lambda code: None)
    with pytest.raises(ConfigError, match="maker users add"):
        Authentication(Access(users_file=str(tmp_path / "none")), lambda code: None)


def test_a_short_key_stops_the_start(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("short", encoding="utf-8")
    with pytest.raises(ConfigError, match="fewer than 32"):
        Authentication(Access(signing_key_file=str(key)), lambda code: None)


def test_a_name_that_looks_like_a_truth_value_or_a_number_is_a_name(tmp_path: Path) -> None:
    path = tmp_path / "users.yaml"
    path.write_text("users:\n- {name: on, roles: [viewer]}\n- {name: 0700, roles: [viewer], generation: 3}\n")
    path.chmod(0o600)
    assert [(user.name, user.generation) for user in read_users(path)] == [("on", 1), ("0700", 3)]


def test_a_generation_that_is_no_number_is_named(tmp_path: Path) -> None:
    path = tmp_path / "users.yaml"
    path.write_text("users:\n- {name: a, roles: [viewer], generation: 1:30}\n")
    path.chmod(0o600)
    with pytest.raises(ConfigError, match=r"users\.0\.generation: a number is wanted"):
        read_users(path)
