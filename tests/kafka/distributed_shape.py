"""`maker run --all` over a broker and a Redis, with its gateway, as a user starts it."""

import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import yaml

from schemas.deployment import Kafka
from tests.servers.local import LocalProcess, free_port
from tests.servers.redis import RedisServer
from tests.servers.visitor import Visitor


class Shape:
    """The supervisor and what it started, over a broker and a Redis."""

    def __init__(self, folder: Path, kafka: Kafka, redis: RedisServer, **settings: Any) -> None:
        self.redis = redis
        self.state = folder / "state"
        self.port = free_port()
        config = self.config = folder / "engine.yaml"
        settings["kafka"] = kafka.model_dump(mode="json", exclude_defaults=True)
        config.write_text(yaml.safe_dump(settings))
        command: list[str | Path] = [sys.executable, "-m", "maker", "run", "--all", "--config", config]
        command += ["--redis", redis.url, "--state", self.state, "--port", str(self.port)]
        self.process = LocalProcess(command, folder / "all.log")
        self.visitor = Visitor(f"http://127.0.0.1:{self.port}/", self.process.text)

    def ask(self, path: str) -> tuple[Any, str]:
        """JSON of a path, and how far it can be relied on."""
        found, headers = self.visitor.ask("GET", path)
        return found, headers["maker-view"]

    def is_ready(self) -> bool:
        self.process.check_running()
        try:
            return bool(self.ask("/health/ready"))
        except OSError:
            return False

    def quoting(self) -> int:
        makers = self.ask("/api/v1/maker/active")[0]["makers"]
        return sum(maker["state"] == "QUOTING" for maker in makers)

    def child(self, *words: str) -> psutil.Process | None:
        """The running process with these words in its command; one may end while it is looked at."""
        for child in psutil.Process(self.process.pid).children():
            with suppress(psutil.NoSuchProcess):
                if set(words) <= set(child.cmdline()):
                    return child
        return None

    def kill(self) -> None:
        """End it and its children at once."""
        children = psutil.Process(self.process.pid).children() if self.process.is_running else []
        self.process.kill()
        for child in children:
            with suppress(psutil.NoSuchProcess):
                child.kill()
