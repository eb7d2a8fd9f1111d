"""A symbol that nothing lists is started, stopped and found again after a restart, in a whole engine."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest

from tests.servers.local import PATIENCE_S
from tests.system.conftest import Maker
from tests.system.live_engine import BASE, Live, config_file, live_engine

pytestmark = pytest.mark.slow


@contextmanager
def engine(log: Path, config: Path) -> Iterator[Live]:
    """It ends of itself, and without an error."""
    with live_engine(log, "--config", config) as live:
        yield live
        live.process.send_signal(signal.SIGTERM)
        _, err = live.process.communicate(timeout=PATIENCE_S)
        assert live.process.returncode == 0, err


def is_quoted(status: Any) -> bool:
    return bool(status["state"] == "QUOTING")


def is_stopped(why: Any) -> bool:
    return {why[side]["not_quoting_because"] for side in ("bid", "ask")} == {"STOPPED_BY_COMMAND"}


def test_a_symbol_that_nothing_lists_is_quoted_once_people_start_it(tmp_path: Path, maker: Maker) -> None:
    log = tmp_path / "log"
    btc = config_file(tmp_path, "BTC/USDT")
    with engine(log, btc) as live:
        live.until(f"{BASE}/status/BTC/USDT", is_quoted)
        with pytest.raises(HTTPError) as refused:
            live.visitor.post(f"{BASE}/start", symbol="LTCC/USDT")
        assert refused.value.code == 404
        assert "LTC/USDT" in refused.value.read().decode()
        answer = live.visitor.post(f"{BASE}/start", symbol="LTC/USDT")
        assert "/maker/status/synthetic:LTC/USDT" in answer["follow"]
        live.until(f"{BASE}/status/LTC/USDT", is_quoted)
    with engine(log, btc) as live:  # the same session: it is wanted still
        live.until(f"{BASE}/status/LTC/USDT", is_quoted)
        live.visitor.post(f"{BASE}/stop", symbol="LTC/USDT")
        live.until(f"{BASE}/why/LTC/USDT", is_stopped)
    with engine(log, config_file(tmp_path, "BTC/USDT", "LTC/USDT")) as live:  # another one, which lists it
        live.until(f"{BASE}/status/BTC/USDT", is_quoted)
        live.until(f"{BASE}/why/LTC/USDT", is_stopped)
        assert live.visitor.get(f"{BASE}/status/LTC/USDT")["state"] == "STOPPED"
        live.visitor.post(f"{BASE}/start", symbol="LTC/USDT")
        live.until(f"{BASE}/status/LTC/USDT", is_quoted)
    replayed = maker("replay", log)
    assert replayed.code == 0, replayed.out


def is_gone(live: Live, symbol: str) -> bool:
    keys = {each["symbol"] for each in live.visitor.get("api/v1/engine")["symbols"]}
    return symbol not in keys


def test_a_removed_symbol_is_gone_from_page_log_and_restarts_until_people_start_it(
    tmp_path: Path, maker: Maker
) -> None:
    log = tmp_path / "log"
    both = config_file(tmp_path, "BTC/USDT", "LTC/USDT")
    with engine(log, both) as live:
        live.until(f"{BASE}/status/LTC/USDT", is_quoted)
        with pytest.raises(HTTPError) as refused:
            live.visitor.post(f"{BASE}/remove", symbol="LTCC/USDT", reason="no more")
        assert refused.value.code == 404
        assert "LTC/USDT" in refused.value.read().decode()
        answer = live.visitor.post(f"{BASE}/remove", symbol="LTC/USDT", reason="no more", force=True)
        assert "alert REMOVED" in answer["follow"]
        removal = lambda alerts: any(each["name"] == "REMOVED" for each in alerts["alerts"])  # noqa: E731
        live.until(f"{BASE}/risk/alerts", removal)
        live.until(f"{BASE}/status/BTC/USDT", is_quoted)
    with engine(log, both) as live:  # the same session
        live.until(f"{BASE}/status/BTC/USDT", is_quoted)
        assert is_gone(live, "LTC/USDT")
    with engine(log, config_file(tmp_path, "BTC/USDT", "LTC/USDT", "ETH/USDT")) as live:  # another one
        live.until(f"{BASE}/status/ETH/USDT", is_quoted)
        assert is_gone(live, "LTC/USDT")
        live.visitor.post(f"{BASE}/start", symbol="LTC/USDT")
        live.until(f"{BASE}/status/LTC/USDT", is_quoted)
    replayed = maker("replay", log)
    assert replayed.code == 0, replayed.out
