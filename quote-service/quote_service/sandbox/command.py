"""`maker sandbox`: the exchange as a program, with keys of its own in files that a configuration names."""

import asyncio
import secrets
import signal
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path

from quote_service.sandbox.faults import FAULTS, FaultName
from quote_service.sandbox.server import Sandbox, SandboxAccount, SandboxOptions
from schemas.config import Config

RICH = Decimal(1_000_000)
KEY_FILE, SECRET_FILE = "api_key", "api_secret"
_ALWAYS = 1_000_000_000


def run_sandbox(
    config: Config,
    *,
    port: int,
    seed: int,
    faults: Mapping[FaultName, float],
    balances: Mapping[str, Decimal],
    keys: Path,
    say: Callable[[Sequence[str]], None],
) -> None:
    """Serve until SIGTERM or SIGINT. `faults`: by name, how probable each is; `keys`: folder of key files."""
    key, secret = _keys(keys)
    options = SandboxOptions(
        port=port, seed=seed, accounts=(SandboxAccount(key, secret, balances or _rich(config)),)
    )

    async def serve() -> None:
        stopping = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stopping.set)
        sandbox = Sandbox(config, options)
        url = await sandbox.start()
        for name, probability in faults.items():
            sandbox.faults.arm(name, times=_ALWAYS, probability=probability)
        say(_how_to_connect(url, keys, sandbox))
        await stopping.wait()
        await sandbox.stop()

    asyncio.run(serve())


def _keys(folder: Path) -> tuple[str, str]:
    """Key and secret, those of the last time where there are any."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in (KEY_FILE, SECRET_FILE):
        path = folder / name
        if not path.exists():
            path.touch(mode=0o600)
            path.write_text(secrets.token_hex(32))
    return (folder / KEY_FILE).read_text(), (folder / SECRET_FILE).read_text()


def _rich(config: Config) -> dict[str, Decimal]:
    names = {part for symbol in config.feed.symbols for part in symbol.split("/")}
    return dict.fromkeys(sorted(names), RICH)


def _how_to_connect(url: str, keys: Path, sandbox: Sandbox) -> list[str]:
    symbols = ", ".join(sandbox.exchange.markets)
    return [
        f"The exchange is at {url}. Trade on it with this configuration:",
        "",
        "feed: {kind: live}",
        "venue: {kind: ccxt}",
        "exchange:",
        "  id: binance",
        f"  url: {url}",
        f"  symbols: [{symbols}]",
        f"  api_key_file: {keys / KEY_FILE}",
        f"  api_secret_file: {keys / SECRET_FILE}",
        "",
        f"What it did: GET {url}/sandbox/truth. Faults: POST {url}/sandbox/faults with a name of",
        ", ".join(FAULTS),
    ]
