"""maker/composition.py alone names services, each is there, and a process loads no service but its own."""

import importlib
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from maker import composition
from runtime.errors import ConfigError
from runtime.process.definition import ProcessDefinition
from schemas.topics import OFF_PATH, PROCESSES

ROOT = Path(__file__).resolve().parents[2]
SERVICES = {
    "monitor-service": "monitor_service",
    "quote-service": "quote_service",
    "order-router": "quote_service",
    "inventory-service": "inventory_service",
    "risk-service": "risk_service",
    "view-projector": "gateway_api",
}
NAMING = (
    ROOT / "maker" / "composition.py",
    ROOT / "runtime" / "state" / "snapshot.py",  # which classes it may hold
)
_NAMES = re.compile(rf"\b({'|'.join(SERVICES.values())})\b")
_LOADED = """
import json, sys
from maker.composition import process_definition
process_definition(sys.argv[1])
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules} & set(sys.argv[2:]))))
"""


def test_each_process_off_the_path_is_a_worker() -> None:
    assert tuple(composition.WORKERS) == OFF_PATH


def test_nothing_else_of_program_and_runtime_names_a_service() -> None:
    """import-linter sees imports; a name in a string it does not."""
    naming = [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for folder in ("maker", "runtime", "schemas")
        for path in (ROOT / folder).rglob("*.py")
        if path not in NAMING
        for line in path.read_text(encoding="utf-8").splitlines()
        if _NAMES.search(line)
    ]
    assert naming == []


@pytest.mark.parametrize("name", PROCESSES)
def test_a_process_loads_its_own_service_alone(name: str) -> None:
    others = {*SERVICES.values(), "research", "sandbox"}
    done = subprocess.run(
        [sys.executable, "-c", _LOADED, name, *others], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == [SERVICES[name]]


def test_an_unknown_process_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(ConfigError, match="no process is called 'order-rooter'; did you mean 'order-router'"):
        composition.process_definition("order-rooter")


def test_a_service_that_is_not_there_is_said_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(composition, "_DEFINITIONS", {"risk-service": _lacking("no_such_service")})
    with pytest.raises(ConfigError, match="no_such_service is not installed here: run `make setup`"):
        composition.process_definition("risk-service")


def test_what_a_service_itself_lacks_is_no_missing_service(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(composition, "_DEFINITIONS", {"risk-service": _lacking("runtime.no_such_module")})
    with pytest.raises(ModuleNotFoundError, match=r"runtime\.no_such_module"):
        composition.process_definition("risk-service")


def _lacking(module: str) -> Callable[[], ProcessDefinition]:
    def definition() -> ProcessDefinition:
        found: ProcessDefinition = importlib.import_module(module).definition
        return found

    return definition
