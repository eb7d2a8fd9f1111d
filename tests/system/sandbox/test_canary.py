"""Canaries: a marked value in every secret, everything provoked that makes errors, no mark anywhere after.

What is looked through: the log, stdout and stderr, every answer of the gateway, the OpenAPI document, the
stream, the processes' titles and what Redis holds. Of signatures, which are made on the way, those are looked
for that the exchange received.
"""

import asyncio
import base64
import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import psutil
import pytest
import yaml
from aiohttp import web
from gateway_api.access.users import User, hashed, write_users

from runtime.observability.redaction import HIDDEN
from sandbox.keys import Keys
from sandbox.server import Sandbox
from schemas.deployment import Redis
from tests.servers import sandbox as sandbox_server
from tests.servers.local import MAKER, PATIENCE_S, LocalProcess, free_port, until
from tests.servers.redis import RedisServer, eventually, mirror_of, writer_of
from tests.servers.sandbox import FLAT, SandboxServer, key_files
from tests.system.conftest import Maker

pytestmark = pytest.mark.slow
CANARIES = {
    "api_key": "canary1a7c55e2f0b94d31",
    "api_secret": "canary2/b8d6+61f3c7a02e45==",
    "password": "canary3 correct horse 9e41",
    "signing_key": "canary4-6c0f2b7d91e84a53b6c0f2b7d91e84a53",
    "redis": "canary5#d27b4c98",
    "wrong_secret": "canary6-11d0a6b2c3f4",
}
_ECHO = "what is this"
_SYMBOLS = ("BTC/USDT", "ETH/USDT")


class Exchange(SandboxServer):
    """The sandbox, which notes what was signed, and may send requests back in its errors."""

    signatures: set[str]
    echoes = False


@pytest.fixture
def exchange(monkeypatch: pytest.MonkeyPatch) -> Iterator[Exchange]:
    monkeypatch.setattr(sandbox_server, "KEY", CANARIES["api_key"])
    monkeypatch.setattr(sandbox_server, "SECRET", CANARIES["api_secret"])
    honest_check, honest_answer = Keys.authenticate, Sandbox._serve
    signatures: set[str] = set()

    def authenticate(self: Keys, params: Any, *rest: Any, **named: Any) -> Any:
        signatures.add(params.get("signature", ""))
        return honest_check(self, params, *rest, **named)

    async def serve(self: Sandbox, request: web.Request) -> web.StreamResponse:
        if server.echoes and (request.method == "POST" or request.path.endswith("/openOrders")):
            body = (await request.read()).decode()
            said = f"{request.method} {request.url} {body} {dict(request.headers)}"
            return web.json_response({"code": -1102, "msg": f"{_ECHO}: {said}"}, status=400)
        return await honest_answer(self, request)

    monkeypatch.setattr(Keys, "authenticate", authenticate)
    monkeypatch.setattr(Sandbox, "_serve", serve)
    server = Exchange()
    server.signatures = signatures
    yield server
    server.stop()


def forms(canary: str) -> set[bytes]:
    """A secret as it may stand somewhere."""
    plain = canary.encode()
    return {
        plain,
        quote(canary, safe="").encode(),
        json.dumps(canary)[1:-1].encode(),
        base64.b64encode(plain).rstrip(b"="),
        plain.hex().encode(),
    }


def marks_in(data: bytes, exchange: Exchange | None = None) -> list[str]:
    """The names of the secrets that stand in some bytes."""
    found = [name for name, canary in CANARIES.items() if any(form in data for form in forms(canary))]
    signatures = exchange.signatures - {""} if exchange else set()
    return found + [f"signature {each}" for each in signatures if each.encode() in data]


def secret(folder: Path, name: str) -> str:
    """A file with a secret alone."""
    path = folder / f"{name}.secret"
    path.touch(mode=0o600)
    path.write_text(CANARIES[name])
    return str(path)


class Engine:
    """`maker up` at the exchange, with users."""

    def __init__(self, folder: Path, exchange: Exchange, **keys: str) -> None:
        self.folder, self.port = folder, free_port()
        secrets = folder / "secrets"
        secrets.mkdir(exist_ok=True)
        users = [User(name="risk", roles=("risk",), password=hashed(CANARIES["password"]))]
        write_users(secrets / "users.yaml", users)
        settings = {
            "feed": {"kind": "live"},
            "venue": {"kind": "ccxt"},
            "inventory": FLAT,
            "exchange": {"symbols": list(_SYMBOLS), "url": exchange.url, **key_files(secrets), **keys},
            "access": {
                "users_file": str(secrets / "users.yaml"),
                "signing_key_file": secret(secrets, "signing_key"),
                "second_factor_exempt": ["risk"],
            },
            "redis": {"password_file": secret(secrets, "redis")},
        }
        self.config, self.log = folder / "config.yaml", folder / "log"
        self.config.write_text(yaml.safe_dump(settings))
        command = [MAKER, "up", "--config", self.config, "--log", self.log, "--port", str(self.port)]
        self.process = LocalProcess([str(part) for part in command], folder / "engine.txt")

    def written(self) -> bytes:
        """The log, and all that was printed."""
        files = [*self.log.rglob("*"), self.process.output]
        return b"".join(path.read_bytes() for path in files if path.is_file())


@contextmanager
def running(engine: Engine) -> Iterator[Engine]:
    engine.process.start()
    try:
        yield engine
    except BaseException:
        print(engine.process.text()[-4000:])
        raise
    finally:
        if engine.process.is_running:
            engine.process.kill()


def answers(engine: Engine) -> bytes:
    """Everything that the gateway answers to somebody who may see all, and to somebody who gets it wrong."""
    base = f"http://127.0.0.1:{engine.port}"
    with httpx.Client(base_url=base, timeout=PATIENCE_S, headers={"origin": base}) as client:
        wrong = client.post("/api/v1/session", json={"name": "risk", "password": CANARIES["password"] * 60})
        signed_in = client.post("/api/v1/session", json={"name": "risk", "password": CANARIES["password"]})
        assert (wrong.status_code, signed_in.status_code) == (422, 200)
        document = client.get("/api/v1/openapi.json")
        found = [wrong.content, signed_in.content, document.content]
        for path, methods in document.json()["paths"].items():
            if "get" in methods and not path.startswith("/api/v1/stream"):
                query = {"symbol": "BTC/USDT", "at": "-1s", "event_id": "x", "kind": "pnl", "from": "-1h"}
                named = path.replace("{symbol}", "BTC/USDT").replace("{check_id}", "x")
                found.append(client.get(named, params=query | {"limit": "1000"}).content)
        wanted = {"lanes": "order", "from": "-1h", "text": _ECHO}
        found.append(client.get("/api/v1/history/events", params=wanted).content)
        with client.stream("GET", "/api/v1/stream") as stream:
            found.append(next(stream.iter_bytes()))
    return b"".join(found)


def titles(pid: int) -> bytes:
    """The command lines and the environment that other people at the machine may see."""
    process = psutil.Process(pid)
    lines = []
    for each in (process, *process.children(recursive=True)):
        with suppress(psutil.ZombieProcess, psutil.NoSuchProcess):  # it has just written a checkpoint
            lines.append(str(each.cmdline()))
    return "\n".join(lines).encode()


def said_in(*files: Path) -> bool:
    """Did the exchange's error come there?"""
    return any(_ECHO.encode() in path.read_bytes() for path in files)


def test_no_secret_is_in_anything_that_a_session_writes(exchange: Exchange, tmp_path: Path) -> None:
    with running(Engine(tmp_path, exchange)) as engine:
        until(lambda: len(exchange.open_ids) == 2 * len(_SYMBOLS), "all symbols are quoted on both sides")
        exchange.echoes = True
        for fault in ("server_error", "lost_before", "status_unknown"):
            exchange.arm(fault, times=3)
        exchange.arm("kick_user_stream")
        order = next(each for each in exchange.truth["orders"] if each["status"] == "NEW")
        exchange.fill(order, order["size_lots"])
        until(lambda: said_in(engine.process.output), "an order was refused, with its request in the error")
        until(lambda: said_in(*engine.log.glob("*.log")), "the venue's state says what it did not answer")
        exchange.echoes = False
        until(lambda: answers(engine) != b"", "the gateway answers")
        said = answers(engine) + titles(engine.process.pid)
        assert engine.process.stop() == 0
    assert exchange.signatures - {""}, "nothing was signed, so nothing was proved"
    assert _ECHO.encode() in said, "the error is in the history too"
    assert marks_in(said, exchange) == []
    assert marks_in(engine.written(), exchange) == []
    assert f"signature={HIDDEN}".encode() in engine.written(), "it was there, and was taken out"


def test_no_secret_is_in_what_a_refused_key_leads_to(exchange: Exchange, tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    wrong = secret(tmp_path / "secrets", "wrong_secret")
    with running(Engine(tmp_path, exchange, api_secret_file=wrong)) as engine:
        until(lambda: b"-1022" in engine.written(), "the exchange refuses the signature")
        until(lambda: not engine.process.is_running, "the start ends, since a person has to mend the key")
    assert exchange.signatures - {""}
    assert marks_in(engine.written(), exchange) == []


def test_no_secret_is_in_the_errors_of_a_start(exchange: Exchange, tmp_path: Path, maker: Maker) -> None:
    engine = Engine(tmp_path, exchange)
    key = Path(yaml.safe_load(engine.config.read_text())["exchange"]["api_secret_file"])
    key.chmod(0o644)
    tries = [
        maker("up", "--config", engine.config, "--log", engine.log, "--json"),
        maker("up", "--config", engine.config, MM__REDIS__URL=f"redis://:{CANARIES['redis']}@h/0"),
        maker("run", "view-projector", "--redis", f"redis://u:{CANARIES['redis']}@h/0"),
        maker("config", "show", "--origin", MM__KAFKA__SASL_PASSWORD=CANARIES["redis"]),
        maker("config", "show", "--origin", MM__ACCESS=f"token: [{CANARIES['redis']}"),
    ]
    assert [each.code for each in tries] == [2] * len(tries)
    assert "chmod 600" in tries[0].err
    assert marks_in("".join(each.out + each.err for each in tries).encode()) == []
    key.chmod(0o600)
    shown = maker("config", "show", "--origin", "--json", "--config", engine.config)
    assert shown.code == 0
    assert marks_in(shown.out.encode()) == []


@pytest.mark.redis
def test_no_password_is_in_what_a_redis_holds_or_a_refusal_says(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is missing: on Debian, apt install redis-server")
    server = RedisServer(tmp_path)
    server.start()
    (tmp_path / "wrong").touch(mode=0o600)
    (tmp_path / "wrong").write_text(CANARIES["wrong_secret"])
    right = Redis(url=server.url, password_file=secret(tmp_path, "redis"))
    wrong = Redis(url=server.url, password_file=str(tmp_path / "wrong"))

    async def fill() -> bytes:
        async with writer_of(right) as writer, mirror_of(right) as mirror, mirror_of(wrong) as denied:
            writer.put({"symbol/x": b"document"})
            await eventually(lambda: mirror.get("symbol/x") == b"document", "the document is there")
            await eventually(lambda: "invalid" in denied._failing, "the wrong password is refused")
            return repr((mirror.status(), denied.status())).encode()

    try:
        protect(server.port, CANARIES["redis"])
        said = asyncio.run(fill())
        keys = subprocess.run(
            ["redis-cli", "-p", str(server.port), "keys", "*"],
            capture_output=True,
            check=False,
            env={"REDISCLI_AUTH": CANARIES["redis"], "PATH": "/usr/bin:/bin"},
        )
        assert b"mm:" in keys.stdout
    finally:
        server.process.kill()
    printed = capsys.readouterr()
    assert "redis_away" in printed.out + printed.err
    assert marks_in(said + keys.stdout + (printed.out + printed.err + caplog.text).encode()) == []


def protect(port: int, password: str) -> None:
    """Ask for a password from now on."""
    command = ["redis-cli", "-p", str(port), "config", "set", "requirepass", password]
    subprocess.run(command, check=True, capture_output=True)
