"""Secrets stay in their files: they are in no configuration, log or error."""

import asyncio
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from pydantic import BaseModel

from runtime.config.secret_files import read_secret_text
from runtime.config.settings import config_hash, load_config
from runtime.errors import ConfigError
from runtime.log.logfile import LogFileBus, read_log
from runtime.observability.logs import _LibraryHandler, configure_logs
from runtime.observability.redaction import HIDDEN, is_secret_name, redacted, redacted_value, remember
from runtime.process.definition import ProcessDefinition
from runtime.process.runner import ProcessRunner
from schemas.config import Config
from schemas.deployment import Kafka, Redis
from schemas.envelope import decode, encode
from schemas.market import FeedRefused
from schemas.message import SymbolEvent
from schemas.process import ConfigApplied
from schemas.topics import ROUTER
from tests.kit.messages import config_applied, venue_report, venue_status
from tests.unit.runtime.secret_files import CANARY

pytestmark = pytest.mark.usefixtures("forgotten")


SIGNATURE = "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"


# --- what is taken out of text ---


@pytest.mark.parametrize(
    "text",
    [
        f"binance POST https://api.binance.com/api/v3/order?symbol=BTCUSDT&timestamp=1&signature={SIGNATURE}",
        f"{{'X-MBX-APIKEY': '{SIGNATURE}'}}",
        f'{{"apiKey": "{SIGNATURE}", "secret": "{SIGNATURE}"}}',
        f"headers: KC-API-PASSPHRASE: {SIGNATURE}",
        f"OK-ACCESS-SIGN={SIGNATURE}; OK-ACCESS-KEY={SIGNATURE}",
        f"Authorization: Bearer {SIGNATURE}",
        f"authorization='Basic {SIGNATURE}'",
        f"wss://stream.binance.com:9443/ws/{SIGNATURE}",
        f"/api/v3/userDataStream?listenKey={SIGNATURE}",
        f"redis://user:{SIGNATURE}@redis:6379/0 refused",
        f"redis://:{SIGNATURE}@redis:6379/0",
        f"sasl_plain_password='{SIGNATURE}'",
        f"Cookie: maker_session={SIGNATURE}",
        f"token eyJhbGciOiJIUzI1NiJ9.{SIGNATURE}.{SIGNATURE}",
        f"'password': '$argon2id$v=19$m=65536,t=3,p=4$c2FsdA${SIGNATURE}'",
        f"[<Header 'passphrase' = '{SIGNATURE}'",
    ],
)
def test_what_requests_carry_is_left_out(text: str) -> None:
    assert SIGNATURE not in redacted(text)
    assert HIDDEN in redacted(text)


@pytest.mark.parametrize(
    "text",
    [
        'binance {"code":-1022,"msg":"Signature for this request is not valid."}',
        'binance {"code":-2015,"msg":"Invalid API-key, IP, or permissions for action."}',
        "exchange.api_key_file: /run/secrets/api_key cannot be read: No such file or directory",
        "no Kafka broker answers at 127.0.0.1:9092: TopicAuthorizationFailedError: order.event",
        "http://127.0.0.1:8080/api/v1/maker/active",
        "order mm-7-12 refused: INSUFFICIENT_BALANCE",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redacted(text) == text


def test_a_secret_that_was_read_is_left_out_wherever_it_stands(tmp_path: Path) -> None:
    secret = tmp_path / "key"
    secret.write_text("se/cret+with=signs\n")
    assert read_secret_text(secret, "exchange.api_secret_file") == "se/cret+with=signs"
    assert redacted("as it is se/cret+with=signs, as an address has it se%2Fcret%2Bwith%3Dsigns") == (
        f"as it is {HIDDEN}, as an address has it {HIDDEN}"
    )


def test_values_of_any_kind_are_looked_through() -> None:
    remember(CANARY)
    found = redacted_value(
        "settings", {"password": 12345678, "list": [CANARY, 1], "error": ValueError(CANARY), "none": None}
    )
    assert found == {
        "password": HIDDEN,
        "list": [HIDDEN, 1],
        "error": f"ValueError('{HIDDEN}')",
        "none": None,
    }


# --- logs and crashes ---


class ExchangeError(Exception):
    """As ccxt raises them: the request stands in the text."""


def request_with_secrets() -> None:
    api_secret = CANARY  # a traceback that showed local variables would show this one
    raise ExchangeError(f"GET https://x/api?signature={SIGNATURE} {len(api_secret)}")


@pytest.mark.parametrize("json_lines", [True, False])
@pytest.mark.parametrize("logger", ["ours", "standard"])
def test_a_traceback_is_logged_without_secrets(
    capsys: pytest.CaptureFixture[str], logger: str, json_lines: bool
) -> None:
    configure_logs(json_lines=json_lines)
    try:
        request_with_secrets()
    except ExchangeError as error:
        if logger == "ours":
            structlog.get_logger().error("task_failed", exc_info=error)
        else:
            logging.getLogger("asyncio").exception("Task exception was never retrieved")
    text = capsys.readouterr().err
    assert "request_with_secrets" in text
    assert f"signature={HIDDEN}" in text
    assert SIGNATURE not in text
    assert CANARY not in text


def test_a_crash_is_printed_without_secrets() -> None:
    code = (
        "from runtime.observability.logs import configure_logs; configure_logs(); "
        f"raise OSError('https://x?signature={SIGNATURE}')"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert found.returncode == 1
    assert f"OSError: https://x?signature={HIDDEN}" in found.stderr
    assert SIGNATURE not in found.stderr


def test_other_handlers_of_the_standard_log_stay() -> None:
    before = [each for each in logging.getLogger().handlers if not isinstance(each, _LibraryHandler)]
    for _ in range(3):
        configure_logs()
    (ours,) = [each for each in logging.getLogger().handlers if each not in before]
    assert set(before) < {*logging.getLogger().handlers}
    assert ours.level == logging.WARNING


# --- what an exchange says is journaled without our requests ---


class Heard:
    """A core that keeps what it heard."""

    def __init__(self) -> None:
        self.events: list[object] = []

    def on_event(self, event: object) -> tuple[()]:
        self.events.append(event)
        return ()


@pytest.mark.parametrize(
    "event",
    [
        venue_report("rejected", "o", venue="b", symbol="S", reason="%s", time_ns=1),
        venue_status("degraded", venue="b", reason="%s", time_ns=1),
        FeedRefused(event_time_ns=1, venue="b", symbol="S", reason="malformed", detail="%s"),
    ],
    ids=lambda event: event.type_name,
)
def test_words_of_an_exchange_are_published_without_secrets(tmp_path: Path, event: SymbolEvent) -> None:
    name = "detail" if isinstance(event, FeedRefused) else "reason"
    said = event.model_copy(update={name: f"GET https://x?signature={SIGNATURE} failed"})
    bus = LogFileBus(tmp_path)
    definition = ProcessDefinition(ROUTER, lambda config: Heard(), lambda config: 1)
    runner = ProcessRunner(definition, Config(), bus, 1000)
    runner.consume(runner.journal(said))
    asyncio.run(bus.close())
    (record,) = read_log(tmp_path)
    assert SIGNATURE.encode() not in record.payload
    heard = runner.core
    assert isinstance(heard, Heard)
    assert heard.events == [record.decoded().message], "a replay hears what the core heard"


# --- configuration ---


@pytest.mark.parametrize(
    "url",
    [
        f"redis://:{CANARY}@redis:6379/0",
        f"redis://user:{CANARY}@redis:6379/0",
        f"redis://redis:6379/0?password={CANARY}",
        f"rediss://redis:6379/0?username=u&password={CANARY}&db=1",
    ],
)
def test_an_address_with_a_password_is_refused_wherever_it_comes_from(tmp_path: Path, url: str) -> None:
    file = tmp_path / "engine.yaml"
    file.write_text(f"redis: {{url: '{url}'}}")
    for given in (
        {"files": (file,), "env": {}},
        {"env": {"MM__REDIS__URL": url}},
        {"overrides": {"redis": {"url": url}}, "env": {}},
    ):
        with pytest.raises(ConfigError, match=r"redis.url contains .*redis.password_file") as refused:
            load_config(**given)
        assert CANARY not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (f"redis://user:{CANARY}@redis:6379/0", "redis://redis:6379/0"),
        (f"redis://redis:6379/0?password={CANARY}", "redis://redis:6379/0"),
        (
            f"redis://redis/0?password={CANARY}&health_check_interval=2",
            "redis://redis/0?health_check_interval=2",
        ),
        (f"redis://:pa/{CANARY}@redis:6379/0", "redis://redis:6379/0"),
        (f"redis://:p@{CANARY}@redis:6379/0", "redis://redis:6379/0"),
        ("redis://127.0.0.1:6379/0?client_name=a@b", "redis://127.0.0.1:6379/0?client_name=a@b"),
        ("redis://127.0.0.1:6379/0?protocol=3", "redis://127.0.0.1:6379/0?protocol=3"),
    ],
)
def test_no_configuration_holds_a_password(url: str, shown: str) -> None:
    config = Config(redis=Redis(url=url))
    assert config.redis.url == shown
    assert config_hash(config) == config_hash(Config()), "a log is gone on with"


def fields(model: type[BaseModel], path: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        yield f"{path}{name}"
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from fields(kind, f"{path}{name}.")


def test_every_secret_of_the_configuration_is_the_name_of_a_file() -> None:
    """It is published whole, with the first message of every process: no field of it may hold a secret."""
    names = list(fields(Config))
    assert "redis.password_file" in names
    assert [name for name in names if is_secret_name(name)] == []


def test_an_old_log_with_a_password_is_read_and_the_password_is_not_shown_again() -> None:
    applied = config_applied(Config(), "p", config_hash=config_hash(Config()), time_ns=1)
    old = json.loads(encode(applied))
    old["config"]["redis"]["url"] = f"redis://:{CANARY}@redis:6379/0"
    old["config"]["exchange"]["url"] = f"http://user:{CANARY}@127.0.0.1:9000"
    del old["config"]["redis"]["password_file"]
    read = decode(ConfigApplied, json.dumps(old).encode())
    assert CANARY not in read.model_dump_json()
    assert config_hash(read.config) == applied.config_hash
    assert read.config.exchange.url == "http://127.0.0.1:9000"


@pytest.mark.parametrize(
    ("bootstrap", "shown"),
    [
        (f"u:{CANARY}@broker:9092", "broker:9092"),
        (f"broker:9092,u:{CANARY}@other:9092", "broker:9092,other:9092"),
        (f"kafka://u:{CANARY}@broker:9092", "kafka://broker:9092"),
        ("broker:9092,other:9092", "broker:9092,other:9092"),
    ],
)
def test_no_address_of_a_broker_holds_a_password(bootstrap: str, shown: str) -> None:
    assert Kafka(bootstrap=bootstrap).bootstrap == shown
    if bootstrap != shown:
        with pytest.raises(
            ConfigError, match=r"kafka.bootstrap contains .*kafka.sasl_password_file"
        ) as refused:
            load_config(env={"MM__KAFKA__BOOTSTRAP": bootstrap})
        assert CANARY not in str(refused.value)


@pytest.mark.parametrize(
    "env",
    [
        {"MM__KAFKA__SASL_PASSWORD": CANARY},
        {"MM__ACCESS__PASSWORD": f"{CANARY}: ["},
        {"MM__REDIS": f"redis://:{CANARY}@redis/0"},
        {"MM__EXCHANGE__ID": f"secret={CANARY}"},
    ],
)
def test_an_error_about_the_environment_shows_no_secret(env: dict[str, str]) -> None:
    with pytest.raises(ConfigError) as refused:
        load_config(env=env)
    assert CANARY not in str(refused.value)
