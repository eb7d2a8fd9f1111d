"""Secrets in files: who may read them, and that every reader of one looks."""

from collections.abc import Callable
from pathlib import Path

import pytest
from gateway_api.access.commands import make_key
from gateway_api.access.users import User, read_users, write_users

from runtime.config.secret_files import read_secret_text
from runtime.errors import ConfigError
from runtime.exchange.clients import read_credentials
from runtime.kafka.client import connection
from runtime.observability.redaction import redacted
from sandbox.command import _keys
from schemas.deployment import ExchangeSettings, Kafka, Redis
from tests.unit.runtime.secret_files import CANARY, mode

pytestmark = pytest.mark.usefixtures("forgotten")


@pytest.mark.parametrize("bits", [0o004, 0o040, 0o002, 0o020, 0o001])
def test_a_secret_that_others_may_reach_is_refused(tmp_path: Path, bits: int) -> None:
    secret = tmp_path / "key"
    secret.write_text(CANARY)
    secret.chmod(0o600 | bits)
    with pytest.raises(
        ConfigError, match=f"signing_key_file .* can be read by others .*`chmod 600 {secret}`"
    ):
        read_secret_text(secret, "access.signing_key_file")
    secret.chmod(0o400)
    assert read_secret_text(secret, "access.signing_key_file") == CANARY


def test_a_secret_of_another_owner_may_be_read_by_our_group(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a container gets it: owned by root, for the group of the process."""
    secret = tmp_path / "key"
    secret.write_text(CANARY)
    monkeypatch.setattr("os.geteuid", lambda: secret.stat().st_uid + 1)
    secret.chmod(0o440)
    assert read_secret_text(secret, "k") == CANARY
    for wider in (0o460, 0o444):
        secret.chmod(wider)
        with pytest.raises(ConfigError, match="can be read by others"):
            read_secret_text(secret, "k")


def test_a_file_of_users_is_taken_back_where_it_is_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    users = tmp_path / "users.yaml"
    write_users(users, [User(name="ann", roles=("viewer",))])
    assert mode(users) == 0o600
    users.chmod(0o644)
    assert [user.name for user in read_users(users)] == ["ann"]
    assert mode(users) == 0o600
    monkeypatch.setattr("os.geteuid", lambda: users.stat().st_uid + 1)
    users.chmod(0o440)
    assert [user.name for user in read_users(users)] == ["ann"], "a secret that is mounted for our group"
    users.chmod(0o444)
    with pytest.raises(ConfigError, match=r"access\.users_file .* can be read by others"):
        read_users(users)


def test_keys_that_the_commands_make_are_private(tmp_path: Path, umask: int) -> None:
    make_key(tmp_path / "signing.key")
    first = _keys(tmp_path / "new" / "sandbox")
    assert _keys(tmp_path / "new" / "sandbox") != first
    made = [tmp_path / "signing.key", *(tmp_path / "new" / "sandbox").iterdir()]
    assert [mode(each) for each in made] == [0o600] * 3
    assert mode(tmp_path / "new" / "sandbox") == mode(tmp_path / "new") == 0o700


@pytest.mark.parametrize(
    ("path", "message"),
    [
        (None, "is not set: set it to a file"),
        ("nowhere", "cannot be read: No such file"),
        ("empty", "is empty"),
    ],
)
def test_a_secret_that_is_not_there_says_so(tmp_path: Path, path: str | None, message: str) -> None:
    (tmp_path / "empty").write_text(" \n")
    with pytest.raises(ConfigError, match=f"exchange.api_key_file:? .*{message}"):
        read_secret_text(None if path is None else tmp_path / path, "exchange.api_key_file")


def sasl(path: str) -> object:
    return connection(Kafka(security_protocol="SASL_PLAINTEXT", sasl_username="u", sasl_password_file=path))


def exchange(path: str) -> object:
    return read_credentials(ExchangeSettings(api_key_file=path, api_secret_file=path))


def redis(path: str) -> object:
    from runtime.store.redis_documents import RedisMirror

    return RedisMirror(Redis(password_file=path))


@pytest.mark.parametrize("reader", [sasl, exchange, redis])
def test_every_reader_of_a_secret_refuses_one_that_others_may_read(
    tmp_path: Path, reader: Callable[[str], object]
) -> None:
    secret = tmp_path / "secret"
    secret.write_text(CANARY)
    reader(str(secret))
    assert CANARY not in redacted(CANARY)
    secret.chmod(0o644)
    with pytest.raises(ConfigError, match="can be read by others"):
        reader(str(secret))
