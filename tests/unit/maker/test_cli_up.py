"""`maker up` says what the end left behind, and never claims more than the venue confirmed."""

import signal
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from maker.cli import app as cli
from maker.engine import RunOptions, run_engine
from maker.summary import RunFigures, summarise
from runtime.errors import OrdersLeftError
from runtime.store.documents import MemoryStore
from schemas.config import Config


@pytest.mark.parametrize(("drained", "code"), [(True, 0), (False, 6)])
def test_orders_that_may_be_left_end_the_command_with_a_failure(
    monkeypatch: pytest.MonkeyPatch, drained: bool, code: int
) -> None:
    figures = RunFigures(0, 1.0, 0.5, Path("log"), 3, drained, None, None)
    monkeypatch.setattr("maker.engine.run_engine", lambda config, options: summarise(MemoryStore(), figures))
    done = CliRunner().invoke(cli.app, ["up", "--json"])
    assert done.exit_code == code
    assert "cancelled 3 quotes" in done.output
    assert ("may be left open at the venue" in done.output) is not drained


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_while_the_log_is_read_says_that_orders_may_be_open(
    monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    """A simulated venue has none: there a stop is a stop."""
    monkeypatch.setattr("maker.engine.Engine", lambda config, options: signal.raise_signal(number))
    config = Config.model_validate(
        {
            "venue": {"kind": "ccxt"},
            "feed": {"kind": "live"},
            "exchange": {"symbols": ["BTC/USDT"], "url": "http://127.0.0.1:9"},
        }
    )
    with pytest.raises(OrdersLeftError, match="stopped before the start was complete"):
        run_engine(config, RunOptions())
    with pytest.raises(KeyboardInterrupt):
        run_engine(Config(), RunOptions())
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


@pytest.mark.parametrize(
    ("text", "is_chosen"),
    [("", False), ("gateway: {port: 8080}", True), ("engine: {port: 9000}", True)],
)
def test_a_port_in_a_file_is_chosen_as_one_on_the_command_line_is(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str, is_chosen: bool
) -> None:
    """A chosen port that is in use ends the start with its name; the usual one is replaced."""
    figures = RunFigures(0, 1.0, 0.5, Path("log"), 0, True, None, None)
    chosen: list[bool] = []

    def run(config: Config, options: RunOptions) -> dict[str, Any]:
        chosen.append(options.port_is_chosen)
        return summarise(MemoryStore(), figures)

    monkeypatch.setattr("maker.engine.run_engine", run)
    path = tmp_path / "a.yaml"
    path.write_text(text)
    assert CliRunner().invoke(cli.app, ["up", "--config", str(path)]).exit_code == 0
    assert chosen == [is_chosen]
