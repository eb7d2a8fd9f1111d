"""`maker users` and `maker token`, as a person at a terminal has them."""

import asyncio
import json
from pathlib import Path

import pyotp
import pytest
import yaml
from gateway_api.access.authentication import Authentication
from typer.testing import CliRunner, Result

from maker.cli.app import app
from schemas.deployment import Access

PASSWORD = "correct horse battery staple"


@pytest.fixture
def access(tmp_path: Path) -> Access:
    """Ann, a trader, a program, and a key."""
    access = Access(users_file=str(tmp_path / "users.yaml"), signing_key_file=str(tmp_path / "key"))
    (tmp_path / "password").write_text(PASSWORD + "\n")
    (tmp_path / "config.yaml").write_text(
        yaml.safe_dump(
            {"access": {"users_file": access.users_file, "signing_key_file": access.signing_key_file}}
        )
    )
    add = ["users", "add", "--file", str(access.users_file)]
    assert run(*add, "ann", "--role", "risk", "--password-file", str(tmp_path / "password")).exit_code == 0
    assert run(*add, "robot", "--role", "service").exit_code == 0
    assert run("users", "key", str(access.signing_key_file)).exit_code == 0
    return access


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def test_a_second_factor_is_an_address_and_a_secret(access: Access) -> None:
    done = run("users", "totp", "ann", "--file", str(access.users_file))
    address, secret = done.stdout.splitlines()[:2]
    assert pyotp.parse_uri(address).secret == secret
    as_json = json.loads(run("users", "totp", "ann", "--file", str(access.users_file), "--json").stdout)
    assert as_json["secret"] != secret
    listed = json.loads(run("users", "list", "--file", str(access.users_file), "--json").stdout)
    assert [each["second_factor"] for each in listed] == [True, False]
    refused = run("users", "totp", "robot", "--file", str(access.users_file))
    assert refused.exit_code == 2


def test_a_token_opens_and_a_refresh_token_is_exchanged(access: Access, tmp_path: Path) -> None:
    config = ["--config", str(tmp_path / "config.yaml")]
    token = run("token", "robot", *config).stdout.strip()
    refresh = run("token", "robot", "--refresh", *config).stdout.strip()
    door = Authentication(access, lambda code: None)

    async def use() -> None:
        identity = await door.identify(token)
        assert identity is not None
        assert (identity.name, identity.roles) == ("robot", ("service",))
        assert await door.identify(refresh) is None
        made = await door.refresh_program(refresh, "here")
        assert made is not None
        assert await door.identify(made.token) is not None
        assert await door.refresh_program(refresh, "here") is None
        assert await door.identify(made.token) is None
        await door.sessions.close()

    asyncio.run(use())


def test_whoever_is_not_there_has_no_token(access: Access, tmp_path: Path) -> None:
    assert run("token", "robbot", "--config", str(tmp_path / "config.yaml")).exit_code == 2
