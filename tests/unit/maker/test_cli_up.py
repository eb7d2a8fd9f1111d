"""`maker up` says what the end left behind, and never claims more than the venue confirmed."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from maker.cli import app as cli
from maker.summary import RunFigures, summarise
from runtime.store.documents import MemoryStore


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
