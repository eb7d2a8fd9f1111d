"""`maker up` as a process, watched through its page's own stream."""

import json
import os
import subprocess
import urllib.error
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import yaml

from schemas.config import Config
from tests.servers.local import MAKER, PATIENCE_S
from tests.servers.visitor import Visitor

BASE = "api/v1/maker"


def config_file(folder: Path, *symbols: str) -> Path:
    """A synthetic market of these symbols alone."""
    usual = Config().feed.model_dump(mode="json")["symbols"]
    path = folder / f"{len(symbols)}.yaml"
    path.write_text(yaml.safe_dump({"feed": {"symbols": {each: usual[each] for each in symbols}}}))
    return path


class Live:
    """A running engine with its page."""

    def __init__(self, process: subprocess.Popen[str], url: str) -> None:
        self.process = process
        self.printed = url
        """The page's address, with its code."""
        self.visitor = Visitor(url, lambda: url)

    def events(self) -> Iterator[dict[str, Any]]:
        """The stream's messages, as the page gets them."""
        with self.visitor.open("api/v1/stream", timeout_s=PATIENCE_S) as stream:
            for line in stream:
                if line.startswith(b"data:"):
                    yield json.loads(line[5:])

    def until(self, path: str, holds: Callable[[Any], bool]) -> None:
        """Wait, by the stream, until the resource is there and `holds` of its JSON."""
        for _ in self.events():
            with suppress(urllib.error.HTTPError):
                if holds(self.visitor.get(path)):
                    return
        raise AssertionError(f"{path} never became what was waited for")


@contextmanager
def live_engine(log: Path, *options: str | Path) -> Iterator[Live]:
    process = subprocess.Popen(
        [MAKER, "up", "--port", "0", "--log", log, *options, "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "NO_COLOR": "1"},
    )
    assert process.stderr is not None
    try:
        url = next(word for line in process.stderr for word in line.split() if word.startswith("http://"))
        yield Live(process, url)
    finally:
        process.kill()
        process.communicate()
