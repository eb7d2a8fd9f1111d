"""`maker up` at the sandbox exchange in a folder that stays, from these sources or from others."""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from tests.servers.local import PATIENCE_S, LocalProcess, free_port, until
from tests.servers.log_lines import committed, messages, standing
from tests.servers.sandbox import FLAT, SandboxServer, key_files
from tests.servers.sources import Sources
from tests.servers.visitor import Visitor

SYMBOLS = ("BTC/USDT", "ETH/USDT", "SOL/USDT")
MAKER = (str(Path(sys.executable).parent / "maker"),)


class Trader:
    """One life of an engine in `folder`, whose log and configuration the next life finds."""

    def __init__(
        self,
        folder: Path,
        sandbox: SandboxServer,
        sources: Sources | None = None,
        symbols: tuple[str, ...] = SYMBOLS,
        env: Mapping[str, str] | None = None,
        **sections: Any,
    ) -> None:
        self.folder = folder
        self.log = folder / "log"
        port = free_port()
        exchange = {"symbols": list(symbols), "url": sandbox.url, **key_files(folder)}
        settings = {"feed": {"kind": "live"}, "venue": {"kind": "ccxt"}, "exchange": exchange, **sections}
        if sources is None or sources.compares_accounts:
            settings["inventory"] = {**FLAT, **sections.get("inventory", {})}
        self.config = folder / "config.yaml"
        self.config.write_text(yaml.safe_dump(settings), encoding="utf-8")
        command = [*(MAKER if sources is None else sources.maker), "up", "--config", self.config]
        command += ["--log", self.log, "--port", str(port)]
        given = {"NO_COLOR": "1"} | ({} if sources is None else sources.env) | dict(env or {})
        self.process = LocalProcess([str(part) for part in command], folder / "engine.txt", given, folder)
        self.visitor = Visitor(f"http://127.0.0.1:{port}/", self.process.text)
        self.before = len(committed(self.log))
        """How many records earlier lives left."""

    @property
    def records(self) -> list[dict[str, Any]]:
        """All that is committed."""
        return committed(self.log)

    def since(self, type_name: str) -> list[dict[str, Any]]:
        """The messages of a type that this life left."""
        return list(messages(self.records[self.before :], type_name))

    @property
    def held(self) -> dict[str, Any]:
        """Ledgers, open orders, halts and settings, as published last."""
        return standing(self.records)

    def until(self, holds: Callable[[], bool], what: str, limit_s: float = PATIENCE_S) -> None:
        """Wait while the engine runs."""

        def check() -> bool:
            self.process.check_running()
            return holds()

        until(check, what, limit_s, 0.1)


@contextmanager
def trading(trader: Trader) -> Iterator[Trader]:
    """From its start; what still runs at the end is killed."""
    trader.process.start()
    try:
        yield trader
    except BaseException:
        print(trader.process.text()[-4000:])
        raise
    finally:
        if trader.process.is_running:
            trader.process.kill()
