"""What a command may import: a short one starts fast only as long as it does not load what others need."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = frozenset(
    {
        "aiokafka", "ccxt", "cryptography", "fastapi", "faust", "h11", "httpx", "jwt", "numpy", "pydantic",
        "redis", "rich", "schemas", "starlette", "structlog", "uvicorn", "yaml", "zstandard",
    }
)  # fmt: skip
WITH_LOG = frozenset({"pydantic", "rich", "schemas", "structlog"})
NEEDED = {
    "--version": frozenset({"pydantic"}),  # typer checks options with it
    "price": WITH_LOG - {"structlog"},
    "venues": WITH_LOG,
    "halt": WITH_LOG,
    "status": WITH_LOG,
    "up": WITH_LOG,
}
"""What the module of each command loads before the command itself runs; rich prints its help."""
PROGRAM = """
import sys
from maker.cli.app import app
try:
    app(sys.argv[1:], standalone_mode=False)
except SystemExit:
    pass
print("\\n" + " ".join(sorted({module.partition(".")[0] for module in sys.modules})))
"""


STATE = {
    "symbol": "BTC/USDT",
    "tick_size": "0.1",
    "lot_size": "0.001",
    "bids": [["99.9", "2"]],
    "asks": [["100.1", "2"]],
    "volatility_bps": 1.0,
}


def loaded(program: str, *arguments: str, stdin: str = "") -> frozenset[str]:
    """The heavy packages that a program has loaded at its end."""
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return HEAVY & set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize("command", NEEDED)
def test_a_command_loads_only_what_it_needs(command: str) -> None:
    help_or_version = [command] if command.startswith("-") else [command, "--help"]
    assert loaded(PROGRAM, *help_or_version) == NEEDED[command]


def test_a_price_is_computed_without_log_tables_and_solver() -> None:
    assert loaded(PROGRAM, "price", "--json", stdin=json.dumps(STATE)) == {"pydantic", "schemas"}


def test_an_engine_without_page_loads_no_solver_no_page_and_no_exchange(tmp_path: Path) -> None:
    arguments = [
        "up",
        "--no-gateway",
        "--json",
        "--for",
        "1",
        "--speed",
        "max",
        "--log",
        str(tmp_path / "log"),
    ]
    found = loaded(PROGRAM, *arguments)
    assert {"pydantic", "schemas", "structlog"} < found
    assert found.isdisjoint({"aiokafka", "ccxt", "fastapi", "faust", "httpx", "numpy", "redis", "starlette"})


QUOTER = """
import sys
from quote_service.quoting.quoter import QuoterCore
from schemas.config import Config
QuoterCore(Config.model_validate({"per_symbol": {"BTC/USDT": {"model": {"name": sys.argv[1]}}}}))
print(" ".join(sorted({module.partition(".")[0] for module in sys.modules})))
"""


@pytest.mark.parametrize(
    ("model", "solves"),
    [("vol_multiple", False), ("glft", False), ("glft_exact", True), ("cartea_jaimungal", True)],
)
def test_a_model_has_its_solver_before_its_first_quote(model: str, solves: bool) -> None:
    assert ("numpy" in loaded(QUOTER, model)) == solves


def test_every_command_is_found_and_has_its_name() -> None:
    from typer.main import get_command

    from maker.cli.app import COMMANDS, app

    group = get_command(app)
    for name in COMMANDS:
        command = group.get_command(None, name)  # type: ignore[attr-defined]
        assert command is not None
        assert command.name == name
        assert command.help
