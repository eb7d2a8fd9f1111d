"""A wait ends with the process whose doing is waited for."""

import sys
from pathlib import Path

import pytest

from tests.servers.local import LocalProcess, until, watched


def process_of(program: str, folder: Path) -> LocalProcess:
    return LocalProcess([sys.executable, "-c", program], folder / "said.txt")


def test_a_watched_process_that_ends_by_itself_ends_the_wait_with_its_last_words(tmp_path: Path) -> None:
    process = process_of("print('no such key'); raise SystemExit(4)", tmp_path)
    process.start()
    with watched(process), pytest.raises(RuntimeError, match="ended: no such key"):
        until(lambda: False, "something is quoted")


def never() -> bool:
    return False


def test_an_end_that_was_asked_for_or_waited_for_does_not(tmp_path: Path) -> None:
    killed = process_of("import time; time.sleep(600)", tmp_path)
    killed.start()
    with watched(killed):
        killed.kill()
        with pytest.raises(TimeoutError):
            until(never, "nothing", 0.1)
    ended = process_of("", tmp_path)
    ended.start()
    with watched(ended):
        assert ended.wait() == 0
        with pytest.raises(TimeoutError):
            until(never, "nothing", 0.1)
