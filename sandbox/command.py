"""`maker sandbox`: the exchange as a program, with keys in files for the engine's configuration.

It keeps nothing: its account ends with it, and the next start has a new one with new keys.
"""

import asyncio
import os
import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from decimal import Decimal
from pathlib import Path

from runtime.config.secret_files import make_secret, read_secret_text
from runtime.errors import DependencyError
from runtime.process.definition import ProcessDefinition
from runtime.signals import on_stop
from sandbox.faults import FAULTS
from sandbox.fees import Commission
from sandbox.server import Sandbox, SandboxAccount, SandboxOptions
from schemas.config import Config

RICH = Decimal(1_000_000)
KEY_FILE, SECRET_FILE = "api_key", "api_secret"
_ALWAYS = 1_000_000_000
FAULT_INTERVAL_S = 1.0
"""Interval at which faults that are not tied to a request may occur."""


def run_sandbox(
    config: Config,
    *,
    port: int,
    seed: int,
    faults: Mapping[str, float],
    balances: Mapping[str, Decimal],
    keys: Path,
    commission: Mapping[str, Decimal],
    monitor: ProcessDefinition,
    say: Callable[[Sequence[str]], None],
) -> None:
    """Serve until told to stop.

    `faults`: probability by name; `keys`: folder for key files; `commission`: a third currency for
    commissions, with its price in the quote currency; none: they are taken from what is received;
    `monitor`: the process that provides the market.
    """
    key, secret = _keys(keys)
    third = next((Commission(currency, price) for currency, price in commission.items()), None)
    rich = _rich(config) | dict.fromkeys(commission, RICH)
    held = balances or rich
    account = SandboxAccount(key, secret, held, third)
    options = SandboxOptions(port=port, seed=seed, accounts=(account,))

    async def serve() -> None:
        stopping = asyncio.Event()
        on_stop(stopping.set)
        sandbox = Sandbox(config, options, monitor)
        for name, probability in faults.items():
            sandbox.faults.arm(name, times=_ALWAYS, probability=probability)
        try:
            url = await _started(sandbox, port)
            say(_how_to_connect(url, keys, sandbox, held))
            while not stopping.is_set():
                sandbox.happenings.carry_out()
                with suppress(TimeoutError):
                    await asyncio.wait_for(stopping.wait(), FAULT_INTERVAL_S)
        finally:
            await sandbox.stop()

    asyncio.run(serve())


async def _started(sandbox: Sandbox, port: int) -> str:
    try:
        return await sandbox.start()
    except OSError as error:
        because = os.strerror(error.errno or 0)
        raise DependencyError(
            f"cannot listen on port {port}: {because}; choose another with --port"
        ) from None


def _keys(folder: Path) -> tuple[str, str]:
    """A new key and secret: they belong to a new account, whose ledger starts with it."""
    key, secret = folder / KEY_FILE, folder / SECRET_FILE
    for path in (key, secret):
        path.unlink(missing_ok=True)
        make_secret(path, secrets.token_hex(32).encode())
    return read_secret_text(key, "--keys"), read_secret_text(secret, "--keys")


def _rich(config: Config) -> dict[str, Decimal]:
    names = {part for symbol in config.feed.symbols for part in symbol.split("/")}
    return dict.fromkeys(sorted(names), RICH)


def _how_to_connect(url: str, keys: Path, sandbox: Sandbox, held: Mapping[str, Decimal]) -> list[str]:
    """The account's initial funds are reserved, so that an engine starts with no position."""
    symbols = ", ".join(sandbox.exchange.markets)
    bases = {symbol.partition("/")[0] for symbol in sandbox.exchange.markets}
    reserved = ", ".join(f"{name}: {held[name]:f}" for name in sorted(bases & held.keys()))
    return [
        f"The exchange is at {url}, with a new account. Trade on it with this configuration:",
        "",
        "feed: {kind: live}",
        "venue: {kind: ccxt}",
        "exchange:",
        "  id: binance",
        f"  url: {url}",
        f"  symbols: [{symbols}]",
        f"  api_key_file: {keys / KEY_FILE}",
        f"  api_secret_file: {keys / SECRET_FILE}",
        "inventory:",
        "  opening: venue",
        f"  reserved: {{{reserved}}}",
        "",
        f"Its books: GET {url}/sandbox/truth. Faults: POST {url}/sandbox/faults with a name of",
        ", ".join(FAULTS),
    ]
