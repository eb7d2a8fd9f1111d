"""The engine as processes over a broker: each can be started, asked, killed and stopped by name."""

import json
import sys
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from schemas.deployment import Kafka
from schemas.topics import PATH, PATH_PROCESSES, PROCESSES, PROJECTOR, ROUTER
from tests.servers.local import PATIENCE_S, LocalProcess, free_port, until
from tests.servers.sources import Sources

TRADING = tuple(name for name in PROCESSES if name != PROJECTOR)
"""All that an exchange notices."""
ON_PATH = (PATH, *(name for name in PROCESSES if name not in PATH_PROCESSES))
"""All processes, those from book to order in one."""
ON_TWO_PATHS = (f"{PATH}.0", f"{PATH}.1", *ON_PATH[1:])
"""The same with two shards, for `process.shards` 2."""


class KafkaEngine:
    """Processes that share one configuration file and one state folder."""

    def __init__(
        self, folder: Path, kafka: Kafka, settings: Mapping[str, Any], names: Iterable[str] = PROCESSES
    ) -> None:
        self.folder = folder
        self.state_dir = folder / "state"
        self.kafka = kafka
        self.names = tuple(names)
        self.processes: dict[str, LocalProcess] = {}
        self._ports: dict[str, int] = {}
        self._settings = settings
        self.config_file = folder / "engine.yaml"
        self.configure()

    def configure(self, **sections: Any) -> None:
        """Write the file that processes read when they start; sections take the place of what was given."""
        given = {**self._settings, **sections}
        given["kafka"] = self.kafka.model_dump(mode="json", exclude_defaults=True)
        given["process"] = {"state_dir": str(self.state_dir), **given.get("process", {})}
        self.config_file.write_text(yaml.safe_dump(given), encoding="utf-8")

    def start(
        self,
        name: str,
        *arguments: str,
        label: str | None = None,
        sources: Sources | None = None,
        env: Mapping[str, str] | None = None,
    ) -> LocalProcess:
        """Start one process, or with `<name>.<number>` a shard of it; `label` tells a second instance of it
        from the first. None of other sources: of these.
        """
        kind, _, shard = name.partition(".")
        label = label or name
        port = self._ports[label] = free_port()
        program = (sys.executable, "-m", "maker") if sources is None else sources.maker
        command: list[str | Path] = [*program, "run", kind, "--config", self.config_file]
        command += ["--shard", shard] if shard else []
        command += ["--health-port", str(port), *arguments]
        given = {"NO_COLOR": "1", **({} if sources is None else sources.env), **(env or {})}
        process = LocalProcess(command, self.folder / f"{label}.log", given)
        process.start()
        self.processes[label] = process
        return process

    def start_all(self, limit_s: float = PATIENCE_S, sources: Sources | None = None) -> None:
        """Start every process, and return when all are ready."""
        for name in self.names:
            self.start(name, sources=sources)
        self.wait_ready(limit_s=limit_s)

    def rename(self, label: str, to: str) -> None:
        """A second instance takes the first one's name."""
        self.processes[to] = self.processes.pop(label)
        self._ports[to] = self._ports.pop(label)

    def wait_ready(self, *labels: str, limit_s: float = PATIENCE_S) -> None:
        """Return when the processes, or all, say that they are ready."""
        for label in labels or tuple(self.processes):
            until(partial(self._is_ready, label), f"{label} is ready", limit_s)

    def _is_ready(self, label: str) -> bool:
        self.processes[label].check_running()
        return self.health(label)[0] == 200

    def health(self, label: str, path: str = "/health/ready") -> tuple[int, dict[str, Any]]:
        """HTTP status and body; status 0 where nobody answers."""
        url = f"http://127.0.0.1:{self._ports[label]}{path}"
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return 0, {}

    def metrics(self, label: str) -> str:
        """What Prometheus would read."""
        with urllib.request.urlopen(
            f"http://127.0.0.1:{self._ports[label]}/metrics", timeout=PATIENCE_S
        ) as answer:
            text: str = answer.read().decode()
            return text

    def stop_all(self) -> dict[str, int]:
        """Stop the order router, then the others; exit codes by label."""
        labels = sorted(self.processes, key=lambda label: not label.startswith((ROUTER, PATH)))
        return {label: self.processes[label].stop() for label in labels}

    def kill_all(self) -> None:
        """End everything at once."""
        for process in self.processes.values():
            process.kill()
