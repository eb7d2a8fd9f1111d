"""The sandbox exchange in a thread of its own, for tests; its faults and its truth are at hand."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

from quote_service.sandbox.faults import FaultName
from quote_service.sandbox.server import Sandbox, SandboxAccount, SandboxOptions

from schemas.config import Config

KEY, SECRET = "test-key", "test-secret"
RICH = {name: Decimal(1_000_000) for name in ("USDT", "BTC", "ETH", "SOL", "AAVE", "LTC")}
_LIMIT_S = 20
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
    ) -> None:
        account = SandboxAccount(KEY, SECRET, RICH if balances is None else balances)
        self._config = config or Config()
        self._options = SandboxOptions(port=port, accounts=(account,), enforces_limits=enforces_limits)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.sandbox: Sandbox = self.call(self._make)
        self.url: str = self.run(self.sandbox.start())

    def _make(self) -> Sandbox:
        return Sandbox(self._config, self._options)

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Run a coroutine in the exchange's loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_LIMIT_S)

    def call(self, function: Callable[[], Result]) -> Result:
        """Call a function in the exchange's loop."""

        async def run() -> Result:
            return function()

        return self.run(run())

    def arm(self, name: FaultName, **how: Any) -> None:
        """Let a fault happen."""
        self.call(lambda: self.sandbox.faults.arm(name, **how))
        self.run(self.sandbox.kick_where_armed())

    def clear_faults(self) -> None:
        """Nothing goes wrong any more."""
        self.call(self.sandbox.faults.clear)

    @property
    def truth(self) -> dict[str, Any]:
        """Of the one account."""
        truth: dict[str, Any] = self.call(self.sandbox.truth)[KEY]
        return truth

    @property
    def open_ids(self) -> list[str]:
        """Client ids of the open orders."""
        return [o["client_id"] for o in self.truth["orders"] if o["status"] in {"NEW", "PARTIALLY_FILLED"}]

    def fill(self, order_id: int, lots: int) -> None:
        """A taker meets this order."""
        self.call(lambda: self.sandbox.exchange.force_fill(order_id, lots))

    def stop(self) -> None:
        """End it."""
        self.run(self.sandbox.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_LIMIT_S)
        self._loop.close()


def key_files(folder: Path) -> dict[str, str]:
    """The account's keys in files, as the section `exchange` names them."""
    files = {"api_key_file": KEY, "api_secret_file": SECRET}
    for name, secret in files.items():
        (folder / name).write_text(secret)
    return {name: str(folder / name) for name in files}
