"""Where a run keeps its log when nobody said where: what goes on from day to day finds it again."""

from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from maker.run_folder import run_folder, standing_folder
from runtime.config.settings import config_hash
from runtime.errors import ConfigError
from schemas.config import Config

LIVE = {"feed": {"kind": "live"}}


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def key_file(key: str = "the-key") -> str:
    path = Path(f"file-of-{key}")
    path.write_text(key)
    path.chmod(0o600)
    return str(path)


def at_exchange(**exchange: Any) -> Config:
    given = {"symbols": ["BTC/USDT"], "url": "http://127.0.0.1:8090", **exchange}
    return Config.model_validate({**LIVE, "venue": {"kind": "ccxt"}, "exchange": given})


def at_real_exchange(**exchange: Any) -> Config:
    config = at_exchange(**exchange)
    return config.model_copy(update={"exchange": config.exchange.model_copy(update={"url": None})})


def test_an_account_has_one_folder_at_each_start_and_its_key_is_not_in_it() -> None:
    first, again = (run_folder(at_exchange(api_key_file=key_file())) for _ in range(2))
    assert first == again
    assert first.parent == Path("runs")
    assert first.name.startswith("sandbox-binance-")
    assert "the-key" not in first.name


def test_another_key_is_another_account_unless_it_is_named() -> None:
    keys = [key_file("one"), key_file("two")]
    assert len({run_folder(at_exchange(api_key_file=key)) for key in keys}) == 2
    named = {run_folder(at_exchange(api_key_file=key, account="main")) for key in keys}
    assert named == {Path("runs/sandbox-binance-main")}


def test_a_sandbox_is_never_taken_for_the_exchange_itself() -> None:
    assert run_folder(at_real_exchange(account="main")) == Path("runs/binance-main")


def test_paper_trading_on_a_live_market_keeps_its_ledger() -> None:
    paper = Config.model_validate({**LIVE, "exchange": {"id": "kraken", "symbols": ["BTC/USD"]}})
    assert run_folder(paper) == run_folder(paper) == Path("runs/paper-kraken")


@pytest.mark.parametrize("feed", [{}, {"kind": "recorded", "paths": ["a.jsonl"]}])
def test_a_demonstration_and_a_backtest_begin_anew(feed: dict[str, Any]) -> None:
    config = Config.model_validate({"feed": feed})
    assert standing_folder(config) is None
    assert run_folder(config) != run_folder(config)
    assert run_folder(config).parent == Path("runs")


def test_what_was_said_is_taken() -> None:
    config = Config.model_validate({"engine": {"log_dir": "my/log"}})
    assert run_folder(config) == Path("my/log")


def test_an_account_without_a_key_is_a_clear_error() -> None:
    with pytest.raises(ConfigError, match=r"exchange\.api_key_file is not set"):
        run_folder(at_exchange())


def test_a_new_key_beside_a_ledger_of_the_same_venue_is_said() -> None:
    """The old key's folder holds the position: whoever changed the key has to know."""
    for name in ("sandbox-binance-0123abcd", "binance-0123abcd", "paper-binance"):
        Path("runs", name).mkdir(parents=True)
    config = at_real_exchange(api_key_file=key_file())
    with capture_logs() as said:
        folder = run_folder(config)
    (warning,) = said
    assert (warning["log_level"], warning["event"]) == ("warning", "new_account_folder")
    assert warning["others"] == ["runs/binance-0123abcd"]
    folder.mkdir()
    with capture_logs() as said:
        run_folder(config)
        run_folder(at_exchange(api_key_file=key_file("another")))
    assert said == [], "a sandbox has a new account at each start"


def test_the_name_of_the_account_is_no_part_of_what_is_decided() -> None:
    assert config_hash(at_exchange(account="main")) == config_hash(at_exchange())


@pytest.mark.parametrize("account", ["", "../up", "a/b", ".hidden", "x" * 33])
def test_a_name_that_is_no_folder_is_refused(account: str) -> None:
    with pytest.raises(ValueError, match="account"):
        at_exchange(account=account)
