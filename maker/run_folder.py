"""The default log folder of a run.

Runs that continue from day to day have one folder that every start finds again: an account at an exchange,
and paper trading on a live market. Each demonstration or backtest starts empty in a folder of its own.
"""

from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit

import structlog

from maker.old_runs import NAME_FORMAT
from runtime.config.secret_files import read_secret_text
from runtime.state.folder_lock import FolderLock
from runtime.state.private_files import make_folder
from runtime.state.shared_memory import shared_file
from schemas.config import Config
from schemas.deployment import ExchangeSettings

RUNS = Path("runs")
"""Relative to the folder where the engine is started."""
_FINGERPRINT_DIGITS = 8

logger = structlog.get_logger()


def run_folder(config: Config) -> Path:
    """The log folder of this run; raises ConfigError where the account's key cannot be read."""
    folder = standing_folder(config)
    if folder is None:
        return RUNS / datetime.now(UTC).strftime(NAME_FORMAT)
    is_account = config.venue.kind == "ccxt" and config.exchange.url is None
    if is_account and config.engine.log_dir is None and not folder.exists():
        _warn_of_others(folder, config.exchange.id)
    return folder


def standing_folder(config: Config) -> Path | None:
    """The folder that every start of this configuration resumes; None: each start has a new one."""
    if config.engine.log_dir is not None:
        return Path(config.engine.log_dir)
    venue = _venue(config.exchange)
    if config.venue.kind == "ccxt":
        return RUNS / f"{venue}-{account_name(config.exchange)}"
    return RUNS / f"paper-{venue}" if config.feed.kind == "live" else None


def _venue(exchange: ExchangeSettings) -> str:
    """A sandbox counts as a separate venue."""
    return exchange.id if exchange.url is None else f"sandbox-{exchange.id}"


def account_lock(config: Config) -> FolderLock | None:
    """Held while an engine trades an account: two engines with one order prefix would cancel each other's
    orders as strays, whatever their logs. None: no account is traded, or this machine has no shared folder.

    Raises RefusedError, naming the holder.
    """
    exchange = config.exchange
    if config.venue.kind != "ccxt":
        return None
    host = urlsplit(exchange.url or "").netloc or "exchange"
    folder = shared_file(f"{exchange.id}-{host}-{_fingerprint(exchange)}-{exchange.order_prefix}.account")
    if folder is None:
        return None
    make_folder(folder)
    return FolderLock(
        folder,
        f"orders of this account at {_venue(exchange)}",
        "or give this engine another account, or another exchange.order_prefix and other symbols",
    )


def account_name(exchange: ExchangeSettings) -> str:
    """The configured name of the account, or a fingerprint of its API key that does not reveal it."""
    return _fingerprint(exchange) if exchange.account is None else exchange.account


def _fingerprint(exchange: ExchangeSettings) -> str:
    key = read_secret_text(exchange.api_key_file, "exchange.api_key_file")
    return sha256(f"account of {exchange.id}: {key}".encode()).hexdigest()[:_FINGERPRINT_DIGITS]


def _warn_of_others(folder: Path, venue: str) -> None:
    """A new key of an existing account gets a new folder, and so an empty ledger."""
    others = sorted(str(each) for each in folder.parent.glob(f"{venue}-*") if each.is_dir())
    if others:
        logger.warning(
            "new_account_folder",
            log=str(folder),
            others=others,
            remedy="if one of them is this account under an old key, name it with exchange.account or --log",
        )
