"""Whole runs through the command line, as a program would make them."""

import json
import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.servers.local import MAKER, PATIENCE_S


@dataclass(frozen=True)
class Done:
    """A finished command."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The last line of stdout, as programs read it."""
        return json.loads(self.out.splitlines()[-1])


Maker = Callable[..., Done]


def run_maker(*arguments: str | Path, stdin: str = "", cwd: Path | None = None, **env: str) -> Done:
    done = subprocess.run(
        [MAKER, *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        cwd=cwd,
        env={**os.environ, "NO_COLOR": "1", **env},
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="session")
def maker() -> Maker:
    """Runs `maker` with arguments; the exit code is the caller's to judge."""
    return run_maker


@dataclass(frozen=True)
class Run:
    """A finished `maker up --json`, with its log."""

    log: Path
    summary: dict[str, Any]


@pytest.fixture(scope="session")
def synthetic_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Two minutes of the default synthetic market, as fast as it goes."""
    log = tmp_path_factory.mktemp("synthetic") / "log"
    done = run_maker(
        "up", "--speed", "max", "--for", "120", "--seed", "7", "--no-gateway", "--json", "--log", log
    )
    assert done.code == 0, done.err
    return Run(log, done.json)
