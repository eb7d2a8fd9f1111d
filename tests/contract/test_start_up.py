"""What a command may import: a short one starts fast only as long as it does not load what others need."""

import subprocess
import sys

import pytest

HEAVY = frozenset(
    {
        "aiokafka", "ccxt", "cryptography", "fastapi", "faust", "h11", "httpx", "jwt", "numpy", "pydantic",
        "redis", "schemas", "starlette", "structlog", "uvicorn", "zstandard",
    }
)  # fmt: skip
NEEDED = {
    "--version": frozenset({"pydantic"}),  # typer checks options with it
    "price": frozenset({"pydantic", "schemas", "structlog"}),
    "venues": frozenset({"pydantic", "schemas", "structlog"}),
    "halt": frozenset({"pydantic", "schemas", "structlog"}),
    "status": frozenset({"pydantic", "schemas", "structlog"}),
    "up": frozenset({"pydantic", "schemas", "structlog"}),
}
"""What the module of each command loads before the command itself runs."""
PROGRAM = """
import sys
from maker.cli.app import app
name = sys.argv[1]
try:
    app([name] if name.startswith("-") else [name, "--help"], standalone_mode=False)
except SystemExit:
    pass
print("\\n" + " ".join(sorted({module.partition(".")[0] for module in sys.modules})))
"""


@pytest.mark.parametrize("command", NEEDED)
def test_a_command_loads_only_what_it_needs(command: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, command], capture_output=True, text=True, timeout=120, check=True
    )
    loaded = HEAVY & set(done.stdout.splitlines()[-1].split())
    assert loaded == NEEDED[command]


def test_every_command_is_found_and_has_its_name() -> None:
    from typer.main import get_command

    from maker.cli.app import COMMANDS, app

    group = get_command(app)
    for name in COMMANDS:
        command = group.get_command(None, name)  # type: ignore[attr-defined]
        assert command is not None
        assert command.name == name
        assert command.help
