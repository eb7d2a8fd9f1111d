"""A running engine among rude clients: whoever is signed in still halts it."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.servers.local import MAKER, until
from tests.servers.rude import Crowd
from tests.servers.visitor import Visitor, newest_code

pytestmark = [pytest.mark.slow, pytest.mark.timed]
BASE = "api/v1/maker"


class Running:
    """An engine whose talk is in a file."""

    def __init__(self, process: subprocess.Popen[bytes], talk: Path) -> None:
        self.process = process
        self._talk = talk
        until(lambda: "http://" in self.printed(), "the engine says where its page is")
        self.url = next(word for word in self.printed().split() if word.startswith("http://"))
        self.visitor = Visitor(self.url, self.printed)

    def printed(self) -> str:
        return self._talk.read_text(encoding="utf-8")


@contextmanager
def engine(folder: Path) -> Iterator[Running]:
    talk = folder / "talk"
    with talk.open("wb") as out:
        process = subprocess.Popen(
            [MAKER, "up", "--port", "0", "--log", folder / "log"],
            stdout=subprocess.DEVNULL,
            stderr=out,
            env={**os.environ, "NO_COLOR": "1"},
        )
    try:
        yield Running(process, talk)
    finally:
        process.kill()
        process.wait()


def test_330_half_open_requests_keep_nobody_from_halting(tmp_path: Path) -> None:
    with engine(tmp_path) as running:
        visitor = running.visitor
        until(lambda: visitor.get(f"{BASE}/status/ETH/USDT")["state"] == "QUOTING", "ETH/USDT is quoted")
        with Crowd(urlsplit(running.url).port or 0, 330) as crowd:
            for symbol in ("ETH/USDT", "*"):
                began_s = time.monotonic()
                visitor.post(f"{BASE}/risk/halt", symbol=symbol, reason="a crowd")  # raises after 5 s
                print(f"halted {symbol} in {time.monotonic() - began_s:.3f} s")

            def is_halted() -> bool:
                return bool(visitor.get(f"{BASE}/status/BTC/USDT")["risk"]["state"] == "HALT")

            until(is_halted, "BTC/USDT is halted")
            visitor.sign_in()  # and a newcomer comes in
            until(lambda: crowd.opened > 330, "half-open requests are ended, and opened again")


def test_another_code_is_printed_on_request(tmp_path: Path) -> None:
    with engine(tmp_path) as running:
        first = newest_code(running.printed())
        assert f"kill -USR1 {running.process.pid}" in running.printed()
        running.process.send_signal(signal.SIGUSR1)
        until(lambda: newest_code(running.printed()) != first, "another code is printed")
        running.visitor.sign_in()
        assert running.process.poll() is None
