"""The engine as a process that trades at the sandbox, and what its log and the exchange must agree on."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from tests.servers.local import MAKER, LocalProcess, free_port, until, watched
from tests.servers.sandbox import FLAT, SandboxServer, key_files
from tests.servers.visitor import Visitor

SYMBOLS = ("BTC/USDT", "ETH/USDT", "SOL/USDT", "AAVE/USDT", "LTC/USDT")
BOTH_SIDES = 2 * len(SYMBOLS)


class Session:
    """The engine as a process, on one log, with the gateway's commands."""

    def __init__(
        self,
        folder: Path,
        sandbox: SandboxServer,
        *,
        inventory: Mapping[str, Any] = FLAT,
        **exchange: Any,
    ) -> None:
        self.log = folder / "log"
        self._port = free_port()
        settings = {
            "feed": {"kind": "live"},
            "venue": {"kind": "ccxt"},
            "inventory": dict(inventory),
            "exchange": {"symbols": list(SYMBOLS), "url": sandbox.url, **key_files(folder), **exchange},
        }
        self.config = folder / "config.yaml"
        self.config.write_text(yaml.safe_dump(settings))
        command = [MAKER, "up", "--config", self.config, "--log", self.log, "--port", str(self._port)]
        self.process = LocalProcess([str(part) for part in command], folder / "engine.txt")
        self._visitor = Visitor(f"http://127.0.0.1:{self._port}/", self.process.text)

    def post(self, path: str, **body: Any) -> None:
        self._visitor.post(f"api/v1/maker/{path}", **body)

    def events(self, type_name: str) -> list[dict[str, Any]]:
        """The messages of a type in the log, what is not committed included."""
        lines = (
            line for path in sorted(self.log.glob("*.log")) for line in path.read_text().splitlines(True)
        )
        wanted = (line for line in lines if line.endswith("\n") and f'"type":"{type_name}"' in line)
        return [json.loads(line[9:])["message"] for line in wanted]

    def kill_states(self) -> list[str]:
        """What was reported of withdrawals of the whole account, one after the other."""
        return [kill["state"] for kill in self.events("order.kill.v1") if kill["symbol"] == "*"]

    def times_ready(self) -> int:
        """How often the connection became ready."""
        return [status["state"] for status in self.events("venue.status.v1")].count("ready")

    def has_booked_more_than(self, fills: int) -> bool:
        """Are there more fills than these in the log?"""
        return len(self.events("order.fill.v1")) > fills


def has_placed(sandbox: SandboxServer, orders: int) -> bool:
    """Does the exchange know of so many orders, ended ones included?"""
    return len(sandbox.truth["orders"]) >= orders


@contextmanager
def running(folder: Path, sandbox: SandboxServer, **exchange: Any) -> Iterator[Session]:
    session = Session(folder, sandbox, **exchange)
    session.process.start()
    try:
        with watched(session.process):
            yield session
    except BaseException:
        print(session.process.text()[-4000:])
        raise
    finally:
        if session.process.is_running:
            session.process.kill()


def agrees(session: Session, sandbox: SandboxServer) -> None:
    """Every lot that the exchange traded was booked once, and its orders are those that were intended."""
    truth = sandbox.truth
    booked = sorted((f["venue_trade_id"], f["size_lots"], f["side"]) for f in session.events("order.fill.v1"))
    traded = sorted((str(t["trade_id"]), t["size_lots"], t["side"]) for t in truth["trades"])
    assert booked == traded
    wires = [order["client_id"] for order in truth["orders"]]
    assert len(wires) == len(set(wires))
    asked = [e for e in session.events("order.event.v1") if e["kind"] in {"place_intent", "amend_intent"}]
    assert len(wires) <= len(asked)


def quoted(server: SandboxServer) -> None:
    until(lambda: len(server.open_ids) >= BOTH_SIDES - 1, "all symbols are quoted")
