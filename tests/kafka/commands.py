"""The command line beside an engine on Kafka: `maker`, and its replay with the results checked."""

import json
import subprocess
from pathlib import Path
from typing import Any

from tests.servers.local import MAKER, PATIENCE_S


def maker(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [MAKER, *arguments], capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )


def replayed(*arguments: str | Path) -> dict[str, Any]:
    done = maker("replay", *arguments, "--json")
    assert done.returncode == 0, done.stderr
    results: dict[str, Any] = json.loads(done.stdout)
    assert results.pop("first_divergence") is None
    for result in results.values():
        reach = result.pop("reach", None)  # of topics, and not of a folder
        assert reach is None or reach["because"] is None, reach
    return results


def proved(config: Path, *options: str, code: int = 0) -> dict[str, Any]:
    done = maker("replay", "--config", config, "--json", *options)
    assert done.returncode == code, done.stderr
    results: dict[str, Any] = json.loads(done.stdout)
    assert results.pop("first_divergence") is None
    assert all(result["divergences"] == 0 for result in results.values()), results
    return results
