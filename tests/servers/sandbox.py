"""The sandbox exchange in a thread of its own, for tests; its faults and its truth are at hand."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

from maker.composition import monitor_definition
from sandbox.faults import FaultName
from sandbox.fees import Commission
from sandbox.server import Sandbox, SandboxAccount, SandboxOptions
from schemas.config import Config
from tests.servers.local import PATIENCE_S

KEY, SECRET = "test-key", "test-secret"
RICH = {name: Decimal(1_000_000) for name in ("USDT", "BTC", "ETH", "SOL", "AAVE", "LTC", "BNB")}
FLAT = {"opening": "venue", "reserved": {name: str(held) for name, held in RICH.items() if name != "USDT"}}
"""Section `inventory` by which so rich an account holds no position at first."""
Result = TypeVar("Result")


class SandboxServer:
    """Starts at once; `url` is where it is."""

    def __init__(
        self,
        config: Config | None = None,
        balances: Mapping[str, Decimal] | None = None,
        *,
        port: int = 0,
        enforces_limits: bool = True,
        commission: Commission | None = None,
        more_keys: Mapping[str, str] | None = None,
    ) -> None:
        account = SandboxAccount(
            KEY, SECRET, RICH if balances is None else balances, commission, more_keys or {}
        )
        self._config = config or Config()
        self._options = SandboxOptions(port=port, accounts=(account,), enforces_limits=enforces_limits)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.sandbox: Sandbox = self.call(self._make)
        self.url: str = self.run(self.sandbox.start())

    def _make(self) -> Sandbox:
        return Sandbox(self._config, self._options, monitor_definition())

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Run a coroutine in the exchange's loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE_S)

    def call(self, function: Callable[[], Result]) -> Result:
        """Call a function in the exchange's loop."""

        async def run() -> Result:
            return function()

        return self.run(run())

    def arm(self, name: FaultName, **how: Any) -> None:
        """Let a fault happen."""
        self.call(lambda: self.sandbox.faults.arm(name, **how))
        self.call(self.sandbox.happenings.carry_out)

    def clear_faults(self) -> None:
        """Nothing goes wrong any more."""
        self.call(self.sandbox.happenings.undo)

    @property
    def truth(self) -> dict[str, Any]:
        """Of the one account."""
        truth: dict[str, Any] = self.call(self.sandbox.truth)[KEY]
        return truth

    @property
    def open_ids(self) -> list[str]:
        """Client ids of the open orders."""
        return [o["client_id"] for o in self.truth["orders"] if o["status"] in {"NEW", "PARTIALLY_FILLED"}]

    def fill(self, order: Mapping[str, Any], lots: int) -> None:
        """A taker meets an order of the truth."""
        exchange = self.sandbox.exchange

        def fill() -> None:
            _, met = exchange.markets[order["symbol"]].orders[order["order_id"]]
            exchange.force_fill(met, lots)

        self.call(fill)

    def stop(self) -> None:
        """End it."""
        self.run(self.sandbox.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE_S)
        self._loop.close()


def trading_at(
    sandbox: SandboxServer, folder: Path, symbols: Sequence[str], **sections: Any
) -> dict[str, Any]:
    """The settings of an engine that trades there, flat at first, with its keys in the folder."""
    return {
        "feed": {"kind": "live"},
        "venue": {"kind": "ccxt"},
        "inventory": FLAT,
        "exchange": {"symbols": list(symbols), "url": sandbox.url, **key_files(folder)},
        **sections,
    }


def key_files(folder: Path) -> dict[str, str]:
    """The account's keys in files, as the section `exchange` names them."""
    files = {"api_key_file": KEY, "api_secret_file": SECRET}
    for name, secret in files.items():
        (folder / name).touch(mode=0o600)
        (folder / name).write_text(secret)
    return {name: str(folder / name) for name in files}
