"""The examples of docs/API.md, run at an engine as it stands: the owner's calls, and the client."""

import json
import re
import subprocess
import urllib.error
from collections.abc import Iterator
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.servers.visitor import newest_code
from tests.system.live_engine import BASE, Live, live_engine

pytestmark = pytest.mark.slow
DOCUMENT = Path("docs/API.md")
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_STATE = "state.sh"


class Block(NamedTuple):
    """A fenced block: its language and its text."""

    language: str
    text: str


def blocks() -> list[Block]:
    return [Block(*found) for found in _BLOCK.findall(DOCUMENT.read_text())]


class Shell:
    """Runs one block after another, with the variables of those before."""

    def __init__(self, folder: Path, **variables: str) -> None:
        self._folder = folder
        (folder / _STATE).write_text("".join(f"{name}='{value}'\n" for name, value in variables.items()))

    def run(self, text: str) -> str:
        program = f"set -euo pipefail\nsource {_STATE}\n{text}\ndeclare -p URL TOKEN > {_STATE} 2> /dev/null"
        done = subprocess.run(
            ["bash", "-c", program], cwd=self._folder, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def variable(self, name: str) -> str:
        found = re.search(f'{name}="([^"]*)"', (self._folder / _STATE).read_text())
        assert found is not None
        return found[1]


def check_alike(shown: Any, told: Any, place: str) -> None:
    """Whatever is shown is told, in the same kind of value; more may be told."""
    if isinstance(shown, dict):
        assert isinstance(told, dict), place
        for name, value in shown.items():
            assert name in told, f"{place}.{name}"
            check_alike(value, told[name], f"{place}.{name}")
    elif isinstance(shown, list):
        assert isinstance(told, list), place
        for one, other in zip(shown, told, strict=False):
            check_alike(one, other, place)
        assert len(told) >= len(shown), place
    else:
        kinds = (int, float) if type(shown) in {int, float} else (type(shown),)
        assert type(told) in kinds, f"{place}: {told!r}, and {shown!r} is shown"


def is_quoted(status: Any) -> bool:
    quotes = status["current_quotes"]
    return quotes is not None and None not in quotes.values()


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live_engine(tmp_path_factory.mktemp("api") / "log") as live:
        yield live


def test_every_example_runs_and_answers_as_shown(engine: Live, tmp_path: Path) -> None:
    url = engine.visitor.url.rstrip("/")
    found = blocks()
    shell = Shell(tmp_path, URL=url, CODE=newest_code(engine.printed))
    shell.run(found[0].text)
    token = shell.variable("TOKEN")
    engine.visitor.headers = {"Authorization": f"Bearer {token}"}
    compared = 0
    for block, after in pairwise([*found[1:], Block("", "")]):
        if block.language == "python":
            exec(compile(block.text, str(DOCUMENT), "exec"), {"url": url, "token": token})
        elif block.language == "sh":
            if "/maker/status/BTC/USDT" in block.text:
                engine.until(f"{BASE}/status/BTC/USDT", is_quoted)
            answer = json.loads(shell.run(block.text))
            assert after.language == "json", f"no answer is shown of {block.text}"
            check_alike(json.loads(after.text), answer, "answer")
            compared += 1
    assert compared == sum(block.language == "json" for block in found)


def test_what_is_stopped_is_said_in_the_designs_word(engine: Live) -> None:
    engine.until(f"{BASE}/status/ETH/USDT", lambda status: status["status"] == "stopped")
    with suppress(urllib.error.HTTPError):
        active = engine.visitor.get(f"{BASE}/active")
        assert "ETH/USDT" not in active["active_symbols"]
